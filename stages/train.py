"""Train the network that params.yaml describes on the train part; keep the weights that were best on val.

    python -m stages.train     # the first GPU if there is one, else the CPU; killed, it goes on where it was
    dvc plots show             # the curves

`train.devices: 4` takes four devices of this machine, a process each. On several machines that share this
folder, on each of them (then `dvc commit train`):

    TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 torchrun --nnodes 2 --nproc-per-node 4 --max-restarts 3 \\
             --rdzv-backend c10d --rdzv-endpoint FIRST:29400 -m stages.train

`train.batch_size` stays that of all processes together. When a process dies, all start again after the last
whole epoch. (Without that variable they would look for each other at addresses of the first start.)

Writes models/model.safetensors (the weights of the epoch of lowest validation loss), reports/train/ (curves,
one value an epoch) and reports/train.json (the figures of that epoch). After every epoch the state of the
training goes to models/checkpoint.pt, and its best weights to a file beside it; both are deleted at the end.
"""

import os
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning_fabric import Fabric

from stages.common.artefacts import CHECKPOINT, MODEL, SPLITS, TRAIN_FIGURES, read_table
from stages.common.cli import run_stage, stdout
from stages.common.files import write_json
from stages.common.settings import Params, load_params
from stages.dataset.identity import data_sha256
from stages.network.allocator import keep_freed_memory
from stages.network.architecture import chosen
from stages.network.corruption import check_augment
from stages.network.data import Images, visible
from stages.network.device import choose_algorithms
from stages.network.trained import save_network
from stages.training.batches import Loader
from stages.training.checkpoint import Checkpoint, delete_checkpoint, fingerprint, recipe
from stages.training.fabric import make_fabric, start_processes
from stages.training.figures import Figures, figures
from stages.training.journal import Console, curves
from stages.training.passes import Diverged, Timed, train_epoch, validate_epoch
from stages.training.run import Run, new_run


def main() -> None:
    """Train for at most `train.epochs` epochs, from the checkpoint if there is one, and save the best of them."""
    params = load_params()
    takes = chosen(params.model)[0].input
    check_augment(params.augment, takes)
    rows = read_table(SPLITS)
    seen = visible(rows, takes)
    if params.train.devices > 1 and "WORLD_SIZE" not in os.environ:
        return start_processes(params.train, "stages.train")
    keep_freed_memory()
    choose_algorithms(params.train.deterministic)
    fabric, precision = make_fabric(params.train)
    fabric.launch()
    if fabric.is_global_zero:
        each = f"{fabric.world_size} processes, each on " if fabric.world_size > 1 else ""
        stdout.print(f"training on {each}{fabric.device}, precision {precision}")
        if lost := len(rows) - len(seen):
            stdout.print(f"{lost:,} of {len(rows):,} images do not show {takes.name}, and are left out")
        if cut := int((seen["version"] > takes.whole_up_to).sum()):
            stdout.print(
                f"{cut:,} of {len(seen):,} symbols are above version {takes.whole_up_to}: cut off where too long"
            )
    fabric.seed_everything(params.train.seed + fabric.global_rank, verbose=False)

    train_set = Images(seen[seen["part"] == "train"], params, takes, augmented=True)
    val_set = Images(seen[seen["part"] == "val"], params, takes)
    run = new_run(params, fabric, precision)
    try:
        fit(run, params, fabric, train_set, val_set)
        diverged = ""
    except Diverged as error:
        diverged = f"epoch {len(run.history) + 1}, {error}"
    if fabric.is_global_zero:
        keep(run, params, rows, figures(run, val_set.labels, diverged))


def fit(run: Run, params: Params, fabric: Fabric, train_set: Images, val_set: Images) -> None:
    """Train epoch after epoch, each in the curves, on the terminal and in a checkpoint. Raises Diverged."""
    settings, first = params.train, fabric.is_global_zero
    checkpoint = Checkpoint(start_of(params))
    resume(run, checkpoint, fabric)
    train = Loader(train_set, settings.batch_size, fabric, shuffle=True)
    val = Loader(val_set, settings.batch_size, fabric)
    console = Console(first, settings.epochs * len(train), len(run.history) * len(train))
    with curves(first) as log, console.bar, checkpoint:
        for epoch, scores in enumerate(run.history, 1):
            log(epoch, scores)
        while (epoch := len(run.history) + 1) <= settings.epochs and not run.stalled(settings.early_stopping):
            started = time.perf_counter()
            train.batch_sampler.epoch = epoch
            batches = Timed(train)
            scores = train_epoch(fabric, run.model, run.optimizer, batches, settings.gradient_clip, console.advance)
            spent = time.perf_counter() - started
            run.end_epoch(scores | validate_epoch(fabric, run.model, val))

            log(epoch, run.history[-1])
            if first:
                checkpoint.save(run.state_dict())
            console.tell(epoch, run.history[-1], len(train_set) / spent, batches.waited / spent)


def start_of(params: Params) -> str:
    """The fingerprint of what this training starts from."""
    files = [value for _, value in chosen(params.model)[1] if isinstance(value, Path)]
    return fingerprint(params, SPLITS, Path(__file__), *files)


def resume(run: Run, checkpoint: Checkpoint, fabric: Fabric) -> None:
    """Go on from the checkpoint where there is one of the same start."""
    state: dict[str, Any] | None = fabric.broadcast(checkpoint.load() if fabric.is_global_zero else None)
    if state:
        run.load_state_dict(state)
        if fabric.is_global_zero:
            stdout.print(f"going on after epoch {len(run.history)}, from {CHECKPOINT}; delete it to start over")


def keep(run: Run, params: Params, rows: pd.DataFrame, report: Figures) -> None:
    """Write the best weights and the figures, show them, and delete the checkpoint."""
    run.net.load_state_dict(run.best.weights)
    used = recipe(params) | {"split": {"by": params.split.by}}
    seen = sorted({int(version) for version in rows.loc[rows["part"] == "train", "version"].dropna()})
    facts = {
        "params": used,
        "data_sha256": data_sha256(rows),
        "versions": seen,
        "torch": torch.__version__.partition("+")[0],
    }
    save_network(MODEL, run.net, params.model, {**facts, "metrics": report})
    write_json(TRAIN_FIGURES, dict(report))
    delete_checkpoint()
    if "diverged" in report:
        stdout.print(f"the training diverged: {report['diverged']}")
    if "val_loss" in report:
        stdout.print(
            f"kept the weights of epoch {report['epoch']} of {report['epochs']}: validation loss "
            f"{report['val_loss']:.3f}, accuracy {report['val_accuracy']:.3f}, AUC {report['val_auc']:.3f}"
        )
    else:
        stdout.print("no epoch had a finite validation loss: kept the first weights")


if __name__ == "__main__":
    run_stage(main)
