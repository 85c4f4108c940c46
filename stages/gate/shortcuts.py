"""Checks for shortcuts: features that predict the label and are not the thing itself."""

from dataclasses import replace

import numpy as np
import pandas as pd

from stages.common.settings import CLASSES, Params
from stages.dataset.row import BY_PAYLOAD, PICTURE
from stages.gate.check import Check, Finding, histogram
from stages.gate.scores import MOST_ROWS, Labelled, labelled, score_each, score_together
from stages.payload.features import payload_features

PICTURE_FEATURES = [*PICTURE, "contrast"]
MOST = 0.5  # of the codes of each class must be comparable, or nothing is said about the class


def versions_overlap(table: pd.DataFrame, params: Params) -> Finding:
    """Most codes of each class have a version that codes of the other class have, too."""
    data = labelled(table)
    if len(np.unique(data.truth)) < len(CLASSES):
        return Finding(None, text="no two classes with readable codes")
    shares = _comparable(data).groupby(data.truth).mean()
    text = ", ".join(f"{share:.0%} of {name}" for name, share in zip(CLASSES, shares, strict=True))
    text = f"the other class has codes of the same version for {text}"
    if unknown := int((data.version == 0).sum()):
        text += f"; the version of {unknown:,} codes is unknown"
    chart = histogram(data.rows["version"], data.rows["label"], "version of the symbol")
    return Finding(bool(shares.min() >= MOST), text=text, chart=chart)


def picture_shortcut(table: pd.DataFrame, params: Params) -> Finding:
    """No feature of file or picture predicts the label among symbols of one version."""
    data = labelled(table)
    scores = score_each(data, data.rows[PICTURE_FEATURES], strata=data.version)
    found = _judged(scores, data, params.validate_.max_picture_auc, data.rows)
    return _within_versions(found, data)


def picture_features_together(table: pd.DataFrame, params: Params) -> Finding:
    """Nor do all of them together."""
    data = labelled(table, MOST_ROWS)
    scores = score_together(data, data.rows[PICTURE_FEATURES], strata=data.version)
    return _within_versions(_judged(scores, data, params.validate_.max_picture_auc), data)


def picture_across_versions(table: pd.DataFrame, params: Params) -> Finding:
    """No feature that has nothing to do with the version predicts the label.

    Whoever draws pictures keeps either the size of a module or that of the picture, and so the margin either in
    modules or in pixels; the other follows from the version. Of each pair the weaker feature counts.
    """
    data = labelled(table)
    rows = data.rows
    features = rows[["format", "channels", "module_px", "quiet_zone"]].assign(
        side=rows[["width", "height"]].max(axis=1), margin_px=rows["quiet_zone"] * rows["module_px"]
    )
    scores = score_each(data, features).set_index("feature", drop=False)
    for pair in (["module_px", "side"], ["quiet_zone", "margin_px"]):
        scores = scores.drop(index=scores.index.intersection(pair)[:-1])  # strongest first
    return _judged(scores, data, params.validate_.max_picture_auc, features)


def payload_shortcut(table: pd.DataFrame, params: Params) -> Finding:
    """No feature of the payload predicts the label."""
    data = labelled(table)
    features = payload_features(data.rows["payload"]).join(data.rows[BY_PAYLOAD])
    return _judged(score_each(data, features), data, params.validate_.max_payload_auc, features)


def payload_features_together(table: pd.DataFrame, params: Params) -> Finding:
    """Nor do all of them together."""
    data = labelled(table, MOST_ROWS)
    features = payload_features(data.rows["payload"]).join(data.rows[BY_PAYLOAD])
    return _judged(score_together(data, features), data, params.validate_.max_payload_auc)


def source_is_label(table: pd.DataFrame, params: Params) -> Finding:
    """The source of a row does not predict its label."""
    data = labelled(table)
    source = data.rows["source"].fillna("").astype(str)
    if source.nunique() < 2:
        return Finding(True, text="one source" if source.any() else "no sources are named")
    found = _judged(score_each(data, source.to_frame()), data, params.validate_.max_payload_auc)
    counts = pd.crosstab(source, data.rows["label"]).reindex(columns=list(CLASSES), fill_value=0)
    return replace(found, details=counts.sort_values(list(CLASSES), ascending=False).reset_index())


def _comparable(data: Labelled) -> pd.Series:
    """Whether the other class has codes of the same, known version: bool (n,)."""
    both = pd.Series(data.truth).groupby(data.version.to_numpy()).nunique() == len(CLASSES)
    return data.version.isin(both.index[both]).reset_index(drop=True) & (data.version > 0).reset_index(drop=True)


def _within_versions(found: Finding, data: Labelled) -> Finding:
    """`found`, which does not hold for sure where most codes of a class were compared with none."""
    comparable = _comparable(data)
    if found.details is None:
        return found
    text = f"{found.text}; compared within versions, for {comparable.mean():.0%} of the codes"
    judged = not found.holds or comparable.groupby(data.truth).mean().min() >= MOST
    return replace(found, text=text, holds=found.holds if judged else None)


def _judged(scores: pd.DataFrame, data: Labelled, most: float, features: pd.DataFrame | None = None) -> Finding:
    """Fails where even the lower end of an interval is above `most`; shows the strongest feature's histogram."""
    if scores.empty:
        why = "no feature differs between the codes" if data.enough else "too few sites"
        return Finding(None, text=why)
    first = scores.loc[scores["low"].idxmax()]
    by = " by range" if first["by"] == "range" else ""
    text = (
        f"{first['feature']}{by}: AUC {first['auc']:.3f} ({first['low']:.3f} to {first['high']:.3f}), at most {most:g}"
    )
    chart = None
    if features is not None and pd.api.types.is_numeric_dtype(features[first["feature"]]):
        chart = histogram(features[first["feature"]], data.rows["label"], first["feature"])
    return Finding(bool(first["low"] <= most), None, text, scores.round(3), chart)


ARTEFACT = "make the pictures of both classes in the same way: same program, size, format and margin"

CHECKS = [
    Check("versions_overlap", "shortcuts", "error", versions_overlap, "the versions of the symbols in both classes",
          "pictures of different versions differ anyway: a trace of how they were made cannot be told from that",
          "add codes whose payloads are as long as those of the other class; or set validate.levels.versions_overlap "
          "to warn, and train without knowing",
          split_only=True),
    Check("picture_shortcut", "shortcuts", "error", picture_shortcut,
          "each feature of the file and picture, at a fixed symbol version",
          "a network that can tell the classes by how the images were made learns just that", ARTEFACT,
          split_only=True),
    Check("picture_features_together", "shortcuts", "error", picture_features_together,
          "all features of file and picture, in gradient-boosted trees",
          "several weak traces of how the images were made add up to a strong one", ARTEFACT,
          split_only=True),
    Check("picture_across_versions", "shortcuts", "error", picture_across_versions,
          "format, channels, scale and margin, whatever the version",
          "these do not follow from the payload, so they are traces of how the images were made", ARTEFACT,
          split_only=True),
    Check("payload_shortcut", "shortcuts", "warn", payload_shortcut, "each feature of the payload",
          "an accuracy that one such rule reaches says nothing about the network",
          "compare the network with this rule; collect URLs so that both classes have it alike",
          split_only=True),
    Check("payload_features_together", "shortcuts", "warn", payload_features_together,
          "all features of the payload, in gradient-boosted trees",
          "a few lines of code reach this without any picture: the network has to beat it",
          "compare the network with this figure before you believe in it",
          split_only=True),
    Check("source_is_label", "shortcuts", "warn", source_is_label, "the source of each row",
          "where each class has lists of its own, a network can learn how lists differ instead of what is malicious",
          "collect both classes from the same sources; keep one collection out with split.given: {NAME: elsewhere}",
          split_only=True),
]  # fmt: skip
