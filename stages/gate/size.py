"""Checks of the size: enough to learn from, and enough to test on."""

from math import ceil

import pandas as pd

from stages.common.settings import CLASSES, Params
from stages.gate.check import Check, Finding


def few_sites(table: pd.DataFrame, params: Params) -> Finding:
    """Each class has enough sites (or payloads, if split.by is row) for a test to tell anything at all.

    Codes of one site are not independent, so the part test counts as many cases as it has sites. With
    three of each class, a network that guesses gets all six right with probability 0.5^6 = 1.6 %. With
    five, 0.5^5 = 3.1 %, even a test without an error would lie within the 95 % interval of guessing.
    """
    needed = ceil(round(3 / params.split.test, 6))
    counts = _groups(table, params)
    text = f"{_counted(counts, params)}; test needs 3 of each class, so a class needs {needed}"
    if counts.min() == 0:
        return Finding(None, text="a class without readable codes")
    return Finding(bool(counts.min() >= needed), text=text)


def small_test(table: pd.DataFrame, params: Params) -> Finding:
    """The accuracy on the part test will have a 95 % interval of at most +- `max_interval`.

    For n independent cases that is 1.96 sqrt(0.25 / n), the widest of all accuracies being that of one half.
    """
    counts = _groups(table, params)
    count = round(params.split.test * counts.sum())
    if not count:
        return Finding(None, text="no readable codes")
    half = 1.96 * (0.25 / count) ** 0.5
    most = params.validate_.max_interval
    text = f"test will have about {count:,} {_unit(params)}: an accuracy within \N{PLUS-MINUS SIGN}{half:.2f}"
    return Finding(half <= most, text=f"{text}, at most \N{PLUS-MINUS SIGN}{most:g}")


def _groups(table: pd.DataFrame, params: Params) -> pd.Series:
    """Of each class, how many independent cases split.per_class leaves."""
    readable = table[table["decoded"] & table["label"].isin(CLASSES)]
    column = "site" if params.split.by == "site" else "payload"
    counts = readable.groupby("label")[column].nunique().reindex(CLASSES, fill_value=0)
    return counts.clip(upper=params.split.per_class)


def _unit(params: Params) -> str:
    return "sites" if params.split.by == "site" else "payloads"


def _counted(counts: pd.Series, params: Params) -> str:
    return ", ".join(f"{count:,} {name} {_unit(params)}" for name, count in counts.items())


CHECKS = [
    Check("few_sites", "size", "error", few_sites, "the sites of each class",
          "copies of a few payloads are a few cases, however many files they fill",
          "collect codes of more sites; or give test a larger share (split.test)"),
    Check("small_test", "size", "warn", small_test, "the sites that test will have",
          "a figure with so wide an interval shows neither that the network works nor that it does not",
          "collect more codes; give test a larger share (split.test); or raise validate.max_interval and mind "
          "the intervals"),
]  # fmt: skip
