"""What a network for symbols takes: the data modules of the located symbol, without its mask, in the order of its bits.

Without the mask the same payload is the same modules, whichever of the eight masks its writer chose; in their order
it stands in the same way in symbols of any version and level. Imports no torch, so that worker processes start fast.
"""

from functools import cache
from typing import Any

import numpy as np
import segno
from segno import consts

from stages.network.input import Input
from stages.qr.image import grey
from stages.qr.locate import locate
from stages.qr.rectify import modules_of

MODE_BITS = 4
TIMING = 6  # the column of the vertical timing pattern, which is skipped
WHOLE_UP_TO = 10  # the largest symbol version that is seen whole, whatever its error correction
BYTES = 276  # of the data that are seen; version 10-L has 274 codewords


def data_bits(pixels: np.ndarray, _: bool = True) -> np.ndarray | None:
    """The modules of a symbol's data in the order of its bits: int8 (8, BYTES), 1 dark, -1 light, 0 where it ends.

    `pixels` uint8 (height, width) or (height, width, 3), of a symbol that may be tilted, mirrored or inverted.
    The modules are read without the data mask, codeword by codeword and block by block (ISO/IEC 18004, 7.6 and 7.7),
    without the mode indicator of four bits: so a column is a byte of a payload in byte mode, most significant bit
    first, after one or two that count them. Nothing is corrected, and what says nothing of the payload (function
    patterns, format, version, error correction) is not there. Of data longer than BYTES the end is cut off. None
    where there is not exactly one QR code whose version, level and mask are known.
    """
    picture = grey(pixels)
    found = locate(picture)
    if len(found) != 1 or found[0].version is None or found[0].ec_level is None or found[0].mask is None:
        return None
    dark = modules_of(picture, found[0])
    plain = (dark ^ data_mask(found[0].mask, len(dark))).ravel()
    seen = plain[data_order(found[0].version, found[0].ec_level)][MODE_BITS:][: 8 * BYTES]
    bits = np.zeros(8 * BYTES, np.int8)
    bits[: len(seen)] = np.where(seen, 1, -1)
    return np.ascontiguousarray(bits.reshape(BYTES, 8).T)


@cache
def data_order(version: int, ec_level: str) -> np.ndarray:
    """Where the bits of a symbol's data stand, in their order: indices of its modules row by row, int64 (bits,)."""
    codewords = placement(version)[: _codewords(version) * 8].reshape(-1, 8)
    lengths = [one.num_data for one in _blocks(version, ec_level) for _ in range(one.num_blocks)]
    # The first codewords of all blocks come first, then all second ones: 7.6, step 3.
    turns = [(at, block) for at in range(max(lengths)) for block, length in enumerate(lengths) if at < length]
    place = dict(zip(turns, codewords, strict=False))
    return np.concatenate([place[at, block] for block, length in enumerate(lengths) for at in range(length)])


@cache
def placement(version: int) -> np.ndarray:
    """Modules of data and error correction in the order of 7.7.3: indices row by row, int64 (modules,)."""
    data = data_modules(version)
    side = len(data)
    pairs = [right for right in range(side - 1, 0, -2) if right > TIMING] + list(range(TIMING - 1, 0, -2))
    order = []
    for turn, right in enumerate(pairs):  # up and down in turn, in columns of two modules
        rows = range(side) if turn % 2 else range(side - 1, -1, -1)
        order += [row * side + column for row in rows for column in (right, right - 1) if data[row, column]]
    return np.array(order)


def _blocks(version: int, ec_level: str) -> tuple[Any, ...]:
    """Table 9: of each kind of block num_blocks, num_total and num_data."""
    table: Any = consts.ECC  # whose types are not known
    return table[version][getattr(consts, f"ERROR_LEVEL_{ec_level}")]


def _codewords(version: int) -> int:
    return sum(one.num_blocks * one.num_total for one in _blocks(version, "L"))


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
    shape=(8, BYTES),
    dtype="int8",
    values=(-1, 1),
    blank=0,
    picture=False,
    see=data_bits,
    note={"bytes": BYTES, "mask": "removed", "order": "data codewords", "values": "dark 1, light -1, none 0"},
    description=(
        f"the data modules of one located QR code without their mask, in the order of its codewords: 8 x {BYTES} "
        f"(of symbols above version {WHOLE_UP_TO} what does not fit is cut off)"
    ),
    needs=("version", "mask"),  # which a symbol has that zxing-cpp located
    whole_up_to=WHOLE_UP_TO,
)
