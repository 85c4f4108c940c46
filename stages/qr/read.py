"""Find and read the QR codes in a picture (ISO/IEC 18004), with pyzbar as the judge of whether a code is readable."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import zxingcpp

from stages.qr.drawn import Drawn
from stages.qr.locate import MICRO_QR, PLAIN, QR_CODE, locate
from stages.qr.problem import Problem
from stages.qr.symbol import Symbol, contrast, dark, module_levels, variant
from stages.qr.text import payload_of_zbar
from stages.qr.zbar import ZbarCode, zbar_codes

ENOUGH_PX = 4  # pixels a module; zbar reads as well and four times faster than at ten


@dataclass(frozen=True)
class Reading:
    """What the decoders say of one picture. Unknown is None.

    `decoded`: pyzbar read exactly one QR code. `problem` is NONE then, else one of those of the
    code in the picture; `error` says it in words, and of a code that was read how its bytes were
    taken where the symbol does not say.
    `contrast`: grey levels (0..255) between paper and ink, see `stages.qr.symbol.contrast`.
    """

    decoded: bool = False
    symbols: int = 0
    payload: str | None = None
    version: int | None = None
    ec_level: str | None = None
    mask: int | None = None
    module_px: float | None = None
    quiet_zone: float | None = None
    inverted: bool = False
    mirrored: bool = False
    contrast: float | None = None
    problem: Problem = Problem.NONE
    error: str = ""


def read_symbol(picture: np.ndarray) -> Reading:
    """What `symbols` finds in grey pixels, uint8 (height, width), as one `Reading`."""
    return summary(picture, symbols(picture))


def symbols(picture: np.ndarray) -> list[Symbol]:
    """The QR codes that either decoder reads in grey pixels, uint8 (height, width), each of them once.

    zxing-cpp, which is fast, locates them and gives version, level and mask; pyzbar is asked, on a
    ladder from cheap to thorough, until it reads something. Those in white on black and mirrored
    ones are among them. A symbol that pyzbar alone reads has corners within two modules, and no version.
    """
    found = locate(picture)
    if found and (drawn := found[0].drawn):
        if scanned := next(filter(None, map(zbar_codes, _drawings(drawn))), None):
            return [replace(found[0], decoder="both", partial=scanned[0].partial)]
        return found
    for attempt in _ladder(picture, found):
        if scanned := zbar_codes(attempt.pixels):
            return _together(found, scanned, attempt)
    return found


def summary(picture: np.ndarray, found: list[Symbol]) -> Reading:
    """The `Reading` of grey pixels in which `symbols` has found `found`; the quiet zone is their margin in modules."""
    if len(found) != 1:
        error = f"{len(found)} QR codes in one picture"
        reading = Reading(symbols=len(found), problem=Problem.SEVERAL_CODES, error=error)
        return replace(reading if found else _explain(picture), contrast=contrast(picture))
    return _measured(picture, found[0])


def _measured(picture: np.ndarray, symbol: Symbol) -> Reading:
    problem, error = Problem.NONE, ""
    if symbol.partial:
        problem, error = Problem.STRUCTURED_APPEND, "a part of a message in several QR codes (structured append)"
    elif symbol.decoder == "zxing-cpp":
        problem, error = Problem.WEAK_DECODER, "pyzbar cannot read this QR code, zxing-cpp can"
    elif symbol.guess:
        error = f"the encoding of the payload is not declared; read as {symbol.guess}"
    read = partial(Reading, not problem, 1, symbol.payload, problem=problem, error=error)
    if symbol.side is None:
        return read(contrast=contrast(picture))
    levels = module_levels(picture, symbol)
    ink = dark(levels)
    inverted, mirrored = variant(ink, symbol.ec_level, symbol.mask)
    module_px = symbol.size / symbol.side
    return read(
        symbol.version,
        symbol.ec_level,
        symbol.mask,
        round(module_px, 2),
        round(max(_margin(picture, symbol), 0.0) / module_px, 2),
        inverted,
        mirrored,
        contrast(levels, ink),
    )


def _margin(picture: np.ndarray, symbol: Symbol) -> float:
    """The smallest distance from a corner of the symbol to the picture's edge, in pixels; below 0 beyond it."""
    height, width = picture.shape
    return min(min(x, y, width - x, height - y) for x, y in symbol.corners.tolist())


class Attempt(NamedTuple):
    """Pixels for pyzbar, uint8 (h, w); a point of theirs is at `scale` x point in the picture."""

    pixels: np.ndarray
    scale: float = 1


def _drawings(drawn: Drawn) -> Iterator[np.ndarray]:
    """What pyzbar gets to see of a drawn symbol, with as much paper around it as it needs.

    At two pixels a module it takes a third of the time, and reads nearly all; at one, few.
    """
    for module_px in (2, 3, 4):
        size = len(drawn.black_on_white) * module_px
        large = cv2.resize(drawn.black_on_white, (size, size), interpolation=cv2.INTER_NEAREST)
        paper = 2 * module_px
        yield cv2.copyMakeBorder(large, paper, paper, paper, paper, cv2.BORDER_CONSTANT, value=255)


def _ladder(picture: np.ndarray, found: list[Symbol]) -> Iterator[Attempt]:
    """What pyzbar gets to see, one after the other until it reads something; each is for what those before miss."""
    one = found[0] if len(found) == 1 and found[0].side else None
    module_px = one.size / (one.side or 1) if one else None
    if one and module_px and module_px > ENOUGH_PX:  # the cheapest, where the size of a module is known
        factor = ENOUGH_PX / module_px
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        yield Attempt(small, 1 / factor)
        if variant(dark(module_levels(picture, one)), one.ec_level, one.mask)[0]:  # zbar reads black on white only
            yield Attempt(255 - small, 1 / factor)
    yield Attempt(picture)
    if max(picture.shape) <= 1000:  # small modules
        yield Attempt(cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), 0.5)
    black_and_white = cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]
    if cv2.norm(black_and_white, picture, cv2.NORM_INF) > 0:  # noise, or little contrast
        yield Attempt(black_and_white)
    yield Attempt(255 - picture)  # light on dark


def _together(found: list[Symbol], scanned: list[ZbarCode], attempt: Attempt) -> list[Symbol]:
    """What zxing-cpp has `found` and zbar has `scanned`, where both see the same symbol once."""
    together = list(found)
    for one in scanned:
        corners = one.corners * attempt.scale
        seen = [i for i, symbol in enumerate(found) if _same(symbol, corners)]
        for i in seen[:1]:
            together[i] = replace(together[i], decoder="both", partial=one.partial)
        if not seen and not _spans_several(found, corners):
            text = payload_of_zbar(one.data)
            together.append(Symbol(text.payload, corners, decoder="pyzbar", guess=text.guess, partial=one.partial))
    return together


def _same(symbol: Symbol, corners: np.ndarray) -> bool:
    """Whether a symbol at `corners` is `symbol`: as large, within a factor of two, and in the same place."""
    other = Symbol("", corners)
    apart = float(np.linalg.norm(symbol.centre - other.centre))
    return apart < symbol.size / 4 and symbol.size / 2 < other.size < symbol.size * 2


def _spans_several(found: list[Symbol], corners: np.ndarray) -> bool:
    """Whether `corners` are those of a message that zbar has put together from several symbols in the picture."""
    inside = [cv2.pointPolygonTest(corners, symbol.centre.tolist(), False) >= 0 for symbol in found]
    return sum(inside) > 1


def _explain(picture: np.ndarray) -> Reading:
    """Why neither decoder reads a QR code here."""
    others = zxingcpp.read_barcodes(picture, text_mode=PLAIN)  # of all formats
    if any(code.format in MICRO_QR for code in others):
        return Reading(problem=Problem.MICRO_QR, error="a Micro QR code, which pyzbar does not read")
    if others:
        return Reading(problem=Problem.OTHER_SYMBOLOGY, error=f"no QR code, but {others[0].format}")
    broken = zxingcpp.read_barcodes(picture, formats=QR_CODE, return_errors=True)
    if broken or _finder_patterns(picture):
        error = "a QR code is there, but no decoder can read it"
        return Reading(symbols=1, problem=Problem.UNREADABLE_CODE, error=error)
    return Reading(problem=Problem.NO_CODE, error="no QR code found")


def _finder_patterns(picture: np.ndarray) -> bool:
    """Whether OpenCV sees the corners of a QR code; it enlarges narrow strips beyond measure, so not in those."""
    shrink = 1000 / max(picture.shape)
    if min(picture.shape) * 8 < max(picture.shape):
        return False
    small = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else picture
    cv2.setRNGSeed(0)  # it draws random numbers, which would make an answer depend on those before it
    return bool(cv2.QRCodeDetector().detect(small)[0])
