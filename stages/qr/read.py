"""Find and read the QR codes in a picture (ISO/IEC 18004), with pyzbar as the judge of whether a code is readable."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np

from stages.qr.drawn import Drawn
from stages.qr.locate import locate
from stages.qr.problem import Problem
from stages.qr.symbol import Symbol, contrast, dark, module_levels, variant
from stages.qr.text import payload_of_zbar
from stages.qr.unread import SEARCHED, Unread, enlarged, shrunk
from stages.qr.zbar import ZbarCode, zbar_codes, zbar_partial

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
    unread = Unread(picture)
    return summary(picture, symbols(picture, unread), unread)


def symbols(picture: np.ndarray, unread: Unread | None = None) -> list[Symbol]:
    """The QR codes that either decoder reads in grey pixels, uint8 (height, width), each of them once.

    zxing-cpp, which is fast, locates them and gives version, level and mask; pyzbar is asked, on a
    ladder from cheap to thorough, until it reads something. Those in white on black and mirrored
    ones are among them. A symbol that pyzbar alone reads has corners within two modules, and no version.
    `unread` keeps for `summary` what is found out on the way.
    """
    found = locate(picture)
    if found and (drawn := found[0].drawn):
        if partial_ := next(filter(None, map(zbar_partial, _drawings(drawn))), None):
            return [replace(found[0], decoder="both", partial=partial_[0])]
        return found
    for attempt in _ladder(picture, found) if found else _search(unread or Unread(picture)):
        if scanned := zbar_codes(attempt.pixels):
            return _together(found, scanned, attempt)
    return found


def summary(picture: np.ndarray, found: list[Symbol], unread: Unread | None = None) -> Reading:
    """The `Reading` of grey pixels in which `symbols` has found `found`; the quiet zone is their margin in modules."""
    if len(found) == 1:
        return _measured(picture, found[0])
    count, problem, error = len(found), Problem.SEVERAL_CODES, f"{len(found)} QR codes in one picture"
    if not found:
        problem, error = (unread or Unread(picture)).why()
        count = int(problem is Problem.UNREADABLE_CODE)
    return Reading(symbols=count, problem=problem, error=error, contrast=contrast(picture))


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
    if max(picture.shape) <= SEARCHED:  # small modules
        yield Attempt(enlarged(picture), 0.5)
    black_and_white = cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]
    if cv2.norm(black_and_white, picture, cv2.NORM_INF) > 0:  # noise, or little contrast
        yield Attempt(black_and_white)
    yield Attempt(255 - picture)  # light on dark


def _search(unread: Unread) -> Iterator[Attempt]:
    """The same where nothing is located: most such pictures have no QR code, and the rarer attempts need a reason."""
    picture = unread.picture
    yield Attempt(picture)
    if unread.promising and max(picture.shape) <= SEARCHED:
        yield Attempt(enlarged(picture), 0.5)
    small, scale = shrunk(picture, SEARCHED)
    black_and_white = cv2.threshold(small, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]
    if cv2.norm(black_and_white, small, cv2.NORM_INF) > 0:
        yield Attempt(black_and_white, scale)
    if unread.promising or unread.light_on_dark:
        yield Attempt(255 - small, scale)


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
