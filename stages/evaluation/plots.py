"""The curves behind the metrics, as tables short enough for a page and for DVC's plots."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from sklearn import metrics

from stages.evaluation.metrics import bins_of

POINTS = 200  # of a curve, so that its file stays small


def roc(truth: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Columns false_positive_rate (rising), true_positive_rate, threshold; no rows where a class is missing."""
    points = metrics.roc_curve(truth, probability) if len(set(truth)) == 2 else np.empty((3, 0))
    return _thinned(points, "false_positive_rate", "true_positive_rate", "threshold")


def precision_recall(truth: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Columns recall (falling), precision, threshold; no rows where a class is missing."""
    if len(set(truth)) < 2:
        return _thinned(np.empty((3, 0)), "recall", "precision", "threshold")
    precision, recall, thresholds = metrics.precision_recall_curve(truth, probability, drop_intermediate=True)
    return _thinned((recall, precision, np.append(thresholds, np.inf)), "recall", "precision", "threshold")


def reliability(truth: np.ndarray, probability: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Columns predicted (mean), malicious (share) and rows, one row for each of `bins` equal widths that has rows."""
    found = pd.DataFrame({"predicted": probability, "malicious": truth, "rows": 1})
    return found.groupby(bins_of(probability, bins)).agg({"predicted": "mean", "malicious": "mean", "rows": "sum"})


def _thinned(points: Iterable[np.ndarray], *names: str) -> pd.DataFrame:
    """At most POINTS of a curve's points, the first and the last among them."""
    curve = pd.DataFrame(dict(zip(names, points, strict=True)))
    keep = np.linspace(0, len(curve) - 1, min(len(curve), POINTS)).round().astype(int)
    return curve.iloc[keep].reset_index(drop=True)
