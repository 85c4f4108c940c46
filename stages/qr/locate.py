"""Where the QR codes in a picture are, by zxing-cpp."""

from typing import Any, cast

import cv2
import numpy as np
import zxingcpp

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
    codes = _codes(picture, PLAIN)
    return [_symbol(code, _text(code, i, picture)) for i, code in enumerate(codes)]


def alone(picture: np.ndarray, symbol: Symbol) -> bool:
    """Whether `symbol` stands straight and flawless on paper of exactly one colour, which the top left pixel has.

    Beside it there is no room for another one then, nor in it for one whose modules are as large.
    `symbol.side` must be known.
    """
    if not symbol.flawless:
        return False
    x, y, width, height = cv2.boundingRect((picture != picture[0, 0]).view(np.uint8))
    low_high = np.array([(x, y), (x + width, y + height)])[:, np.newaxis]
    return bool(np.abs(symbol.corners - low_high).min(axis=0).max() <= symbol.size / (symbol.side or 1))


def _codes(picture: np.ndarray, mode: zxingcpp.TextMode) -> list[zxingcpp.Barcode]:
    codes = zxingcpp.read_barcodes(picture, formats=QR_CODE, text_mode=mode)
    return [code for code in codes if code.format not in MICRO_QR]


def _text(code: zxingcpp.Barcode, index: int, picture: np.ndarray) -> Text:
    """The payload of the code at `index` of those in `picture`; most are ASCII, and say so without a second look."""
    raw = bytes(code.bytes)
    if raw.isascii() and code.text.isprintable():
        return Text(code.text)
    declared = [again.text.startswith(ECI_IDENTIFIER) for again in _codes(picture, zxingcpp.TextMode.HexECI)]
    return payload(raw, code.text, eci=declared[index])


def _symbol(code: zxingcpp.Barcode, text: Text) -> Symbol:
    at, extra = code.position, cast("dict[str, Any]", code.extra)  # its type stub says object
    corners = np.array([(p.x, p.y) for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)], np.float32)
    version = str(extra.get("Version", ""))
    return Symbol(
        text.payload,
        corners,
        int(version) if version.isdigit() else None,
        extra.get("ECLevel"),
        extra.get("DataMask"),
        guess=text.guess,
        flawless=extra.get("UEC") == 1,
    )
