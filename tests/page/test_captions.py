import numpy as np
import pandas as pd
import pytest

from stages.evaluation.baselines import BASELINES
from stages.page import captions


def test_every_baseline_has_its_caption() -> None:
    assert list(captions.BASELINES) == ["network", *BASELINES]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.81249, "0.812"), (0.002876, "0.0029"), (0.0, "0.000"), (np.nan, "cannot be told"), (None, "cannot be told")],
)
def test_a_figure_has_the_digits_that_mean_something(value: float | None, shown: str) -> None:
    assert captions.figure(value) == shown


def test_an_interval_without_ends_is_its_value() -> None:
    assert captions.interval(pd.Series({"value": 0.5, "low": 0.4, "high": 0.6})) == "0.500 (0.400 to 0.600)"
    assert captions.interval(pd.Series({"value": 0.5, "low": np.nan, "high": np.nan})) == "0.500"
