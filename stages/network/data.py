"""Images as tensors: one item an image, decoded as the scan decoded it."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from stages.common.cli import StageError
from stages.common.settings import CLASSES, Params
from stages.network.size import SIDE
from stages.qr.damage import augment
from stages.qr.image import UnusableImageError, decode, square
from stages.qr.locate import upright


def as_input(pixels: np.ndarray, straighten: bool = True) -> Tensor:
    """What the network gets to see of a picture, in training, evaluation and use alike: uint8 (3, 224, 224).

    `pixels` uint8 (height, width) or (height, width, 3). A tilted or small symbol is set upright,
    unless `straighten` is False; see stages.qr.locate.upright.
    """
    return as_tensor(square(upright(pixels) if straighten else pixels, SIDE))


def as_tensor(pixels: np.ndarray) -> Tensor:
    """Pixels (224, 224) or (224, 224, 3) as a tensor (3, 224, 224) that shares their memory."""
    image = torch.from_numpy(pixels)
    return image.expand(3, SIDE, SIDE) if image.ndim == 2 else image.permute(2, 0, 1)


class Images(Dataset[tuple[Tensor, int]]):
    """The images of `rows` (columns path and label), items ((3, 224, 224) uint8, class index).

    Decoded pixels are kept in memory up to `params.train.cache_mib`; images that do not fit are decoded
    each time. A grey image takes 50 kB there, a coloured one 150 kB. With `augmented`, each item is
    damaged at random within `params.augment`, differently in each `epoch`, which the caller counts up.
    """

    def __init__(self, rows: pd.DataFrame, params: Params, augmented: bool = False) -> None:
        self.folder = params.data.images
        self.paths = rows["path"].tolist()
        self.labels = rows["label"].map({name: i for i, name in enumerate(CLASSES)}).tolist()
        self.max_pixels = params.scan.max_pixels
        self.free = params.train.cache_mib * 2**20
        self.kept: dict[int, np.ndarray] = {}
        self.epoch = 0
        self.seed = params.train.seed
        largest = params.augment.model_dump() if augmented else {}
        self.damages = {name: strength for name, strength in largest.items() if strength}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels = self.kept.get(index)
        if pixels is None:
            pixels = square(upright(self._decode(self.folder / self.paths[index])), SIDE)
            if pixels.nbytes <= self.free:
                self.free -= pixels.nbytes
                self.kept[index] = pixels
        if self.damages:
            # A source of its own for each image and epoch: a resumed training damages as an undisturbed one.
            rng = np.random.default_rng((self.seed % 2**32, self.epoch, index))
            pixels = augment(pixels, self.damages, rng)
        return as_tensor(pixels), self.labels[index]

    def _decode(self, path: Path) -> np.ndarray:
        try:
            return decode(path.read_bytes(), self.max_pixels).pixels
        except (OSError, UnusableImageError) as error:
            raise StageError(f"{path} has changed since it was scanned ({error}); run `dvc repro`") from None
