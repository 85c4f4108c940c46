"""Rectification: the picture of a QR code as if seen from straight ahead, and its modules."""

import cv2
import numpy as np

from stages.qr.image import grey
from stages.qr.locate import locate
from stages.qr.symbol import Symbol, dark, module_levels, variant

QUIET_ZONE = 4  # modules of margin around a rectified symbol; ISO/IEC 18004 asks for 4
# Modules; by the val part of the sample: from a half on, tilts that are left alone cost accuracy; below a quarter
# nothing more is gained. Corners of drawn codes are exact.
ASKEW = 0.25
MAX_RECTIFIED_SIDE = 2000  # pixels of a side of a rectified picture


def rectify(pixels: np.ndarray, found: list[Symbol] | None = None) -> np.ndarray:
    """The picture rectified: its one symbol straight and large.

    `pixels` uint8 (height, width) or (height, width, 3); `found`: the symbols in it, where they are
    known (None: they are located). A picture with no symbol or several comes back as it is; so does
    one whose symbol stands straight (no corner further than ASKEW from that) and takes at least half
    of its longer side. So a drawn code is left alone to the last pixel.
    """
    if found is None:
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

    `symbol.side` must be known. Modules keep their size in pixels, from 2 up to what MAX_RECTIFIED_SIDE allows.
    """
    modules = (symbol.side or 0) + 2 * QUIET_ZONE
    module_px = min(max(round(symbol.size / (symbol.side or 1)), 2), MAX_RECTIFIED_SIDE // modules)
    low, high = QUIET_ZONE * module_px, (modules - QUIET_ZONE) * module_px
    target = np.array([(low, low), (high, low), (high, high), (low, high)], np.float32)
    size = (modules * module_px, modules * module_px)
    matrix = cv2.getPerspectiveTransform(symbol.corners, target)
    return cv2.warpPerspective(pixels, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=(255, 255, 255))


def modules(picture: np.ndarray) -> np.ndarray | None:
    """The modules of the one QR code in grey pixels, rectified: bool (side, side), True where dark.

    None where there is none or several. A symbol in white on black, or mirrored, is turned back.
    """
    found = locate(picture)
    if len(found) != 1 or found[0].side is None:
        return None
    return modules_of(picture, found[0])


def modules_of(picture: np.ndarray, symbol: Symbol) -> np.ndarray:
    """The modules of `symbol`, whose side must be known, as `modules` has them."""
    seen = dark(module_levels(picture, symbol))
    inverted, mirrored = variant(seen, symbol.ec_level, symbol.mask)
    return (seen.T if mirrored else seen) ^ inverted
