from hashlib import sha256
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from stages.common.settings import load_params
from stages.network.data import Images
from stages.network.view import PICTURE
from stages.training.batches import Batches, Loader
from tests.helpers import draw_qr


def shares(rows: int, size: int, processes: int, shuffle: bool) -> list[list[list[int]]]:
    """The batches of each process."""
    found = []
    for rank in range(processes):
        fabric: Any = SimpleNamespace(world_size=processes, global_rank=rank, broadcast=lambda seed: seed)
        torch.manual_seed(5)  # what rank 0 draws is broadcast to all
        batches = Batches(rows, size, fabric, shuffle)
        batches.epoch = 3
        found.append([[position for position, _ in batch] for batch in batches])
        assert {epoch for batch in batches for _, epoch in batch} == {3}
    return found


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("rows", "size"), [(10, 4), (12, 4), (9, 4), (3, 8)])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_split_every_batch(rows: int, size: int, processes: int, shuffle: bool) -> None:
    (alone,), several = shares(rows, size, 1, shuffle), shares(rows, size, processes, shuffle)
    assert sorted(chain(*alone)) == list(range(rows))
    assert len({len(batches) for batches in several}) == 1
    together = [[i for share in batch for i in share] for batch in zip(*several, strict=True)]
    assert sorted(chain(*together)) == list(range(rows))
    assert all(batch for batches in several for batch in batches)
    if rows % size == 0 or rows % size >= processes:
        assert [sorted(batch) for batch in together] == [sorted(batch) for batch in alone]


def test_alone_it_is_the_order_of_a_shuffling_loader() -> None:
    fabric: Any = SimpleNamespace(world_size=1, global_rank=0, broadcast=lambda seed: seed)
    numbers: Any = range(100)
    items: Any = {(number, 0): number for number in numbers}
    ours: Any = DataLoader(items, batch_sampler=Batches(100, 8, fabric, shuffle=True))
    theirs: Any = DataLoader(numbers, 8, shuffle=True)
    orders = []
    for loader in (ours, theirs):
        torch.manual_seed(3)
        orders.append([batch.tolist() for _ in range(2) for batch in loader])
    assert orders[0] == orders[1]


@pytest.fixture
def images(project: Path) -> Images:
    """Ten of them, which noise corrupts."""
    files = [draw_qr(project / f"data/images/{i}.png", f"https://a{i}.example/") for i in range(10)]
    hashes = [sha256(file.read_bytes()).hexdigest() for file in files]
    rows = pd.DataFrame({"path": [file.name for file in files], "label": ["benign", "malicious"] * 5, "sha256": hashes})
    return Images(rows, load_params().model_copy(update={"augment": {"noise": 30.0}}), PICTURE, augmented=True)


def passes(images: Images, workers: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    """The pixels, then the classes, of each batch of two epochs; and PyTorch's random state after them."""
    loader = Loader(images, 4, Fabric(accelerator="cpu"), shuffle=True, workers=workers)
    torch.manual_seed(3)
    found = []
    for epoch in (1, 2):
        loader.batch_sampler.epoch = epoch
        found += [tensor.clone() for batch in loader for tensor in batch]
    return found, torch.get_rng_state()


def test_processes_that_load_ahead_and_stay_change_nothing(images: Images) -> None:
    (alone, state), (together, other) = (passes(images, workers) for workers in (0, 2))
    assert all(map(torch.equal, alone, together)) and len(alone) == len(together) == 12
    assert torch.equal(state, other)
    assert alone[0].shape == (4, *PICTURE.shape)


def test_they_see_another_corruption_in_every_epoch(images: Images) -> None:
    loader = Loader(images, 10, Fabric(accelerator="cpu"), workers=1)  # in the order of the table
    seen = []
    for epoch in (1, 2, 1):
        loader.batch_sampler.epoch = epoch
        seen.append(next(iter(loader))[0].clone())
    assert torch.equal(seen[0], seen[2])
    assert not any(torch.equal(one, other) for one, other in zip(seen[0], seen[1], strict=True))


class Threads:
    """Images whose only batch says how many threads OpenCV may use."""

    takes = SimpleNamespace(shape=())

    def __len__(self) -> int:
        return 1

    def __getitems__(self, _: list[tuple[int, int]]) -> list[torch.Tensor]:
        return [torch.tensor([cv2.getNumThreads()]), torch.zeros(1)]


def test_they_use_one_thread_each() -> None:
    images: Any = Threads()
    cv2.setNumThreads(4)
    cv2.GaussianBlur(np.zeros((2000, 2000), np.uint8), (31, 31), 5)  # now those threads run, here but in no fork
    assert [batch[0].tolist() for batch in Loader(images, 1, Fabric(accelerator="cpu"), workers=1)] == [[1]]
