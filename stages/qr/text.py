"""From the bytes of a QR code to its payload, where the two decoders need not agree on the encoding."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from typing import NamedTuple

BOMS = {BOM_UTF8: "utf-8", BOM_UTF16_LE: "utf-16-le", BOM_UTF16_BE: "utf-16-be"}


class Text(NamedTuple):
    """A payload, without NUL; and where its encoding had to be guessed, how it was read, else ""."""

    payload: str
    guess: str = ""


def payload(raw: bytes, text: str = "", eci: bool = False) -> Text:
    """The payload of a symbol with the data `raw`, which zxing-cpp reads as `text`.

    `eci`: the symbol declares its encodings (Extended Channel Interpretation, ISO/IEC 18004, 7.4.2),
    and `text` follows them. Where it does not, ISO/IEC 8859-1 would be meant, but few encoders keep
    to that: a byte order mark counts first, then valid UTF-8. The rest is ambiguous, since
    most bytes are valid in several encodings: Shift JIS where zxing-cpp thinks so, else GB 2312, else
    ISO/IEC 8859-1. Bytes that are none of them are binary, and shown as backslash escapes.
    """
    if eci:
        return Text(_without_nul(text.removeprefix("\ufeff")))
    for bom, encoding in BOMS.items():
        if raw.startswith(bom) and (decoded := _decoded(raw[len(bom) :], encoding)) is not None:
            return Text(_without_nul(decoded))
    if 0 in raw:
        high, low = raw[::2].count(0), raw[1::2].count(0)
        # Text in UTF-16 has a zero beside each ASCII character; a single one beside plain bytes is a NUL.
        likely = not min(high, low) and 4 * max(high, low) >= len(raw)
        wide = _decoded(raw, "utf-16-be" if high else "utf-16-le") if likely else None
        return Text(wide, "UTF-16") if wide and wide.isprintable() else _binary(raw)
    decoded = _decoded(raw, "utf-8")
    return _guessed(raw, text) if decoded is None else Text(decoded)


def _guessed(raw: bytes, text: str) -> Text:
    if (decoded := _decoded(raw, "shift_jis")) is not None and decoded == text:
        return Text(decoded, "Shift JIS")
    if (decoded := _decoded(raw, "gb2312")) is not None:
        return Text(decoded, "GB 2312")
    if not any(127 <= byte < 160 for byte in raw):  # control characters in ISO/IEC 8859-1
        return Text(raw.decode("latin-1"), "ISO/IEC 8859-1")
    return _binary(raw)


def payload_of_zbar(data: bytes) -> Text:
    """The payload of a symbol that zbar alone has read: it hands back UTF-8 in place of the encoding it guessed.

    It takes no account of the encodings UTF-16 and of byte order marks, which leave NUL characters in `data`.
    """
    decoded = _decoded(data, "utf-8")
    if decoded is None or "\0" in decoded:
        return payload(data if decoded is None else decoded.encode("latin-1", "replace"))
    return Text(decoded, "" if data.isascii() else "what zbar takes it for")


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _binary(raw: bytes) -> Text:
    return Text(_without_nul(raw.decode("ascii", "backslashreplace")), "binary data")


def _without_nul(text: str) -> str:
    return text.replace("\0", "\\x00")
