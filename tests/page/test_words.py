import numpy as np
import pandas as pd
import pytest

from stages.baselines.models import BASELINES
from stages.evaluation.metrics import measure
from stages.page import words
from stages.qr.damage import DAMAGES


def test_everything_that_is_measured_has_its_words() -> None:
    assert set(words.METRICS) == set(measure(np.array([0, 1]), np.array([0.2, 0.8]), 0.5))
    assert list(words.BASELINES) == ["network", *BASELINES]
    assert set(words.DAMAGES) == set(DAMAGES)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.81249, "0.812"), (0.002876, "0.0029"), (0.0, "0.000"), (np.nan, "cannot be told"), (None, "cannot be told")],
)
def test_a_figure_has_the_digits_that_mean_something(value: float | None, shown: str) -> None:
    assert words.figure(value) == shown


def test_an_interval_without_ends_is_its_value() -> None:
    assert words.interval(pd.Series({"value": 0.5, "low": 0.4, "high": 0.6})) == "0.500 (0.400 to 0.600)"
    assert words.interval(pd.Series({"value": 0.5, "low": np.nan, "high": np.nan})) == "0.500"
