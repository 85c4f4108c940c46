"""What a training is judged by, and the shape of a judgement."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Any, Literal

import pandas as pd
from scipy.stats import binomtest

CHANCE_LOSS = log(2)  # the cross-entropy of always answering one half, 0.693
Verdict = Literal["pass", "warn", "fail"]


@dataclass(frozen=True)
class Symptom:
    """A figure, its bound, and where it is out of bounds the likely cause and what to check."""

    name: str
    verdict: Verdict
    figure: str
    bound: str
    cause: str = ""
    check: str = ""


@dataclass(frozen=True)
class Evidence:
    """What a training left behind.

    `curves` has one row an epoch (index from 1) and the columns that stages/train.py logs; `report` is
    reports/train.json (stages.training.figures.Figures); `probes` are figures of the network before the first step;
    `rule` is the name of the best one-feature rule and its accuracy on the validation rows.
    """

    curves: pd.DataFrame
    report: dict[str, Any]
    probes: dict[str, float]
    rule: tuple[str, float]

    @property
    def best(self) -> pd.Series:
        """The epoch whose weights were kept. Raises KeyError where that is none."""
        return self.curves.loc[self.report["epoch"]]


Judge = Callable[[Evidence], Symptom | None]  # None where there is nothing to judge by


def p_value(accuracy: float, rows: int, majority: float) -> float:
    """How likely a constant answer, right with probability `majority`, is right as often (binomial test, one-sided)."""
    rows = int(rows)
    return float(binomtest(round(accuracy * rows), rows, majority, alternative="greater").pvalue)
