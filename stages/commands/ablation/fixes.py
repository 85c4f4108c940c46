"""The seven fixes ("the notes"), each with its value from before; the value of today is in params.yaml.

The project grew out of a network that did not learn: validation accuracy 50 %, validation loss 0.693. A page
of notes proposed seven changes to its settings and gave a reason for each. None of the reasons was tested.

    1  learning rate      0.001 -> 0.0005         too high: the optimiser overshoots
    2  weight decay       0.01 -> 0.001           too aggressive: prevents learning
    3  gradient clipping  none -> norm 1.0        exploding gradients make training unstable
    4  epochs             10 -> 20                10 were not enough
    5  patience           3 -> 5                  more time before the learning rate is reduced
    6  hidden layers      512, 128 -> 256, 64     too large for the data: over-fits, is slow
    7  initialisation     Kaiming -> Kaiming for convolutions, Xavier for linear layers
                                                  each kind of layer has its own best start

They expected a validation accuracy of 70 to 90 % afterwards, and said to check that images and labels load, that the
classes are about 50/50 and that the codes can be read. The gate does the latter, stages/diagnosis checks the former,
and the ablation in this package measures each fix: see reports/ablation/README.md.
"""

from typing import Any

from stages.common.settings import Params

BEFORE: dict[str, Any] = {
    "train.learning_rate": 0.001,
    "train.weight_decay": 0.01,
    "train.gradient_clip": None,
    "train.epochs": 10,
    "train.scheduler_patience": 3,
    "model.hidden": [512, 128],
    "model.init": "kaiming",
}


def name_of(key: str) -> str:
    """The short name of a setting: ``train.learning_rate`` -> ``learning_rate``."""
    return key.rpartition(".")[2]


def fixed(params: Params) -> dict[str, Any]:
    """The values of the same settings in `params`."""
    return {key: getattr(getattr(params, key.partition(".")[0]), name_of(key)) for key in BEFORE}


def variants(after: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The sixteen settings to compare, by name: old, fixed, old with one fix each, fixed without one each.

    `after` has the fixed value of every key of BEFORE, and so does each variant.
    """
    found = {"old": BEFORE, "fixed": after}
    found |= {f"old-with-{name_of(key)}": BEFORE | {key: after[key]} for key in BEFORE}
    return found | {f"fixed-without-{name_of(key)}": after | {key: BEFORE[key]} for key in BEFORE}
