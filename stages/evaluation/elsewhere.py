"""Does it hold elsewhere? The same models, with the same thresholds, on a collection that nothing was learned from.

A figure by site says how a model does on other sites of one collection. It says nothing about the next collection,
in which benign and malicious codes were gathered in another way.
"""

from collections.abc import Mapping
from typing import TypedDict

import pandas as pd

from stages.dataset.parts import ELSEWHERE, given_parts
from stages.evaluation import bootstrap

# Sites of each class. With so few, the interval of an AUC of 0.75 is 0.15 to either side (Hanley and McNeil,
# Radiology 143, 1982); with fewer, hardly a drop could be told from none.
LEAST_SITES = 20


class Elsewhere(TypedDict):
    """What there is of the part elsewhere; `problem` says why it cannot be scored, and is empty where it can."""

    named: int  # readable rows that split.given calls elsewhere
    left_out: int  # of them, those whose payload or site train has
    images: int  # of the others, those that the network can judge
    unjudged: int  # and those that it cannot
    sites: int
    problem: str


def describe(rows: pd.DataFrame, seen: pd.DataFrame, valid: pd.DataFrame, given: Mapping[str, str]) -> Elsewhere:
    """The part elsewhere of the split table `rows` and of those of them that the network can judge, `seen`.

    `valid` has the rows that the gate let through.
    """
    own = seen[seen["part"] == ELSEWHERE]
    named, new = int((given_parts(valid, given) == ELSEWHERE).sum()), int((rows["part"] == ELSEWHERE).sum())
    return {
        "named": named,
        "left_out": named - new,
        "images": len(own),
        "unjudged": new - len(own),
        "sites": int(own["group"].nunique()),
        "problem": problem(own, named, new),
    }


def problem(own: pd.DataFrame, named: int, new: int) -> str:
    """Why no figure of the rows `own` would mean anything; "" where one does.

    Of `named` codes, train has neither payload nor site of `new`, of which the network can judge `own`.
    """
    if not named:
        return "no collection from elsewhere was named; name one in split.given (my-folder: elsewhere)"
    if not new:
        return f"train has the payload or site of every one of the {named:,} codes from elsewhere"
    if own.empty:
        return f"the network can judge none of the {new:,} codes from elsewhere"
    sites = own.groupby(own["label"].astype(str))["group"].nunique()
    if len(sites) < 2:
        return f"the {len(own):,} codes from elsewhere are all {sites.index[0]}"
    if sites.min() < LEAST_SITES:
        fewest = f"{sites.min()} sites, too few to tell ({LEAST_SITES} are needed)"
        return f"the {sites.idxmin()} codes from elsewhere have {fewest}"
    return ""


def drops(test: pd.DataFrame, elsewhere: pd.DataFrame | None) -> pd.DataFrame:
    """Test minus elsewhere for AUC and accuracy, with intervals: columns model, metric, drop, low, high.

    Both are as `bootstrap.replicates` returns them, from draws that are independent of each other. No rows where
    nothing was scored elsewhere.
    """
    if elsewhere is None:
        return pd.DataFrame(columns=["model", "metric", "drop", "low", "high"])
    chosen = test.columns[test.columns.isin(("auc", "accuracy"), level="metric")]
    return bootstrap.table(test[chosen] - elsewhere[chosen], "drop")
