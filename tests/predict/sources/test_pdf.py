import sys
import zlib

import pytest

from stages.predict.sources.item import Limits
from stages.predict.sources.pdf import open_pdf
from tests.predict.asking import URL, found, pdf, picture

WHITE = picture().point(lambda _: 255)
HEAD = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R>>endobj
"""


def test_each_page_is_rendered_and_its_images_are_read() -> None:
    assert found("x.pdf", pdf(WHITE, picture())) == [("page 2", URL), ("page 2, image 1", URL)]


def test_a_code_that_is_drawn_on_the_page_is_read() -> None:
    import segno

    rows = segno.make_qr(URL).matrix
    boxes = " ".join(f"{4 * x + 20} {190 - 4 * y} 4 4 re" for y, row in enumerate(rows) for x, d in enumerate(row) if d)
    content = f"{boxes} f".encode()
    drawn = HEAD.replace(b"0 0 99 99", b"0 0 220 220") + b"4 0 obj<</Length %d>>stream\n" % len(content) + content
    assert found("x.pdf", drawn + b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n") == [("page 1", URL)]


def test_what_cannot_be_opened_is_refused() -> None:
    encrypted = (
        HEAD
        + b"4 0 obj<</Filter/Standard/V 1/R 2/P -4/O<" + b"41" * 32 + b">/U<" + b"42" * 32 + b">>>endobj\n"
        + b"trailer<</Root 1 0 R/Encrypt 4 0 R/ID[<31><31>]>>\n"
    )  # fmt: skip
    assert found("x.pdf", encrypted) == [("", "encrypted")]
    assert found("x.pdf", b"%PDF-1.7\n" + bytes(500)) == [("", "damaged")]


def test_the_number_of_pages_is_bounded() -> None:
    answers = found("x.pdf", pdf(picture(), *[WHITE] * 999), Limits(max_parts=3))
    assert answers == [("page 1", URL), ("page 1, image 1", URL), ("page 4", "too_many_parts")]


def test_a_stream_that_decompresses_without_end_is_bounded() -> None:
    packed = zlib.compress(bytes(300_000_000))
    bomb = HEAD + b"4 0 obj<</Filter/FlateDecode/Length %d>>stream\n" % len(packed) + packed
    assert len(found("x.pdf", bomb + b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n")) == 1


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    (refusal,) = open_pdf(pdf(picture()), "", Limits(), lambda *_: pytest.fail("nothing to open"))
    assert "qr-gate[pdf]" in getattr(refusal, "detail", "")
