"""Metrics against sklearn and torchmetrics, intervals against what is known of them."""

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import metrics as sklearn_metrics
from torchmetrics.functional.classification import binary_calibration_error

from stages.common.cli import StageError
from stages.evaluation.metrics import (
    compute_scores,
    differences,
    draws,
    precision_recall,
    reliability,
    replicates,
    roc,
    table,
)

NAN = float("nan")


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """What a class that is missing leaves undefined is NaN, and nothing is said of it on the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def example(count: int, seed: int = 0, levels: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Truth and a probability that has to do with it, in steps of 1 / `levels`."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=count)
    return truth, ((0.3 * truth + 0.7 * rng.random(count)) * levels).round() / levels


def by_sklearn(
    truth: np.ndarray, probability: np.ndarray, threshold: float, weight: np.ndarray | None
) -> dict[str, float]:
    called = probability >= threshold
    precision, recall, f1, _ = sklearn_metrics.precision_recall_fscore_support(
        truth, called, average="binary", sample_weight=weight, zero_division=0.0
    )
    alarms, found, _ = sklearn_metrics.roc_curve(truth, probability, sample_weight=weight, drop_intermediate=False)
    return {
        "accuracy": sklearn_metrics.accuracy_score(truth, called, sample_weight=weight),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(truth, called, sample_weight=weight),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "auc": sklearn_metrics.roc_auc_score(truth, probability, sample_weight=weight),
        "average_precision": sklearn_metrics.average_precision_score(truth, probability, sample_weight=weight),
        "log_loss": sklearn_metrics.log_loss(
            truth, np.column_stack([1 - probability, probability]), sample_weight=weight
        ),
        "brier": sklearn_metrics.brier_score_loss(truth, probability, sample_weight=weight),
        "recall_at_1_percent": found[alarms <= 0.01].max(),
        "recall_at_0_1_percent": found[alarms <= 0.001].max(),
    }


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("levels", [3, 20, 10**6])
def test_they_are_those_of_sklearn(levels: int, threshold: float, weighted: bool) -> None:
    truth, probability = example(2500, levels, levels)
    weight = np.random.default_rng(1).poisson(1, 2500) if weighted else None
    expected = by_sklearn(truth, probability, threshold, weight)
    scores = compute_scores(truth, probability, threshold, weight)
    assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_a_weight_is_as_many_rows() -> None:
    truth, probability = example(3000, levels=50)
    weight = np.random.default_rng(1).integers(1, 4, 3000)
    repeated = compute_scores(truth.repeat(weight), probability.repeat(weight), 0.5)
    assert compute_scores(truth, probability, 0.5, weight) == pytest.approx(repeated, abs=1e-12)


def test_the_calibration_error_is_that_of_torchmetrics() -> None:
    truth, probability = example(500)
    expected = binary_calibration_error(torch.tensor(probability), torch.tensor(truth), n_bins=15, norm="l1")
    assert compute_scores(truth, probability, 0.5)["calibration_error"] == pytest.approx(float(expected), abs=1e-6)


def test_certainty_is_counted_in_the_last_bin_and_costs_a_finite_loss() -> None:
    scores = compute_scores(np.array([1, 0, 0, 1]), np.array([1.0, 1.0, 0.0, 1.0]), 0.5)
    assert scores["calibration_error"] == 0.25  # in the one bin 3 rows of certainty, 2 of them right
    assert scores["log_loss"] == pytest.approx(-np.log(np.finfo(float).eps) / 4)


def test_by_hand() -> None:
    truth, probability = np.array([1, 1, 0, 0, 0]), np.array([0.9, 0.5, 0.5, 0.2, 0.1])
    scores = compute_scores(truth, probability, 0.6, prevalence=0.1)
    assert scores["false_positive_rate"] == 0 and scores["precision_at_prevalence"] == 1
    scores = compute_scores(truth, probability, 0.5, prevalence=0.1)
    assert scores["false_positive_rate"] == pytest.approx(1 / 3)
    assert scores["precision_at_prevalence"] == pytest.approx(0.1 / (0.1 + 0.9 / 3))
    nothing = compute_scores(truth, probability, 0.95)
    assert nothing["precision"] == nothing["f1"] == nothing["precision_at_prevalence"] == 0


@pytest.mark.parametrize(("benign", "defined"), [(99, (False, False)), (100, (True, False)), (1000, (True, True))])
def test_a_false_positive_rate_is_measured_only_where_one_benign_row_may_exceed_it(
    benign: int, defined: tuple[bool, bool]
) -> None:
    truth = np.repeat([0, 1], [benign, 4])
    probability = np.append(np.linspace(0, 0.6, benign), [0.5, 0.595, 0.7, 0.8])
    scores = compute_scores(truth, probability, 0.5)
    at = scores["recall_at_1_percent"], scores["recall_at_0_1_percent"]
    assert (not np.isnan(at[0]), not np.isnan(at[1])) == defined
    if defined[0]:
        assert at[0] == 0.75  # one benign row of 100, or ten of 1000, may lie above 0.595
    if defined[1]:
        assert at[1] == 0.5  # one of 1000; the next one is above 0.595, too


@pytest.mark.parametrize("only", [0, 1])
@pytest.mark.parametrize("threshold", [0.5, 0.99])
def test_what_a_missing_class_leaves_undefined_is_nan(only: int, threshold: float) -> None:
    scores = compute_scores(np.full(200, only), np.linspace(0.1, 0.9, 200), threshold)
    called = 0.5 if threshold == 0.5 else 0.0
    assert np.isnan([scores[name] for name in ("balanced_accuracy", "auc", "precision_at_prevalence")]).all()
    assert np.isnan(scores["recall_at_1_percent"])
    assert scores["accuracy"] == (called if only else 1 - called)
    assert scores["log_loss"] > 0 and scores["brier"] > 0
    other = {"false_positive_rate": NAN, "recall": called} if only else {"false_positive_rate": called, "recall": NAN}
    assert {name: scores[name] for name in other} == pytest.approx(other, nan_ok=True)
    assert np.isnan(scores["average_precision"]) == (only == 0)


def test_no_rows_have_no_metrics() -> None:
    nothing = np.array([], dtype=int)
    found = table(replicates(nothing, pd.Series([], dtype=str), {"network": (nothing.astype(float), 0.5)}, 10, 0))
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
    once = table(replicates(truth, sites, models[0], 200, 0))
    copied = table(replicates(truth.repeat(5), sites.repeat(5), models[1], 200, 0))
    measured = once["value"].notna()
    pd.testing.assert_frame_equal(copied[measured], once[measured])
    as_rows = table(replicates(truth.repeat(5), pd.Series(range(400)), models[1], 200, 0)).set_index("metric")
    width = (as_rows["high"] - as_rows["low"]) / (once.set_index("metric")["high"] - once.set_index("metric")["low"])
    assert width["accuracy"] == pytest.approx(5**-0.5, rel=0.25)


def test_the_interval_of_the_accuracy_is_the_binomial_one() -> None:
    truth, probability = example(400)
    found = table(replicates(truth, pd.Series(range(400)), {"network": (probability, 0.5)}, 1000, 0)).set_index(
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
    found = replicates(truth, pd.Series(range(200)), models, 200, 0)
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
        replicates(truth, pd.Series(range(10)), {"network": (probability, 0.5)}, 10, 0)


@pytest.mark.parametrize("count", [30, 5000])
def test_the_curves_are_short_and_have_the_area_of_the_metrics(count: int) -> None:
    truth, probability = example(count, levels=10**6)
    scores = compute_scores(truth, probability, 0.5)
    curve = roc(truth, probability)
    assert len(curve) <= 200
    assert curve.iloc[[0, -1], :2].to_numpy().tolist() == [[0, 0], [1, 1]]
    assert np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"]) == pytest.approx(
        scores["auc"], abs=1e-3
    )
    curve = precision_recall(truth, probability)
    assert len(curve) <= 200
    assert curve["recall"].iloc[[0, -1]].tolist() == [1, 0]
    area = -np.trapezoid(curve["precision"], curve["recall"])
    assert area == pytest.approx(scores["average_precision"], abs=0.02)
    point = curve.iloc[len(curve) // 2]
    at_point = compute_scores(truth, probability, point["threshold"])
    assert (at_point["recall"], at_point["precision"]) == pytest.approx((point["recall"], point["precision"]))


@pytest.mark.parametrize("curve", [roc, precision_recall])
@pytest.mark.parametrize("truth", [[], [1, 1], [0, 0]])
def test_one_class_has_no_curve(curve: Callable[[np.ndarray, np.ndarray], pd.DataFrame], truth: list[int]) -> None:
    found = curve(np.array(truth), np.linspace(0, 1, len(truth)))
    assert found.empty and len(found.columns) == 3


def test_reliability_by_hand() -> None:
    found = reliability(np.array([0, 1, 1, 1, 0]), np.array([0.02, 0.04, 0.25, 1.0, 0.95]))
    assert found["rows"].tolist() == [2, 1, 2]
    assert found["malicious"].tolist() == [0.5, 1.0, 0.5]
    assert found["predicted"].tolist() == pytest.approx([0.03, 0.25, 0.975])
