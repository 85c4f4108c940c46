"""What the tables of the gate must look like, as pandera schemas: what scan writes, and what training needs."""

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from stages.common.artefacts import SCAN
from stages.common.cli import StageError
from stages.common.settings import CLASSES
from stages.dataset.labels import LabelProblem
from stages.dataset.parts import near_half
from stages.qr.problem import Problem


class ScanTable(pa.DataFrameModel):
    """data/scan.parquet, one row a file. Unknown is null; a text is "" where there is nothing to say."""

    path: pd.StringDtype = pa.Field(unique=True)  # within data.images
    label: pd.StringDtype  # a class, IGNORED, or the name of a folder that data.classes does not know
    source: pd.StringDtype = pa.Field(nullable=True)  # where it was collected
    shard: pd.StringDtype = pa.Field(nullable=True)
    offset: pd.Int64Dtype = pa.Field(nullable=True, ge=0)
    bytes: pd.Int64Dtype = pa.Field(nullable=True, ge=0)
    width: pd.Int64Dtype = pa.Field(nullable=True, ge=1)  # pixels
    height: pd.Int64Dtype = pa.Field(nullable=True, ge=1)
    channels: pd.Int64Dtype = pa.Field(nullable=True, ge=1)
    format: pd.StringDtype = pa.Field(nullable=True)
    sha256: pd.StringDtype = pa.Field(nullable=True, str_length=64)
    decoded: bool  # pyzbar read exactly one QR code
    symbols: pd.Int64Dtype = pa.Field(ge=0)
    payload: pd.StringDtype = pa.Field(nullable=True)
    version: pd.Int64Dtype = pa.Field(nullable=True, in_range={"min_value": 1, "max_value": 40})
    ec_level: pd.StringDtype = pa.Field(nullable=True, isin=["L", "M", "Q", "H"])
    mask: pd.Int64Dtype = pa.Field(nullable=True, in_range={"min_value": 0, "max_value": 7})
    module_px: pd.Float64Dtype = pa.Field(nullable=True, gt=0)  # pixels a module
    quiet_zone: pd.Float64Dtype = pa.Field(nullable=True, ge=0)  # modules
    inverted: bool
    mirrored: bool
    # Grey levels: between paper and ink, and in the mean.
    contrast: pd.Float64Dtype = pa.Field(nullable=True, in_range={"min_value": 0, "max_value": 255})
    brightness: pd.Float64Dtype = pa.Field(nullable=True, in_range={"min_value": 0, "max_value": 255})
    url: pd.StringDtype = pa.Field(nullable=True)  # in the labels file
    label_problem: pd.StringDtype = pa.Field(isin=list(LabelProblem))
    problem: pd.StringDtype = pa.Field(isin=list(Problem))
    error: pd.StringDtype  # `problem` in words

    class Config:
        """Parquet has no null in a column of plain integers, which is why types are coerced."""

        coerce = True

    @pa.dataframe_check
    @classmethod
    def a_decoded_row_has_a_payload(cls, table: pd.DataFrame) -> pd.Series:  # noqa: D102
        return ~table["decoded"] | table["payload"].notna()


def training_schema(balance_tolerance: float) -> pa.DataFrameSchema:
    """What training needs beyond that. Its checks are called as those of the gate that report them."""

    def balance(labels: pd.Series) -> bool:
        return near_half(labels[labels.isin(CLASSES)], balance_tolerance)

    known = pa.Check.isin(CLASSES, name="unknown_label", ignore_na=False)
    balanced = pa.Check(balance, name="classes_near_half")
    return pa.DataFrameSchema({"label": pa.Column(nullable=True, checks=[known, balanced])})


def violations(table: pd.DataFrame, schema: pa.DataFrameSchema) -> dict[str, pd.Series]:
    """The rows of `table` that break `schema`, by the name of the check: bool, in the table's index.

    A check of the table as a whole marks no row.
    """
    try:
        schema.validate(table, lazy=True)
    except SchemaErrors as errors:
        cases = {error.check.name: error.failure_cases for error in errors.schema_errors}
        rows = {name: case["index"] if isinstance(case, pd.DataFrame) else [] for name, case in cases.items()}
        return {name: pd.Series(table.index.isin(index), table.index) for name, index in rows.items()}
    return {}


def require_scan_table(table: pd.DataFrame) -> None:
    """Raise StageError, in one line, where `table` is not what stages/scan.py writes."""
    try:
        ScanTable.validate(table, lazy=True)
    except SchemaErrors as errors:
        case = errors.failure_cases.iloc[0]
        where = f"column {case['column']}" if isinstance(case["column"], str) else "the table"
        raise StageError(
            f"{SCAN} is not what this version of stages/scan.py writes ({where}: {case['check']}, "
            f"{case['failure_case']}): delete it and run `dvc repro`"
        ) from None
