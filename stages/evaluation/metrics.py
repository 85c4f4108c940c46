"""Metrics of a probability of being malicious, with 95 % intervals, and the curves behind them.

The intervals are those of a bootstrap over groups (sites): the rows of one site are alike, so drawing rows
would make the intervals too narrow. All models are measured on the same draws, which pairs their differences.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain

import numpy as np
import pandas as pd
from sklearn import metrics

from stages.common.cli import StageError

POINTS = 200  # of a curve, so that its file stays small


@np.errstate(invalid="ignore")  # 0 / 0 is NaN, which is meant
def compute_scores(
    truth: np.ndarray,
    probability: np.ndarray,
    threshold: float,
    weight: np.ndarray | None = None,
    prevalence: float = 0.001,
) -> dict[str, float]:
    """Metrics of `probability` (n,) in 0..1 against `truth` (n,) of 0 and 1, rows counted `weight` (n,) >= 0 times.

    Malicious is 1, the positive class, predicted from `threshold` on. What is not defined, for want of rows
    or of a class, is NaN; precision is 0 where nothing is called malicious. As in sklearn.metrics, and:

    - calibration_error: expected calibration error of the probability of malicious, 15 bins of equal width
      (Naeini et al., AAAI 2015; Guo et al., ICML 2017); of few rows it is too large, as it sums absolute values
    - recall_at_1_percent, recall_at_0_1_percent: the largest recall on the ROC curve of these rows whose false
      positive rate is no higher; NaN for fewer benign rows than 100 and 1000, where one alarm is too much already
    - precision_at_prevalence: Bayes' rule for recall and false positive rate at the threshold, where
      `prevalence` is the share of malicious codes; 1 without a false positive, however few the benign rows
    """
    bad, probability = np.asarray(truth, dtype=bool), np.asarray(probability, dtype=np.float64)
    weight = np.ones(len(bad)) if weight is None else weight
    called, total = probability >= threshold, np.float64(weight.sum())
    true_positives, false_positives = _cumulative(bad, probability, weight)
    malicious, benign = true_positives[-1], false_positives[-1]
    found, alarms = np.float64(weight[called & bad].sum()), np.float64(weight[called & ~bad].sum())
    recall, alarm_rate = found / malicious, alarms / benign
    in_the_wild = recall * prevalence + alarm_rate * (1 - prevalence)
    roc = true_positives / malicious, false_positives / benign
    precisions = true_positives[1:] / (true_positives + false_positives)[1:]
    likelihood = np.where(bad, probability, 1 - probability).clip(min=np.finfo(np.float64).eps)
    gaps = np.bincount(_bins(probability, 15), weight * (bad - probability))
    scores = {
        "accuracy": (found + benign - alarms) / total,
        "balanced_accuracy": (recall + 1 - alarm_rate) / 2,
        "precision": found / (found + alarms) if found + alarms or not total else 0.0,
        "recall": recall,
        "f1": 2 * found / (malicious + found + alarms),
        "auc": np.trapezoid(*roc) if malicious and benign else np.nan,
        "average_precision": np.diff(roc[0]) @ precisions if malicious else np.nan,
        "log_loss": -(weight @ np.log(likelihood)) / total,
        "brier": weight @ (bad - probability) ** 2 / total,
        "calibration_error": np.abs(gaps).sum() / total,
        "recall_at_1_percent": _recall_at(0.01, *roc, rows=(~bad).sum()),
        "recall_at_0_1_percent": _recall_at(0.001, *roc, rows=(~bad).sum()),
        "false_positive_rate": alarm_rate,
        "precision_at_prevalence": recall * prevalence / in_the_wild if in_the_wild else 0.0,
    }
    return {name: float(score) for name, score in scores.items()}


def draws(groups: pd.Series, samples: int, seed: int) -> Iterator[np.ndarray]:
    """`samples` times the weights int64 (n,) of a bootstrap: how often each row's group was drawn.

    As many groups are drawn as there are, with replacement (Davison and Hinkley, Bootstrap Methods and their
    Application, 1997, section 3.8). The same arguments give the same draws.
    """
    codes, names = pd.factorize(groups)
    generator, count = np.random.default_rng(seed), len(names)
    for _ in range(samples):
        yield np.bincount(generator.integers(max(count, 1), size=count), minlength=count)[codes]


def replicates(
    truth: np.ndarray,
    groups: pd.Series,
    models: dict[str, tuple[np.ndarray, float]],
    samples: int,
    seed: int,
    prevalence: float = 0.001,
) -> pd.DataFrame:
    """Every metric of every model, columns (model, metric): row 0 on the rows as they are, then one row a draw.

    `models` has probabilities (n,) and threshold by name; `groups` (n,) the site of each row. Raises StageError
    for a probability outside 0..1.
    """
    for name, (probability, _) in models.items():
        if not ((probability >= 0) & (probability <= 1)).all():
            raise StageError(f"{name}: a probability is not in 0..1; did training diverge? See reports/diagnosis.json")
    each = {
        name: pd.DataFrame(
            compute_scores(truth, probability, threshold, weight, prevalence)
            for weight in chain([np.ones(len(truth))], draws(groups, samples, seed))
        )
        for name, (probability, threshold) in models.items()
    }
    return pd.concat(each, axis=1, names=["model", "metric"])


def table(found: pd.DataFrame, value: str = "value") -> pd.DataFrame:
    """Columns model, metric, `value` (row 0 of `replicates`), low, high: percentiles 2.5 and 97.5 of its other rows.

    Replicates that are NaN are left out. Of columns with other levels, those names stand for model and metric.
    """
    low, high = (found.iloc[1:].quantile(share) for share in (0.025, 0.975))
    return pd.DataFrame({value: found.iloc[0], "low": low, "high": high}).reset_index()


def differences(found: pd.DataFrame, of: str = "network", names: Collection[str] = ("auc", "accuracy")) -> pd.DataFrame:
    """`of` minus each other model of `replicates`, draw by draw: columns model, metric, difference, low, high."""
    chosen = found.loc[:, found.columns.isin(names, level="metric")]
    others = chosen.drop(columns=of, level="model")
    own = chosen[of][others.columns.get_level_values("metric")].set_axis(others.columns, axis=1)
    return table(own - others, "difference")


def roc(truth: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Columns false_positive_rate (rising), true_positive_rate, threshold; no rows where a class is missing."""
    points = metrics.roc_curve(truth, probability) if len(set(truth)) == 2 else np.empty((3, 0))
    return _thinned(points, "false_positive_rate", "true_positive_rate", "threshold")


def precision_recall(truth: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Columns recall (falling), precision, threshold; no rows where a class is missing."""
    if len(set(truth)) < 2:
        return _thinned(np.empty((3, 0)), "recall", "precision", "threshold")
    precision, recall, cuts = metrics.precision_recall_curve(truth, probability, drop_intermediate=True)
    return _thinned((recall, precision, np.append(cuts, np.inf)), "recall", "precision", "threshold")


def reliability(truth: np.ndarray, probability: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Columns predicted (mean), malicious (share) and rows, one row for each of `bins` equal widths that has rows."""
    found = pd.DataFrame({"predicted": probability, "malicious": truth, "rows": 1})
    return found.groupby(_bins(probability, bins)).agg({"predicted": "mean", "malicious": "mean", "rows": "sum"})


def _thinned(points: Iterable[np.ndarray], *names: str) -> pd.DataFrame:
    """At most POINTS of a curve's points, the first and the last among them."""
    curve = pd.DataFrame(dict(zip(names, points, strict=True)))
    keep = np.linspace(0, len(curve) - 1, min(len(curve), POINTS)).round().astype(int)
    return curve.iloc[keep].reset_index(drop=True)


def _cumulative(bad: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of malicious and of benign rows from each distinct probability on, falling; both begin with 0."""
    seen = np.flatnonzero(weight)
    order = seen[np.argsort(-probability[seen], kind="stable")]
    last = np.flatnonzero(np.diff(probability[order], append=-1.0))  # equal probabilities are called together
    true_positives = np.cumsum(weight[order] * bad[order])[last]
    false_positives = np.cumsum(weight[order] * ~bad[order])[last]
    return np.append(0.0, true_positives), np.append(0.0, false_positives)


def _recall_at(rate: float, recalls: np.ndarray, alarm_rates: np.ndarray, rows: int) -> float:
    return np.nan if rows < 1 / rate or np.isnan(alarm_rates[-1]) else recalls[alarm_rates <= rate].max()


def _bins(probability: np.ndarray, count: int) -> np.ndarray:
    return (np.asarray(probability) * count).astype(int).clip(max=count - 1)
