"""Checks of a split that the dataset comes with: folders or sources that are called train, val and test."""

from pathlib import PurePosixPath

import pandas as pd

from stages.common.settings import CLASSES, Params, folded
from stages.dataset.parts import PARTS
from stages.gate.check import Check, Finding
from stages.payload.safe import defang

# What folders of a split are called.
USUAL = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


def given_split_leaks(table: pd.DataFrame, params: Params) -> Finding:
    """No row of the given val and test has a payload, picture or site that the given train has."""
    if not params.split.gives_parts:
        return Finding(True, text="no split is given")
    usable = table["decoded"] & table["label"].isin(CLASSES)
    train = table[usable & (table["given"] == PARTS[0])]
    others = usable & table["given"].isin(PARTS[1:])
    leaks = {
        name: others & table[column].notna() & table[column].isin(train[column])
        for name, column in (("payload", "payload"), ("picture", "sha256"), ("site", "site"))
    }
    rows = pd.DataFrame(leaks).any(axis=1)
    shares = ", ".join(f"{leak.sum():,} by {name}" for name, leak in leaks.items())
    text = f"{rows.sum():,} of {others.sum():,} val and test rows share with train: {shares}"
    sites = table["site"][leaks["site"]].astype(str).value_counts()
    details = pd.DataFrame({"site": sites.index.map(defang), "rows leaked": sites.to_numpy()})
    return Finding(not rows.any(), rows, text, details if len(details) else None)


def split_ignored(table: pd.DataFrame, params: Params) -> Finding:
    """Where folders or sources are called train, val and test, split.given says what they are."""
    if params.split.gives_parts:
        return Finding(True, text="split.given is set")
    folders = {path.rpartition("/")[0] for path in table["path"]}
    names = {name for folder in folders for name in PurePosixPath(folder).parts} | {*table["source"].dropna()}
    found = {name: USUAL[folded(name)] for name in sorted(names) if folded(name) in USUAL}
    if len({*found.values()}) < len(("train", "test")):
        return Finding(True, text="no folders of a split")
    proposed = ", ".join(f"{name}: {part}" for name, part in found.items())
    text = f"{', '.join(found)} are there, and split anew; split.given: {{{proposed}}} keeps them"
    return Finding(False, None, text)


CHECKS = [
    Check("given_split_leaks", "leakage", "error", given_split_leaks, "the parts that split.given names",
          "what the network is tested on is then in part what it learned from, and the figures are too good",
          "take these rows out of one side; or set split.given: {} to have them split by site",
          per_row=True, split_only=True),
    Check("split_ignored", "leakage", "warn", split_ignored, "the names of folders and sources",
          "figures of another split cannot be compared with those that others publish for this dataset",
          "set split.given as shown to keep the split; or leave it, and every site stays in one part",
          split_only=True),
]  # fmt: skip
