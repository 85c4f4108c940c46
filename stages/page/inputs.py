"""What the stages before left behind for the page and the model card, read into one place."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from stages.common.artefacts import (
    DATA_FIGURES,
    DATA_FINDINGS,
    DIAGNOSIS,
    DRAWN_IMAGES,
    EVALUATION,
    EXPORT_FIGURES,
    MODEL,
    PREDICTIONS,
    ROBUSTNESS,
    SAMPLE_URLS,
    SPLITS,
    TEST_FIGURES,
    TRAIN_FIGURES,
    VAL_FIGURES,
    read_csv,
    read_json,
    read_table,
)
from stages.common.settings import Params
from stages.network.model_file import read_calibration, read_model_file
from stages.training.curves import read_curves

JSON = {
    "data": DATA_FIGURES,
    "train": TRAIN_FIGURES,
    "diagnosis": DIAGNOSIS,
    "val": VAL_FIGURES,
    "test": TEST_FIGURES,
    "summary": EVALUATION / "summary.json",
    "export": EXPORT_FIGURES,
}
# Each with the columns that are shown.
TABLES = {name: (path, columns.split()) for name, path, columns in (
    ("findings", DATA_FINDINGS, "check level path error"),
    ("robustness", ROBUSTNESS / "robustness.csv",
     "corruption title severity unit rectified images unjudged accuracy auc decode_rate"),
    ("metrics", EVALUATION / "metrics.csv", "model metric value low high rows"),
    ("differences", EVALUATION / "differences.csv", "model metric difference low high rows"),
    ("slices", EVALUATION / "slices.csv", "slice value rows malicious accuracy low high auc"),
    ("drops", EVALUATION / "drops.csv", "model metric drop low high"),
    ("drift", EVALUATION / "drift.csv", "feature kind index train other rows"),
    ("roc", EVALUATION / "roc.csv", "false_positive_rate true_positive_rate threshold chance"),
    ("precision_recall", EVALUATION / "precision_recall.csv", "recall precision threshold chance"),
    ("reliability", EVALUATION / "reliability.csv", "predicted malicious rows perfect"),
    ("confusion", EVALUATION / "confusion.csv", "actual predicted"),
)}  # fmt: skip
SAMPLE = SAMPLE_URLS, DRAWN_IMAGES


@dataclass(frozen=True)
class Inputs:
    """Everything that is shown.

    `figures` are the JSON files of reports/ and `tables` its CSV files, both by the names in JSON and
    TABLES; `curves` as read_curves returns them; `rows` is the split table and `predictions` that of
    stages/evaluate.py; `about` is what the model's file and its calibration say of it, `weights` their number.
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
    def dataset(self) -> str:
        """What the data is called: the last name of its path, as the rest is nobody's business.

        Of drawn images it is the name of the table that they were drawn from.
        """
        data = self.params.data
        if self.is_sample:
            return "synthetic sample"
        return (data.urls if data.images == DRAWN_IMAGES else data.images).absolute().name

    @property
    def is_sample(self) -> bool:
        """Whether the data is what the stages sample and render make."""
        return (self.params.data.urls, self.params.data.images) == SAMPLE

    @property
    def doubts(self) -> list[str]:
        """What about the data keeps the figures from carrying over to the world."""
        found = []
        if self.about["params"]["split"]["by"] == "row":
            found.append("the figures leak: split.by is row, so the same sites stand in training and test")
        if self.is_sample:
            found.append("the data is the synthetic sample, whose figures say nothing of real codes")
        return found


def read_inputs(params: Params) -> Inputs:
    """Read all of it; a StageError names the first file that is not there or cannot be read."""
    about, weights = read_model_file(MODEL)
    return Inputs(
        params=params,
        figures={name: read_json(path) for name, path in JSON.items()},
        tables={name: read_csv(path, columns) for name, (path, columns) in TABLES.items()},
        curves=read_curves(),
        rows=read_table(SPLITS),
        predictions=read_table(PREDICTIONS),
        about=about | read_calibration(MODEL, about),
        weights=sum(weight.size for weight in weights.values()),
    )
