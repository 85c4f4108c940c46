"""What a network takes: the shape of an input, and how one is made of a picture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Input:
    """What a network takes of a picture.

    `see(pixels, rectified)` makes it of `pixels`, uint8 (height, width) or (height, width, 3): an array of
    `dtype` and `shape`, or of (height, width) or (height, width, 3) where `shape` is (3, height, width); None
    where the picture does not show it. With `rectified` False the symbol is left as it lies. `values` are the
    lowest and the highest, `blank` is that of an input that says nothing. `note` is kept with the weights: a
    model with another note was trained on inputs made in another way. `picture`: it is one, which can be blurred
    or turned. `description` completes "it takes ..." for people. `needs` are the columns of the split table that
    have a value in the rows of the pictures that show it. Of symbols above version `whole_up_to` a part is cut off.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    values: tuple[int, int]
    blank: int
    picture: bool
    see: Callable[[np.ndarray, bool], np.ndarray | None]
    note: dict[str, Any]
    description: str
    needs: tuple[str, ...] = ()
    whole_up_to: int = 40
