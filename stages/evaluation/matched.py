"""A part of the test rows on which the scheme, `www.` and the symbol's version say nothing of the label."""

import numpy as np
import pandas as pd

from stages.payload.features import payload_features


def pairs(rows: pd.DataFrame, seed: int) -> np.ndarray:
    """Positions in `rows` (columns payload, label, version) of a matched subset, int64 (2 k,), ascending, maybe empty.

    Each malicious row has one benign partner with the same scheme (https or not), the same presence of `www.`
    and the same version, so that each of these, and all together, has an AUC of exactly 0.5. Every such stratum
    gives as many rows of either class as its smaller class has, drawn with `seed`; an unknown version is a stratum.
    """
    matched_by = payload_features(rows["payload"])[["https", "www"]].assign(
        version=rows["version"].astype("float64").fillna(-1.0)
    )
    shuffled = matched_by.assign(label=rows["label"]).reset_index(drop=True).sample(frac=1, random_state=seed)
    turn = shuffled.groupby([*matched_by, "label"]).cumcount().rename("turn")
    # Partners are those who have the same turn in the line of their class.
    partners = shuffled.groupby([*(shuffled[name] for name in matched_by), turn])["label"].transform("nunique")
    return np.sort(shuffled.index[partners == 2].to_numpy(dtype=np.int64))
