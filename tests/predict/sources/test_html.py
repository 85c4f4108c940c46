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
    assert found("x.html", page(f'<embed src="{uri(pdf(picture()), "application/pdf")}">'))[0][1] == URL


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
