"""The curves behind the metrics, as tables short enough for a page and for DVC's plots."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from sklearn import metrics

from stages.evaluation.metrics import bins_of

POINTS = 200  # of a curve, so that its file stays small


def roc(truth: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Columns false_positive_rate (rising), true_positive_rate, threshold, chance (what guessing gives).

    No rows where a class is missing.
    """
    points = metrics.roc_curve(truth, probability) if len(set(truth)) == 2 else np.empty((3, 0))
    curve = _thinned(points, "false_positive_rate", "true_positive_rate", "threshold")
    return curve.assign(chance=curve["false_positive_rate"])


def precision_recall(truth: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Columns recall (falling), precision, threshold, chance (as in `roc`); no rows where a class is missing."""
    if len(set(truth)) < 2:
        return _thinned(np.empty((4, 0)), "recall", "precision", "threshold", "chance")
    precision, recall, thresholds = metrics.precision_recall_curve(truth, probability, drop_intermediate=True)
    curve = _thinned((recall, precision, np.append(thresholds, np.inf)), "recall", "precision", "threshold")
    return curve.assign(chance=np.mean(truth))


def reliability(truth: np.ndarray, probability: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Columns predicted (mean), malicious (share), rows and perfect: a row for each of `bins` equal widths with rows.

    `perfect` is the share that perfectly calibrated answers would have.
    """
    found = pd.DataFrame({"predicted": probability, "malicious": truth, "rows": 1})
    table = found.groupby(bins_of(probability, bins)).agg({"predicted": "mean", "malicious": "mean", "rows": "sum"})
    return table.assign(perfect=table["predicted"])


def _thinned(points: Iterable[np.ndarray], *names: str) -> pd.DataFrame:
    """At most POINTS of a curve's points, the first and the last among them."""
    curve = pd.DataFrame(dict(zip(names, points, strict=True)))
    keep = np.linspace(0, len(curve) - 1, min(len(curve), POINTS)).round().astype(int)
    return curve.iloc[keep].reset_index(drop=True)
