"""How well features predict the label: the AUC of each alone and of all together, with its interval."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from stages.common.settings import CLASSES

MOST_ROWS = 20_000  # for models and bins, drawn at random; the order of a feature is judged on all rows
FOLDS = 5
BINS = 16  # quantiles of a number
SCORES = ["feature", "auc", "low", "high", "by"]  # columns; by: order, value (of a category) or range (of a number)


@dataclass(frozen=True)
class Labelled:
    """The readable, labelled rows of the scan table (n of them), and what their features are judged against."""

    rows: pd.DataFrame
    truth: np.ndarray  # malicious, bool (n,)
    site: np.ndarray  # its number, int (n,)
    version: pd.Series  # of the symbol, 0 where it is unknown

    @cached_property
    def sites(self) -> tuple[int, int]:
        """How many sites the benign and the malicious rows have."""
        good, bad = (len(np.unique(self.site[self.truth == is_bad])) for is_bad in (False, True))
        return good, bad

    @property
    def enough(self) -> bool:
        """Both classes have at least as many sites as there are folds; below that no figure means anything."""
        return min(self.sites) >= FOLDS

    def take(self, places: np.ndarray) -> "Labelled":
        """Some of the rows."""
        return Labelled(self.rows.iloc[places], self.truth[places], self.site[places], self.version.iloc[places])

    def fold(self) -> np.ndarray:
        """The fold of each row, int8 (n,): no site is in two, and they are about equally large."""
        fold = np.zeros(len(self.site), np.int8)
        for number, (_, rows) in enumerate(GroupKFold(FOLDS).split(self.site, groups=self.site)):
            fold[rows] = number
        return fold


def labelled(table: pd.DataFrame, most: int | None = None) -> Labelled:
    """The readable, labelled rows of `table` (see stages.gate.check.Check); `most` of them, drawn at random."""
    rows = table[table["decoded"] & table["label"].isin(CLASSES)]
    rows = rows if most is None or len(rows) <= most else rows.sample(most, random_state=0)
    truth = (rows["label"] == CLASSES[1]).to_numpy()
    return Labelled(rows, truth, rows["site"].cat.codes.to_numpy(), rows["version"].fillna(0).astype(int))


def score_each(data: Labelled, features: pd.DataFrame, strata: pd.Series | None = None) -> pd.DataFrame:
    """The AUC of every feature by itself, strongest first (SCORES); no row where nothing can be said.

    A number counts by its order, upwards or downwards; or, if this predicts more, by the range it is
    in, with the share of malicious rows that the range has in the other folds: a feature whose middle
    values give the label away is seen as well. A category counts by that share, too. With `strata`
    only rows of one stratum are compared. A feature without any value has no row.
    """
    if not data.enough:
        return pd.DataFrame(columns=SCORES)
    some = np.arange(len(data.rows))
    if len(some) > MOST_ROWS:
        some = np.sort(np.random.default_rng(0).choice(some, MOST_ROWS, replace=False))
    sample, sample_strata = data.take(some), None if strata is None else strata.iloc[some]
    fold = sample.fold() if sample.enough else np.zeros(len(some), np.int8)
    found = []
    for name in features:
        feature = features[name]
        if feature.isna().all():
            continue
        numeric = pd.api.types.is_numeric_dtype(feature)
        codes = _ranges(feature.iloc[some]) if numeric else pd.factorize(feature.iloc[some].fillna(""))[0]
        best, by = (0.5, "order") if numeric else (0.5, "value")
        if numeric:
            auc = stratified_auc(feature.astype("float64").fillna(-1.0), data.truth, strata)
            best = max(auc, 1 - auc)
        if sample.enough and len(np.unique(codes)) > (2 if numeric else 1):
            within = sample_strata if numeric else None  # a range means another thing in another stratum
            shares = pd.Series(_shares(codes, fold, sample.truth, within), index=sample.rows.index)
            auc = stratified_auc(shares, sample.truth, sample_strata)
            best, by = max((best, by), (auc, "range" if numeric else "value"))
        found.append((name, *auc_interval(best, *data.sites), by))
    return pd.DataFrame(found, columns=SCORES).sort_values("auc", ascending=False)


def score_together(data: Labelled, features: pd.DataFrame, strata: pd.Series | None = None) -> pd.DataFrame:
    """The AUC of gradient-boosted trees on all features, cross-validated by site: one row (SCORES), or none.

    Features that are the same everywhere, or never known, are left out.
    """
    features = features.loc[:, features.nunique(dropna=False) > 1]
    if not data.enough or features.columns.empty:
        return pd.DataFrame(columns=SCORES)
    numbers = np.column_stack([_numbers(features[name]) for name in features])
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0)
    probability = held_out(model, numbers, data)
    auc = stratified_auc(pd.Series(probability, index=data.rows.index), data.truth, strata)
    return pd.DataFrame([("all together", *auc_interval(auc, *data.sites), "trees")], columns=SCORES)


def held_out(model: ClassifierMixin, features: Any, data: Labelled) -> np.ndarray:
    """The probability of being malicious of each row by `model`, fitted without the row's fold: float64 (n,).

    `features` (n, any number), an array or a sparse matrix. No site is in two folds.
    """
    folds = GroupKFold(FOLDS)
    with threadpool_limits(1):  # threads of trees wait by spinning, which on a busy machine costs more than they bring
        found = cross_val_predict(model, features, data.truth, groups=data.site, cv=folds, method="predict_proba")
    return found[:, 1]


def stratified_auc(score: pd.Series, truth: np.ndarray, strata: pd.Series | None = None) -> float:
    """The chance that a malicious row scores above a benign one of the same stratum; ties count half.

    `score` and `strata` (n,), `truth` bool (n,). 0.5 where no stratum has both classes. For one
    stratum this is the area under the ROC curve (the Mann-Whitney statistic).
    """
    strata = pd.Series(0, index=score.index) if strata is None else strata
    frame = pd.DataFrame({"stratum": strata.to_numpy(), "truth": truth, "score": score.to_numpy()})
    frame["rank"] = frame.groupby("stratum")["score"].rank()
    bad = frame["truth"].groupby(frame["stratum"]).sum()
    good = frame.groupby("stratum").size() - bad
    wins = frame["rank"].where(frame["truth"], 0).groupby(frame["stratum"]).sum() - bad * (bad + 1) / 2
    pairs = (bad * good).sum()
    return float(wins.sum() / pairs) if pairs else 0.5


def auc_interval(auc: float, good: int, bad: int) -> tuple[float, float, float]:
    """An AUC with its 95 % interval after Hanley and McNeil (Radiology 143, 1982, 29-36).

    Rows of one site are not independent: `good` and `bad` count the sites of the classes, which is cautious.
    """
    good, bad = max(good, 1), max(bad, 1)
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (bad - 1) * (q1 - auc**2) + (good - 1) * (q2 - auc**2)) / (bad * good)
    half = 1.96 * max(variance, 0.0) ** 0.5
    return auc, max(auc - half, 0.0), min(auc + half, 1.0)


def _ranges(feature: pd.Series) -> np.ndarray:
    """The quantile that each number is in, int (n,); numbers of few different values are told apart by value."""
    values = feature.to_numpy(dtype="float64", na_value=-1.0)
    different = np.unique(values)
    edges = different if len(different) <= BINS else np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.searchsorted(edges, values)


def _shares(codes: np.ndarray, fold: np.ndarray, truth: np.ndarray, strata: pd.Series | None) -> np.ndarray:
    """The share of malicious rows that a row's code has in the other folds of its stratum: float64 (n,).

    Of each code one benign and one malicious row more are taken to be there (Laplace), so that few rows say little.
    """
    if strata is not None:
        codes = pd.factorize(pd.Series(codes).astype(str) + "|" + strata.astype(str).to_numpy())[0]
    rows = pd.crosstab(codes, fold).to_numpy()
    bad = pd.crosstab(codes, fold, values=truth, aggfunc="sum").fillna(0).to_numpy(dtype=float)
    kinds = np.searchsorted(np.unique(codes), codes)
    other_rows = rows.sum(axis=1)[kinds] - rows[kinds, fold]
    other_bad = bad.sum(axis=1)[kinds] - bad[kinds, fold]
    return (other_bad + 1) / (other_rows + 2)


def _numbers(feature: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(feature):
        return feature.to_numpy(dtype="float64", na_value=np.nan)
    return pd.factorize(feature, sort=True)[0].astype("float64")
