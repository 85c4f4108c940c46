"""The decoder zbar, through the C functions that pyzbar binds.

`pyzbar.decode` computes convex hulls in Python, which takes as long as decoding a small picture, and raises ValueError
for a symbol whose orientation zbar does not know.
"""

from collections.abc import Iterator
from ctypes import string_at
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from stages.common.cli import StageError

GREY = int.from_bytes(b"Y800", "little")  # zbar's name for 8 bits of grey a pixel
ALL, PARTIAL, QR_CODE = 0, 1, 64  # zbar_symbol_type_t
ENABLE = 0  # zbar_config_t


class ZbarCode(NamedTuple):
    """A QR code as zbar reads it.

    `data`: its payload in UTF-8, re-encoded by zbar's own guess. `corners`: top left, top right, bottom
    right and bottom left of the symbol in whole pixels, float32 (4, 2); a mirrored one's run the other
    way round. `partial`: it is a part of a message in several symbols (structured append, ISO/IEC
    18004, 8), and `data` has a NUL for the parts that are elsewhere.
    """

    data: bytes
    corners: np.ndarray
    partial: bool


def require_zbar() -> None:
    """Raise StageError where the zbar library, which pyzbar binds, is not installed."""
    try:
        import pyzbar.wrapper  # noqa: F401
    except ImportError:
        raise StageError(
            "the zbar library is missing: `sudo apt-get install libzbar0` (Debian, Ubuntu), "
            "`brew install zbar` (macOS), or `make setup`"
        ) from None


def zbar_codes(picture: np.ndarray) -> list[ZbarCode]:
    """The QR codes that zbar reads in grey pixels, uint8 (height, width); none in white on black."""
    return [_code(symbol) for symbol in _symbols(picture)]


def zbar_partial(picture: np.ndarray) -> list[bool]:
    """`partial` of each of `zbar_codes`, where nothing else is asked for: a fifth of its time is for the rest."""
    return [symbol.contents.type == PARTIAL for symbol in _symbols(picture)]


def _symbols(picture: np.ndarray) -> Iterator[Any]:
    """Pointers to zbar's symbols, each good until the next one is asked for."""
    zbar = _zbar()
    height, width = picture.shape
    pixels = picture.tobytes()  # C gets their address, for which numpy takes longer than for a copy
    # A scanner of its own for each picture: zbar draws random numbers, and a kept one's go on.
    scanner, image = zbar.zbar_image_scanner_create(), zbar.zbar_image_create()
    try:
        if not (scanner and image):
            raise MemoryError("zbar")
        zbar.zbar_image_scanner_set_config(scanner, ALL, ENABLE, 0)
        zbar.zbar_image_scanner_set_config(scanner, QR_CODE, ENABLE, 1)
        zbar.zbar_image_set_format(image, GREY)
        zbar.zbar_image_set_size(image, width, height)
        zbar.zbar_image_set_data(image, pixels, len(pixels), None)
        if zbar.zbar_scan_image(scanner, image) < 0:
            raise RuntimeError("zbar cannot scan this picture")
        symbol = zbar.zbar_image_first_symbol(image)
        while symbol:
            yield symbol
            symbol = zbar.zbar_symbol_next(symbol)
    finally:
        zbar.zbar_image_destroy(image)
        zbar.zbar_image_scanner_destroy(scanner)


def _code(symbol: Any) -> ZbarCode:
    zbar = _zbar()
    data = string_at(zbar.zbar_symbol_get_data(symbol), zbar.zbar_symbol_get_data_length(symbol))
    count = zbar.zbar_symbol_get_loc_size(symbol)
    at = [(zbar.zbar_symbol_get_loc_x(symbol, i), zbar.zbar_symbol_get_loc_y(symbol, i)) for i in range(count)]
    # zbar names top left, bottom left, bottom right, top right.
    return ZbarCode(data, np.array(at, np.float32)[[0, -1, 2, 1]], symbol.contents.type == PARTIAL)


@cache
def _zbar() -> Any:
    """The functions, when they are first needed: without the zbar library pyzbar cannot be imported."""
    from pyzbar import wrapper

    return wrapper
