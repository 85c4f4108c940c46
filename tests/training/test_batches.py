from itertools import chain
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from stages.training.batches import Batches


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
