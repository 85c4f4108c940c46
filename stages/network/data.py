"""Images as tensors: one item an image, decoded as the scan decoded it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from stages.common.artefacts import VIEW_CACHE
from stages.common.settings import CLASSES, Params
from stages.dataset.storage import read_pixels, stored_in
from stages.network.corruption import augment, check_augment
from stages.network.view import INPUT_SIDE, view
from stages.network.view_cache import Views


def as_tensor(pixels: np.ndarray) -> Tensor:
    """Pixels (224, 224) or (224, 224, 3) as a tensor (3, 224, 224) that shares their memory."""
    image = torch.from_numpy(pixels)
    return image.expand(3, INPUT_SIDE, INPUT_SIDE) if image.ndim == 2 else image.permute(2, 0, 1)


class Images(Dataset[tuple[Tensor, int]]):
    """The images of `rows` (columns SPLIT_COLUMNS), items ((3, 224, 224) uint8, class index).

    Decoded pixels are kept on disk up to `params.train.cache_mib` (see stages.network.view_cache), by the hash
    that the scan took of the file; what is not there is decoded. With `augmented`, each item is corrupted
    at random within `params.augment`, differently in each `epoch`, which the caller counts up. Raises StageError
    where `params.augment` names an unknown corruption or a severity out of range.
    """

    def __init__(self, rows: pd.DataFrame, params: Params, augmented: bool = False) -> None:
        self.folder = params.data.images
        self.stored = stored_in(rows)
        self.sha256 = rows["sha256"].tolist()
        self.labels = rows["label"].map({name: i for i, name in enumerate(CLASSES)}).tolist()
        self.max_pixels = params.scan.max_pixels
        self.views = Views(VIEW_CACHE, params.train.cache_mib) if params.train.cache_mib else None
        self.epoch = 0
        self.seed = params.train.seed
        self.augment = params.augment if augmented else {}
        check_augment(self.augment)

    def __len__(self) -> int:
        return len(self.stored)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels = self.views.get(self.sha256[index]) if self.views else None
        if pixels is None:
            pixels = view(read_pixels(self.folder, self.stored[index], self.max_pixels))
            if self.views:
                self.views.put(self.sha256[index], pixels)
        if self.augment:
            # A source of its own for each image and epoch: a resumed training corrupts as an undisturbed one.
            pixels = augment(pixels, self.augment, self.seed % 2**32, self.epoch, index)
        return as_tensor(pixels), self.labels[index]


class Batches(Sampler[list[int]]):
    """Indices of the rows of each batch that this process takes, of `size` rows over all processes.

    The processes of a training deal every batch among them, so that each row is taken once and the batches
    are the same whatever their number; `sizes` are those of whole batches. Shuffled by PyTorch's
    random state of the first process, in the order that DataLoader(shuffle=True) would give.
    """

    def __init__(self, rows: int, size: int, fabric: Fabric, shuffle: bool) -> None:
        self.rows, self.size, self.fabric, self.shuffle = rows, size, fabric, shuffle
        self.sizes = [min(size, rows - start) for start in range(0, rows, size)]
        if len(self.sizes) > 1 and self.sizes[-1] < fabric.world_size:
            self.sizes[-2:] = [sum(self.sizes[-2:])]  # else there would not be a row for every process

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[list[int]]:
        order = torch.arange(self.rows)
        if self.shuffle:
            seed = self.fabric.broadcast(int(torch.empty((), dtype=torch.int64).random_()))
            order = torch.randperm(self.rows, generator=torch.Generator().manual_seed(seed))
        for batch in order.split(self.sizes):
            yield batch[self.fabric.global_rank :: self.fabric.world_size].tolist()
