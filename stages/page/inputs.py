"""What the stages before left behind for the page and the model card, read into one place."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.curves import read_curves
from stages.common.settings import Params
from stages.common.tables import MODEL, SPLITS, absent, read
from stages.network.file import read as read_model

REPORTS = Path("reports")
JSON = ("data", "train", "diagnosis", "test", "export")
TABLES = {
    "findings": "data_findings.csv",
    "robustness": "robustness/robustness.csv",
    **{name: f"evaluate/{name}.csv" for name in
       ("metrics", "differences", "slices", "roc", "precision_recall", "reliability", "confusion")},
}  # fmt: skip
SAMPLE = Path("data/sample_urls.csv"), Path("data/images")


@dataclass(frozen=True)
class Inputs:
    """Everything that is shown.

    `figures` are the JSON files of reports/ and `tables` its CSV files, both by the names in JSON and
    TABLES; `curves` as read_curves returns them; `rows` is the split table and `predictions` that of
    stages/evaluate.py; `about` is what the model's file says of it, `weights` their number.
    """

    params: Params
    figures: dict[str, dict[str, Any]]
    tables: dict[str, pd.DataFrame]
    curves: pd.DataFrame
    rows: pd.DataFrame
    predictions: pd.DataFrame
    about: dict[str, Any]
    weights: int

    @property
    def doubts(self) -> list[str]:
        """What about the data keeps the figures from carrying over to the world."""
        found = []
        if self.about["params"]["split"]["by"] == "row":
            found.append("the figures leak: split.by is row, so the same sites stand in training and test")
        if (self.params.data.urls, self.params.data.images) == SAMPLE:
            found.append("the data is the synthetic sample, whose figures say nothing of real codes")
        return found


def read_inputs(params: Params) -> Inputs:
    """Read all of it; a StageError names the first file that is not there or cannot be read."""
    about, weights = read_model(MODEL)
    return Inputs(
        params=params,
        figures={name: json.loads(_text(REPORTS / f"{name}.json")) for name in JSON},
        tables={name: _table(REPORTS / file) for name, file in TABLES.items()},
        curves=read_curves(),
        rows=read(SPLITS),
        predictions=read(REPORTS / "predictions.parquet"),
        about=about,
        weights=sum(weight.size for weight in weights.values()),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise absent(path) from None


def _table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise absent(path) from None
