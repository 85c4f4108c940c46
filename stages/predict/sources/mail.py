"""Mails (RFC 5322, MIME): pictures, PDF files, pages and mails in them, attached or inline. Nothing is fetched."""

from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from functools import partial
from typing import cast

from stages.payload.safe import clean
from stages.predict.sources.html import open_html
from stages.predict.sources.item import MAX_DEPTH, Found, Item, Limits, Refusal, below
from stages.predict.sources.sniff import BLANK, kind_of_file
from stages.predict.sources.text import decodings, drawn_with_characters

# Parts that show nothing, or whose text is what the reader sees of them.
SHOW_NOTHING = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature",
                "message/delivery-status", "message/disposition-notification")  # fmt: skip


def open_mail(data: bytes, where: str, limits: Limits, inner: Callable[..., Item]) -> Found:
    """Each part that may show a code is an item; texts are searched for codes drawn with characters."""
    yield from _parts(message_from_bytes(data.lstrip(BLANK)), where, limits, inner, 1)


def _parts(message: Message, where: str, limits: Limits, inner: Callable[..., Item], depth: int) -> Found:
    """The leaves of `message` in order; numbered as in IMAP (RFC 3501, 6.4.5): "2.1" is the first part of the second.

    Without recursion, as a stranger decides how deep it is nested.
    """
    waiting: list[tuple[Message, str]] = [(message, "")]
    while waiting:
        part, number = waiting.pop()
        content, name = part.get_payload(), below(where, f"part {number or '1'}")
        if part.get_content_type() == "message/rfc822" and isinstance(content, list) and content:
            inside = cast("Message", content[0])
            if depth < MAX_DEPTH:
                yield Item(name, partial(_parts, inside, name, limits, inner, depth + 1))
            else:
                yield Refusal(name, "nested", f"nested deeper than {MAX_DEPTH} mails; what is in it was not opened")
        elif isinstance(content, list):
            children = [(child, f"{number}.{i}" if number else str(i)) for i, child in enumerate(content, 1)]
            waiting += reversed([child for child in children if isinstance(child[0], Message)])
        elif part.get_content_type() not in SHOW_NOTHING:
            yield _leaf(part, name, inner)


def _leaf(part: Message, where: str, inner: Callable[..., Item]) -> Item:
    name = _name(part)
    where = f"{where} ({clean(name)[:60]})" if name else where
    return Item(where, partial(_open_leaf, part, name, where, inner))


def _open_leaf(part: Message, name: str, where: str, inner: Callable[..., Item]) -> Found:
    kind, data = part.get_content_type(), part.get_payload(decode=True)
    if not isinstance(data, bytes):
        yield Refusal(where, "damaged", "this part of the mail cannot be decoded")
        return
    if not data.strip():
        return
    found = kind_of_file(data, name)
    ending = {"text/html": ".html", "image/svg+xml": ".svg"}.get(kind, ".png" if kind.startswith("image/") else "")
    if kind.startswith("text/") and not ending and found in ("", "mail"):  # a text may begin as a mail does
        yield from drawn_with_characters(decodings(data, _charset(part)), where)
    elif kind == "text/html" and found in ("", "html"):
        yield from open_html(data, where, inner, _charset(part))
    elif found or ending:
        yield from inner(data, name if found else f"x{ending}", where).open()
    else:
        detail = f"an attachment of a kind that is not opened ({clean(kind)[:60]})"
        yield Refusal(where, "not_opened", detail)


def _charset(part: Message) -> str:
    """The encoding that the header names, or ""; ASCII counts as none, as programs write it for whatever follows."""
    try:
        charset = part.get_content_charset("")
    except Exception:  # as below
        return ""
    return "" if charset == "us-ascii" else charset


def _name(part: Message) -> str:
    try:
        return part.get_filename() or ""
    except Exception:  # headers are strangers' words, and the parser of parameters has its limits
        return ""
