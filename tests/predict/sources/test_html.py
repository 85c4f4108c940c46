from base64 import b64encode
from urllib.parse import quote_from_bytes

import pytest

from tests.predict.asking import URL, found, pdf, picture, png


def uri(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


def page(*body: str) -> bytes:
    return f"<!DOCTYPE html><html><body>{' '.join(body)}</body></html>".encode()


@pytest.mark.parametrize(
    "body",
    [
        f'<img src="{uri(png())}">',
        f"<img src={uri(png())}>",
        f'<img src="{uri(png())[:200]}\n   {uri(png())[200:]}">',
        f'<img src="&#100;ata&colon;{uri(png())[5:]}">',
        f'<img src="DATA:image/png;BASE64,{uri(png())[22:]}">',
        f'<img src="DATA:Image/PNG;Base64,{uri(png())[22:]}">',
        f'<img src=" data:image/png;name=a%20b.png;base64,{uri(png())[22:]}">',
        f'<img src="{uri(png(), "application/octet-stream")}">',
        f'<img src="{uri(png(), "Text/Plain")}">',
        f'<img src="data:image/png,{quote_from_bytes(png())}">',
        f'<img src="data:;base64,{uri(png())[22:]}">',
        f'<div style="background: url({uri(png())})"></div>',
        f"<style>div {{ background: url('{uri(png())}') }}</style>",
        f'<img srcset="{uri(png())} 2x">',
        f'<svg><image href="{uri(png())}"/></svg>',
    ],
)
def test_pictures_within_the_page_are_read(body: str) -> None:
    assert ("embedded 1", URL) in found("x.html", page(body))


def test_documents_within_the_page_are_opened() -> None:
    inner = f'<html><img src="{uri(png())}"></html>'
    assert found("x.html", page(f'<iframe src="{uri(inner.encode(), "text/html")}"></iframe>'))[0][1] == URL
    assert found("x.html", page(f"<iframe srcdoc='{inner}'></iframe>"))[0] == ("srcdoc 1, embedded 1", URL)
    assert found("x.html", page(f'<embed src="{uri(pdf(picture()), "Application/PDF")}">'))[0][1] == URL
    assert found("x.html", page(f'<iframe src="{uri(inner.encode(), "TEXT/HTML")}"></iframe>'))[0][1] == URL


def test_drawings_fonts_and_style_sheets_within_the_page_are_no_pictures() -> None:
    drawing = """<img src="data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg'/>">"""
    assert found("x.html", page(drawing)) == [("embedded 1", "not_opened")]
    others = (uri(b"wOF2", "font/woff2"), uri(b"p {}", "text/css"))
    assert found("x.html", page(*(f"<style>p {{src: url({one})}}</style>" for one in others))) == [("", "no_code")]


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("", "utf-16"),  # which writes its mark
        ("", "utf-8-sig"),
        ("<meta charset=cp437>", "cp437"),
        ('<META http-equiv="Content-Type" content="text/html; charset=Shift_JIS">', "shift_jis"),
        ("<?xml version='1.0' encoding='cp437'?>", "cp437"),
        # Where a browser would not believe it, or would not know it, nothing is hidden.
        ("<meta charset='utf-16'>", "utf-8"),
        ("<!-- <meta charset=cp037> -->", "utf-8"),
        ("<meta charset=nonsense>", "utf-8"),
        ("<meta charset=koi8-r>", "utf-16"),
    ],
)
def test_pages_in_other_encodings_are_read(head: str, encoding: str) -> None:
    block = "\N{BLACK SQUARE}" if encoding == "shift_jis" else "\N{FULL BLOCK}"
    written = f'<html>{head}<img src="{uri(png())}">{block * 441}</html>'.encode(encoding)
    assert found("x", written) == [("", "drawn_with_characters"), ("embedded 1", URL)]


def test_codes_drawn_with_entities_or_in_a_frame_are_refused() -> None:
    assert found("x.html", page("&#9608;" * 441)) == [("", "drawn_with_characters")]
    inner = f"<meta charset=koi8-r>{chr(0x2588) * 441}"
    assert found("x.html", page(f"<iframe srcdoc='{inner}'></iframe>"))[0] == ("srcdoc 1", "drawn_with_characters")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('<img src="https://pictures.example/code.png">', "elsewhere"),
        ('<img src="code.png">', "elsewhere"),
        ("<div style='background:url(//pictures.example/code.png)'></div>", "elsewhere"),
        ("<svg><rect/></svg>", "not_opened"),
        ("<canvas></canvas>", "not_opened"),
        ("\N{FULL BLOCK}" * 441, "drawn_with_characters"),
        ("<p>a text</p><a href='https://a.example/'>a link</a>", "no_code"),
    ],
)
def test_what_cannot_be_seen_is_said(body: str, reason: str) -> None:
    assert found("x.html", page(body)) == [("", reason)]


def test_a_broken_page_is_answered() -> None:
    assert found("x.html", b"<html" + b"<" * 100_000) == [("", "no_code")]
    assert found("x.html", page('<img src="data:image/png;base64,!!!">'))[0][1] == "empty"
    assert found("x.html", "<html><img src='data:image/png;base64,AAAA'>".encode("utf-16"))[0][1] == "not_an_image"
