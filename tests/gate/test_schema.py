"""The schemas: a table of another make is refused in one line, and what breaks a rule is marked row by row."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from stages.common.cli import StageError
from stages.dataset.row import SCHEMA
from stages.gate.schema import ScanTable, require_scan_table, training_schema, violations

OTHER_TABLES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "sha256": lambda t: t.drop(columns="sha256"),
    "path": lambda t: t.assign(path="one.png"),
    "label": lambda t: t.assign(label=None),
    "width": lambda t: t.assign(width="wide"),
    "height": lambda t: t.assign(height=0),
    "version": lambda t: t.assign(version=41),
    "mask": lambda t: t.assign(mask=8),
    "ec_level": lambda t: t.assign(ec_level="X"),
    "brightness": lambda t: t.assign(brightness=-1.0),
    "problem": lambda t: t.assign(problem="trunctaed"),
    "label_problem": lambda t: t.assign(label_problem="lost"),
    "a_decoded_row_has_a_payload": lambda t: t.assign(payload=None),
}


def test_what_scan_writes_is_accepted(good: pd.DataFrame) -> None:
    require_scan_table(good)
    require_scan_table(good.iloc[:0])
    unread = {"decoded": False, "payload": None, "width": np.nan, "problem": "truncated"}
    require_scan_table(good.assign(**unread))


def test_it_has_the_columns_of_the_scan_table() -> None:
    assert list(ScanTable.to_schema().columns) == SCHEMA.names


@pytest.mark.parametrize("name", OTHER_TABLES)
def test_another_table_is_refused_in_one_line_with_the_remedy(name: str, good: pd.DataFrame) -> None:
    with pytest.raises(StageError) as error:
        require_scan_table(OTHER_TABLES[name](good))
    assert name in str(error.value)
    assert "delete it and run `dvc repro`" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_violations_mark_the_rows_that_break_a_rule() -> None:
    table = pd.DataFrame({"label": ["benign", "phish", "malicious", None]}, index=[7, 3, 5, 9])
    found = violations(table, training_schema(0.5))
    assert list(found) == ["unknown_label"]
    assert found["unknown_label"].to_dict() == {7: False, 3: True, 5: False, 9: True}


def test_nothing_is_marked_where_all_is_well_or_the_whole_is_to_blame() -> None:
    table = pd.DataFrame({"label": ["benign", "malicious", "malicious"]})
    assert violations(table, training_schema(0.2)) == {}
    found = violations(table, training_schema(0.1))
    assert list(found) == ["classes_near_half"]
    assert not found["classes_near_half"].any()


def test_labels_of_no_class_do_not_count_in_the_balance() -> None:
    table = pd.DataFrame({"label": ["benign", "malicious", "other", "other"]})
    assert list(violations(table, training_schema(0.1))) == ["unknown_label"]
