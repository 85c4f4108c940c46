"""The path of every file that passes between stages (the same as in dvc.yaml), and how to read them."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.common.cli import StageError
from stages.common.files import replacing
from stages.common.settings import CLASSES

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_URLS = Path("data/sample_urls.csv")
DRAWN_IMAGES = Path("data/images")
SCAN = Path("data/scan.parquet")  # one row a file, columns as in stages/dataset/row.py
VALID = Path("data/valid.parquet")  # its rows that passed the gate
SPLITS = Path("data/splits.parquet")  # columns SPLIT_COLUMNS of stages/dataset/parts.py
VIEW_CACHE = Path("data/.views.sqlite")

MODEL = Path("models/model.safetensors")
CALIBRATION = MODEL.with_name("calibration.json")  # of the weights beside it
CHECKPOINT = Path("models/checkpoint.pt")
ONNX = Path("models/model.onnx")
CARD = Path("models/README.md")
CARD_DATA = Path("models/card.json")  # what of it programs need, see stages/predict/standing.py

DATA_FIGURES = Path("reports/data.json")
DATA_PAGE = Path("reports/data.html")
DATA_FINDINGS = Path("reports/data_findings.csv")
CURVES = Path("reports/train")
TRAIN_FIGURES = Path("reports/train.json")
VAL_FIGURES = Path("reports/val.json")
DIAGNOSIS = Path("reports/diagnosis.json")
TEST_FIGURES = Path("reports/test.json")
EVALUATION = Path("reports/evaluate")
PREDICTIONS = Path("reports/predictions.parquet")
ROBUSTNESS = Path("reports/robustness")
EXPORT_FIGURES = Path("reports/export.json")
PAGE = Path("reports/index.html")

# What read_table asks of the columns: text, never missing; "unique" text; text or nothing; a number or nothing.
# data/scan.parquet has a schema of its own, in stages/gate/schema.py.
_ROWS = {
    "path": "unique", "shard": "optional", "offset": "number", "bytes": "number", "label": "text", "payload": "text",
    "version": "number",
}  # fmt: skip
_VALID = _ROWS | {"mask": "number", "sha256": "text"}
COLUMNS = {
    VALID: _VALID,
    SPLITS: _VALID | {"part": "text", "group": "text"},
    PREDICTIONS: _ROWS | {"group": "text", "network": "number"},
}
KNOWN = {"label": {*CLASSES}, "part": {"train", "val", "test", "elsewhere"}}


def read_table(path: Path) -> "pd.DataFrame":
    """The table at `path`, its checksums verified.

    Raises StageError, with the remedy, if it does not exist, is damaged, or is not a table as its stage writes it.
    """
    import pandas as pd  # late: it takes half a second to load, and scan does not need it
    import pyarrow.parquet as pq

    if not path.exists():
        raise absent(path)
    if path.is_dir():  # pandas takes an empty one for an empty table
        raise unusable(path, "it is a folder")
    try:
        table = pd.read_parquet(path, page_checksum_verification=True)
        schema = pq.read_schema(path)
        known = [column["field_name"] for column in (schema.pandas_metadata or {}).get("columns", ())]
    except PermissionError:
        raise
    except Exception as error:  # of many kinds, as a damaged file can say anything
        raise unusable(path, str(error).partition("\n")[0]) from None
    # No checksum covers the names of the columns, but they are there twice. An index, which ours lack, would come last.
    if schema.names != (known or schema.names) or schema.names[: table.shape[1]] != table.columns.tolist():
        raise unusable(path, "its columns have other names than it was written with")
    if cause := _misfit(table, COLUMNS.get(path, {})):
        raise unusable(path, cause)
    return table


def _misfit(table: "pd.DataFrame", columns: Mapping[str, str]) -> str:
    """What keeps `table` from having `columns`, "" if nothing does."""
    from pandas.api.types import is_numeric_dtype, is_string_dtype

    for name, kind in columns.items():
        if name not in table:
            return f"it has no column {name}"
        column = table[name].dropna()
        if kind in ("text", "unique") and len(column) < len(table):
            return f"column {name} has empty cells"
        values = column.cat.categories if column.dtype == "category" else column
        fits = is_numeric_dtype(values) if kind == "number" else is_string_dtype(values)
        if len(values) and not fits:
            return f"column {name} holds {values.dtype} in place of {'numbers' if kind == 'number' else 'text'}"
        if kind == "unique" and not column.is_unique:
            return f"column {name} has the same value twice"
        if name in KNOWN and (others := sorted({*column.unique()} - KNOWN[name])):
            return f"column {name} has the value {others[0]}"
    return ""


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """Write `table`, without its index, with checksums that `read_table` verifies."""
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False, write_page_checksum=True)


def read_json(path: Path) -> dict[str, Any]:
    """The figures at `path`. Raises StageError, with the remedy, if it does not exist or is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise absent(path) from None
    except (ValueError, IsADirectoryError) as error:
        raise unusable(path, str(error)) from None
    if not isinstance(found, dict):
        raise unusable(path, "it has no names")
    return found


def read_csv(path: Path, columns: Collection[str] = (), **options: Any) -> "pd.DataFrame":
    """The table of text at `path`, `options` being those of pandas.

    Raises StageError as `read_json` does, and where it lacks one of `columns`.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, **options)
    except FileNotFoundError:
        raise absent(path) from None
    except (ValueError, IsADirectoryError) as error:
        raise unusable(path, str(error).strip().partition("\n")[0]) from None
    if missing := [name for name in columns if name not in table]:
        raise unusable(path, f"it has no column {missing[0]}")
    return table


def unusable(path: Path, cause: str) -> StageError:
    """The error for a file that is not as its stage wrote it."""
    return StageError(f"{path} is damaged ({cause}): delete it and run `dvc repro`, which makes it again")


def absent(path: Path) -> StageError:
    """The error for a missing file that an earlier stage writes."""
    return StageError(f"{path} is not there yet: run `dvc repro`, which makes it if the data passes the gate")
