"""The text of pages and mails, in whatever encoding, and codes that are drawn with its characters."""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable
from contextlib import suppress

from stages.predict.sources.item import Found, Refusal

UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)
# Block elements, black squares, and sextants (Unicode 17, charts 2580, 25A0, 2B00 and 1FB00).
BLOCKS = re.compile("[\u2580-\u259f\u25a0\u25fc\u2b1b\U0001fb00-\U0001fb3b]")
MANY_BLOCKS = 100  # the smallest QR code has 441 modules; a character shows up to four of them, and some are blank


def decodings(data: bytes, charset: str) -> list[str]:
    """What `data` may say: in UTF-16 where it has the mark of that, else in UTF-8 and in `charset`, if that differs.

    Both, as `charset` is a stranger's word, and not every reader would take it. What is not in an encoding
    becomes U+FFFD.
    """
    if data.startswith(UTF16):
        return [data.decode("utf-16", "replace")]
    texts = [data.decode("utf-8-sig", "replace")]
    with suppress(LookupError, ValueError):  # there is no such encoding
        texts.append(data.decode(charset or "utf-8-sig", "replace"))
    return list(dict.fromkeys(texts))


def as_utf8(data: bytes) -> bytes:
    """`data`, or the same text in UTF-8 with its mark where it has the mark of UTF-16."""
    return data.decode("utf-16", "replace").encode("utf-8-sig") if data.startswith(UTF16) else data


def drawn_with_characters(texts: Iterable[str], where: str) -> Found:
    """A refusal where one of `texts` has so many block characters that they could be a QR code."""
    if any(len(BLOCKS.findall(text)) >= MANY_BLOCKS for text in texts):
        yield Refusal(where, "drawn_with_characters", "it may have a code drawn with block characters")
