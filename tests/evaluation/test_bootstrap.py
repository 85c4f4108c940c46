"""Intervals against what is known about them."""

import numpy as np
import pandas as pd
import pytest

from stages.common.cli import StageError
from stages.common.settings import Evaluate
from stages.evaluation.bootstrap import differences, draws, replicates, table
from stages.evaluation.metrics import compute_scores
from tests.evaluation.examples import example

NAN = float("nan")
pytestmark = pytest.mark.filterwarnings("error")  # what is undefined is NaN, and says nothing on the terminal


def settings(samples: int) -> Evaluate:
    return Evaluate(samples=samples, seed=0, prevalence=0.001, batch_size=1)


def test_no_rows_have_no_metrics() -> None:
    nothing = np.array([], dtype=int)
    found = table(
        replicates(nothing, pd.Series([], dtype=str), {"network": (nothing.astype(float), 0.5)}, settings(10))
    )
    assert set(found["metric"]) == set(compute_scores(*example(10), 0.5))
    assert found[["value", "low", "high"]].isna().all().all()


def test_a_draw_takes_groups_whole_and_as_many_as_there_are() -> None:
    groups = pd.Series(list("abacb"), index=[9, 9, 3, 4, 5])
    found = np.array(list(draws(groups, 300, 0)))
    assert (found[:, 0] == found[:, 2]).all() and (found[:, 1] == found[:, 4]).all()
    assert (found[:, 0] + found[:, 1] + found[:, 3] == 3).all()
    assert found.mean(axis=0) == pytest.approx(1, abs=0.15)
    assert (found == np.array(list(draws(groups, 300, 0)))).all()
    assert (found != np.array(list(draws(groups, 300, 1)))).any()


def test_rows_that_are_copies_make_no_interval_narrower() -> None:
    truth, probability = example(80)
    sites = pd.Series(range(80))
    models = {"network": (probability, 0.5)}, {"network": (probability.repeat(5), 0.5)}
    once = table(replicates(truth, sites, models[0], settings(200)))
    copied = table(replicates(truth.repeat(5), sites.repeat(5), models[1], settings(200)))
    measured = once["value"].notna()
    pd.testing.assert_frame_equal(copied[measured], once[measured])
    as_rows = table(replicates(truth.repeat(5), pd.Series(range(400)), models[1], settings(200))).set_index("metric")
    width = (as_rows["high"] - as_rows["low"]) / (once.set_index("metric")["high"] - once.set_index("metric")["low"])
    assert width["accuracy"] == pytest.approx(5**-0.5, rel=0.25)


def test_the_interval_of_the_accuracy_is_the_binomial_one() -> None:
    truth, probability = example(400)
    found = table(replicates(truth, pd.Series(range(400)), {"network": (probability, 0.5)}, settings(1000))).set_index(
        "metric"
    )
    value, low, high = found.loc["accuracy", ["value", "low", "high"]]
    assert value == compute_scores(truth, probability, 0.5)["accuracy"]
    half = 1.96 * (value * (1 - value) / 400) ** 0.5
    assert (value - low, high - value) == pytest.approx((half, half), rel=0.15)


def test_differences_are_paired() -> None:
    truth, probability = example(200)
    shifted = np.clip(probability + 0.01, 0, 1)  # the same order, nearly the same answers
    models = {"rule": (np.full(200, 0.5), 0.5), "network": (probability, 0.5), "twin": (shifted, 0.51)}
    found = replicates(truth, pd.Series(range(200)), models, settings(200))
    result = differences(found).set_index(["model", "metric"])
    assert set(result.index) == {(model, metric) for model in ("rule", "twin") for metric in ("auc", "accuracy")}
    assert result.loc[("twin", "auc")].to_numpy() == pytest.approx(0, abs=1e-12)
    single = table(found).set_index(["model", "metric"])
    expected = single["value"]["network"]["accuracy"] - single["value"]["rule"]["accuracy"]
    assert result.loc[("rule", "accuracy"), "difference"] == pytest.approx(expected)
    low, difference, high = result.loc[("rule", "auc"), ["low", "difference", "high"]]
    assert 0 < low < difference < high  # a constant has an AUC of 0.5 in every draw
    assert (low, high) == pytest.approx(tuple(single.loc[("network", "auc"), ["low", "high"]] - 0.5))
    assert differences(found, of="twin", names=["brier"])["model"].tolist() == ["rule", "network"]


@pytest.mark.parametrize("wrong", [NAN, 1.01, -0.01])
def test_what_is_no_probability_is_an_error(wrong: float) -> None:
    truth, probability = example(10)
    probability[3] = wrong
    with pytest.raises(StageError, match=r"network: a probability is not in 0\.\.1"):
        replicates(truth, pd.Series(range(10)), {"network": (probability, 0.5)}, settings(10))


def overconfident(rows: int, seed: int) -> pd.Series:
    """Value, low and high of the calibration error of answers whose true one is 0.08."""
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.1, 0.9, rows)
    truth = (rng.random(rows) < 0.5 + 0.6 * (probability - 0.5)).astype(int)
    found = table(replicates(truth, pd.Series(range(rows)), {"network": (probability, 0.5)}, settings(100)))
    return found.set_index("metric").loc["calibration_error", ["value", "low", "high"]].astype(float)


def test_the_calibration_error_is_not_larger_because_there_are_few_rows_and_lies_in_its_interval() -> None:
    found = pd.DataFrame([overconfident(200, seed) for seed in range(25)])
    true = 0.4 * 0.2  # the mean distance of a probability in 0.1..0.9 from 0.5 is 0.2
    assert found["value"].mean() == pytest.approx(true, abs=0.02)  # without the correction 0.12
    assert ((found["low"] <= found["value"]) & (found["value"] <= found["high"])).all()
    # Without the correction in 2 cases of 25; 95 % is not reached, as no bootstrap removes the whole bias.
    assert ((found["low"] <= true) & (true <= found["high"])).mean() > 0.65


def test_an_interval_that_would_leave_out_its_own_value_cannot_be_told() -> None:
    columns = pd.MultiIndex.from_tuples([("network", "auc"), ("network", "recall")], names=["model", "metric"])
    found = table(pd.DataFrame([[0.9, 0.5]] + [[0.5 + place / 100, 0.5] for place in range(20)], columns=columns))
    assert found["value"].tolist() == [0.9, 0.5]
    assert found.loc[0, ["low", "high"]].isna().all()
    assert found.loc[1, ["low", "high"]].tolist() == [0.5, 0.5]
