"""The seven fixes, by name: what each setting was before. What it is now stands in params.yaml."""

from typing import Any

from stages.common.settings import Params

# The order and the values of the original notes.
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

    `after` has the fixed value of every key of BEFORE; so has each variant its own.
    """
    found = {"old": BEFORE, "fixed": after}
    found |= {f"old-with-{name_of(key)}": BEFORE | {key: after[key]} for key in BEFORE}
    return found | {f"fixed-without-{name_of(key)}": after | {key: BEFORE[key]} for key in BEFORE}
