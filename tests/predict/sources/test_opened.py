from stages.predict.sources.item import MAX_DEPTH, Limits
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


def test_bytes_are_bounded_in_every_part() -> None:
    message = mail(("image/png", "big.png", bytes(100_000)), ("image/png", "a.png", png()))
    assert found("x.eml", message.as_bytes(), Limits(max_bytes=50_000))[:1] == [("", "too_large")]
    assert [said for _, said in found("x.eml", message.as_bytes())] == ["not_an_image", URL]
