"""Checks for shortcuts: features that predict the label and are not the thing itself."""

from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from stages.common.settings import CLASSES, Params
from stages.dataset.row import BY_PAYLOAD, PICTURE
from stages.gate.check import Check, Finding, histogram
from stages.payload.features import payload_features

SHORTCUT_COLUMNS = ["label", "payload", "site", *BY_PAYLOAD, *PICTURE]
MOST_ROWS = 20_000  # for the models, drawn at random; single features are judged on all rows
FOLDS = 5


def picture_shortcut(table: pd.DataFrame, params: Params) -> Finding:
    """No feature of file or picture predicts the label among symbols of one version."""
    data = _Labelled(table)
    scores = data.each(data.rows[PICTURE], strata=data.version)
    found = _judged(scores, data, data.rows, params.validate_.max_picture_auc)
    if scores.empty:
        return found
    versions = data.rows.groupby("version")["label"].nunique()
    shared = data.rows["version"].isin(versions.index[versions > 1]).mean() if len(data.rows) else 0.0
    return replace(found, text=f"{found.text}; compared within versions, for {shared:.0%} of the codes")


def picture_features_together(table: pd.DataFrame, params: Params) -> Finding:
    """Nor do all of them together."""
    data = _Labelled(table, MOST_ROWS)
    return _judged(data.together(data.rows[PICTURE], stratified=True), data, None, params.validate_.max_picture_auc)


def payload_shortcut(table: pd.DataFrame, params: Params) -> Finding:
    """No feature of the payload predicts the label."""
    data = _Labelled(table)
    features = payload_features(data.rows["payload"]).join(data.rows[BY_PAYLOAD])
    return _judged(data.each(features), data, features, params.validate_.max_payload_auc)


def payload_features_together(table: pd.DataFrame, params: Params) -> Finding:
    """Nor do all of them together."""
    data = _Labelled(table, MOST_ROWS)
    features = payload_features(data.rows["payload"]).join(data.rows[BY_PAYLOAD])
    return _judged(data.together(features), data, None, params.validate_.max_payload_auc)


def source_is_label(table: pd.DataFrame, params: Params) -> Finding:
    """The source of a row does not predict its label."""
    data = _Labelled(table)
    source = table.loc[data.rows.index, "source"].fillna("").astype(str).rename("source")
    if source.nunique() < 2:
        return Finding(True, text="one source" if source.any() else "no sources are named")
    found = _judged(data.each(source.to_frame()), data, None, params.validate_.max_payload_auc)
    counts = pd.crosstab(source, data.rows["label"]).reindex(columns=list(CLASSES), fill_value=0)
    return replace(found, details=counts.sort_values(list(CLASSES), ascending=False).reset_index())


class _Labelled:
    """The readable, labelled rows, at most `most` of them, with their truth, and how features are scored on them.

    A site is its number, and their order is that of the names.
    """

    def __init__(self, table: pd.DataFrame, most: int | None = None) -> None:
        rows = table.loc[table["decoded"] & table["label"].isin(CLASSES), SHORTCUT_COLUMNS]
        self.rows = rows if most is None or len(rows) <= most else rows.sample(most, random_state=0)
        self.truth = (self.rows["label"] == CLASSES[1]).to_numpy()
        self.site = self.rows["site"].cat.codes.to_numpy()
        self.version = self.rows["version"].fillna(0)
        self.sites = [len(pd.unique(self.site[self.truth == is_bad])) for is_bad in (False, True)]  # of each class

    @property
    def enough(self) -> bool:
        """Both classes have at least as many sites as there are folds; below that no figure means anything."""
        return min(self.sites) >= FOLDS

    def each(self, features: pd.DataFrame, strata: pd.Series | None = None) -> pd.DataFrame:
        """AUC with interval of every feature alone, strongest first (columns feature, auc, low, high)."""
        if not self.enough:
            return pd.DataFrame(columns=["feature", "auc", "low", "high"])
        found = []
        for name in features:
            auc = stratified_auc(self._as_number(features[name]), self.truth, strata)
            # A number may point either way; the direction of a category was learned with it.
            other = 1 - auc if pd.api.types.is_numeric_dtype(features[name]) else 0.5
            found.append((name, *self._interval(max(auc, other))))
        return pd.DataFrame(found, columns=["feature", "auc", "low", "high"]).sort_values("auc", ascending=False)

    def together(self, features: pd.DataFrame, stratified: bool = False) -> pd.DataFrame:
        """AUC of gradient-boosted trees on all features, cross-validated by site, one row like `each`."""
        if not self.enough:
            return pd.DataFrame(columns=["feature", "auc", "low", "high"])
        numbers = np.column_stack([_codes(features[name]) for name in features])
        model = HistGradientBoostingClassifier(max_iter=60, random_state=0)
        with threadpool_limits(1):  # its threads wait by spinning, which on a busy machine costs more than they bring
            probability = cross_val_predict(
                model, numbers, self.truth, groups=self.site, cv=GroupKFold(FOLDS), method="predict_proba"
            )[:, 1]
        strata = self.version if stratified else None
        auc = stratified_auc(pd.Series(probability, index=self.rows.index), self.truth, strata)
        return pd.DataFrame([("all together", *self._interval(auc))], columns=["feature", "auc", "low", "high"])

    def _as_number(self, feature: pd.Series) -> pd.Series:
        """Numbers as they are; a category becomes the share of malicious rows it has in the other folds."""
        if pd.api.types.is_numeric_dtype(feature):
            return feature.astype("float64").fillna(-1.0)
        names, _ = pd.factorize(feature.fillna("").astype(str))
        shares = np.full(len(names), 0.5)
        for fold in range(FOLDS):
            other = self.fold != fold
            rows = np.bincount(names[other], minlength=names.max() + 1)
            bad = np.bincount(names[other & self.truth], minlength=names.max() + 1)
            known = np.divide(bad, rows, out=np.full(len(rows), 0.5), where=rows > 0)
            shares[~other] = known[names[~other]]
        return pd.Series(shares, index=feature.index)

    @cached_property
    def fold(self) -> np.ndarray:
        """In which of FOLDS parts each row is, int8 (n,); no site is in two, and they are about equally large."""
        fold = np.zeros(len(self.site), np.int8)
        for number, (_, rows) in enumerate(GroupKFold(FOLDS).split(self.site, groups=self.site)):
            fold[rows] = number
        return fold

    def _interval(self, auc: float) -> tuple[float, float, float]:
        """The AUC with its 95 % interval after Hanley and McNeil (Radiology 143, 1982, 29-36).

        Rows of one site are not independent, so sites are counted instead of rows, which is cautious.
        """
        good, bad = (max(count, 1) for count in self.sites)
        q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
        variance = (auc * (1 - auc) + (bad - 1) * (q1 - auc**2) + (good - 1) * (q2 - auc**2)) / (bad * good)
        half = 1.96 * max(variance, 0.0) ** 0.5
        return auc, max(auc - half, 0.0), min(auc + half, 1.0)


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


def _codes(feature: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(feature):
        return feature.to_numpy(dtype="float64", na_value=np.nan)
    return pd.factorize(feature, sort=True)[0].astype("float64")


def _judged(scores: pd.DataFrame, data: _Labelled, features: pd.DataFrame | None, most: float) -> Finding:
    """Fails where even the lower end of an interval is above `most`; shows the strongest feature's histogram."""
    if scores.empty:
        return Finding(True, text="too few sites to tell")
    first = scores.iloc[0]
    text = f"{first['feature']}: AUC {first['auc']:.3f} ({first['low']:.3f} to {first['high']:.3f}), at most {most:g}"
    chart = None
    if features is not None and pd.api.types.is_numeric_dtype(features[first["feature"]]):
        chart = histogram(features[first["feature"]], data.rows["label"], first["feature"])
    return Finding(bool(first["low"] <= most), None, text, scores.round(3), chart)


ARTEFACT = "make the pictures of both classes in the same way: same program, size, format and margin"

CHECKS = [
    Check("picture_shortcut", "shortcuts", "error", picture_shortcut,
          "each feature of the file and picture, at a fixed symbol version",
          "a network that can tell the classes by how the images were made learns just that", ARTEFACT),
    Check("picture_features_together", "shortcuts", "error", picture_features_together,
          "all features of file and picture, in gradient-boosted trees",
          "several weak traces of how the images were made add up to a strong one", ARTEFACT),
    Check("payload_shortcut", "shortcuts", "warn", payload_shortcut, "each feature of the payload",
          "an accuracy that one such rule reaches says nothing about the network",
          "compare the network with this rule; collect URLs so that both classes have it alike"),
    Check("payload_features_together", "shortcuts", "warn", payload_features_together,
          "all features of the payload, in gradient-boosted trees",
          "a few lines of code reach this without any picture: the network has to beat it",
          "compare the network with this figure before you believe in it"),
    Check("source_is_label", "shortcuts", "warn", source_is_label, "the source of each row",
          "where each class has lists of its own, a network can learn how lists differ instead of what is malicious",
          "collect both classes from the same sources; keep one collection out with split.given: {NAME: elsewhere}"),
]  # fmt: skip
