"""What models score that no network is needed for. All have one shape, and learn on the train part alone.

A baseline is a function (train, rows) -> probability of being malicious, float64 (n,) in 0..1, one
for each of `rows`. Both tables have the columns of the split table (stages/dataset/parts.py), the PICTURE
columns of the scan table and, for `module_grid`, the column grid (stages/evaluation/grids.py); `train`
has both classes. The models are scikit-learn's with its defaults where no reason is given; none is tuned.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits

from stages.dataset.parts import is_malicious
from stages.dataset.row import BY_PAYLOAD, PICTURE
from stages.evaluation import rules
from stages.evaluation.grids import largest, stack
from stages.payload.features import payload_features as features_of

MOST_CATEGORIES = 255  # that the trees can hold in a byte; rarer ones share the last
MOST_GRIDS = 30_000  # to learn from; the trees want them as float64, which at version 10 takes 2 GB in all
BATCH = 2_000  # grids to predict at a time, for the same reason

Baseline = Callable[[pd.DataFrame, pd.DataFrame], np.ndarray]


def majority(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """The share of malicious codes, for every row; from 0.5 on this answers the larger class."""
    return np.full(len(rows), is_malicious(train).mean())


def best_rule(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """The best rule of one feature (its name: `rules.best(train).feature`), its values made probabilities.

    By isotonic regression, which keeps the order that the rule sees and so nearly its AUC.
    """
    rule = rules.best(train)
    model = IsotonicRegression(increasing=rule.longer, out_of_bounds="clip")
    model.fit(rules.features(train)[rule.feature], is_malicious(train))
    return model.predict(rules.features(rows)[rule.feature]).astype(np.float64)


def picture_features(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Trees on how the picture was made: file size, sides, margin and so on, no module of the code."""
    return _trees(train[PICTURE], is_malicious(train), rows[PICTURE])


def payload_features(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Trees on what can be counted in the payload, with the symbol's version and mask, which follow from it."""
    known, asked = (features_of(part["payload"]).join(part[BY_PAYLOAD]) for part in (train, rows))
    return _trees(known, is_malicious(train), asked)


def module_grid(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Trees on the dark and light modules, which are all that a network can learn of the payload."""
    if len(train) > MOST_GRIDS:
        train = train.sample(MOST_GRIDS, random_state=0)
    side = largest(train["grid"])

    def flat(grids: pd.Series) -> np.ndarray:
        return stack(grids, side).reshape(len(grids), -1)

    model = HistGradientBoostingClassifier(random_state=0)
    with threadpool_limits(1):
        model.fit(flat(train["grid"]), is_malicious(train))
        parts = [rows["grid"].iloc[start : start + BATCH] for start in range(0, len(rows), BATCH)]
        return np.concatenate([model.predict_proba(flat(part))[:, 1] for part in parts])


def payload_characters(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Logistic regression on runs of one to four characters: what reading the code and never drawing it gives.

    Capitals count, as in the paths of short links; runs in fewer than one of 5,000 payloads are left out.
    """
    runs = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), lowercase=False, sublinear_tf=True, min_df=2e-4)
    model = make_pipeline(runs, LogisticRegression(max_iter=1000))
    model.fit(train["payload"], is_malicious(train))
    return model.predict_proba(rows["payload"])[:, 1]


def _trees(train: pd.DataFrame, truth: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
    """Gradient-boosted trees on columns of numbers and of names; a name that `train` lacks counts as missing."""
    names = list(train.select_dtypes(exclude="number"))
    coder = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=MOST_CATEGORIES,
    )
    model = make_pipeline(
        make_column_transformer((coder, names), remainder="passthrough"),
        HistGradientBoostingClassifier(categorical_features=list(range(len(names))), random_state=0),
    )
    with threadpool_limits(1):  # its threads wait by spinning, which on a busy machine costs more than they bring
        return model.fit(train, truth).predict_proba(rows)[:, 1]


BASELINES: dict[str, Baseline] = {
    baseline.__name__: baseline
    for baseline in (majority, best_rule, picture_features, payload_features, module_grid, payload_characters)
}
