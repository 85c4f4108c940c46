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


def test_pictures_elsewhere_are_not_fetched_but_refused() -> None:
    message = mail(html='<html><img src="https://pictures.example/code.png"></html>')
    assert [said for _, said in found("x.eml", message.as_bytes())] == ["elsewhere"]


def test_hostile_names_are_harmless() -> None:
    ((where, _),) = found("x.eml", mail(("image/png", "a\x1b[2J\u202e.png", png())).as_bytes())
    assert where.isprintable()


def test_broken_mails_are_answered() -> None:
    whole = mail(INVOICE).as_bytes()
    assert found("x.eml", whole[:-600])  # cut off within the picture
    assert found("x.eml", whole.replace(b"base64", b"base65"))[0][1] in ("not_an_image", "truncated")
    headless = b'Content-Type: multipart/mixed; boundary="\xff"\n\n--\xff\n'
    assert found("x.eml", headless) == [("part 1", "not_opened")]


def test_a_part_of_zeros_that_is_called_a_picture_is_cheap() -> None:
    message = mail(("image/png", "zeros.png", bytes(10_000_000)))
    assert found("x.eml", message.as_bytes(), Limits()) == [("part 2 (zeros.png)", "not_an_image")]
