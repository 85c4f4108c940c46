"""The numbers that all metrics of a probability are functions of."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Counts:
    """What metrics are functions of: rows with their probabilities, and the weighted numbers that follow from them.

    `bad` bool (n,) is the truth, `called` bool (n,) the answer at the threshold, `probability` float64 (n,) in
    0..1, `weight` (n,) how often each row counts. The ROC curve has a point for each distinct probability, falling,
    from which on rows are called malicious; it begins with 0. Rates are NaN where their class is missing.
    """

    bad: np.ndarray
    called: np.ndarray
    probability: np.ndarray
    weight: np.ndarray
    prevalence: float  # share of malicious codes where the detector would stand
    malicious: np.float64
    benign: np.float64
    true_positives: np.float64
    false_positives: np.float64
    recalls: np.ndarray  # of the ROC curve
    false_positive_rates: np.ndarray  # of the ROC curve
    precisions: np.ndarray  # at the points of the ROC curve but the first

    @property
    def total(self) -> np.float64:
        """The weight of all rows."""
        return np.float64(self.weight.sum())

    @property
    def recall(self) -> np.float64:
        """Share of the malicious rows that are called malicious."""
        return self.true_positives / self.malicious

    @property
    def false_positive_rate(self) -> np.float64:
        """Share of the benign rows that are called malicious."""
        return self.false_positives / self.benign


def count(
    truth: np.ndarray, probability: np.ndarray, threshold: float, weight: np.ndarray | None, prevalence: float
) -> Counts:
    """The Counts for the arguments of stages.evaluation.metrics.compute_scores."""
    bad, probability = np.asarray(truth, dtype=bool), np.asarray(probability, dtype=np.float64)
    weight = np.ones(len(bad)) if weight is None else weight
    called = probability >= threshold
    seen = np.flatnonzero(weight)
    order = seen[np.argsort(-probability[seen], kind="stable")]
    last = np.flatnonzero(np.diff(probability[order], append=-1.0))  # equal probabilities are called together
    true_positives = np.append(0.0, np.cumsum(weight[order] * bad[order])[last])
    false_positives = np.append(0.0, np.cumsum(weight[order] * ~bad[order])[last])
    malicious, benign = true_positives[-1], false_positives[-1]
    return Counts(
        bad,
        called,
        probability,
        weight,
        prevalence,
        malicious,
        benign,
        np.float64(weight[called & bad].sum()),
        np.float64(weight[called & ~bad].sum()),
        true_positives / malicious,
        false_positives / benign,
        true_positives[1:] / (true_positives + false_positives)[1:],
    )
