"""What all checks share: rows marked, verdicts by level, histograms."""

import pandas as pd
import pytest

from stages.common.settings import Level
from stages.gate.audit import CHECKS
from stages.gate.check import Audit, Finding, Result, histogram, marked


def test_marked_rows_are_counted() -> None:
    assert marked(pd.Series([False, True, True])).text == "2 of 3 files"
    assert [marked(pd.Series(rows)).holds for rows in ([False], [True, False])] == [True, False]


@pytest.mark.parametrize(("level", "holds", "fails"), [("error", False, True), ("warn", False, False)])
def test_only_a_check_of_level_error_closes_the_gate(level: Level, holds: bool, fails: bool) -> None:
    result = Result(CHECKS[0], level, Finding(holds))
    assert result.failed == fails
    assert Audit(pd.DataFrame(), [result]).passed != fails


def test_a_histogram_counts_each_class_in_each_bin() -> None:
    labels = pd.Series(["benign"] * 3 + ["malicious"] * 2)
    few = histogram(pd.Series([1.0, 1.0, 2.0, 2.0, None]), labels, "modules")
    assert few is not None
    assert few.to_dict() == {"benign": {"1": 2, "2": 1}, "malicious": {"1": 0, "2": 1}}
    many = histogram(pd.Series(range(100)), pd.Series(["benign"] * 50 + ["malicious"] * 50), "modules")
    assert many is not None
    assert (len(many), many.to_numpy().sum(), many.index.name) == (12, 100, "modules")
    assert all(" - " in tick for tick in many.index)


def test_nothing_has_no_histogram() -> None:
    assert histogram(pd.Series([None, None]), pd.Series(["benign"] * 2), "modules") is None
