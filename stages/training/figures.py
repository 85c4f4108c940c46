"""reports/train.json: what a training came to."""

from typing import NotRequired, TypedDict

import numpy as np

from stages.training.run import Run


class Figures(TypedDict):
    """Its keys. Without an epoch of finite validation loss, there are no figures of an epoch."""

    epoch: int  # whose weights were kept, from 1; 0: the first weights
    epochs: int  # that were finished
    initial_loss: NotRequired[float]  # of the first batch, before any step
    val_loss: NotRequired[float]  # this and the next two: of the epoch whose weights were kept
    val_accuracy: NotRequired[float]
    val_auc: NotRequired[float]
    best_val_accuracy: NotRequired[float]  # of all epochs
    val_images: int
    val_majority: float  # share of the larger class in val: the accuracy of a constant answer
    diverged: NotRequired[str]  # where, if it did


def figures(run: Run, val_labels: list[int], diverged: str) -> Figures:
    """The figures of `run`, which ended, or diverged where the text `diverged` says."""
    malicious = float(np.mean(val_labels))
    found: Figures = {
        "epoch": run.best.epoch,
        "epochs": len(run.history),
        "val_images": len(val_labels),
        "val_majority": max(malicious, 1 - malicious),
    }
    if run.best.epoch:
        best = run.history[run.best.epoch - 1]
        found["initial_loss"] = run.history[0]["train/first_loss"]
        found["val_loss"], found["val_accuracy"] = best["val/loss"], best["val/accuracy"]
        found["val_auc"] = best["val/auc"]
        found["best_val_accuracy"] = max(scores["val/accuracy"] for scores in run.history)
    if diverged:
        found["diverged"] = diverged
    # In the order of the class, so that the file can be read.
    return Figures(**{key: found[key] for key in Figures.__annotations__ if key in found})  # type: ignore[typeddict-item,literal-required]
