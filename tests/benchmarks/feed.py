"""How fast images reach a training from a full cache, without a network to take them."""

import time
from collections.abc import Iterator
from contextlib import chdir
from functools import partial
from hashlib import sha256
from pathlib import Path

import pandas as pd
import psutil

from stages.common.settings import load_params
from tests.benchmarks.data import name, scan_project
from tests.benchmarks.measure import Options, Row, compare, in_turn


def feed(options: Options) -> Iterator[Row]:
    """Images a second that stages.training.batches.Loader gives, in this process and with two that load ahead."""
    import torch

    from stages.network.data import Images
    from stages.network.view import PICTURE

    torch.set_num_threads(1)  # as in the processes that load: more only wait for one another on a busy machine
    project = scan_project(options.images, options.pictures, options.folder / "feed")
    with chdir(project):
        images = Images(rows(project / "data/images", options.images), load_params(), PICTURE)
        passes(images, 0, 256)(0)  # which fills the cache
        work = {
            f"{workers or 'no'} processes, batches of {size}": passes(images, workers, size)
            for workers, size in ((2, 256), (2, 32), (0, 32))
        }
        for one in work.values():
            one(0)  # which starts its processes
        reach = dict.fromkeys(list(work)[:1], ">= 20,000")
        for what, found in in_turn(work, options.rounds).items():
            yield from compare("feed", "images/s", {what: [speed for speed, _ in found]}, reach)
            yield from compare("feed, processor time", "us", {what: [spent for _, spent in found]})


def rows(folder: Path, count: int) -> pd.DataFrame:
    """The columns that loading takes, of the first `count` pictures."""
    paths = [name(number) for number in range(count)]
    hashes = [sha256((folder / path).read_bytes()).hexdigest() for path in paths]
    return pd.DataFrame({"path": paths, "label": [path.partition("/")[0] for path in paths], "sha256": hashes})


def passes(images: "Images", workers: int, size: int) -> "partial[tuple[float, float]]":  # type: ignore[name-defined]  # noqa: F821
    """A function that makes one more pass, shuffled, and measures it."""
    from lightning_fabric import Fabric

    from stages.training.batches import Loader

    return partial(measure, Loader(images, size, Fabric(accelerator="cpu"), shuffle=True, workers=workers))


def measure(loader: "Loader", _: int) -> tuple[float, float]:  # type: ignore[name-defined]  # noqa: F821
    """Images a second of one pass, and microseconds of all cores for each image."""
    before, started = spent(), time.perf_counter()
    count = sum(len(labels) for _, labels in loader)
    seconds = time.perf_counter() - started
    return count / seconds, (spent() - before) / count * 1e6


def spent() -> float:
    """Processor time of this process and its children so far, in seconds."""
    this = psutil.Process()
    return sum(sum(one.cpu_times()[:2]) for one in (this, *this.children()))
