"""What the network gets to see of a picture, for all who show it one, and without loading torch."""

import numpy as np

from stages.qr.image import square
from stages.qr.rectify import rectify

INPUT_SIDE = 224  # pixels of the square


def view(pixels: np.ndarray, rectified: bool = True) -> np.ndarray:
    """The square of SIDE pixels, in training, evaluation and use alike: uint8 (224, 224) or (224, 224, 3).

    `pixels` uint8 (height, width) or (height, width, 3). A tilted or small symbol is rectified
    (stages.qr.rectify.rectify), unless `rectified` is False.
    """
    return square(rectify(pixels) if rectified else pixels, INPUT_SIDE)
