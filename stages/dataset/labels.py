"""Where a file's label comes from: the folders it lies in, or a labels file beside them."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from itertools import dropwhile
from pathlib import Path, PurePosixPath

from stages.common.settings import CLASSES, IGNORE, Data, folded
from stages.dataset.csv_table import read_csv
from stages.dataset.storage import labels_file

IGNORED = "/ignore"  # the label of what data.classes ignores; no folder can be called so


class LabelProblem(StrEnum):
    """The column ``label_problem`` of the scan table; NONE, which is "", where there is none."""

    NONE = ""
    NO_ROW = auto()
    NO_FILE = auto()
    DOUBLED = auto()
    CONTRADICTING = auto()


@dataclass(frozen=True)
class Label:
    """A row of the labels file."""

    label: str
    url: str | None = None
    source: str = ""
    problem: LabelProblem = LabelProblem.NONE


def class_names(classes: Mapping[str, str]) -> dict[str, str]:
    """What a label or folder means, by its name `folded`: one of CLASSES, or IGNORED.

    Benign and malicious are known without being named in data.classes.
    """
    named = {folded(name): IGNORED if class_ == IGNORE else class_ for name, class_ in classes.items()}
    return {name: name for name in CLASSES} | named


def label_of(path: str, classes: Mapping[str, str]) -> str:
    """The class of the nearest folder that `classes` knows, case aside, or IGNORED.

    Where none is known: the nearest folder whose name contains one of them (so that the gate can
    propose it), else the nearest folder, else "".
    """
    known = class_names(classes)
    folders = list(_folders(path))
    for folder in folders:
        if folded(folder) in known:
            return known[folded(folder)]
    hints = [folder for folder in folders if any(name in folded(folder) for name in known)]
    return [*hints, *folders, ""][0]


def source_of(path: str, classes: Mapping[str, str]) -> str:
    """The nearest folder above the class folder, skipping those that are called like a class; "" where none is."""
    known = class_names(classes)
    above = dropwhile(lambda folder: folded(folder) not in known, _folders(path))
    return next((folder for folder in above if folded(folder) not in known), "")


def _folders(path: str) -> Iterator[str]:
    """The folders in which `path` lies, nearest first."""
    return iter(PurePosixPath(path).parts[-2::-1])


def one_form(name: str) -> str:
    """A file name in the one Unicode form (NFC) in which names are compared; some systems store another."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def read_labels(folder: Path, data: Data) -> dict[str, Label] | None:
    """The labels file of `folder` by file name in `one_form`, or None where there is none: folders are the labels.

    A file that is listed twice is DOUBLED, or CONTRADICTING where the labels differ.
    Raises StageError as `read_csv` does.
    """
    path = labels_file(folder)
    if path is None:
        return None
    table = read_csv(path, ("file", "label"), ("url", "source"), data)
    known = class_names(data.classes)
    empty = [""] * len(table["file"])
    columns = table["file"], table["label"], table.get("url", empty), table.get("source", empty)
    found: dict[str, Label] = {}
    for file, given, url, source in zip(*columns, strict=True):
        label = known.get(folded(given), given)
        name = one_form(PurePosixPath(file.replace("\\", "/")).as_posix())
        first = found.get(name)
        problem = LabelProblem.NONE
        if first is not None:
            same = first.label == label and first.problem is not LabelProblem.CONTRADICTING
            problem = LabelProblem.DOUBLED if same else LabelProblem.CONTRADICTING
        found[name] = Label(label, url or None, source, problem)
    return found
