"""Metrics against sklearn and torchmetrics, and against figures worked out on paper."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics
from torchmetrics.functional.classification import binary_calibration_error

from stages.evaluation.metrics import HEADLINE, METRICS, compute_scores, headline
from tests.evaluation.examples import example

NAN = float("nan")


pytestmark = pytest.mark.filterwarnings("error")  # what is undefined is NaN, and says nothing on the terminal


def by_sklearn(
    truth: np.ndarray, probability: np.ndarray, threshold: float, weight: np.ndarray | None
) -> dict[str, float]:
    called = probability >= threshold
    weight = np.ones(len(truth)) if weight is None else weight
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
        "false_positive_rate": called[truth == 0] @ weight[truth == 0] / weight[truth == 0].sum(),
        "recall_at_1_percent": found[alarms <= 0.01].max(),
        "recall_at_0_1_percent": found[alarms <= 0.001].max(),
    }


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("levels", [3, 20, 10**6])
def test_every_metric_that_sklearn_has_too_is_the_same_there(levels: int, threshold: float, weighted: bool) -> None:
    truth, probability = example(2500, levels, levels)
    weight = np.random.default_rng(1).poisson(1, 2500) if weighted else None
    expected = by_sklearn(truth, probability, threshold, weight)
    scores = compute_scores(truth, probability, threshold, weight)
    assert set(METRICS) - set(expected) == {"calibration_error", "precision_at_prevalence"}  # tested below
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


def test_precision_at_a_prevalence_is_what_bayes_rule_gives() -> None:
    truth, probability = np.array([1, 1, 0, 0, 0]), np.array([0.9, 0.5, 0.5, 0.2, 0.1])
    # From 0.5 on: both malicious codes, and one of three benign ones. Of 1,000 codes 100 are malicious.
    scores = compute_scores(truth, probability, 0.5, prevalence=0.1)
    assert scores["precision_at_prevalence"] == pytest.approx(100 / (100 + 900 / 3))
    # From 0.6 on: half of the malicious codes and no benign one, so that every alarm is real.
    assert compute_scores(truth, probability, 0.6, prevalence=0.1)["precision_at_prevalence"] == 1


def test_where_nothing_is_called_malicious_precision_is_0() -> None:
    nothing = compute_scores(np.array([1, 1, 0]), np.array([0.9, 0.5, 0.2]), 0.95)
    assert [nothing[name] for name in ("precision", "f1", "precision_at_prevalence", "recall")] == [0, 0, 0, 0]


def test_the_headline_has_its_metrics_by_names_that_do_not_depend_on_the_data() -> None:
    found = headline(compute_scores(np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.6, 0.1]), 0.5))
    assert list(found) == ["accuracy", "auc", "loss", "recall", "false_positives"] == list(HEADLINE)
    loss = -np.log([0.9, 0.4, 0.4, 0.9]).mean()
    assert list(found.values()) == [0.5, 0.75, round(loss, 4), 0.5, 0.5]


def test_the_headline_has_an_auc_from_elsewhere_where_there_is_one() -> None:
    scores = compute_scores(np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.6, 0.1]), 0.5)
    assert headline(scores, elsewhere=0.00108795) == headline(scores) | {"auc_elsewhere": 0.0011}


def test_every_metric_has_a_title_and_a_meaning() -> None:
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)
    assert all(metric.meaning for metric in METRICS.values())


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
