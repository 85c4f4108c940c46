"""Symbols that a program has drawn, and that nothing has touched since: whole pixels a module, two grey levels.

Of these the modules are known without looking for them, so that both decoders take a fraction of the time,
and size, colours and a missing margin make no difference to them.
"""

from math import gcd
from typing import NamedTuple

import cv2
import numpy as np

FINDER = np.pad(np.pad(np.ones((3, 3), bool), 1), 1, constant_values=True).tobytes()  # ISO/IEC 18004, 5.3.2
CORNERS = ((slice(None, 7), slice(None, 7)), (slice(None, 7), slice(-7, None)),
           (slice(-7, None), slice(-7, None)), (slice(-7, None), slice(None, 7)))  # fmt: skip


class Drawn(NamedTuple):
    """A symbol that fills a picture but for its margin.

    `levels`: the grey level of each module, uint8 (side, side), turned so that the corner without a finder pattern is
    at the lower right. `black_on_white`: the same with 0 for its ink and 255 for its paper, whichever is darker.
    `corners`: its top left, top right, bottom right and bottom left in the picture in pixels, float32 (4, 2).
    `module_px`: pixels a module.
    """

    levels: np.ndarray
    black_on_white: np.ndarray
    corners: np.ndarray
    module_px: int


def drawn_symbol(picture: np.ndarray) -> Drawn | None:
    """The one symbol that grey pixels, uint8 (height, width), are a drawing of; None for all other pictures."""
    height, width = picture.shape
    at_corners = [picture.item(place) for place in ((0, 0), (0, -1), (-1, 0), (-1, -1))]
    if (
        max(map(at_corners.count, at_corners)) < 3
    ):  # those of the margin are alike, or else those of the finder patterns
        return None
    x, y, across, down = cv2.boundingRect((picture != at_corners[0]).view(np.uint8))
    found = None
    if across == down and across >= 21:
        found = _in_box(picture, x, y, across)
    if found is None and height == width and height >= 21:  # without a margin, the pixel at the top left is ink
        found = _in_box(picture, 0, 0, height)
    return found


def _in_box(picture: np.ndarray, x: int, y: int, size: int) -> Drawn | None:
    box = picture[y : y + size, x : x + size]
    edges = np.flatnonzero(box[0, 1:] != box[0, :-1]) + 1
    if not len(edges):
        return None
    module_px = gcd(size, *edges.tolist())  # the first row has a finder pattern: 7 modules alike, then another
    side, rest = divmod(size, module_px)
    if rest or side % 4 != 1 or not 21 <= side <= 177:
        return None
    levels = np.ascontiguousarray(box[::module_px, ::module_px])
    one, other = int(box[0, 0]), int(box[0, edges[0]])
    dark = levels == min(one, other)
    turns, inverted = _turns(dark), False
    if turns is None:
        turns, inverted = _turns(~dark), True
    if turns is None or np.count_nonzero(dark) + np.count_nonzero(levels == max(one, other)) < levels.size:
        return None
    whole = levels.repeat(module_px, axis=1).repeat(module_px, axis=0)
    if cv2.norm(whole, box, cv2.NORM_INF) > 0:
        return None
    black_on_white = (dark ^ inverted).view(np.uint8) - np.uint8(1)  # 1 - 1 = 0 for ink, 0 - 1 = 255 for paper
    corners = [(x, y), (x + size, y), (x + size, y + size), (x, y + size)]
    return Drawn(
        np.rot90(levels, turns),
        np.ascontiguousarray(np.rot90(black_on_white, turns)),
        np.array(corners[turns:] + corners[:turns], np.float32),
        module_px,
    )


def _turns(dark: np.ndarray) -> int | None:
    """Quarter turns to the left that bring the corner without a finder pattern to the lower right."""
    missing = [i for i, corner in enumerate(CORNERS) if dark[corner].tobytes() != FINDER]
    return (missing[0] - 2) % 4 if len(missing) == 1 else None
