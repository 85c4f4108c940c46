from base64 import b64decode
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from stages.page import charts

EPOCHS = pd.DataFrame(
    {
        "train/loss": [0.9, 0.5, 0.2, 0.1],
        "val/loss": [0.8, 0.6, 0.7, 0.9],
        "val/accuracy": [0.6, 0.7, 0.75, 0.7],
        "val/auc": [0.6, 0.8, 0.8, 0.8],
        "learning_rate": [0.1, 0.1, 0.05, 0.025],
    },
    index=pd.RangeIndex(1, 5),
)


def texts(source: str) -> list[str]:
    svg = b64decode(source.removeprefix("data:image/svg+xml;base64,"))
    assert b"<dc:date>" not in svg and b"<image" not in svg
    return [
        "".join(element.itertext()) for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")
    ]


def test_the_loss_has_axes_chance_and_the_reductions_of_the_rate() -> None:
    shown = texts(charts.loss(EPOCHS, 2))
    assert {"epoch", "loss (cross-entropy, nats)", "chance (ln 2 = 0.693)", "epoch that was kept"} <= set(shown)
    assert shown.count("learning rate reduced") == 1
    assert "learning rate reduced" not in texts(charts.loss(EPOCHS.head(2), 2))


def test_the_same_figures_make_the_same_bytes_whatever_the_users_own_style() -> None:
    first = charts.accuracy(EPOCHS, 2, 0.5)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert charts.accuracy(EPOCHS, 2, 0.5) == first


@pytest.mark.parametrize("rows", [["test"], ["test", "matched", "random"]])
def test_the_forest_has_every_model_and_the_rows_that_there_are(rows: list[str]) -> None:
    models = ["network", "majority", "best_rule"]
    scores = pd.DataFrame(
        [(model, "auc", 0.7, 0.6, 0.8, kind) for kind in rows for model in models]
        + [("payload_features", "auc", np.nan, np.nan, np.nan, "test")],
        columns=["model", "metric", "value", "low", "high", "rows"],
    )
    shown = texts(charts.forest(scores))
    assert {"the network", "the larger class", "the best rule", "payload features", *rows} <= set(shown)
    assert {"test", "matched", "random"} & set(shown) == set(rows)


def test_a_corruption_is_shown_by_severity_with_its_unit() -> None:
    columns = ["corruption", "title", "severity", "unit", "rectified", "accuracy", "decode_rate"]
    cases = [
        ("none", "none", 0.0, ""),
        ("dim", "less light", 0.5, "share of it"),
        ("dim", "less light", 0.9, "share of it"),
    ]
    table = pd.DataFrame([(*case, end, 0.8, 1.0) for case in cases for end in (True, False)], columns=columns)
    shown = texts(charts.corruption(table[table["corruption"] == "none"], table[table["corruption"] == "dim"]))
    assert [text for text in shown if text in ("none", "0.5", "0.9")] == ["none", "0.5", "0.9"]
    assert "less light (share of it)" in shown
