"""Train the network that params.yaml describes on the train part; keep the weights that were best on val.

    python -m stages.train     # the first GPU if there is one, else the CPU; killed, it goes on where it was
    dvc plots show             # the curves

Writes models/model.safetensors (the epoch of lowest validation loss, with its temperature and
threshold), reports/train/ (curves, one value an epoch) and reports/train.json (the figures of that
epoch). After every epoch the state of the training goes to models/checkpoint.pt, which is deleted
at the end.
"""

import hashlib
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from dvclive import Live
from lightning.fabric import Fabric
from scipy.special import softmax
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC

from stages.common.cli import progress, run, stdout
from stages.common.files import write_json
from stages.common.settings import Params, load
from stages.common.tables import MODEL, SPLITS, read
from stages.network import checkpoint
from stages.network.calibration import temperature, threshold
from stages.network.data import Images
from stages.network.fabric import make_fabric
from stages.network.memory import keep_freed_memory
from stages.network.model import QRNet
from stages.network.store import save

CURVES = Path("reports/train")
REPORT = Path("reports/train.json")


def main() -> None:
    """Train for `train.epochs` epochs, from the checkpoint if there is one, and save the best of them."""
    params = load()
    settings = params.train
    keep_freed_memory()
    fabric, precision = make_fabric(settings)
    stdout.print(f"training on {fabric.device}, precision {precision}")
    fabric.seed_everything(settings.seed, verbose=False)

    rows = read(SPLITS)
    train_set = Images(rows[rows["part"] == "train"], params, augmented=True)
    val_set = Images(rows[rows["part"] == "val"], params)
    train, val = fabric.setup_dataloaders(
        DataLoader(train_set, settings.batch_size, shuffle=True), DataLoader(val_set, settings.batch_size)
    )
    net, model, optimizer, scheduler = build(params, fabric, precision)
    history, best, diverged = fit(params, fabric, net, model, optimizer, scheduler, train, val)

    net.load_state_dict(best["weights"])
    answer = calibrated(net, val, settings.max_false_positives)
    report = summary(history, best["epoch"], diverged) | majority(val_set.labels) | answer
    used = params.model_dump(mode="json", include={"model", "train", "augment", "split"})
    data = {"data_sha256": digest(rows), "torch": torch.__version__.partition("+")[0]}
    save(MODEL, net, params.model, {**answer, **data, "params": used, "metrics": report})
    write_json(REPORT, report)
    checkpoint.FILE.unlink(missing_ok=True)
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
    settings = params.train
    history: list[dict[str, float]] = []  # one entry an epoch
    best: dict[str, Any] = {"epoch": 0, "loss": math.inf, "weights": copy_of(net)}
    start = checkpoint.fingerprint(params, SPLITS, Path(__file__))
    if state := checkpoint.load(start):
        history, best = state["history"], state["best"]
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        stdout.print(f"going on after epoch {len(history)}, as {checkpoint.FILE} has it; delete that to start anew")

    os.environ["DVC_STUDIO_OFFLINE"] = "true"  # no stage uses the network, whatever the user's configuration says
    with Live(str(CURVES), save_dvc_exp=False, dvcyaml=False) as live, progress() as bar:
        task = bar.add_task("train", total=settings.epochs * len(train), completed=len(history) * len(train))
        for epoch, scores in enumerate(history, 1):
            log(live, epoch, scores)
        for epoch in range(len(history) + 1, settings.epochs + 1):
            started = time.perf_counter()
            train.dataset.epoch = epoch
            scores, diverged = train_epoch(
                fabric, model, optimizer, train, settings.gradient_clip, lambda: bar.advance(task)
            )
            speed = len(train.dataset) / (time.perf_counter() - started)
            if diverged:
                return history, best, f"epoch {epoch}, {diverged}"
            scores |= {**measure(fabric, model, val), "learning_rate": optimizer.param_groups[0]["lr"]}
            scheduler.step(scores["val/loss"])

            log(live, epoch, scores)
            bar.console.print(
                f"epoch {epoch:3d}  train loss {scores['train/loss']:.4f}  val loss {scores['val/loss']:.4f}"
                f"  val accuracy {scores['val/accuracy']:.3f}  val AUC {scores['val/auc']:.3f}  {speed:.0f} images/s"
            )
            if scores["val/loss"] < best["loss"]:
                best = {"epoch": epoch, "loss": scores["val/loss"], "weights": copy_of(net)}
            history.append(scores)
            state = {"history": history, "best": best, "net": net.state_dict()}
            state |= {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
            checkpoint.save(state, start)
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


def train_epoch(
    fabric: Fabric, model: Any, optimizer: Any, batches: Any, clip: float | None, advance: Callable[[], None]
) -> tuple[dict[str, float], str]:
    """One pass over `batches`: mean and first loss, share of one-class batches, largest gradient norm, clipped share.

    The second value is empty, or says which batch's loss was not finite: the pass ends there.
    """
    model.train()
    losses: list[float] = []
    norms: list[float] = []
    one_class = 0
    for pixels, labels in batches:
        loss = cross_entropy(model(pixels), labels)
        losses.append(loss.item())
        one_class += int(len(labels) > 1 and bool((labels == labels[0]).all()))
        if not math.isfinite(losses[-1]):
            return {}, f"batch {len(losses)}: the loss became {losses[-1]}"
        fabric.backward(loss)
        norm = fabric.clip_gradients(model, optimizer, max_norm=clip or math.inf, error_if_nonfinite=False)
        norms.append(float(norm) if norm is not None else math.nan)
        optimizer.step()
        optimizer.zero_grad()
        advance()
    return {
        "train/loss": sum(losses) / len(losses),
        "train/first_loss": losses[0],
        "train/one_class_batches": one_class / len(losses),
        "gradient/norm": max(norms),
        "gradient/clipped": sum(norm > (clip or math.inf) for norm in norms) / len(norms),
    }, ""


@torch.inference_mode()
def measure(fabric: Fabric, model: Any, batches: Any) -> dict[str, float]:
    """Mean cross-entropy, accuracy at probability 0.5, AUC, and the share of rows called malicious."""
    model.eval()
    loss, called = MeanMetric().to(fabric.device), MeanMetric().to(fabric.device)
    metrics = MetricCollection({"val/accuracy": BinaryAccuracy(), "val/auc": BinaryAUROC()}).to(fabric.device)
    for pixels, labels in batches:
        logits = model(pixels).float()
        loss.update(cross_entropy(logits, labels, reduction="none"))
        called.update((logits[:, 1] > logits[:, 0]).float())
        metrics.update(logits.softmax(1)[:, 1], labels)
    scores = {name: value.item() for name, value in metrics.compute().items()}
    return {"val/loss": loss.compute().item(), **scores, "val/called_malicious": called.compute().item()}


@torch.inference_mode()
def calibrated(net: QRNet, batches: Any, max_false_positives: float | None) -> dict[str, float]:
    """Temperature and threshold for `net`, learned on `batches` in float32, as the network is used later."""
    net.eval()
    logits = np.concatenate([net(pixels).double().cpu().numpy() for pixels, _ in batches])
    truth = np.concatenate([labels.cpu().numpy() for _, labels in batches])
    heat = temperature(logits, truth)
    probability = softmax(logits / heat, axis=1)[:, 1]
    return {"temperature": heat, "threshold": threshold(truth, probability, max_false_positives)}


def digest(rows: pd.DataFrame) -> str:
    """SHA-256 over the images' own and their labels and parts: which data a model was trained on."""
    return hashlib.sha256(rows[["sha256", "label", "part"]].to_csv(index=False).encode()).hexdigest()


def copy_of(net: QRNet) -> dict[str, torch.Tensor]:
    """The network's weights as they are now."""
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def log(live: Live, epoch: int, scores: dict[str, float]) -> None:
    """Add an epoch to the curves."""
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
    run(main)
