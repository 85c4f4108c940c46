"""Metrics of a probability of being malicious.

A new one is a row of METRICS and a test: `compute_scores` computes it, reports/evaluate/metrics.csv has it
with its interval, and the page and the model card show it with its title and meaning.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from stages.evaluation.counts import Counts, count

CALIBRATION_BINS = 15


def precision(of: Counts) -> float:
    """0 where nothing is called malicious."""
    alarms = of.true_positives + of.false_positives
    return of.true_positives / alarms if alarms or not of.total else 0.0


def auc(of: Counts) -> float:
    """Area under the ROC curve."""
    return np.trapezoid(of.recalls, of.false_positive_rates) if of.malicious and of.benign else np.nan


def average_precision(of: Counts) -> float:
    """Precision over recall as a step function, without interpolation."""
    return np.diff(of.recalls) @ of.precisions if of.malicious else np.nan


def recall_at(rate: float) -> Callable[[Counts], float]:
    """The largest recall on the ROC curve of these rows whose false positive rate is at most `rate`.

    NaN for fewer benign rows than 1 / rate, where one false positive is too much already.
    """

    def metric(of: Counts) -> float:
        if (~of.bad).sum() < 1 / rate or np.isnan(of.false_positive_rates[-1]):
            return np.nan
        return of.recalls[of.false_positive_rates <= rate].max()

    return metric


def precision_at_prevalence(of: Counts) -> float:
    """Bayes' rule for recall and false positive rate at the threshold; 1 without a false positive."""
    alarms = of.recall * of.prevalence + of.false_positive_rate * (1 - of.prevalence)
    return of.recall * of.prevalence / alarms if alarms else 0.0


def log_loss(of: Counts) -> float:
    """Cross-entropy in nats, the probability of what is true being at least the machine's epsilon."""
    likelihood = np.where(of.bad, of.probability, 1 - of.probability).clip(min=np.finfo(np.float64).eps)
    return -(of.weight @ np.log(likelihood)) / of.total


def calibration_error(of: Counts) -> float:
    """Expected calibration error of the probability of malicious, in bins of equal width.

    Naeini et al., AAAI 2015; Guo et al., ICML 2017. Of few rows it is too large, as it sums absolute values
    (Roelofs et al., Mitigating Bias in Calibration Error Estimation, AISTATS 2022).
    """
    gaps = np.bincount(bins_of(of.probability, CALIBRATION_BINS), of.weight * (of.bad - of.probability))
    return np.abs(gaps).sum() / of.total


def bins_of(probability: np.ndarray, count: int) -> np.ndarray:
    """In which of `count` bins of equal width each probability is, int64 (n,); 1 is in the last."""
    return (np.asarray(probability) * count).astype(int).clip(max=count - 1)


class Metric(NamedTuple):
    """What a metric is called, what it is, and how it follows from the counts."""

    title: str
    meaning: str
    compute: Callable[[Counts], float]
    biased: bool = False  # of few rows too large, which stages/evaluation/bootstrap.py corrects


METRICS = {
    "accuracy": Metric(
        "accuracy",
        "share of all codes that are called what they are",
        lambda of: (of.true_positives + of.benign - of.false_positives) / of.total,
    ),
    "balanced_accuracy": Metric(
        "balanced accuracy",
        "mean of the shares right among the benign and the malicious codes",
        lambda of: (of.recall + 1 - of.false_positive_rate) / 2,
    ),
    "precision": Metric(
        "precision", "share of real ones among the alarms, with as many malicious codes as here", precision
    ),
    "recall": Metric("recall", "share of the malicious codes that are found", lambda of: of.recall),
    "false_positive_rate": Metric(
        "false positive rate",
        "share of the benign codes that are called malicious by mistake",
        lambda of: of.false_positive_rate,
    ),
    "f1": Metric(
        "F1",
        "harmonic mean of precision and recall",
        lambda of: 2 * of.true_positives / (of.malicious + of.true_positives + of.false_positives),
    ),
    "auc": Metric(
        "AUC", "chance that a malicious code gets a higher probability than a benign one; 0.5 is guessing", auc
    ),
    "average_precision": Metric(
        "average precision",
        "precision over all recalls; guessing gives the share of malicious codes",
        average_precision,
    ),
    "recall_at_1_percent": Metric(
        "recall at 1 %", "largest recall with at most 1 % of the benign codes called malicious", recall_at(0.01)
    ),
    "recall_at_0_1_percent": Metric(
        "recall at 0.1 %", "the same with at most 0.1 %; needs 1,000 benign codes", recall_at(0.001)
    ),
    "precision_at_prevalence": Metric(
        "precision in the world", "share of real alarms where malicious codes are rare", precision_at_prevalence
    ),
    "log_loss": Metric(
        "log loss", "cross-entropy of the probabilities; always answering 0.5 gives 0.693; lower is better", log_loss
    ),
    "brier": Metric(
        "Brier score",
        "mean squared error of the probabilities; always answering 0.5 gives 0.25; lower is better",
        lambda of: of.weight @ (of.bad - of.probability) ** 2 / of.total,
    ),
    "calibration_error": Metric(
        "calibration error",
        "mean distance of a probability from the share that is malicious, less what chance adds; lower is better",
        calibration_error,
        biased=True,
    ),
}

# What `dvc metrics show` shows of the validation and of the test part -> the metric.
HEADLINE = {
    "accuracy": "accuracy",
    "auc": "auc",
    "loss": "log_loss",
    "recall": "recall",
    "false_positives": "false_positive_rate",
}


@np.errstate(invalid="ignore")  # 0 / 0 is NaN, which is meant
def compute_scores(
    truth: np.ndarray,
    probability: np.ndarray,
    threshold: float,
    weight: np.ndarray | None = None,
    prevalence: float = 0.001,
) -> dict[str, float]:
    """METRICS of `probability` (n,) in 0..1 against `truth` (n,) of 0 and 1, rows counted `weight` (n,) >= 0 times.

    Malicious is 1, the positive class, predicted from `threshold` on. What is not defined, for want of rows
    or of a class, is NaN. As in sklearn.metrics where that has the metric.
    """
    counts = count(truth, probability, threshold, weight, prevalence)
    return {name: float(metric.compute(counts)) for name, metric in METRICS.items()}


def headline(scores: Mapping[str, float], elsewhere: float | None = None) -> dict[str, float]:
    """The few of `scores` (as `compute_scores` returns them) by which runs are compared, by the names in HEADLINE.

    With `elsewhere` also that AUC, as `auc_elsewhere`. To four digits: more tell nothing apart, and make DVC's
    tables wide.
    """
    found = {name: float(scores[metric]) for name, metric in HEADLINE.items()}
    if elsewhere is not None:
        found["auc_elsewhere"] = elsewhere
    return {name: round(value, 4) for name, value in found.items()}
