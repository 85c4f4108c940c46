"""The kind of a file by its first bytes, and by its name only where bytes do not tell."""

import mimetypes
import re
from pathlib import PurePath

from stages.predict.sources.text import as_utf8

IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BLANK = b"\xef\xbb\xbf \t\r\n"  # before what counts
MAIL_FIELD = re.compile(
    rb"(?im)^(from|to|cc|subject|date|received|return-path|message-id|mime-version|content-type|delivered-to):"
)
FIELDS = re.compile(rb"\A(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*)+")  # RFC 5322, 2.2
SVG = (b"<?xml", b"<!--", b"<svg", b"<!doctype svg")
PAGE = re.compile(rb"(<!--.*?-->\s*)*<(!doctype html|html|head|body)\b", re.DOTALL)
MAIL_NAMES = (".eml", ".mht", ".mhtml")
PAGE_NAMES = (".html", ".htm", ".xhtml")


def kind_of_file(data: bytes, name: str = "") -> str:
    """One of image, pdf, outlook, svg, mail, html, or "" for all others; `data` is the file or its first bytes.

    A file called .png that begins like none is an image, too: its decoder says what is wrong with it.
    """
    start = as_utf8(data[:8192])[:4096].lstrip(BLANK)
    low, ending = start.lower(), PurePath(name).suffix.lower()
    rules = {
        "image": data.startswith(IMAGES) or (data.startswith(b"RIFF") and data[8:12] == b"WEBP"),
        "pdf": b"%PDF-" in data[:1024],
        "outlook": data.startswith(b"\xd0\xcf\x11\xe0") and ending in (".msg", ""),
        "svg": ending in (".svg", ".svgz") or (b"<svg" in low and low.startswith(SVG)),
        "mail": ending in MAIL_NAMES or len(MAIL_FIELD.findall(_header(start))) >= 2,
        "html": ending in PAGE_NAMES or PAGE.match(low),
    }
    found = next((kind for kind, holds in rules.items() if holds), "")
    is_image = (mimetypes.guess_type(f"x{ending}")[0] or "").startswith("image/")
    return found or ("image" if is_image else "")


def _header(start: bytes) -> bytes:
    start = re.sub(rb"\A>?From [^\n]*\n", b"", start.replace(b"\r\n", b"\n"))
    found = FIELDS.match(start)
    return found[0] if found else b""
