"""Train the network that params.yaml describes on the train part; keep the weights that were best on val.

    python -m stages.train     # the first GPU if there is one, else the CPU; killed, it goes on where it was
    dvc plots show             # the curves

`train.devices: 4` takes four devices of this machine, a process each. On several machines that share this
folder, on each of them (then `dvc commit train`):

    TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 torchrun --nnodes 2 --nproc-per-node 4 --max-restarts 3 \\
             --rdzv-backend c10d --rdzv-endpoint FIRST:29400 -m stages.train

Writes models/model.safetensors (the epoch of lowest validation loss, with its temperature and
threshold), reports/train/ (curves, one value an epoch) and reports/train.json (the figures of that
epoch). After every epoch the state of the training goes to models/checkpoint.pt, which is deleted
at the end.
"""

import hashlib
import math
import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from dvclive import Live
from lightning.fabric import Fabric
from torch.utils.data import DataLoader

from stages.common.artefacts import CHECKPOINT, CURVES, MODEL, SPLITS, TRAIN_FIGURES, read_table
from stages.common.cli import progress, run_stage, stdout
from stages.common.files import write_json
from stages.common.settings import Params, load_params
from stages.network.allocator import keep_freed_memory
from stages.network.data import Images
from stages.network.model import QRNet
from stages.network.trained import save_trained
from stages.training import checkpoint
from stages.training.fabric import make_fabric, start_processes
from stages.training.passes import Timed, calibrated, loader, train_epoch, validate_epoch


def main() -> None:
    """Train for `train.epochs` epochs, from the checkpoint if there is one, and save the best of them."""
    params = load_params()
    settings = params.train
    rows = read_table(SPLITS)
    if settings.devices > 1 and "WORLD_SIZE" not in os.environ:
        return start_processes(settings.devices, "stages.train")
    keep_freed_memory()
    fabric, precision = make_fabric(settings)
    fabric.launch()
    first = fabric.is_global_zero
    if first:
        each = f"{fabric.world_size} processes, each on " if fabric.world_size > 1 else ""
        stdout.print(f"training on {each}{fabric.device}, precision {precision}")
    fabric.seed_everything(settings.seed + fabric.global_rank, verbose=False)

    train_set = Images(rows[rows["part"] == "train"], params, augmented=True)
    val_set = Images(rows[rows["part"] == "val"], params)
    train, val = loader(train_set, settings.batch_size, fabric, True), loader(val_set, settings.batch_size, fabric)
    net, model, optimizer, scheduler = build(params, fabric, precision)
    history, best, diverged = fit(params, fabric, net, model, optimizer, scheduler, train, val)
    if not first:
        return

    net.load_state_dict(best["weights"])
    answer = calibrated(net, DataLoader(val_set, settings.batch_size), fabric.device, settings.max_false_positives)
    report = summary(history, best["epoch"], diverged) | majority(val_set.labels) | answer
    used = params.model_dump(mode="json", include={"model", "train", "augment", "split"})
    data = {"data_sha256": data_sha256(rows), "torch": torch.__version__.partition("+")[0]}
    save_trained(MODEL, net, params.model, {**answer, **data, "params": used, "metrics": report})
    write_json(TRAIN_FIGURES, report)
    CHECKPOINT.unlink(missing_ok=True)
    if diverged:
        stdout.print(f"the training diverged ({diverged}); kept are the weights of epoch {best['epoch']}")
    figures = ", ".join(f"{name} {value:.4g}" for name, value in report.items() if name != "diverged")
    stdout.print(f"{MODEL}: {figures}")


def fit(
    params: Params, fabric: Fabric, net: QRNet, model: Any, optimizer: Any, scheduler: Any, train: Any, val: Any
) -> tuple[list[dict[str, float]], dict[str, Any], str]:
    """Train `net`, which fabric runs as `model`, epoch after epoch, each logged and kept as a checkpoint.

    The scores of every epoch; the number, loss and weights of the best; and where it diverged, or "".
    """
    settings, first = params.train, fabric.is_global_zero
    history: list[dict[str, float]] = []  # one entry an epoch
    best: dict[str, Any] = {"epoch": 0, "loss": math.inf, "weights": copy_of(net)}
    start = checkpoint.fingerprint(params, SPLITS, Path(__file__))
    if state := fabric.broadcast(checkpoint.load_checkpoint(start) if first else None):
        history, best = state["history"], state["best"]
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        if first:
            stdout.print(f"going on after epoch {len(history)}, as {CHECKPOINT} has it; delete that to start anew")

    os.environ["DVC_STUDIO_OFFLINE"] = "true"  # no stage uses the network, whatever the user's configuration says
    curves = Live(str(CURVES), save_dvc_exp=False, dvcyaml=False) if first else nullcontext()
    bar = progress()
    bar.disable = not first
    with curves as live, bar:
        task = bar.add_task("train", total=settings.epochs * len(train), completed=len(history) * len(train))
        for epoch, scores in enumerate(history, 1):
            log(live, epoch, scores)
        for epoch in range(len(history) + 1, settings.epochs + 1):
            started = time.perf_counter()
            train.dataset.epoch = epoch
            batches = Timed(train)
            scores, diverged = train_epoch(
                fabric, model, optimizer, batches, settings.gradient_clip, lambda: bar.advance(task)
            )
            spent = time.perf_counter() - started
            if diverged:
                return history, best, f"epoch {epoch}, {diverged}"
            scores |= {**validate_epoch(fabric, model, val), "learning_rate": optimizer.param_groups[0]["lr"]}
            scheduler.step(scores["val/loss"])

            log(live, epoch, scores)
            if scores["val/loss"] < best["loss"]:
                best = {"epoch": epoch, "loss": scores["val/loss"], "weights": copy_of(net)}
            history.append(scores)
            if first:
                state = {"history": history, "best": best, "net": net.state_dict()}
                state |= {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
                checkpoint.save_checkpoint(state, start)
                bar.console.print(
                    f"epoch {epoch:3d}  train loss {scores['train/loss']:.4f}  val loss {scores['val/loss']:.4f}"
                    f"  val accuracy {scores['val/accuracy']:.3f}  val AUC {scores['val/auc']:.3f}"
                    f"  {len(train.dataset) / spent:.0f} images/s, {batches.waited / spent:.1%} waiting"
                )
    return history, best, ""


def build(params: Params, fabric: Fabric, precision: str) -> tuple[QRNet, Any, Any, Any]:
    """The network, the same as fabric runs it, the optimiser and the scheduler of the learning rate."""
    settings = params.train
    net = QRNet(params.model).to(memory_format=torch.channels_last)
    # The fused step is faster, but refuses to have float16 gradients unscaled for clipping.
    fused = fabric.device.type in ("cpu", "cuda") and precision != "16"
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=fused
    )
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=settings.scheduler_factor, patience=settings.scheduler_patience
    )
    return net, *fabric.setup(net, optimizer), scheduler


def data_sha256(rows: pd.DataFrame) -> str:
    """SHA-256 over the images' own and their labels and parts: which data a model was trained on."""
    return hashlib.sha256(rows[["sha256", "label", "part"]].to_csv(index=False).encode()).hexdigest()


def copy_of(net: QRNet) -> dict[str, torch.Tensor]:
    """The network's weights as they are now."""
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def log(live: Live | None, epoch: int, scores: dict[str, float]) -> None:
    """Add an epoch to the curves, which only the first process has."""
    if live:
        live.step = epoch
        for name, value in scores.items():
            live.log_metric(name, value)


def summary(history: list[dict[str, float]], epoch: int, diverged: str) -> dict[str, Any]:
    """The figures of the best epoch, the first batch's loss before any step, and the best accuracy of all epochs.

    A training without one good epoch has only their number and where it diverged.
    """
    report: dict[str, Any] = {"epoch": epoch, "epochs": len(history)}
    if epoch:
        best = history[epoch - 1]
        report |= {"initial_loss": history[0]["train/first_loss"]}
        report |= {f"val_{name}": best[f"val/{name}"] for name in ("loss", "accuracy", "auc")}
        report |= {"best_val_accuracy": max(scores["val/accuracy"] for scores in history)}
    return report | ({"diverged": diverged} if diverged else {})


def majority(labels: list[int]) -> dict[str, float]:
    """How many images the val part has, and the share of its larger class, which a guess would reach."""
    malicious = float(np.mean(labels))
    return {"val_images": len(labels), "val_majority": max(malicious, 1 - malicious)}


if __name__ == "__main__":
    run_stage(main)
