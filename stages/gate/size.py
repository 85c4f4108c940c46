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
    counts, share = _for_test(table, params)
    needed = ceil(round(3 / share, 6))
    counted = ", ".join(f"{count:,} {name} {_unit(params)}" for name, count in counts.items())
    text = f"{counted} for test, which needs 3 of each class"
    if needed > 3:  # not all of them are for test
        text = f"{counted}; test needs 3 of each class, so a class needs {needed}"
    return Finding(bool(counts.min() >= needed), text=text)


def small_test(table: pd.DataFrame, params: Params) -> Finding:
    """The accuracy on the part test will have a 95 % interval of at most +- `max_interval`.

    For n independent cases that is 1.96 sqrt(0.25 / n), the widest of all accuracies being that of one half.
    """
    counts, share = _for_test(table, params)
    count = round(share * counts.sum())
    if not count:
        return Finding(False, text=f"test will have no {_unit(params)}")
    half = 1.96 * (0.25 / count) ** 0.5
    most = params.validate_.max_interval
    text = f"test will have about {count:,} {_unit(params)}: an accuracy within \N{PLUS-MINUS SIGN}{half:.2f}"
    return Finding(half <= most, text=f"{text}, at most \N{PLUS-MINUS SIGN}{most:g}")


def _for_test(table: pd.DataFrame, params: Params) -> tuple[pd.Series, float]:
    """Of each class the independent cases from which test is taken, as many as split.per_class leaves, and its share.

    As `stages.dataset.parts.assign_parts` does it: what split.given calls test is test, with a share of 1. Else test
    gets its share of the rows that are given to no part.
    """
    settings = params.split
    readable = table[table["decoded"] & table["label"].isin(CLASSES)]
    column = "site" if settings.by == "site" else "payload"
    given = {*settings.given.values()}
    if "test" in given:
        rows, share = readable[readable["given"] == "test"], 1.0
    else:
        taken = (1 - settings.val - settings.test) * ("train" in given) + settings.val * ("val" in given)
        rows, share = readable[readable["given"] == ""], settings.test / (1 - taken)
        if settings.by == "site":  # the others of a site follow those that are given
            rows = rows[~rows["site"].isin(readable["site"][readable["given"] != ""])]
    counts = rows.groupby("label")[column].nunique().reindex(CLASSES, fill_value=0)
    if settings.per_class is not None:  # of all rows of a class, those that are given or not
        parts = rows["label"].value_counts() / readable["label"].value_counts()
        counts = counts.clip(upper=(settings.per_class * parts.reindex(CLASSES).fillna(0)).round().astype(int))
    return counts, share


def _unit(params: Params) -> str:
    return "sites" if params.split.by == "site" else "payloads"


CHECKS = [
    Check("few_sites", "size", "error", few_sites, "the sites of each class",
          "copies of a few payloads are a few cases, however many files they fill",
          "collect codes of more sites; or give test a larger share (split.test)",
          split_only=True),
    Check("small_test", "size", "warn", small_test, "the sites that test will have",
          "a figure with so wide an interval shows neither that the network works nor that it does not",
          "collect more codes; give test a larger share (split.test); or raise validate.max_interval and mind "
          "the intervals",
          split_only=True),
]  # fmt: skip
