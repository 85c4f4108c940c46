"""Bytes of any kind, opened: the one place that knows which reader is for what."""

from functools import partial

from stages.dataset.signatures import kind_by_signature
from stages.predict.sources.html import open_html
from stages.predict.sources.image import open_image
from stages.predict.sources.item import MAX_DEPTH, Found, Item, Limits, Refusal
from stages.predict.sources.mail import open_mail
from stages.predict.sources.pdf import open_pdf
from stages.predict.sources.sniff import kind_of_file
from stages.predict.sources.text import as_utf8

NOT_OPENED = {
    "svg": "an SVG drawing: export it as PNG",
    "outlook": "a file of Outlook; save it as .eml",
    "": "neither a picture nor a PDF file, mail or HTML page",
}


def open_bytes(data: bytes, name: str, where: str, limits: Limits, depth: int = 0) -> Found:
    """What is in a file of any kind that is called `name`; `where` is its place in the file that was named."""
    if len(data) > limits.max_bytes:
        detail = f"{len(data):,} bytes, more than --max-bytes = {limits.max_bytes:,}"
        yield Refusal(where, "too_large", detail)
        return
    if not data:
        yield Refusal(where, "empty", "empty file")
        return
    if depth > MAX_DEPTH:
        yield Refusal(where, "nested", f"nested deeper than {MAX_DEPTH} files; what is in it was not opened")
        return
    kind = kind_of_file(data, name)
    inner = partial(item_of, limits=limits, depth=depth + 1)
    if kind == "image":
        yield from open_image(data, where, limits)
    elif kind == "pdf":
        yield from open_pdf(data, where, limits, inner)
    elif kind == "mail":
        yield from open_mail(as_utf8(data), where, limits, inner)
    elif kind == "html":
        yield from open_html(data, where, inner)
    else:
        detail = kind_by_signature(data) or NOT_OPENED[kind]
        yield Refusal(where, "not_opened" if kind else "not_an_image", detail)


def item_of(data: bytes, name: str, where: str, limits: Limits, depth: int) -> Item:
    """A part of a file as an item of its own, not opened yet."""
    return Item(where, partial(open_bytes, data, name, where, limits, depth))
