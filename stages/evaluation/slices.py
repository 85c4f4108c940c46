"""Where a model is weak: its accuracy on parts of the test rows."""

import re
from collections.abc import Sequence
from itertools import chain, pairwise

import numpy as np
import pandas as pd

from stages.common.settings import Evaluate
from stages.dataset.parts import is_malicious
from stages.evaluation.bootstrap import draws, table
from stages.evaluation.metrics import compute_scores
from stages.payload.features import payload_features

LEAST = 20  # rows; of fewer, an accuracy says little


def slices(rows: pd.DataFrame, probability: np.ndarray, threshold: float, settings: Evaluate) -> pd.DataFrame:
    """Accuracy with its interval on parts of `rows`, at least one row with payload, version, label and group.

    Columns slice, value, rows, malicious (share), accuracy, low, high, auc (NaN where a class is missing). The
    slices version, length (of the payload), scheme and www each divide all rows. `probability` (n,) in 0..1 is
    that of being malicious, which is the answer from `threshold` on. The interval is over the draws of
    `bootstrap.replicates`.
    """
    truth = is_malicious(rows)
    parts = {(name, value): part.to_numpy() for name, values in masks(rows).items() for value, part in values.items()}
    member = np.column_stack(list(parts.values())).astype(np.float64)
    right = (probability >= threshold) == truth
    weights = chain([np.ones(len(rows))], draws(rows["group"], settings.samples, settings.seed))
    with np.errstate(invalid="ignore"):  # NaN where no row of a slice was drawn
        accuracy = [(weight * right) @ member / (weight @ member) for weight in weights]
    names = pd.MultiIndex.from_tuples(parts, names=["slice", "value"])
    found = table(pd.DataFrame(np.array(accuracy), columns=names), "accuracy")
    found.insert(2, "rows", [part.sum() for part in parts.values()])
    found.insert(3, "malicious", [truth[part].mean() for part in parts.values()])
    return found.assign(
        auc=[compute_scores(truth[part], probability[part], threshold)["auc"] for part in parts.values()]
    )


def worst(found: pd.DataFrame, min_rows: int = LEAST) -> pd.Series | None:
    """The row of lowest accuracy among the `slices` of at least `min_rows` rows; None where there is none."""
    large = found[found["rows"] >= min_rows]
    return None if large.empty else large.loc[large["accuracy"].idxmin()]


def masks(rows: pd.DataFrame) -> dict[str, dict[str, pd.Series]]:
    """By slice and value, which of `rows` are meant: bool (n,), at least one of them true.

    A version of fewer than 20 rows is joined with the next ones until they have as many ("7 to 9"), the last
    with those before. Lengths are divided at their quartiles. A scheme may be in upper case (RFC 3986, 3.1).
    """
    version, length = rows["version"].astype("float64"), rows["payload"].str.len()
    scheme = rows["payload"].str.extract(r"^(https?):", expand=False, flags=re.IGNORECASE).str.lower().fillna("other")
    www = payload_features(rows["payload"])["www"]
    found = {
        "version": _spans(version, _starts(version)) | {"unknown": version.isna()},
        "length": _spans(length, length.quantile([0, 0.25, 0.5, 0.75], interpolation="higher").unique()),
        "scheme": {name: scheme == name for name in ("https", "http", "other")},
        "www": {"yes": www == 1, "no": www == 0},
    }
    return {name: {value: part for value, part in values.items() if part.any()} for name, values in found.items()}


def _starts(versions: pd.Series) -> list[float]:
    """The lowest version of each run of neighbours that has LEAST rows."""
    starts: list[float] = []
    held = LEAST
    for version, count in versions.value_counts().sort_index().items():
        if held >= LEAST:
            starts.append(version)
            held = 0
        held += count
    return starts[:-1] if held < LEAST and len(starts) > 1 else starts


def _spans(values: pd.Series, starts: Sequence[float]) -> dict[str, pd.Series]:
    """For each start the values from it to below the next one, named by the lowest and highest there."""
    spans = {}
    for start, end in pairwise([*starts, np.inf]):
        part = values.between(start, end, inclusive="left")
        low, high = int(values[part].min()), int(values[part].max())
        spans[f"{low}" if low == high else f"{low} to {high}"] = part
    return spans
