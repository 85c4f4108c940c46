"""The path of every file that passes between stages (the same as in dvc.yaml), and how to read the tables."""

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
    """The table at `path`; raises StageError, with the command that makes it, if it does not exist."""
    import pandas as pd  # late: it takes half a second to load, and scan does not need it

    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise absent(path) from None


def absent(path: Path) -> StageError:
    """The error for a missing file that an earlier stage writes."""
    return StageError(f"{path} is not there yet: run `dvc repro`, which makes it if the data passes the gate")
