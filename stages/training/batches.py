"""Which images make a batch, and which of them a process takes."""

import signal
from collections.abc import Iterator

import cv2
import torch
from lightning_fabric import Fabric
from torch import Tensor
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


class Loader:
    """The batches of `images` for this process, pass after pass: uint8 or int8 (n, *takes.shape), and classes (n,).

    Both are on its device. For a GPU, other processes load them ahead and stay from pass to pass; a CPU has no core
    left for such (`workers`). What is loaded is the same.
    """

    def __init__(
        self, images: Images, size: int, fabric: Fabric, shuffle: bool = False, workers: int | None = None
    ) -> None:
        self.device, self.shape = fabric.device, images.takes.shape
        on_gpu = self.device.type == "cuda"
        if workers is None:
            workers = 0 if self.device.type == "cpu" else min(cores() // fabric.world_size, 8)
        if workers:
            # The processes are the parallelism. Set here, since OpenCV waits for ever for its threads in a forked one.
            cv2.setNumThreads(1)
        self.batch_sampler = Batches(len(images), size, fabric, shuffle)
        self.batches = DataLoader(
            images,
            batch_sampler=self.batch_sampler,
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=_start,
            collate_fn=list,
            pin_memory=on_gpu,
            generator=torch.Generator(),
        )
        self.copies = torch.cuda.Stream(self.device) if on_gpu else None

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # DataLoader draws a number where it starts its workers, hence not in each pass of those that stay. Drawn here,
        # the random state after a pass is the same whether there are any, and whether the training was resumed.
        torch.empty((), dtype=torch.int64).random_()
        for batch in self.batches:
            inputs, labels = self._moved(batch)
            yield inputs.expand(-1, *self.shape), labels

    def _moved(self, batch: list[Tensor]) -> list[Tensor]:
        """`batch` on the device, copied while a GPU still computes the steps before."""
        if self.copies is None:
            return [one.to(self.device) for one in batch]
        with torch.cuda.stream(self.copies):
            moved = [one.to(self.device, non_blocking=True) for one in batch]
        computing = torch.cuda.current_stream(self.device)
        computing.wait_stream(self.copies)
        for one in moved:
            one.record_stream(computing)  # or its memory might be given to a later copy while it is still read
        return moved


def _start(_: int) -> None:
    """What a process that loads images does first. That it ends with its parent, within seconds, PyTorch sees to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; only the parent answers it
    cv2.setNumThreads(1)  # where it was not forked
