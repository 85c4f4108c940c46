"""The tables that pass between the stages: where they are, and how to read them."""

from pathlib import Path
from typing import TYPE_CHECKING

from stages.common.cli import StageError
from stages.common.settings import CLASSES

if TYPE_CHECKING:
    import pandas as pd

SCAN = Path("data/scan.parquet")  # one row a file, columns as in stages/scan.py
VALID = Path("data/valid.parquet")  # its rows that passed the gate
SPLITS = Path("data/splits.parquet")  # columns as in stages/split.py
MODEL = Path("models/model.safetensors")


def read(path: Path) -> "pd.DataFrame":
    """The table at `path`, or a StageError that says how to get it."""
    import pandas as pd  # which takes half a second to load, and scan does without

    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise absent(path) from None


def absent(path: Path) -> StageError:
    """The error for a file that an earlier stage writes and that is not there."""
    return StageError(f"{path} is not there yet: run `dvc repro`, which makes it if the gate opens")


def part(rows: "pd.DataFrame", name: str) -> "pd.DataFrame":
    """The rows of part `name` (train, val, test) of the split table.

    Raises StageError where it is empty or lacks a class: nothing can be said of such a one.
    """
    found = rows[rows["part"] == name]
    if missing := [label for label in CLASSES if not (found["label"] == label).any()]:
        raise StageError(
            f"the {name} part in {SPLITS} has {len(found):,} rows and no {' and no '.join(missing)} one: "
            "add images, or raise split.val and split.test"
        )
    return found
