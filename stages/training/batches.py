"""Which images make a batch, and which of them a process takes."""

from collections.abc import Iterator
from typing import Any

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Sampler

from stages.common.workers import cores
from stages.network.data import Images


class Batches(Sampler[list[tuple[int, int]]]):
    """(position, epoch) of the rows of each batch that this process takes, of `size` rows over all processes.

    The processes of a training split every batch, so that each row is taken once and the batches are the same
    whatever the number of processes; `sizes` are those of whole batches. Shuffled by PyTorch's random state of the
    first process, in the order that DataLoader(shuffle=True) would give. The epoch, which the caller sets, travels
    with the position: processes that load images ahead have copies of the dataset, and would not notice a change.
    """

    def __init__(self, rows: int, size: int, fabric: Fabric, shuffle: bool) -> None:
        self.rows, self.size, self.fabric, self.shuffle = rows, size, fabric, shuffle
        self.epoch = 0
        self.sizes = [min(size, rows - start) for start in range(0, rows, size)]
        if len(self.sizes) > 1 and self.sizes[-1] < fabric.world_size:
            self.sizes[-2:] = [sum(self.sizes[-2:])]  # else there would not be a row for every process

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = torch.arange(self.rows)
        if self.shuffle:
            seed = self.fabric.broadcast(int(torch.empty((), dtype=torch.int64).random_()))
            order = torch.randperm(self.rows, generator=torch.Generator().manual_seed(seed))
        for batch in order.split(self.sizes):
            own = batch[self.fabric.global_rank :: self.fabric.world_size].tolist()
            yield [(position, self.epoch) for position in own]


def loader(images: Images, batch_size: int, fabric: Fabric, shuffle: bool = False) -> Any:
    """Batches for this process, on its device; for a GPU loaded ahead by others, for which a CPU has no core left."""
    batches = Batches(len(images), batch_size, fabric, shuffle)
    workers = 0 if fabric.device.type == "cpu" else min(cores() // fabric.world_size, 8)
    plain = DataLoader(images, batch_sampler=batches, num_workers=workers, pin_memory=workers > 0)
    return fabric.setup_dataloaders(plain, use_distributed_sampler=False)
