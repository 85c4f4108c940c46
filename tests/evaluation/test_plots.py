from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from stages.evaluation.metrics import compute_scores
from stages.evaluation.plots import precision_recall, reliability, roc
from tests.evaluation.examples import example

pytestmark = pytest.mark.filterwarnings("error")


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
    assert found.empty and len(found.columns) == 4


def test_a_bin_of_reliability_has_the_mean_prediction_the_share_that_is_malicious_and_its_rows() -> None:
    found = reliability(np.array([0, 1, 1, 1, 0]), np.array([0.02, 0.04, 0.25, 1.0, 0.95]))
    assert found["rows"].tolist() == [2, 1, 2]
    assert found["malicious"].tolist() == [0.5, 1.0, 0.5]
    assert found["predicted"].tolist() == pytest.approx([0.03, 0.25, 0.975])


def test_the_curves_have_what_guessing_and_perfect_calibration_would_give() -> None:
    truth, probability = example(400)
    guess = np.random.default_rng(1).random(400)
    curve = roc(truth, guess)
    assert np.abs(curve["true_positive_rate"] - curve["chance"]).max() < 0.15
    assert np.abs(precision_recall(truth, guess)["precision"][:150] - truth.mean()).max() < 0.15
    assert precision_recall(truth, probability)["chance"].unique().tolist() == [truth.mean()]
    rng = np.random.default_rng(2)
    calibrated = reliability((rng.random(9000) < np.linspace(0, 1, 9000)).astype(int), np.linspace(0, 1, 9000))
    assert np.abs(calibrated["malicious"] - calibrated["perfect"]).max() < 0.05
