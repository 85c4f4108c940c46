from typing import Any

import pandas as pd

from stages.evaluation.metrics import METRICS
from stages.page import captions
from stages.page.tables import alarms, auc_table, findings, hardest, metric_table


def test_findings_of_files_are_counted_and_those_of_the_dataset_quoted_errors_first() -> None:
    rows = [
        ("duplicates", "warn", None, "12% of the codes"),
        ("truncated", "error", "a.png", "cut off"),
        ("truncated", "error", "b.png", "cut off"),
    ]
    table = pd.DataFrame(rows, columns=["check", "level", "path", "error"])
    assert findings(table) == [
        {"check": "truncated", "level": "error", "text": "2 files"},
        {"check": "duplicates", "level": "warn", "text": "12% of the codes"},
    ]


def network(**values: float) -> pd.DataFrame:
    """Every metric 0.5 (0.4 to 0.6) but `values`."""
    rows = {name: [values.get(name, 0.5), 0.4, 0.6] for name in METRICS}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def test_every_metric_is_shown_with_its_interval() -> None:
    table = metric_table(network())
    assert [title for title, _, _ in table] == [metric.title for metric in METRICS.values()]
    assert all("0.400" in value and "0.600" in value for _, value, _ in table)


def test_without_a_false_alarm_the_precision_in_the_world_is_open() -> None:
    shown = {title: value for title, value, _ in metric_table(network(false_positive_rate=0.0))}
    assert shown[METRICS["precision_at_prevalence"].title] == captions.UNKNOWN
    assert "cannot be told" in alarms(network(false_positive_rate=0.0)["value"])
    assert "cannot be told" not in alarms(network()["value"])


def test_a_model_without_a_score_on_some_rows_has_an_empty_cell_there() -> None:
    (first, *_), (rows, *others) = captions.BASELINES, captions.ROWS
    scores = pd.DataFrame([(rows, name, "auc", 0.7, 0.6, 0.8) for name in captions.BASELINES])
    scores.columns = pd.Index(["rows", "model", "metric", "value", "low", "high"])
    table = auc_table(scores)
    assert [row["name"] for row in table] == [name for name, _ in captions.BASELINES.values()]
    assert "0.700" in table[0][rows] and first
    assert all(row[other] == "" for row in table for other in others)


def test_the_hardest_corruption_is_that_of_the_rectified_pictures() -> None:
    rows: list[dict[str, Any]] = [
        {"corruption": name, "rectified": rectified, "accuracy": accuracy}
        for name, rectified, accuracy in [
            ("none", True, 0.9),
            ("blur", True, 0.7),
            ("rotate", True, 0.8),
            ("rotate", False, 0.1),
            ("none", False, 0.8),
        ]
    ]
    found = hardest(pd.DataFrame(rows))
    assert (found["corruption"], found["accuracy"], found["clean"]) == ("blur", 0.7, 0.9)
