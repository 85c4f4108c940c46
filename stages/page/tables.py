"""The figures of the stages as the rows that page and card print."""

from typing import Any

import pandas as pd

from stages.evaluation.drift import LARGE
from stages.evaluation.metrics import METRICS
from stages.page import captions
from stages.page.verdict import real_alarms

MOVED = 10  # features of the drift that are shown


def findings(table: pd.DataFrame) -> list[dict[str, Any]]:
    """What the gate objected to: check, level, and its words where it judged the dataset, else the number of files."""
    whole = table["path"].isna()
    found = [
        {
            "check": check,
            "level": level,
            "text": rows["error"].iloc[0] if whole[rows.index].all() else f"{len(rows):,} files",
        }
        for (check, level), rows in table.groupby(["check", "level"], sort=False)
    ]
    return sorted(found, key=lambda one: one["level"])


def metric_table(network: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Title, value with interval and meaning of each metric; without a false alarm, precision in the world is open."""
    values = {name: captions.interval(network.loc[name]) for name in METRICS}
    if not network.value["false_positive_rate"] > 0:
        values["precision_at_prevalence"] = captions.UNKNOWN
    return [(metric.title, values[name], metric.meaning) for name, metric in METRICS.items()]


def alarms(network: pd.Series) -> str:
    """The precision where malicious codes are rare, in words; `network` has the values of its metrics by name."""
    if not network["false_positive_rate"] > 0:
        return "the test part gave no false alarm, so how many alarms would be real cannot be told"
    return real_alarms(network["precision_at_prevalence"])


def auc_table(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a model: its name, what it is, and its AUC with interval on every set of rows, "" where there is none."""
    auc = scores[scores["metric"] == "auc"].set_index(["model", "rows"]).sort_index()
    return [
        {"name": name, "text": text}
        | {
            rows: captions.interval(auc.loc[(model, rows)]) if (model, rows) in auc.index else ""
            for rows in captions.ROWS
        }
        for model, (name, text) in captions.BASELINES.items()
    ]


def elsewhere(scores: pd.DataFrame, drops: pd.DataFrame, drift: pd.DataFrame) -> dict[str, Any]:
    """Every model on test, elsewhere and its matched codes, with its drop; and the features that moved most.

    `models` and `features` are empty where nothing was scored elsewhere.
    """
    auc = scores[scores["metric"] == "auc"].set_index(["rows", "model"]).sort_index()
    found = drops[drops["metric"] == "auc"].set_index("model")
    models = [
        {"name": captions.BASELINES[name][0], "drop": captions.interval(row, "drop")}
        | {
            rows: captions.interval(auc.loc[rows, name]) if (rows, name) in auc.index else captions.UNKNOWN
            for rows in ("test", "elsewhere", "elsewhere, matched")
        }
        for name, row in found.iterrows()
    ]
    moved = drift[drift["rows"] == "elsewhere"].merge(
        drift.loc[drift["rows"] == "test", ["feature", "index"]], on="feature", suffixes=("", "_test")
    )
    return {"models": models, "features": moved.head(MOVED).to_dict("records"), "large": LARGE}


def hardest(table: pd.DataFrame) -> dict[str, Any]:
    """The case of lowest accuracy among the rectified ones, with the accuracy of the pictures as they are (`clean`)."""
    own = table[table["rectified"]]
    corrupted, clean = own[own["corruption"] != "none"], own[own["corruption"] == "none"]
    return corrupted.loc[corrupted["accuracy"].idxmin()].to_dict() | {"clean": clean["accuracy"].item()}
