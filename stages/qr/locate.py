"""Where the QR codes in a picture are, and the picture of one set upright (ISO/IEC 18004)."""

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import cv2
import numpy as np
import segno
import zxingcpp

from stages.qr.image import grey

FORMAT = zxingcpp.BarcodeFormat
QR_CODE = zxingcpp.BarcodeFormats([FORMAT.QRCode])
MICRO_QR = (FORMAT.MicroQRCode, FORMAT.RMQRCode)
PLAIN = zxingcpp.TextMode.Plain  # the default writes control characters out, as "<ESC>"
SAMPLING_PX = 4  # pixels a module while modules are told from each other
QUIET_ZONE = 4  # modules of margin around a symbol that is set upright; ISO/IEC 18004 asks for 4
# Modules; by the val part of the sample: from a half on, tilts that are left alone cost accuracy; below a quarter
# nothing more is gained. Corners of drawn codes are exact.
ASKEW = 0.25
MAX_RECTIFIED_SIDE = 2000  # pixels of a side of a picture set upright


@dataclass(frozen=True)
class Symbol:
    """A QR code as zxing-cpp found it. What it does not say is None.

    `corners`: top left, top right, bottom right and bottom left of the symbol itself (not of the
    picture) in pixels, float32 (4, 2). `flawless`: all of its error correction is unused (UEC).
    """

    text: str
    corners: np.ndarray
    version: int | None
    ec_level: str | None
    mask: int | None
    flawless: bool = False

    @property
    def side(self) -> int | None:
        """Modules to a side."""
        return 17 + 4 * self.version if self.version else None

    @property
    def size(self) -> float:
        """Mean length of its four sides in pixels."""
        sides = self.corners - self.corners[[3, 0, 1, 2]]
        return float(np.sqrt((sides * sides).sum(axis=1)).mean())


def locate(picture: np.ndarray) -> list[Symbol]:
    """The QR codes that zxing-cpp reads in grey pixels, uint8 (height, width); no Micro QR codes."""
    codes = zxingcpp.read_barcodes(picture, formats=QR_CODE, text_mode=PLAIN)
    return [_symbol(code) for code in codes if code.format not in MICRO_QR]


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


def _symbol(code: zxingcpp.Barcode) -> Symbol:
    at, extra = code.position, cast("dict[str, Any]", code.extra)  # its type stub says object
    corners = np.array([(p.x, p.y) for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)], np.float32)
    version = str(extra.get("Version", ""))
    return Symbol(
        code.text,
        corners,
        int(version) if version.isdigit() else None,
        extra.get("ECLevel"),
        extra.get("DataMask"),
        extra.get("UEC") == 1,
    )


def rectify(pixels: np.ndarray) -> np.ndarray:
    """The picture with its one symbol straight and large, as a scanner's program would show it.

    `pixels` uint8 (height, width) or (height, width, 3). A picture with no symbol or several comes
    back as it is; so does one whose symbol stands straight (no corner further than ASKEW from that)
    and takes at least half of its longer side. So a drawn code is left alone to the last pixel.
    """
    found = locate(grey(pixels))
    if len(found) != 1 or found[0].side is None or not _askew_or_small(found[0], max(pixels.shape[:2])):
        return pixels
    return rectify_symbol(pixels, found[0])


def _askew_or_small(symbol: Symbol, longest: int) -> bool:
    (left, top), (right, bottom) = symbol.corners.min(axis=0), symbol.corners.max(axis=0)
    straight = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    askew = np.abs(symbol.corners - straight).max() > ASKEW * symbol.size / (symbol.side or 1)
    return bool(askew or symbol.size < longest / 2)


def rectify_symbol(pixels: np.ndarray, symbol: Symbol) -> np.ndarray:
    """The symbol and QUIET_ZONE modules around it, seen from straight ahead; white beyond the picture's edge.

    `symbol.side` must be known. Modules keep their size in pixels, within 2 and what LARGEST allows.
    """
    modules = (symbol.side or 0) + 2 * QUIET_ZONE
    module_px = min(max(round(symbol.size / (symbol.side or 1)), 2), MAX_RECTIFIED_SIDE // modules)
    low, high = QUIET_ZONE * module_px, (modules - QUIET_ZONE) * module_px
    target = np.array([(low, low), (high, low), (high, high), (low, high)], np.float32)
    size = (modules * module_px, modules * module_px)
    matrix = cv2.getPerspectiveTransform(symbol.corners, target)
    return cv2.warpPerspective(pixels, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=(255, 255, 255))


def modules(picture: np.ndarray) -> np.ndarray | None:
    """The modules of the one QR code in grey pixels, upright: bool (side, side), True where dark.

    None where there is none or several. A symbol in white on black, or mirrored, is turned back.
    """
    found = locate(picture)
    if len(found) != 1 or found[0].side is None:
        return None
    inverted, mirrored = variant(picture, found[0])
    dark = _dark(picture, found[0])
    return (dark.T if mirrored else dark) ^ inverted


def variant(picture: np.ndarray, symbol: Symbol) -> tuple[bool, bool]:
    """(inverted, mirrored), by where the format information stands and in which colour (ISO/IEC 18004, 7.9).

    Of its 18 modules at least 16 must be as expected; a symbol too damaged for that counts as neither.
    """
    if symbol.version is None or not symbol.ec_level or symbol.mask is None:
        return False, False
    expected = _format_information(symbol.version, symbol.ec_level, symbol.mask)
    dark = _dark(picture, symbol)
    row, column = dark[8, :9], dark[:9, 8]
    plain, mirrored = (int((np.concatenate(seen) == expected).sum()) for seen in ((row, column), (column, row)))
    agreement = {(False, False): plain, (False, True): mirrored, (True, False): 18 - plain, (True, True): 18 - mirrored}
    best = max(agreement, key=agreement.__getitem__)
    return best if agreement[best] >= 16 else (False, False)


def contrast(picture: np.ndarray, symbol: Symbol | None = None) -> float:
    """Grey levels (0..255) between paper and ink: the mean of what is lighter than Otsu's threshold less the rest's.

    Of the modules of `symbol`, or of the whole `picture`, uint8 (height, width), where there is none
    or its side is unknown; then by at most 256 x 256 evenly spaced pixels. 0 where all are alike.
    """
    if symbol is not None and symbol.side:
        levels = _flat(picture, symbol)
    else:
        step = max(max(picture.shape) // 256, 1)
        levels = np.ascontiguousarray(picture[::step, ::step])
    light = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]
    if not 0 < np.count_nonzero(light) < light.size:
        return 0.0
    return float(cv2.mean(levels, light)[0] - cv2.mean(levels, 255 - light)[0])


def _dark(picture: np.ndarray, symbol: Symbol) -> np.ndarray:
    """The symbol cut into modules, bool (side, side). Otsu's threshold fits paper and light that are even over it."""
    return cv2.threshold(_flat(picture, symbol), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1] == 0


def _flat(picture: np.ndarray, symbol: Symbol) -> np.ndarray:
    """The mean grey level of each module, uint8 (side, side); `symbol.side` must be known."""
    side = symbol.side or 0
    size = side * SAMPLING_PX
    square = np.array([(0, 0), (size, 0), (size, size), (0, size)], np.float32)
    flat = cv2.warpPerspective(picture, cv2.getPerspectiveTransform(symbol.corners, square), (size, size))
    return cv2.resize(flat, (side, side), interpolation=cv2.INTER_AREA)


@cache
def _format_information(version: int, level: str, mask: int) -> np.ndarray:
    symbol = segno.make_qr("0", version=version, error=level, mask=mask, boost_error=False)
    dark = np.array(symbol.matrix, dtype=bool)
    return np.concatenate([dark[8, :9], dark[:9, 8]])
