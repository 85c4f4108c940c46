from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from stages.page.card import card_data
from stages.page.verdict import Answer


def inputs(images: str) -> Any:
    rows = pd.DataFrame({"part": ["train", "train", "train", "val"]})
    return SimpleNamespace(
        rows=rows,
        params=SimpleNamespace(data=SimpleNamespace(urls=Path("my.csv"), images=Path(images))),
        about={"weights_sha256": "abc"},
        figures={"test": {"auc": 0.8}},
    )


@pytest.mark.parametrize(("images", "data"), [("data/images", "my.csv"), ("photos", "photos")])
def test_it_says_what_the_model_was_trained_on_and_what_the_report_thinks_of_it(images: str, data: str) -> None:
    assert card_data(inputs(images), Answer("Would you deploy it?", "no", "Against it: all.")) == {
        "weights_sha256": "abc", "deploy": "no", "why": "Against it: all.",
        "trained_on": {"images": 3, "data": data}, "test": {"auc": 0.8},
    }  # fmt: skip
