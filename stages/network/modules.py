"""What a network for symbols takes: the modules of the located symbol, with its data mask taken off.

Without the mask the same payload is the same modules, whichever of the eight masks its writer chose. Imports no
torch, so that worker processes start fast.
"""

from functools import cache

import numpy as np
import segno
from segno import consts

from stages.network.input import Input
from stages.qr.image import grey
from stages.qr.locate import locate
from stages.qr.rectify import modules_of

GRID_VERSION = 10  # the largest symbol version that is seen whole
GRID_SIDE = 17 + 4 * GRID_VERSION  # modules


def unmasked(pixels: np.ndarray, _: bool = True) -> np.ndarray | None:
    """The symbol's data modules without the data mask: int8 (57, 57), 1 dark, -1 light, 0 where there is none.

    `pixels` uint8 (height, width) or (height, width, 3), of a symbol that may be tilted, mirrored or inverted:
    the modules are those of the upright one, aligned at the top left. 0 also stands for function patterns, and for
    format and version information, which say nothing of the payload. Of symbols above GRID_VERSION the right and the
    bottom are cut off. None where there is not exactly one QR code whose version and mask are known.
    """
    picture = grey(pixels)
    found = locate(picture)
    if len(found) != 1 or found[0].version is None or found[0].mask is None:
        return None
    dark = modules_of(picture, found[0])
    values = np.where(dark ^ data_mask(found[0].mask, len(dark)), 1, -1).astype(np.int8)
    values[~data_modules(found[0].version)] = 0
    grid = np.zeros((GRID_SIDE, GRID_SIDE), np.int8)
    seen = values[:GRID_SIDE, :GRID_SIDE]
    grid[: len(seen), : len(seen)] = seen
    return grid


@cache
def data_modules(version: int) -> np.ndarray:
    """Where a symbol of `version`, 1..40, has its data and error correction: bool (side, side)."""
    kinds = segno.make_qr("0", version=version, boost_error=False, mask=0).matrix_iter(border=0, verbose=True)
    data = np.isin([list(row) for row in kinds], (consts.TYPE_DATA_DARK, consts.TYPE_DATA_LIGHT))
    data[8, -9] = True  # which segno 1.6 takes for format information
    return data


@cache
def data_mask(mask: int, side: int) -> np.ndarray:
    """The modules that data mask `mask`, 0..7, inverts (ISO/IEC 18004, 7.8.2, table 10): bool (side, side)."""
    i, j = np.indices((side, side))
    return (
        (i + j) % 2,
        i % 2,
        j % 3,
        (i + j) % 3,
        (i // 2 + j // 3) % 2,
        i * j % 2 + i * j % 3,
        (i * j % 2 + i * j % 3) % 2,
        ((i + j) % 2 + i * j % 3) % 2,
    )[mask] == 0


MODULES = Input(
    name="modules",
    shape=(GRID_SIDE, GRID_SIDE),
    dtype="int8",
    values=(-1, 1),
    blank=0,
    picture=False,
    see=unmasked,
    note={"side": GRID_SIDE, "mask": "removed", "aligned": "top left", "values": "dark 1, light -1, none 0"},
    description=(
        f"the data modules of one located QR code without their mask, in a square of {GRID_SIDE} x {GRID_SIDE} "
        f"(larger symbols than version {GRID_VERSION} are cut off)"
    ),
    needs=("version", "mask"),  # which a symbol has that zxing-cpp located
    whole_up_to=GRID_VERSION,
)
