"""Rules of one feature: "malicious from this value on", learned on one part, scored on another."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn import metrics

from stages.dataset.parts import is_malicious
from stages.payload.features import payload_features


@dataclass(frozen=True)
class Rule:
    """Malicious where `feature` >= `threshold`, or below it where `longer` is False."""

    feature: str
    threshold: float
    longer: bool
    right: float  # share of the learning rows for which it holds

    def score(self, values: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        """Accuracy and AUC of the rule for `values` (n,) against `truth` (n,) of 0 and 1."""
        called = (values >= self.threshold) == self.longer
        auc = metrics.roc_auc_score(truth, values if self.longer else -values)
        return {"accuracy": float((called == truth).mean()), "auc": float(auc)}


def learn(feature: str, values: np.ndarray, truth: np.ndarray) -> Rule:
    """The rule on `values` (n,) that is right for most rows of `truth` (n,) of 0 and 1."""
    false_positive, true_positive, thresholds = metrics.roc_curve(truth, values, drop_intermediate=False)
    right = true_positive * truth.sum() + (1 - false_positive) * (1 - truth).sum()  # for "from the threshold on"
    longer = bool(right.max() >= len(truth) - right.min())
    at = right.argmax() if longer else right.argmin()
    return Rule(
        feature, float(thresholds[at]), longer, float((right[at] if longer else len(truth) - right[at]) / len(truth))
    )


def best(rows: pd.DataFrame) -> Rule:
    """The best rule on any feature of the payload or the symbol's version or mask, for `rows` of the split table."""
    values = features(rows)
    return max(
        (learn(name, values[name].to_numpy(), is_malicious(rows)) for name in values), key=lambda rule: rule.right
    )


def features(rows: pd.DataFrame) -> pd.DataFrame:
    """What the rules are about: float64, one row for each of `rows`."""
    symbol = rows[["version", "mask"]].astype("float64").fillna(-1.0)
    return payload_features(rows["payload"]).select_dtypes("number").join(symbol)
