import math
from types import SimpleNamespace
from typing import Any

import pytest

from stages.training.figures import Figures, figures
from stages.training.run import Best

EPOCHS = [
    {"train/first_loss": 0.7, "val/loss": loss, "val/accuracy": accuracy, "val/auc": 0.8}
    for loss, accuracy in ((0.6, 0.9), (0.5, 0.7), (0.55, 0.8))
]


def run(epoch: int, history: list[dict[str, float]]) -> Any:
    return SimpleNamespace(best=Best(epoch, math.inf, {}), history=history)


def test_the_figures_are_of_the_epoch_whose_weights_were_kept() -> None:
    found = figures(run(2, EPOCHS), [1, 1, 1, 0], "")
    assert (found["epoch"], found["epochs"], found["val_loss"], found["val_accuracy"]) == (2, 3, 0.5, 0.7)
    assert (found["initial_loss"], found["best_val_accuracy"]) == (0.7, 0.9)
    assert (found["val_images"], found["val_majority"]) == (4, 0.75)
    assert "diverged" not in found


@pytest.mark.parametrize("labels", [[0, 0, 0, 1], [1, 1, 1, 0]])
def test_a_training_that_diverged_at_once_has_no_figures_of_an_epoch(labels: list[int]) -> None:
    diverged = "epoch 1, batch 2: the loss became nan"
    found = figures(run(0, []), labels, diverged)
    assert found == {"epoch": 0, "epochs": 0, "val_images": 4, "val_majority": 0.75, "diverged": diverged}


def test_they_stand_in_the_order_in_which_they_are_described() -> None:
    found = list(figures(run(2, EPOCHS), [0, 1], "epoch 4"))
    assert found == [key for key in Figures.__annotations__ if key in found]
