"""HTML pages: the pictures that stand in them as data: addresses (RFC 2397). Nothing is rendered, run or fetched."""

import re
from base64 import b64decode
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

from stages.predict.sources.item import Found, Item, Refusal, below

DATA = re.compile(r"data:([\w.+/-]*)((?:;[\w.+=/-]*)*),([^\s\"'()<>]*)", re.IGNORECASE)
DRAWS = ("svg", "canvas")
# Attributes of a browser's own fetching; a link (a href) shows nothing.
SHOWS = {
    **dict.fromkeys(("img", "source"), ("src", "srcset")),
    **dict.fromkeys(("input", "iframe", "frame", "embed"), ("src",)),
    **dict.fromkeys(("body", "table", "td", "th"), ("background",)),
    "object": ("data",),
    "image": ("href", "xlink:href"),
    "video": ("poster", "src"),
}
BLOCKS = re.compile("[\N{FULL BLOCK}\N{UPPER HALF BLOCK}\N{LOWER HALF BLOCK}\N{LEFT HALF BLOCK}\N{BLACK SQUARE}]")
MANY_BLOCKS = 200  # the smallest QR code has 441 modules


def open_html(data: bytes, where: str, inner: Callable[..., Item]) -> Found:
    """Each data: address is an item; pictures elsewhere, drawings and codes made of characters are refused."""
    text = data.decode(_charset(data), "replace")
    page = _Page()
    page.feed(text)
    page.close()
    for number, (kind, parameters, content) in enumerate(page.embedded, 1):
        name = below(where, f"embedded {number}")
        if kind.startswith("image/") or kind in ("", "text/html", "application/pdf", "image/svg+xml"):
            raw = unquote_to_bytes(content)
            yield inner(_base64(raw) if "base64" in parameters.lower() else raw, _name_of(kind), name)
    for number, document in enumerate(page.documents, 1):
        yield inner(document.encode(), "srcdoc.html", below(where, f"srcdoc {number}"))
    if page.elsewhere:
        detail = f"{page.elsewhere} of its pictures or frames are elsewhere and were not fetched"
        yield Refusal(where, "elsewhere", detail)
    if page.drawn:
        yield Refusal(where, "not_opened", f"it draws with {', '.join(sorted(page.drawn))}, which is not rendered")
    yield from drawn_with_characters(text, where)


def drawn_with_characters(text: str, where: str) -> Found:
    """A refusal where `text` has so many block characters that they could be a QR code."""
    if len(BLOCKS.findall(text)) >= MANY_BLOCKS:
        yield Refusal(where, "drawn_with_characters", "it may have a code drawn with block characters")


class _Page(HTMLParser):
    """Collects what a page shows without being asked."""

    def __init__(self) -> None:
        super().__init__()
        self.embedded: list[tuple[str, str, str]] = []
        self.documents: list[str] = []
        self.elsewhere = 0
        self.drawn: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DRAWS:
            self.drawn.add(tag)
        for name, value in attrs:
            if not value or name == "srcdoc":
                self.documents += [value] if value else []
                continue
            packed = re.sub(r"\s+", "", value) if name != "srcset" else value  # as browsers do in base64
            found = DATA.findall(packed) if "data:" in packed.lower() else []
            self.embedded += found
            if name == "style":
                self._style(value, bool(found))
            elif name in SHOWS.get(tag, ()) and not found and not packed.lower().startswith(("cid:", "about:", "#")):
                self.elsewhere += 1

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style":
            found = DATA.findall(data)
            self.embedded += found
            self._style(data, bool(found))

    def _style(self, text: str, embedded: bool) -> None:
        self.elsewhere += len(re.findall(r"url\(\s*[\"']?\s*(?!data:|cid:|#)[^\s\"')]", text, re.IGNORECASE))


def _base64(raw: bytes) -> bytes:
    kept = re.sub(rb"[^A-Za-z0-9+/]", b"", raw.replace(b"-", b"+").replace(b"_", b"/"))
    return b64decode(kept[: len(kept) - (len(kept) % 4 == 1)] + b"=" * (-len(kept) % 4))


def _charset(data: bytes) -> str:
    for mark, name in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            return name
    return "utf-8"  # addresses are ASCII, whatever the rest is


def _name_of(kind: str) -> str:
    return {"text/html": "x.html", "image/svg+xml": "x.svg", "application/pdf": "x.pdf"}.get(
        kind.lower(), "x.png" if kind.lower().startswith("image/") else ""
    )
