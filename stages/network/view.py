"""The square that a network for pictures takes. Imports no torch, so that worker processes start fast."""

import numpy as np

from stages.network.input import Input
from stages.qr.image import square
from stages.qr.rectify import rectify

INPUT_SIDE = 224  # pixels of the square
# ImageNet's channel means and standard deviations, as torchvision's pretrained models use them.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def view(pixels: np.ndarray, rectified: bool = True) -> np.ndarray:
    """The square of INPUT_SIDE pixels, in training, evaluation and use alike: uint8 (224, 224) or (224, 224, 3).

    `pixels` uint8 (height, width) or (height, width, 3). A tilted or small symbol is rectified,
    unless `rectified` is False; see stages.qr.rectify.rectify.
    """
    return square(rectify(pixels) if rectified else pixels, INPUT_SIDE)


PICTURE = Input(
    name="pixels",
    shape=(3, INPUT_SIDE, INPUT_SIDE),
    dtype="uint8",
    values=(0, 255),
    blank=255,
    picture=True,
    see=view,
    note={"side": INPUT_SIDE, "mean": list(MEAN), "std": list(STD), "padding": "white", "symbol": "rectified"},
    description=f"a picture of one QR code, rectified and fitted into {INPUT_SIDE} x {INPUT_SIDE} pixels",
)
