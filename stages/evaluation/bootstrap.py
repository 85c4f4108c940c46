"""95 % intervals of metrics by a bootstrap over groups (sites).

The rows of one site are alike, so drawing rows would make the intervals too narrow. All models are measured
on the same draws, which pairs their differences.
"""

from collections.abc import Collection, Iterator
from itertools import chain

import numpy as np
import pandas as pd

from stages.common.cli import StageError
from stages.common.settings import Evaluate
from stages.evaluation.metrics import METRICS, compute_scores

ROUNDING = 1e-9  # a value this far outside an interval is at its end


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
    truth: np.ndarray, groups: pd.Series, models: dict[str, tuple[np.ndarray, float]], settings: Evaluate
) -> pd.DataFrame:
    """Every metric of every model, columns (model, metric): row 0 on the rows as they are, then one row a draw.

    `truth` (n,) is 0 or 1, `groups` (n,) the site of each row; `models` has probabilities (n,) and threshold by
    name. Raises StageError for a probability outside 0..1.
    """
    for name, (probability, _) in models.items():
        if not ((probability >= 0) & (probability <= 1)).all():
            raise StageError(f"{name}: a probability is not in 0..1; did training diverge? See reports/diagnosis.json")
    each = {
        name: pd.DataFrame(
            compute_scores(truth, probability, threshold, weight, settings.prevalence)
            for weight in chain([np.ones(len(truth))], draws(groups, settings.samples, settings.seed))
        )
        for name, (probability, threshold) in models.items()
    }
    return pd.concat(each, axis=1, names=["model", "metric"])


def table(found: pd.DataFrame, value: str = "value") -> pd.DataFrame:
    """Columns model, metric, `value`, low, high, of row 0 of `replicates` and of the draws in its other rows.

    The value is row 0, the interval its percentile interval: percentiles 2.5 and 97.5 of the draws. A metric
    that is `biased` differs from the truth as the draws do from row 0; so its value is row 0 minus the bias (Efron and
    Tibshirani, An Introduction to the Bootstrap, 1993, 10.6) and its interval the basic one (Davison and Hinkley,
    1997, 5.2.1), both at least 0. Draws that are NaN are left out. Low and high are NaN where the
    value would not be between them: so few or so unlike groups cannot tell an interval.
    """
    drawn = found.iloc[1:]
    low, high = (drawn.quantile(share) for share in (0.025, 0.975))
    result = pd.DataFrame({value: found.iloc[0], "low": low, "high": high})
    if "metric" in found.columns.names:
        biased = [name for name, metric in METRICS.items() if metric.biased]
        of = result.index.isin(biased, level="metric")
        basic = pd.DataFrame({value: drawn.mean(), "low": high, "high": low}).rsub(2 * found.iloc[0], axis="index")
        result[of] = basic[of].clip(lower=0)
    inside = (result["low"] <= result[value] + ROUNDING) & (result[value] <= result["high"] + ROUNDING)
    result.loc[~inside, ["low", "high"]] = np.nan
    return result.reset_index()


def differences(found: pd.DataFrame, of: str = "network", names: Collection[str] = ("auc", "accuracy")) -> pd.DataFrame:
    """`of` minus each other model of `replicates`, draw by draw: columns model, metric, difference, low, high."""
    chosen = found.loc[:, found.columns.isin(names, level="metric")]
    others = chosen.drop(columns=of, level="model")
    own = chosen[of][others.columns.get_level_values("metric")].set_axis(others.columns, axis=1)
    return table(own - others, "difference")
