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
from stages.qr.image import UnusableImageError, decode, square


class Images(Dataset[tuple[Tensor, int]]):
    """The images of `rows` (columns path and label), items ((3, 224, 224) uint8, class index).

    Decoded pixels are kept in memory up to `params.train.cache_mib`; images that do not fit are decoded
    each time. A grey image takes 50 kB there, a coloured one 150 kB.
    """

    def __init__(self, rows: pd.DataFrame, params: Params) -> None:
        self.folder = params.data.images
        self.paths = rows["path"].tolist()
        self.labels = rows["label"].map({name: i for i, name in enumerate(CLASSES)}).tolist()
        self.max_pixels = params.scan.max_pixels
        self.free = params.train.cache_mib * 2**20
        self.kept: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels = self.kept.get(index)
        if pixels is None:
            pixels = square(self._decode(self.folder / self.paths[index]), SIDE)
            if pixels.nbytes <= self.free:
                self.free -= pixels.nbytes
                self.kept[index] = pixels
        image = torch.from_numpy(pixels)
        image = image.expand(3, SIDE, SIDE) if image.ndim == 2 else image.permute(2, 0, 1)
        return image, self.labels[index]

    def _decode(self, path: Path) -> np.ndarray:
        try:
            return decode(path.read_bytes(), self.max_pixels).pixels
        except (OSError, UnusableImageError) as error:
            raise StageError(f"{path} has changed since it was scanned ({error}); run `dvc repro`") from None
