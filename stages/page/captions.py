"""What the pages say of each baseline and set of rows, and how they write a figure."""

import pandas as pd

# name -> (in a sentence, what it is)
BASELINES = {
    "network": ("the network", "the trained network, the subject of this page"),
    "majority": ("the larger class", "always answers the same: guessing"),
    "best_rule": (
        "the best rule",
        "one feature of the payload or symbol and a threshold, learned on the training part",
    ),
    "picture_features": ("picture features", "trees on how the file was made (sizes, margins), no module of the code"),
    "payload_features": ("payload features", "trees on what can be counted in the payload (lengths, digits, dots)"),
    "module_grid": ("the module grid", "trees on the dark and light modules, all that the picture says"),
    "payload_characters": ("payload characters", "logistic regression on runs of characters of the decoded payload"),
}
ROWS = {
    "test": "the test part, whose sites are in no other part",
    "matched": "pairs of it that agree in scheme, www. and symbol version",
    "elsewhere": "another collection, nothing of which was learned from",
    "random": "baselines only: the same codes split at random, with sites on both sides; what is gained is the leak",
}
UNKNOWN = "cannot be told"


def figure(value: float | None, sign: bool = False) -> str:
    """A figure with three decimals, or two significant digits where it is small; UNKNOWN for NaN and None."""
    if value is None or pd.isna(value):
        return UNKNOWN
    form = ".2g" if 0 < abs(value) < 0.01 and not sign else ".3f"
    return format(value, f"+{form}" if sign else form)


def interval(row: pd.Series, name: str = "value") -> str:
    """The value of `row` in `name` with the interval from its low to its high; UNKNOWN where the value is NaN."""
    if pd.isna(row[name]) or pd.isna(row["low"]):
        return figure(row[name])
    return f"{figure(row[name])} ({figure(row['low'])} to {figure(row['high'])})"
