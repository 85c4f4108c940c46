"""Where the QR codes in a picture are, by zxing-cpp."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import zxingcpp

from stages.qr.drawn import Drawn, drawn_symbol
from stages.qr.symbol import Symbol
from stages.qr.text import Text, payload

FORMAT = zxingcpp.BarcodeFormat
QR_CODE = zxingcpp.BarcodeFormats([FORMAT.QRCode])
MICRO_QR = (FORMAT.MicroQRCode, FORMAT.RMQRCode)
PLAIN = zxingcpp.TextMode.Plain  # the default writes control characters out, as "<ESC>"
ECI_IDENTIFIER = "5D 51 32"  # "]Q2" in hexadecimal, with which zxing-cpp begins what declares its encodings


def locate(picture: np.ndarray) -> list[Symbol]:
    """The QR codes that zxing-cpp reads in grey pixels, uint8 (height, width); no Micro QR codes.

    Those in white on black, mirrored or turned are among them.
    """
    drawn = drawn_symbol(picture)
    if drawn and (code := _read_drawn(drawn, PLAIN)) and (details := _details(code)).get("UEC") == 1:
        text = _text(code, lambda mode: [_read_drawn(drawn, mode)], 0)
        return [_symbol(text, details, drawn.corners, drawn)]
    codes = _read(picture, PLAIN)
    texts = [_text(code, lambda mode: _read(picture, mode), i) for i, code in enumerate(codes)]
    return [_symbol(text, _details(code), _corners(code)) for text, code in zip(texts, codes, strict=True)]


def _read(picture: np.ndarray, mode: zxingcpp.TextMode) -> list[zxingcpp.Barcode]:
    codes = zxingcpp.read_barcodes(picture, formats=QR_CODE, text_mode=mode)
    return [code for code in codes if code.format not in MICRO_QR]


def _read_drawn(drawn: Drawn, mode: zxingcpp.TextMode) -> zxingcpp.Barcode | None:
    """The code, whose modules are known, in an eighth of the time that it takes to find them."""
    return zxingcpp.read_barcode(
        drawn.black_on_white,
        formats=QR_CODE,
        text_mode=mode,
        binarizer=zxingcpp.Binarizer.FixedThreshold,
        is_pure=True,
        try_rotate=False,
        try_downscale=False,
        try_invert=False,
    )


def _text(code: zxingcpp.Barcode, read: Callable[[zxingcpp.TextMode], list[Any]], index: int) -> Text:
    """The payload of the code at `index` of those that `read` gives; most are ASCII, and need not be read again."""
    raw = bytes(code.bytes)
    if raw.isascii() and code.text.isprintable():
        return Text(code.text)
    return payload(raw, code.text, eci=read(zxingcpp.TextMode.HexECI)[index].text.startswith(ECI_IDENTIFIER))


def _symbol(text: Text, details: dict[str, Any], corners: np.ndarray, drawn: Drawn | None = None) -> Symbol:
    version = str(details.get("Version", ""))
    return Symbol(
        text.payload,
        corners,
        int(version) if version.isdigit() else None,
        details.get("ECLevel"),
        details.get("DataMask"),
        guess=text.guess,
        drawn=drawn,
    )


def _corners(code: zxingcpp.Barcode) -> np.ndarray:
    at = code.position
    points = (at.top_left, at.top_right, at.bottom_right, at.bottom_left)
    return np.array([(point.x, point.y) for point in points], np.float32)


def _details(code: zxingcpp.Barcode) -> dict[str, Any]:
    return cast("dict[str, Any]", code.extra) or {}  # its type stub says object
