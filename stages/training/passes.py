"""Passes over the images of a part: to learn and to validate."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.functional import cross_entropy
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC

LOOK_EVERY = 50  # steps, at most, after which a loss that is not finite is noticed


class Diverged(Exception):  # noqa: N818 - it is how a training can end, and no defect
    """A loss was not finite. The message says where."""


class Timed:
    """The batches of one pass, and the seconds that passed while waiting for them."""

    def __init__(self, batches: Any) -> None:
        self.batches, self.sizes, self.waited = batches, batches.batch_sampler.sizes, 0.0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        """Inputs and labels of this process's share, and the size of the whole batch."""
        batches = iter(self.batches)
        for size in self.sizes:
            asked = time.perf_counter()
            inputs, labels = next(batches)
            self.waited += time.perf_counter() - asked
            yield inputs, labels, size


def train_epoch(
    fabric: Fabric, model: Any, optimizer: Any, batches: Timed, clip: float | None, advance: Callable[[], None]
) -> dict[str, float]:
    """One pass over `batches`: mean and first loss, share of one-class batches, largest gradient norm, clipped share.

    Of all processes together, and the same in each. In float16, a step whose gradients overflow is skipped and the
    next ones are scaled down; norm and share are those of the steps that were taken, 0 where none was. Raises
    Diverged with the first batch whose loss is not finite, at most LOOK_EVERY steps later: to read a value of a GPU
    is to wait until all that it has been given is done. `advance` is called after every batch.
    """
    model.train()
    steps: list[tuple[float, float, float]] = []  # loss, malicious rows and gradient norm of each
    new: list[Tensor] = []  # the same of the last ones, still on the device
    for inputs, labels, size in batches:
        # Gradients are averaged over processes, whose shares of a batch can differ by a row.
        loss = cross_entropy(model(inputs), labels) * (len(labels) * fabric.world_size / size)
        facts = torch.stack([loss.detach() / fabric.world_size, labels.sum().float()])
        whole = cast("Tensor", fabric.all_reduce(facts, reduce_op="sum"))
        fabric.backward(loss)
        norm = cast(
            "Tensor", fabric.clip_gradients(model, optimizer, max_norm=clip or math.inf, error_if_nonfinite=False)
        )
        new.append(torch.cat([whole, norm.reshape(1)]))
        optimizer.step()
        optimizer.zero_grad()
        advance()
        if len(new) == LOOK_EVERY:
            _look(new, steps)
    _look(new, steps)
    losses, malicious, norms = zip(*steps, strict=True)
    if getattr(fabric.strategy.precision, "scaler", None) is not None:
        norms = tuple(norm for norm in norms if math.isfinite(norm))
    one_class = sum(size > 1 and rows in (0, size) for rows, size in zip(malicious, batches.sizes, strict=True))
    return {
        "train/loss": sum(losses) / len(losses),
        "train/first_loss": losses[0],
        "train/one_class_batches": one_class / len(losses),
        "gradient/norm": float(np.max(norms, initial=0.0)),  # unlike Python's maximum, it keeps NaN
        "gradient/clipped": sum(norm > (clip or math.inf) for norm in norms) / max(len(norms), 1),
    }


def _look(new: list[Tensor], steps: list[tuple[float, float, float]]) -> None:
    """Move `new` to the end of `steps`. Raises Diverged."""
    for loss, malicious, norm in torch.stack(new).tolist() if new else ():
        steps.append((loss, malicious, norm))
        if not math.isfinite(loss):
            raise Diverged(f"batch {len(steps)}: the loss became {loss}")
    new.clear()


@torch.inference_mode()
def validate_epoch(fabric: Fabric, model: Any, batches: Any) -> dict[str, float]:
    """Mean cross-entropy, accuracy at probability 0.5, AUC, and the share of rows called malicious."""
    model.eval()
    # Neither checks what it is given: to look is to wait for the device, and a loss that is NaN has to show.
    loss, called = (MeanMetric(nan_strategy="disable").to(fabric.device) for _ in range(2))
    accuracy, auc = BinaryAccuracy(validate_args=False), BinaryAUROC(validate_args=False)
    metrics = MetricCollection({"val/accuracy": accuracy, "val/auc": auc}).to(fabric.device)
    for inputs, labels in batches:
        logits = model(inputs).float()
        loss.update(cross_entropy(logits, labels, reduction="none"))
        called.update((logits[:, 1] > logits[:, 0]).float())
        metrics.update(logits.softmax(1)[:, 1], labels)
    scores = {name: value.item() for name, value in metrics.compute().items()}
    return {"val/loss": loss.compute().item(), **scores, "val/called_malicious": called.compute().item()}
