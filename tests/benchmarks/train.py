"""Training on this machine: end to end against plain loops, waiting for images, share of what its arithmetic allows."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stages.common.artefacts import SPLITS, VIEW_CACHE
from stages.common.settings import load_params
from tests.benchmarks.data import sample_project
from tests.benchmarks.measure import Options, Row, Run, compare, in_turn, process
from tests.helpers import set_params

SPEED = re.compile(r"([\d,.]+) images/s(?:, +([\d.]+) ?% waiting)?")


@dataclass(frozen=True)
class Training:
    """What a training showed: images a second over all epochs, the process's seconds, AUC on val, share of waiting."""

    speed: float
    seconds: float
    auc: float
    waiting: float | None = None
    precision: str = "32"


def train(options: Options) -> Iterator[Row]:
    """`stages.train` against the same training written plainly, on the same split; the seed is another each round."""
    folder = sample_project(options.per_class, options.folder / "train")
    set_params(folder, {"train.epochs": options.epochs, "train.device": "cpu"})
    link_parts(folder)
    runs = in_turn(
        {
            "stages.train": lambda number: ours(folder, number),
            "plain loop": lambda number: plain(folder, "dataset", number),
            "ImageFolder, 2 workers": lambda number: plain(folder, "imagefolder", number),
        },
        options.seeds,
    )
    reach = {"plain loop": ">= 4"}
    images = int((pd.read_parquet(folder / SPLITS)["part"] == "train").sum())
    note = {"stages.train": f"{images:,} images, {options.epochs} epochs, loading included"}
    yield from compare(
        "train, steps", "images/s", {n: [r.speed for r in each] for n, each in runs.items()}, reach, note
    )
    yield from compare("train, whole process", "s", {n: [r.seconds for r in each] for n, each in runs.items()})
    auc = {name: [run.auc for run in each] for name, each in runs.items()}
    for name, values in auc.items():
        apart = f"mean {np.mean(values):.4f}, {np.mean(auc['stages.train']) - np.mean(values):+.4f} for ours"
        within = "within 0.01" if name != "stages.train" else ""
        yield from compare("train, AUC on val", "AUC", {name: values}, {name: within}, {name: apart})
    waiting = [run.waiting for run in runs["stages.train"] if run.waiting is not None]
    if waiting:
        yield from compare("train, waiting for images", "%", {"stages.train": waiting}, {"stages.train": "< 5"})
    yield from ceiling(folder, [run.speed for run in runs["stages.train"]], runs["stages.train"][0].precision)


def ours(folder: Path, number: int) -> Training:
    """`python -m stages.train` with the seed of round `number`."""
    set_params(folder, {"train.seed": 7 + number})
    run = first_training(folder)
    speeds = rates(run.output)
    waits = [float(found[2]) for found in SPEED.finditer(run.output) if found[2]]
    auc = json.loads((folder / "reports/train.json").read_text())["val_auc"]
    precision = re.findall(r"precision (\w+)", run.output)[0]
    # Every epoch has the same number of images, so that of all of them is the harmonic mean.
    speed = len(speeds) / sum(1 / speed for speed in speeds)
    return Training(speed, run.seconds, auc, float(np.mean(waits)) if waits else None, precision)


def first_training(folder: Path) -> Run:
    """`python -m stages.train` without the decoded images that earlier trainings have left."""
    for file in (folder / VIEW_CACHE.parent).glob(f"{VIEW_CACHE.name}*"):
        file.unlink()
    return process("-m", "stages.train", folder=folder)


def rates(output: str) -> list[float]:
    """Images a second in each epoch, by what stages.train printed."""
    return [float(found[1].replace(",", "")) for found in SPEED.finditer(output)]


def plain(folder: Path, kind: str, number: int) -> Training:
    """The plain training with the same seed; of its epochs that of lowest loss on val, as in stages.train."""
    set_params(folder, {"train.seed": 7 + number})
    run = process("-m", "tests.benchmarks.plain_training", kind, folder=folder)
    epochs = [json.loads(line) for line in run.output.splitlines() if line.startswith('{"images')]
    speed = len(epochs) / sum(1 / epoch["images_per_second"] for epoch in epochs)
    return Training(speed, run.seconds, min(epochs, key=lambda epoch: epoch["val_loss"])["val_auc"])


def link_parts(folder: Path) -> None:
    """data/parts/PART/LABEL/, as ImageFolder wants its images."""
    for row in pd.read_parquet(folder / SPLITS).itertuples():
        target = folder / "data/parts" / str(row.part) / str(row.label)
        target.mkdir(parents=True, exist_ok=True)
        (target / Path(str(row.path)).name).hardlink_to(folder / "data/images" / str(row.path))


def ceiling(folder: Path, speeds: list[float], precision: str) -> Iterator[Row]:
    """GFLOP/s of large matrix products here, and the share of it that the steps of stages.train reach."""
    import torch

    limits = {name: products(kind) for name, kind in (("32", torch.float32), ("bf16", torch.bfloat16))}
    for name, values in limits.items():
        yield from compare("matrix products", "GFLOP/s", {f"precision {name}": values})
    step = flop(folder)
    limit = float(np.median(limits.get(precision, limits["32"])))
    shares = [100 * speed * step / 1e9 / limit for speed in speeds]
    note = f"of the matrix products in precision {precision}; {step / 1e9:.2f} GFLOP an image"
    yield from compare("train, share of ceiling", "%", {"stages.train": shares}, notes={"stages.train": note})


def products(kind: "torch.dtype", side: int = 2048, rounds: int = 9) -> list[float]:  # type: ignore[name-defined]  # noqa: F821
    """GFLOP/s of a product of two square matrices, one a round."""
    import torch

    one, other = torch.randn(side, side).to(kind), torch.randn(side, side).to(kind)
    torch.mm(one, other)
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        torch.mm(one, other)
        found.append(2 * side**3 / (time.perf_counter() - started) / 1e9)
    return found


def flop(folder: Path, batch: int = 32) -> float:
    """Floating-point operations of a training step, for each image of its batch."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from stages.training.run import new_network

    net = new_network(load_params(folder / "params.yaml").model)
    with FlopCounterMode(display=False) as counter:
        net(torch.zeros(batch, 3, 224, 224, dtype=torch.uint8)).sum().backward()
    return counter.get_total_flops() / batch
