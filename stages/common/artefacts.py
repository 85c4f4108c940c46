"""Every file that passes between the stages, by name (dvc.yaml has the same paths), and how to read the tables."""

from pathlib import Path
from typing import TYPE_CHECKING

from stages.common.cli import StageError

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_URLS = Path("data/sample_urls.csv")
DRAWN_IMAGES = Path("data/images")
SCAN = Path("data/scan.parquet")  # one row a file, columns as in stages/dataset/row.py
VALID = Path("data/valid.parquet")  # its rows that passed the gate
SPLITS = Path("data/splits.parquet")  # columns SPLIT_COLUMNS of stages/dataset/parts.py
VIEW_CACHE = Path("data/.views.sqlite")

MODEL = Path("models/model.safetensors")
CHECKPOINT = Path("models/checkpoint.pt")
ONNX = Path("models/model.onnx")
CARD = Path("models/README.md")

DATA_FIGURES = Path("reports/data.json")
DATA_PAGE = Path("reports/data.html")
DATA_FINDINGS = Path("reports/data_findings.csv")
CURVES = Path("reports/train")
TRAIN_FIGURES = Path("reports/train.json")
DIAGNOSIS = Path("reports/diagnosis.json")
TEST_FIGURES = Path("reports/test.json")
EVALUATION = Path("reports/evaluate")
PREDICTIONS = Path("reports/predictions.parquet")
ROBUSTNESS = Path("reports/robustness")
EXPORT_FIGURES = Path("reports/export.json")
PAGE = Path("reports/index.html")


def read_table(path: Path) -> "pd.DataFrame":
    """The table at `path`, or a StageError that says how to get it."""
    import pandas as pd  # which takes half a second to load, and scan does without

    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise absent(path) from None


def absent(path: Path) -> StageError:
    """The error for a file that an earlier stage writes and that is not there."""
    return StageError(f"{path} is not there yet: run `dvc repro`, which makes it if the gate opens")
