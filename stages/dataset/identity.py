"""Which data a model was trained on, so that it is not evaluated on rows that it has seen."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.artefacts import SPLITS
from stages.common.cli import StageError


def data_sha256(rows: pd.DataFrame) -> str:
    """SHA-256 over the images' own, their labels and parts; `rows` as in the split table."""
    return hashlib.sha256(rows[["sha256", "label", "part"]].to_csv(index=False).encode()).hexdigest()


def require_same_data(rows: pd.DataFrame, about: Mapping[str, Any], model: Path) -> None:
    """Raise StageError where the file `model`, which says `about` of itself, was trained on another split than `rows`.

    Else a row of the test part could have been in its training.
    """
    if about.get("data_sha256") not in (None, data_sha256(rows)):
        raise StageError(f"{model} was trained on other data than {SPLITS} has: run `dvc repro`, which trains it again")
