"""HTML pages: the pictures that stand in them as data: addresses (RFC 2397). Nothing is rendered, run or fetched."""

import re
from base64 import b64decode
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

from stages.predict.sources.item import Found, Item, Refusal, below
from stages.predict.sources.sniff import kind_of_file
from stages.predict.sources.text import decodings, drawn_with_characters

# An attribute that is one address, and those within a style or a srcset.
ADDRESS = re.compile(r"\s*data:([^,;]*)((?:;[^,]*)?),(.*)", re.IGNORECASE | re.DOTALL)
DATA = re.compile(r"data:([^\s\"'()<>,;]{0,99})((?:;[^\s\"'()<>,]{0,200})?),([^\s\"'()<>]*)", re.IGNORECASE)
SHOWN = ("image/", "text/html", "application/xhtml+xml", "application/pdf")  # types of data: addresses
CHARSET = re.compile(rb"<(?:meta\b[^>]*?\bcharset|\?xml\b[^>]*?\bencoding)\s*=[\s\"']*([\w.:-]+)", re.IGNORECASE)
DRAWS = ("svg", "canvas")
NOT_FETCHED = ("cid:", "about:", "#")
# Attributes of a browser's own fetching; a link (a href) shows nothing.
SHOWS = {
    **dict.fromkeys(("img", "source"), ("src", "srcset")),
    **dict.fromkeys(("input", "iframe", "frame", "embed"), ("src",)),
    **dict.fromkeys(("body", "table", "td", "th"), ("background",)),
    "object": ("data",),
    "image": ("href", "xlink:href"),
    "video": ("poster", "src"),
}


def open_html(data: bytes, where: str, inner: Callable[..., Item], charset: str = "") -> Found:
    """Each data: address is an item; pictures elsewhere, drawings and codes made of characters are refused.

    `charset` is the encoding that a header names, "" if none does.
    """
    pages = [_Page(text) for text in decodings(data, charset or _charset(data))]
    embedded = dict.fromkeys(one for page in pages for one in page.embedded)
    for number, (kind, parameters, content) in enumerate(embedded, 1):
        name = below(where, f"embedded {number}")
        raw = unquote_to_bytes(content)
        raw = _base64(raw) if "base64" in parameters.lower() else raw
        # A browser shows a picture whatever type the address names.
        if not kind or kind.startswith(SHOWN) or kind_of_file(raw):
            yield inner(raw, _name_of(kind), name)
    documents = dict.fromkeys(one for page in pages for one in page.documents)
    for number, document in enumerate(documents, 1):
        yield inner(document.encode("utf-8", "replace"), "srcdoc.html", below(where, f"srcdoc {number}"))
    if elsewhere := max(page.elsewhere for page in pages):
        detail = f"{elsewhere} of its pictures or frames are elsewhere and were not fetched"
        yield Refusal(where, "elsewhere", detail)
    if drawn := sorted({one for page in pages for one in page.drawn}):
        yield Refusal(where, "not_opened", f"it draws with {', '.join(drawn)}, which is not rendered")
    yield from drawn_with_characters(("".join(page.texts) for page in pages), where)


class _Page(HTMLParser):
    """Collects what a page shows without being asked."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.embedded: list[tuple[str, str, str]] = []  # type, in small letters, parameters and content
        self.documents: list[str] = []
        self.texts: list[str] = []
        self.elsewhere = 0
        self.drawn: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DRAWS:
            self.drawn.add(tag)
        for name, value in attrs:
            if not value or name == "srcdoc":
                self.documents += [value] if value else []
                continue
            address = re.sub(r"[\t\r\n]", "", value).strip()  # as browsers do
            whole = ADDRESS.match(address) if name not in ("srcset", "style") else None
            packed = value if name == "srcset" else re.sub(r"\s+", "", value)
            embedded = self._embed([whole.groups()] if whole else DATA.findall(packed))
            if name == "style":
                self._style(value)
            elif name in SHOWS.get(tag, ()) and not embedded and not address.lower().startswith(NOT_FETCHED):
                self.elsewhere += 1

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.cdata_elem == "style":
            self._embed(DATA.findall(data))
            self._style(data)

    def _embed(self, found: Iterable[tuple[str, ...]]) -> bool:
        addresses = [(kind.strip().lower(), parameters, content) for kind, parameters, content in found]
        self.embedded += addresses
        return bool(addresses)

    def _style(self, text: str) -> None:
        self.elsewhere += len(re.findall(r"url\(\s*[\"']?\s*(?!data:|cid:|#)[^\s\"')]", text, re.IGNORECASE))


def _base64(raw: bytes) -> bytes:
    kept = re.sub(rb"[^A-Za-z0-9+/]", b"", raw.replace(b"-", b"+").replace(b"_", b"/"))
    return b64decode(kept[: len(kept) - (len(kept) % 4 == 1)] + b"=" * (-len(kept) % 4))


def _charset(data: bytes) -> str:
    """The encoding that a page names itself."""
    found = CHARSET.search(data[:4096])
    return found[1].decode() if found else ""


def _name_of(kind: str) -> str:
    names = {"text/html": "x.html", "application/xhtml+xml": "x.html", "image/svg+xml": "x.svg",
             "application/pdf": "x.pdf"}  # fmt: skip
    return names.get(kind, "x.png" if kind.startswith("image/") else "")
