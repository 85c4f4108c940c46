"""The tables that pass between the stages: where they are, and how to read them."""

from pathlib import Path

import pandas as pd

from stages.common.cli import StageError

SCAN = Path("data/scan.parquet")  # one row a file, columns as in stages/scan.py
VALID = Path("data/valid.parquet")  # its rows that passed the gate
SPLITS = Path("data/splits.parquet")  # path, label, part, group, payload, version, mask, sha256
MODEL = Path("models/model.safetensors")


def read(path: Path) -> pd.DataFrame:
    """The table at `path`, or a StageError that says how to get it."""
    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise StageError(f"{path} is not there yet: run `dvc repro`, which makes it if the gate opens") from None
