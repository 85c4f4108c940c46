"""How far other rows are from the training part, feature by feature: why a figure does not carry over."""

import numpy as np
import pandas as pd

from stages.dataset.row import BY_PAYLOAD, PICTURE
from stages.payload.features import payload_features

BINS = 10
FLOOR = 1e-4  # of a bin's share, so that an empty bin costs much and not infinitely much
LARGE = 0.25  # of the index: from here on rows are not alike (Siddiqi, Credit Risk Scorecards, 2006)


def drift(train: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The population stability index of every feature of payload and picture, the worst first.

    `train` and `other` have the columns payload, BY_PAYLOAD and PICTURE. Columns of the result: feature, kind
    (payload or picture), index (>= 0, 0 where both have the feature alike), train and other: the median of a number,
    the most frequent of names. No rows where either table is empty.
    """
    columns = ["feature", "kind", "index", "train", "other"]
    if train.empty or other.empty:
        return pd.DataFrame(columns=columns)
    kinds = {"payload": (_of_payload(train), _of_payload(other)), "picture": (train[PICTURE], other[PICTURE])}
    found = [
        (name, kind, stability(before[name], after[name]), typical(before[name]), typical(after[name]))
        for kind, (before, after) in kinds.items()
        for name in before
    ]
    table = pd.DataFrame(found, columns=columns)
    return table.sort_values("index", ascending=False, kind="stable", ignore_index=True)


def stability(before: pd.Series, after: pd.Series) -> float:
    """Population stability index: the sum over bins of (q - p) ln(q / p), with p and q their shares before and after.

    The bins of a number are the deciles before, those of names the names; what is missing is a bin of its own.
    """
    if pd.api.types.is_numeric_dtype(before):
        edges = np.unique(np.nanquantile(before.astype("float64"), np.linspace(0, 1, BINS + 1)[1:-1]))
        codes = [np.digitize(values.astype("float64"), edges) for values in (before, after)]
        codes = [np.where(values.isna(), -1, code) for code, values in zip(codes, (before, after), strict=True)]
    else:
        codes = [values.astype(object).where(values.notna(), "").to_numpy() for values in (before, after)]
    shares = pd.concat([pd.Series(code).value_counts(normalize=True) for code in codes], axis=1).fillna(0.0)
    p, q = shares.clip(lower=FLOOR).to_numpy().T
    return float(((q - p) * np.log(q / p)).sum())


def typical(values: pd.Series) -> str:
    """The median of numbers with up to three digits, the most frequent of names; "" where all are missing."""
    values = values.dropna()
    if values.empty:
        return ""
    return f"{values.median():.3g}" if pd.api.types.is_numeric_dtype(values) else str(values.mode().iloc[0])


def _of_payload(rows: pd.DataFrame) -> pd.DataFrame:
    return payload_features(rows["payload"]).join(rows[BY_PAYLOAD])
