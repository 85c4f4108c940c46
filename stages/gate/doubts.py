"""Labels that contradict what the other labels say of such a payload."""

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from stages.common.settings import Params
from stages.gate.check import Check, Finding
from stages.gate.scores import MOST_ROWS, Labelled, held_out, labelled
from stages.payload.features import payload_features


def doubtful_labels(table: pd.DataFrame, params: Params) -> Finding:
    """At most `max_doubtful` of the labels are contradicted, with confidence, by two models of the payload.

    Confident learning (Northcutt, Jiang and Chuang, JAIR 70, 2021, 1373-1411): a label is contradicted
    where a model that has not seen the row's site is as sure of the other class as it is, in the mean,
    for rows that have that label. Two models must agree: trees on counts of the payload's parts, and
    logistic regression on runs of characters. Hard cases are contradicted, too: of the sample's 2,000 URLs 9; with
    2 % of the labels swapped 31 to 36 (four draws), among them 21 to 26 of the 40 swapped ones; of 4,000 real URLs
    70 (one draw), among them 49 of the 80.

    The modules are not asked: they say less of a label than the payload that they encode. Trees on them as in the
    baseline module_grid (for the real URLs fewer, 60, with a tenth of the modules at each split), in the same folds
    and with the same labels swapped, doubt (swapped labels / others, one draw)

        2,000 of the sample    payload 26 / 10, modules 25 / 216, both 20 / 6,  either 31 / 220
        4,000 real URLs        payload 49 / 21, modules 57 / 167, both 39 / 15, either 67 / 173

    Asking both loses more swapped labels than it saves others; asking either finds 5 or 18 more, with 42 or 8 others
    for each. And for 2,000 pictures the trees take more than a minute of a core.
    """
    data = labelled(table, MOST_ROWS)
    if not data.enough:
        return Finding(None, text="too few sites")
    own = np.zeros(len(data.rows))  # probability of the label that the row has, by the model that doubts it less
    doubted = np.ones(len(data.rows), bool)
    for malicious in _probabilities(data):
        of_label = np.where(data.truth, malicious, 1 - malicious)
        usual = np.array([of_label[data.truth == is_bad].mean() for is_bad in (False, True)])
        doubted &= 1 - of_label >= usual[(~data.truth).astype(int)]
        own = np.maximum(own, of_label)
    share = doubted.mean()
    rank = pd.Series(np.where(doubted, 1 - own, np.nan), index=data.rows.index).reindex(table.index)
    text = f"{doubted.sum():,} of {len(doubted):,} labels ({share:.1%}), at most {params.validate_.max_doubtful:.1%}"
    return Finding(bool(share <= params.validate_.max_doubtful), rank.notna(), text, rank=rank)


def _probabilities(data: Labelled) -> list[np.ndarray]:
    """By two models, the probability of being malicious of each row whose site the model has not seen: (n,) each."""
    payloads = data.rows["payload"]
    counts = payload_features(payloads).drop(columns="top_level_domain")
    # Fitted on all rows at once, as it reads no label.
    runs = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), lowercase=False, sublinear_tf=True, min_df=3)
    models = [
        (HistGradientBoostingClassifier(max_iter=60, random_state=0), counts.to_numpy()),
        (LogisticRegression(solver="liblinear", C=3), runs.fit_transform(payloads)),
    ]
    return [held_out(model, features, data) for model, features in models]


CHECKS = [
    Check("doubtful_labels", "labels", "warn", doubtful_labels, "each payload beside those of other sites",
          "a wrong label in test is counted as an error of the network, and one in train teaches it",
          "look at the codes shown, the most doubtful first, and correct the labels that are wrong; hard cases stay",
          per_row=True, split_only=True),
]  # fmt: skip
