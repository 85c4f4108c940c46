"""Images as tensors: one item an image, decoded as the scan decoded it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from stages.common.artefacts import VIEW_CACHE
from stages.common.cli import StageError
from stages.common.settings import CLASSES, Params
from stages.dataset.storage import read_pixels, stored_in
from stages.network.corruption import augment
from stages.network.input import Input
from stages.network.view_cache import Views


def stacked(seen: Sequence[np.ndarray], takes: Input) -> Tensor:
    """What `takes.see` made of pictures as a tensor (n, *takes.shape).

    Where all are grey pictures, whose three channels are one, it has that one: (n, 1, height, width). So less has to be
    copied, and moved to a GPU; `expand` makes three of it again.
    """
    tensors = [torch.from_numpy(one) for one in seen]
    if takes.picture:
        channels = 3 if any(one.ndim == 3 for one in tensors) else 1
        tensors = [one.permute(2, 0, 1) if one.ndim == 3 else one.expand(channels, -1, -1) for one in tensors]
    return default_collate(tensors)  # a process that loads ahead has it where the others see it


def visible(rows: pd.DataFrame, takes: Input) -> pd.DataFrame:
    """Those of `rows` (columns `takes.needs`) whose pictures show what a network `takes`."""
    return rows.dropna(subset=list(takes.needs))


class Images(Dataset[tuple[Tensor, int]]):
    """The images of `rows` (columns SPLIT_COLUMNS) as a network `takes` them, items (tensor, class index).

    An item is asked for by its position, or by (position, epoch); `batches`, or a DataLoader with `collate_fn=list`,
    asks for those of a batch at once. What was made of an image is kept on disk up to
    `params.train.cache_mib` (see stages.network.view_cache), by the hash that the scan took of the file; the rest is
    decoded. With `augmented`, each item is corrupted at random within `params.augment` (see `check_augment`),
    differently in each epoch.
    """

    def __init__(self, rows: pd.DataFrame, params: Params, takes: Input, augmented: bool = False) -> None:
        self.takes = takes
        self.folder = params.data.images
        self.stored = stored_in(rows)
        self.sha256 = rows["sha256"].tolist()
        self.labels = rows["label"].map({name: i for i, name in enumerate(CLASSES)}).tolist()
        self.max_pixels = params.scan.max_pixels
        self.views = Views(VIEW_CACHE, params.train.cache_mib, takes) if params.train.cache_mib else None
        self.seed = params.train.seed
        self.augment = {name: severity for name, severity in params.augment.items() if severity} if augmented else {}

    def __len__(self) -> int:
        return len(self.stored)

    def __getitem__(self, at: int | tuple[int, int]) -> tuple[Tensor, int]:
        inputs, labels = self.batch([at])
        return inputs[0].expand(self.takes.shape), int(labels[0])

    def batch(self, ats: Sequence[int | tuple[int, int]]) -> list[Tensor]:
        """What the images show, as `stacked` gives it, and their classes (n,)."""
        asked = [at if isinstance(at, tuple) else (at, 0) for at in ats]
        kept = self.views.get([self.sha256[index] for index, _ in asked]) if self.views else {}
        seen = [self._item(index, epoch, kept.get(self.sha256[index])) for index, epoch in asked]
        return [stacked(seen, self.takes), torch.tensor([self.labels[index] for index, _ in asked])]

    __getitems__ = batch  # as PyTorch's DataLoader asks for it

    def batches(self, size: int) -> "DataLoader[Any]":
        """All of them in their order, by batches of `size`."""
        return DataLoader(self, size, collate_fn=list)

    def _item(self, index: int, epoch: int, seen: np.ndarray | None) -> np.ndarray:
        if seen is None:
            seen = self._see(index)
            if self.views:
                self.views.put(self.sha256[index], seen)
        if self.augment:
            # A source of its own for each image and epoch: a resumed training sees what an undisturbed one sees.
            seen = augment(seen, self.augment, self.seed, epoch, index)
        return seen

    def _see(self, index: int) -> np.ndarray:
        seen = self.takes.see(read_pixels(self.folder, self.stored[index], self.max_pixels, self.sha256[index]), True)
        if seen is None:
            raise StageError(f"{self.stored[index].path} shows no {self.takes.name} any more; run `dvc repro`")
        return seen
