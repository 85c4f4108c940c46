"""Train the network that params.yaml describes on the train part; keep the weights that were best on val.

    python -m stages.train     # the first GPU if there is one, else the CPU
    dvc plots show             # the curves

Writes models/model.safetensors (the epoch of lowest validation loss), reports/train/ (curves, one
value an epoch) and reports/train.json (the figures of that epoch).
"""

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from dvclive import Live
from lightning.fabric import Fabric
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC

from stages import split
from stages.common.cli import StageError, progress, run, stdout
from stages.common.files import write_json
from stages.common.settings import Train, load
from stages.network.data import Images
from stages.network.memory import keep_freed_memory
from stages.network.model import QRNet
from stages.network.store import save

MODEL = Path("models/model.safetensors")
CURVES = Path("reports/train")
REPORT = Path("reports/train.json")
PRECISIONS: dict[str, Any] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "16": "16-mixed",
}


def main() -> None:
    """Train for `train.epochs` epochs and save the best of them."""
    params = load()
    settings = params.train
    keep_freed_memory()
    fabric, precision = make_fabric(settings)
    fabric.seed_everything(settings.seed, verbose=False)

    rows = split.read_table()
    train_set, val_set = (Images(rows[rows["part"] == part], params) for part in ("train", "val"))
    train, val = fabric.setup_dataloaders(
        DataLoader(train_set, settings.batch_size, shuffle=True), DataLoader(val_set, settings.batch_size)
    )

    net = QRNet(params.model).to(memory_format=torch.channels_last)
    # The fused step is faster, but refuses to have float16 gradients unscaled for clipping.
    fused = fabric.device.type in ("cpu", "cuda") and precision != "16"
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=fused
    )
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=settings.scheduler_factor, patience=settings.scheduler_patience
    )
    model, optimizer = fabric.setup(net, optimizer)

    best: dict[str, float] = {"val_loss": math.inf}
    best_weights: dict[str, torch.Tensor] = {}
    os.environ["DVC_STUDIO_OFFLINE"] = "true"  # no stage uses the network, whatever the user's configuration says
    with Live(str(CURVES), save_dvc_exp=False, dvcyaml=False) as live, progress() as bar:
        task = bar.add_task("train", total=settings.epochs * len(train))
        for epoch in range(1, settings.epochs + 1):
            started = time.perf_counter()
            losses = train_epoch(fabric, model, optimizer, train, settings.gradient_clip, lambda: bar.advance(task))
            speed = len(train_set) / (time.perf_counter() - started)
            best.setdefault("initial_loss", losses[0])
            scores = {"train/loss": sum(losses) / len(losses), **measure(fabric, model, val)}
            scores["learning_rate"] = optimizer.param_groups[0]["lr"]
            scheduler.step(scores["val/loss"])

            live.step = epoch
            for name, value in scores.items():
                live.log_metric(name, value)
            bar.console.print(
                f"epoch {epoch:3d}  train loss {scores['train/loss']:.4f}  val loss {scores['val/loss']:.4f}"
                f"  val accuracy {scores['val/accuracy']:.3f}  val AUC {scores['val/auc']:.3f}  {speed:.0f} images/s"
            )
            best["best_val_accuracy"] = max(best.get("best_val_accuracy", 0.0), scores["val/accuracy"])
            if scores["val/loss"] < best["val_loss"]:
                best |= {"epoch": epoch} | {
                    f"val_{name}": scores[f"val/{name}"] for name in ("loss", "accuracy", "auc")
                }
                best_weights = {name: tensor.clone() for name, tensor in net.state_dict().items()}

    if not best_weights:
        raise StageError("no epoch had a finite validation loss; lower train.learning_rate")
    net.load_state_dict(best_weights)
    save(MODEL, net, params.model, best)
    write_json(REPORT, best)
    stdout.print(
        f"{MODEL}: epoch {best['epoch']}, val loss {best['val_loss']:.4f}, accuracy {best['val_accuracy']:.3f}"
    )


def train_epoch(
    fabric: Fabric, model: Any, optimizer: Any, batches: Any, clip: float | None, advance: Callable[[], None]
) -> list[float]:
    """One pass over `batches`; the loss of every batch. Raises StageError where one is not finite."""
    model.train()
    losses = []
    for pixels, labels in batches:
        loss = cross_entropy(model(pixels), labels)
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise StageError(f"the loss became {losses[-1]} in batch {len(losses)}; lower train.learning_rate")
        fabric.backward(loss)
        if clip is not None:
            fabric.clip_gradients(model, optimizer, max_norm=clip, error_if_nonfinite=False)
        optimizer.step()
        optimizer.zero_grad()
        advance()
    return losses


@torch.inference_mode()
def measure(fabric: Fabric, model: Any, batches: Any) -> dict[str, float]:
    """Mean cross-entropy, accuracy at probability 0.5 and AUC over all processes' `batches`."""
    model.eval()
    loss = MeanMetric().to(fabric.device)
    metrics = MetricCollection({"val/accuracy": BinaryAccuracy(), "val/auc": BinaryAUROC()}).to(fabric.device)
    for pixels, labels in batches:
        logits = model(pixels)
        loss.update(cross_entropy(logits, labels, reduction="none"))
        metrics.update(logits.softmax(1)[:, 1], labels)
    return {"val/loss": loss.compute().item(), **{name: value.item() for name, value in metrics.compute().items()}}


def make_fabric(settings: Train) -> tuple[Fabric, str]:
    """Device and precision as asked, or the best there is.

    Precision "auto" is bf16 where the device has instructions for it, float16 on older GPUs, else
    float32. Raises StageError where there is no such device.
    """
    try:
        device = Fabric(accelerator=settings.device, devices=1).device
    except (RuntimeError, MisconfigurationException) as error:
        raise StageError(f"train.device is {settings.device}, which is not here ({error}); set it to auto") from None
    precision = settings.precision
    if precision == "auto" and device.type == "cuda":
        precision = "bf16" if torch.cuda.is_bf16_supported() else "16"
    elif precision == "auto":
        able = torch.cpu.get_capabilities() if device.type == "cpu" else {}
        precision = "bf16" if any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")) else "32"
    stdout.print(f"training on {device}, precision {precision}")
    return Fabric(accelerator=settings.device, devices=1, precision=PRECISIONS[precision]), precision


if __name__ == "__main__":
    run(main)
