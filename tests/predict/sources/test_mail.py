from base64 import b64encode
from email.encoders import encode_base64
from email.mime.base import MIMEBase

import pytest

from stages.predict.sources.item import Limits
from tests.predict.asking import URL, found, mail, pdf, picture, png

INVOICE = ("image/png", "invoice.png", png())


def test_attached_and_inline_pictures_are_read() -> None:
    message = mail(INVOICE, html='<html><img src="cid:logo"></html>')
    assert found("x.eml", message.as_bytes()) == [("part 2 (invoice.png)", URL)]
    assert found("without a name", message.as_bytes()) == [("part 2 (invoice.png)", URL)]


def test_files_in_files_are_read() -> None:
    outer = mail(("application/pdf", "a.pdf", pdf(picture("https://pdf.example/"))))
    outer.add_attachment(mail(INVOICE))
    assert found("x.eml", outer.as_bytes()) == [
        ("part 2 (a.pdf), page 1", "https://pdf.example/"),
        ("part 2 (a.pdf), page 1, image 1", "https://pdf.example/"),
        ("part 3, part 2 (invoice.png)", URL),
    ]


def test_a_picture_is_read_whatever_the_mail_calls_it() -> None:
    assert found("x.eml", mail(("application/octet-stream", "a.bin", png())).as_bytes())[0][1] == URL
    assert found("x.eml", mail(("text/plain", "a.txt", png())).as_bytes())[0][1] == URL


def test_an_attachment_that_is_not_opened_is_refused() -> None:
    message = mail(("application/zip", "a.zip", b"PK\3\4" + bytes(50)), INVOICE)
    assert found("x.eml", message.as_bytes()) == [("part 2 (a.zip)", "not_opened"), ("part 3 (invoice.png)", URL)]


def test_a_mail_without_pictures_has_no_code() -> None:
    assert found("x.eml", mail().as_bytes()) == [("", "no_code")]


def test_codes_drawn_with_characters_are_refused() -> None:
    drawn = "\n".join("\N{FULL BLOCK} \N{UPPER HALF BLOCK}" * 15 for _ in range(15))
    assert found("x.eml", mail(text=drawn).as_bytes()) == [("part 1", "drawn_with_characters")]


@pytest.mark.parametrize(
    ("kind", "charset", "block"),
    [
        ("text/plain", "utf-16", "\N{FULL BLOCK}"),
        ("text/plain", "utf-16-be", "\N{FULL BLOCK}"),
        ("text/plain", "cp437", "\N{LOWER HALF BLOCK}"),
        ("text/plain", "gb2312", "\N{BLACK SQUARE}"),
        ("text/html", "utf-16-le", "\N{QUADRANT LOWER LEFT}"),
        ("text/html", "cp437", "\N{FULL BLOCK}"),
    ],
)
def test_texts_in_other_encodings_are_read(kind: str, charset: str, block: str) -> None:
    part = MIMEBase(*kind.split("/"), charset=charset)
    part.set_payload((block * 441).encode(charset))
    encode_base64(part)
    assert found("x.eml", mail_of(part)) == [("part 1", "drawn_with_characters")]


def mail_of(part: MIMEBase) -> bytes:
    """A mail that consists of `part`."""
    part["From"], part["To"] = "a@a.example", "b@b.example"
    return part.as_bytes()


def test_the_header_counts_and_not_what_the_page_says() -> None:
    embedded = b64encode(png()).decode()
    page = f'<meta charset=koi8-r><img src="data:image/png;base64,{embedded}">{chr(0x2588) * 441}'
    part = MIMEBase("text", "html", charset="utf-16-be")
    part.set_payload(page.encode("utf-16-be"))
    encode_base64(part)
    assert [said for _, said in found("x.eml", mail_of(part))] == ["drawn_with_characters", URL]


@pytest.mark.parametrize("charset", ["nonsense", "hex", "x\udcffy", "", "us-ascii", "cp037"])
def test_an_encoding_that_is_not_that_of_the_text_may_be_utf_8(charset: str) -> None:
    head = f'From: a@a.example\nTo: b@b.example\nContent-Type: text/plain; charset="{charset}"\n\n'
    body = (chr(0x2588) * 441).encode()
    assert found("x.eml", head.encode("utf-8", "surrogateescape") + body) == [("part 1", "drawn_with_characters")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_mail_that_an_editor_has_saved_is_read(encoding: str) -> None:
    saved = f"\n{mail(INVOICE).as_string()}".encode(encoding)
    assert found("x", saved) == [("part 2 (invoice.png)", URL)]


def test_pictures_elsewhere_are_not_fetched_but_refused() -> None:
    message = mail(html='<html><img src="https://pictures.example/code.png"></html>')
    assert [said for _, said in found("x.eml", message.as_bytes())] == ["elsewhere"]


def test_hostile_names_are_harmless() -> None:
    ((where, _),) = found("x.eml", mail(("image/png", "a\x1b[2J\u202e.png", png())).as_bytes())
    assert where.isprintable()


def test_broken_mails_are_answered() -> None:
    whole = mail(INVOICE).as_bytes()
    assert found("x.eml", whole[:-300]) == [("part 2 (invoice.png)", "truncated")]  # within the picture
    assert found("x.eml", whole.replace(b"base64", b"base65"))[0][1] in ("not_an_image", "truncated")
    headless = b'Content-Type: multipart/mixed; boundary="\xff"\n\n--\xff\n'
    assert found("x.eml", headless) == [("part 1", "not_opened")]


def test_a_part_of_zeros_that_is_called_a_picture_is_cheap() -> None:
    message = mail(("image/png", "zeros.png", bytes(10_000_000)))
    assert found("x.eml", message.as_bytes(), Limits()) == [("part 2 (zeros.png)", "not_an_image")]
