import zlib

import pytest

from stages.predict.sources.item import MAX_DEPTH, Limits, Refusal
from stages.predict.sources.opened import open_bytes
from tests.predict.asking import URL, found, mail, pdf, picture, png


def test_a_file_is_opened_by_its_content_whatever_it_is_called() -> None:
    assert found("x.txt", png()) == [("", URL)]
    assert found("x.png", pdf(picture()))[0] == ("page 1", URL)


def test_what_cannot_be_opened_is_refused() -> None:
    assert found("x.png", b"") == [("", "empty")]
    assert found("x.png", b"no picture") == [("", "not_an_image")]
    assert found("x.zip", b"PK\3\4") == [("", "not_an_image")]
    assert found("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>") == [("", "not_opened")]
    assert found("x.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)) == [("", "not_opened")]


def test_nesting_is_bounded() -> None:
    envelope = b"From: a@a.example\nTo: b@b.example\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n"
    message = envelope * 200 + mail(("image/png", "a.png", png())).as_bytes()
    ((where, reason),) = found("deep.eml", message)
    assert (where.count("part"), reason) == (MAX_DEPTH, "nested")


def test_the_number_of_parts_is_bounded() -> None:
    message = mail(*(("image/png", f"{i}.png", png(f"https://a{i}.example/")) for i in range(8)))
    answers = found("many.eml", message.as_bytes(), Limits(max_parts=5))
    assert [said for _, said in answers] == [f"https://a{i}.example/" for i in range(4)] + ["too_many_parts"]


def with_attachment(content: bytes) -> bytes:
    """A PDF file of an empty page, to which `content` is attached, compressed."""
    packed = zlib.compress(content)
    return (
        b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a) 3 0 R]>>>>>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[5 0 R]/Count 1>>endobj\n"
        b"5 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n"
        b"3 0 obj<</Type/Filespec/F(a)/UF(a)/EF<</F 4 0 R>>>>endobj\n"
        b"4 0 obj<</Type/EmbeddedFile/Filter/FlateDecode/Length %d>>stream\n%b\nendstream endobj\n"
        b"trailer<</Root 1 0 R>>\n" % (len(packed), packed)
    )


def test_bytes_are_bounded_in_every_part() -> None:
    bounds = Limits(max_bytes=50_000)
    assert ("attachment 1", URL) in found("x.pdf", with_attachment(png()), bounds)
    big = with_attachment(png() + bytes(100_000))
    assert len(big) < bounds.max_bytes
    assert ("attachment 1", "too_large") in found("x.pdf", big, bounds)
    assert found("x.png", png() + bytes(100_000), bounds) == [("", "too_large")]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("x.zip", b"PK\3\4" + bytes(50), "a zip archive: unzip it"),
        ("x.png", b"\0\0\0\x20ftypheic", "an HEIC picture: export it as PNG"),
        ("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing: export it as PNG"),
        ("x.svg", b"nothing", "an SVG drawing: export it as PNG"),
        ("x.txt", b"a text", "neither a picture nor a PDF file"),
        ("x.png", b"a text", "not an image, or its header is damaged"),
    ],
)
def test_what_it_is_and_what_to_do_is_said(name: str, data: bytes, said: str) -> None:
    (refusal,) = open_bytes(data, name, "", Limits())
    assert isinstance(refusal, Refusal) and refusal.detail.startswith(said)
