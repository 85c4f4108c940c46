from types import SimpleNamespace
from typing import Any

import pandas as pd

from stages.page.card import card_data
from stages.page.verdict import Answer


def inputs(dataset: str) -> Any:
    rows = pd.DataFrame({"part": ["train", "train", "train", "val"]})
    about = {"weights_sha256": "abc"}
    return SimpleNamespace(rows=rows, dataset=dataset, about=about, figures={"test": {"auc": 0.8}})


def test_it_says_what_the_model_was_trained_on_and_what_the_report_thinks_of_it() -> None:
    assert card_data(inputs("photos"), Answer("Would you deploy it?", "no", "Against it: all.")) == {
        "weights_sha256": "abc", "deploy": "no", "why": "Against it: all.",
        "trained_on": {"images": 3, "data": "photos"}, "test": {"auc": 0.8},
    }  # fmt: skip
