from pathlib import Path

import pandas as pd
import pytest

from stages.commands import results
from stages.common.cli import StageError


def test_the_tables_have_the_figures_of_the_last_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["model", "metric", "value", "low", "high", "rows"]
    places = [("test", "accuracy", 0.75), ("test", "auc", 0.8), ("matched", "auc", 0.5)]
    rows = [
        (model, metric, value, value - 0.1, value + 0.1, where)
        for model in results.SHORT
        for where, metric, value in places
    ]
    rows.append(("best_rule", "auc", 0.9, 0.8, 1.0, "random"))
    (project / "reports/evaluate").mkdir(parents=True)
    pd.DataFrame(rows, columns=columns).to_csv("reports/evaluate/metrics.csv", index=False)
    results.main()
    printed = capsys.readouterr().out.splitlines()
    assert "| | module trees | 0.750 | 0.800 (0.700-0.900) | 0.500 (0.400-0.600) |  |" in printed
    assert "| network | 0.750 (0.650 to 0.850) | 0.800 (0.700 to 0.900) | 0.500 (0.400 to 0.600) |  |" in printed
    (rule,) = [line for line in printed if line.startswith("| best rule |")]
    assert rule.endswith("| 0.900 (0.800 to 1.000) |")


def test_without_an_evaluation_the_user_learns_what_to_run(project: Path) -> None:
    with pytest.raises(StageError, match=r"metrics\.csv is not there yet: run `dvc repro`"):
        results.main()
