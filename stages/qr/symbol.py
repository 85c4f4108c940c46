"""A QR code in a picture, and what its pixels say of it (ISO/IEC 18004)."""

from dataclasses import dataclass
from functools import cache, cached_property
from operator import eq
from typing import Literal

import cv2
import numpy as np
import segno

from stages.qr.drawn import Drawn

SAMPLING_PX = 4  # pixels a module while modules are told from each other


@dataclass(frozen=True)
class Symbol:
    """One QR code in a picture: all fields describe the same symbol. Unknown is None.

    `corners`: top left, top right, bottom right and bottom left of the symbol itself (not of the
    picture) in pixels, float32 (4, 2). `decoder`: who has read it. `guess`: how the payload's bytes
    were read where the symbol does not say (see stages.qr.text), else "". `partial`: the payload is
    a part of a message in several symbols (structured append). `drawn`: its modules, where the picture
    is a drawing of this symbol and of nothing else, and all of its error correction is unused.
    """

    payload: str
    corners: np.ndarray
    version: int | None = None
    ec_level: str | None = None
    mask: int | None = None
    decoder: Literal["both", "pyzbar", "zxing-cpp"] = "zxing-cpp"
    guess: str = ""
    partial: bool = False
    drawn: Drawn | None = None

    @property
    def side(self) -> int | None:
        """Modules to a side."""
        return 17 + 4 * self.version if self.version else None

    @cached_property
    def size(self) -> float:
        """Mean length of its four sides in pixels."""
        if self.drawn:
            return self.drawn.module_px * len(self.drawn.levels)
        sides = self.corners - self.corners[[3, 0, 1, 2]]
        return float(np.sqrt((sides * sides).sum(axis=1)).mean())

    @property
    def centre(self) -> np.ndarray:
        """The mean of its corners in pixels, float32 (2,)."""
        return self.corners.mean(axis=0)


def module_levels(picture: np.ndarray, symbol: Symbol) -> np.ndarray:
    """The mean grey level of each module, uint8 (side, side); `symbol.side` must be known."""
    if symbol.drawn:
        return symbol.drawn.levels
    side = symbol.side or 0
    size = side * SAMPLING_PX
    square = np.array([(0, 0), (size, 0), (size, size), (0, size)], np.float32)
    flat = cv2.warpPerspective(picture, cv2.getPerspectiveTransform(symbol.corners, square), (size, size))
    return cv2.resize(flat, (side, side), interpolation=cv2.INTER_AREA)


def dark(levels: np.ndarray) -> np.ndarray:
    """Which of the grey `levels` are dark, by Otsu's threshold, which fits paper and light that are even: bool."""
    return cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1] == 0


def contrast(levels: np.ndarray, ink: np.ndarray | None = None) -> float:
    """Grey levels (0..255) between paper and ink: the mean of the lighter ones less that of the darker ones.

    `levels`, uint8 (h, w): a symbol's `module_levels`; or a picture, of which at most 256 x 256 evenly
    spaced pixels count. `ink`, bool (h, w): which of them are `dark`, where that is known. 0 where all are alike.
    Rounded to two digits.
    """
    if ink is None:
        step = max(max(levels.shape) // 256, 1)
        levels = np.ascontiguousarray(levels[::step, ::step])
        ink = dark(levels)
    count = np.count_nonzero(ink)
    if count in (0, ink.size):
        return 0.0
    darker = cv2.mean(levels, ink.view(np.uint8))[0]
    lighter = (cv2.sumElems(levels)[0] - darker * count) / (ink.size - count)
    return round(float(lighter - darker), 2)


def variant(modules: np.ndarray, ec_level: str | None, mask: int | None) -> tuple[bool, bool]:
    """(inverted, mirrored), by where the format information stands and in which colour (ISO/IEC 18004, 7.9).

    `modules` bool (side, side), True where dark. Of the 18 modules in question at least 16 must be as
    expected; a symbol too damaged for that, or whose level or mask is unknown, counts as neither.
    """
    if not ec_level or mask is None:
        return False, False
    expected = _format_information(ec_level, mask)
    row, column = modules[8, :9].tolist(), modules[:9, 8].tolist()  # so few are compared faster than arrays are made
    plain, mirrored = (sum(map(eq, seen, expected)) for seen in (row + column, column + row))
    agreement = {(False, False): plain, (False, True): mirrored, (True, False): 18 - plain, (True, True): 18 - mirrored}
    best = max(agreement, key=agreement.__getitem__)
    return best if agreement[best] >= 16 else (False, False)


@cache
def _format_information(level: str, mask: int) -> list[bool]:
    """The nine modules of row 8 and those of column 8 at the top left, which are the same in every version."""
    symbol = segno.make_qr("0", version=1, error=level, mask=mask, boost_error=False)
    modules = np.array(symbol.matrix, dtype=bool)
    return [*modules[8, :9].tolist(), *modules[:9, 8].tolist()]
