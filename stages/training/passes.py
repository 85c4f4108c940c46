"""Passes over the images of a part: to learn, to measure, to calibrate."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import torch
from lightning.fabric import Fabric
from scipy.special import softmax
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC

from stages.common.workers import cores
from stages.network.calibration import temperature, threshold
from stages.network.data import Batches, Images
from stages.network.model import QRNet


def loader(images: Images, batch_size: int, fabric: Fabric, shuffle: bool = False) -> Any:
    """Batches for this process, on its device; for a GPU loaded ahead by others, for which a CPU has no core left."""
    batches = Batches(len(images), batch_size, fabric, shuffle)
    workers = 0 if fabric.device.type == "cpu" else min(cores() // fabric.world_size, 8)
    made = DataLoader(images, batch_sampler=batches, num_workers=workers, pin_memory=workers > 0)
    return fabric.setup_dataloaders(made, use_distributed_sampler=False)


class Timed:
    """The batches of one pass, and the seconds that passed while waiting for them."""

    def __init__(self, batches: Any) -> None:
        self.batches, self.sizes, self.waited = batches, batches.batch_sampler.sizes, 0.0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        """Pixels and labels of this process's share, and the size of the whole batch."""
        batches = iter(self.batches)
        for size in self.sizes:
            asked = time.perf_counter()
            pixels, labels = next(batches)
            self.waited += time.perf_counter() - asked
            yield pixels, labels, size


def train_epoch(
    fabric: Fabric, model: Any, optimizer: Any, batches: Timed, clip: float | None, advance: Callable[[], None]
) -> tuple[dict[str, float], str]:
    """One pass over `batches`: mean and first loss, share of one-class batches, largest gradient norm, clipped share.

    Of all processes together, and the same in each. The second value is empty, or says which batch's
    loss was not finite: the pass ends there.
    """
    model.train()
    losses: list[float] = []
    norms: list[float] = []
    one_class = 0
    for pixels, labels, size in batches:
        # Gradients are averaged over processes, whose shares of a batch can differ by a row.
        loss = cross_entropy(model(pixels), labels) * (len(labels) * fabric.world_size / size)
        facts = torch.stack([loss.detach() / fabric.world_size, labels.sum().float()])
        whole, malicious = cast("Tensor", fabric.all_reduce(facts, reduce_op="sum")).tolist()
        losses.append(whole)
        one_class += int(size > 1 and malicious in (0, size))
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
def validate_epoch(fabric: Fabric, model: Any, batches: Any) -> dict[str, float]:
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
def calibrated(net: QRNet, batches: Any, device: torch.device, max_false_positives: float | None) -> dict[str, float]:
    """Temperature and threshold for `net`, learned on `batches` in float32, as the network is used later."""
    net.eval()
    logits = np.concatenate([net(pixels.to(device)).double().cpu().numpy() for pixels, _ in batches])
    truth = np.concatenate([labels.numpy() for _, labels in batches])
    heat = temperature(logits, truth)
    probability = softmax(logits / heat, axis=1)[:, 1]
    return {"temperature": heat, "threshold": threshold(truth, probability, max_false_positives)}
