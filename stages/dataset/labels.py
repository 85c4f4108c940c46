"""Where a file's label comes from: the folders it lies in, or a labels file beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stages.common.cli import StageError
from stages.dataset.storage import LABELS_FILE


@dataclass(frozen=True)
class Label:
    """A row of the labels file. `problem` is empty, doubled, contradicting, no_row or no_file."""

    label: str
    url: str | None = None
    problem: str = ""


def label_of(path: str, classes: Mapping[str, str]) -> str:
    """The class of the nearest folder that `classes` knows, case aside.

    Where none is known: the nearest folder whose name contains one of them (so that the gate can
    propose it), else the nearest folder, else "".
    """
    known = {name.casefold(): class_ for name, class_ in classes.items()}
    folders = PurePosixPath(path).parts[-2::-1]
    for folder in folders:
        if folder.casefold() in known:
            return known[folder.casefold()]
    hints = [folder for folder in folders if any(name in folder.casefold() for name in known)]
    return [*hints, *folders, ""][0]


def read_labels(folder: Path, classes: Mapping[str, str]) -> dict[str, Label] | None:
    """The labels file of `folder` by file name, or None where there is none and the folders are the labels.

    A file that is listed twice is doubled, or contradicting where the labels differ.
    Raises StageError where the file is no CSV table with the columns file and label.
    """
    path = folder / LABELS_FILE
    if not path.exists():
        return None
    import pandas as pd  # which takes half a second to load

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise StageError(f"{path} is no CSV table in UTF-8: {error}") from None
    if missing := {"file", "label"} - set(table):
        raise StageError(f"{path} has no column {' or '.join(sorted(missing))}; it must begin with file,label[,url]")
    known = {name.casefold(): class_ for name, class_ in classes.items()}
    labels = [known.get(label.casefold(), label) for label in table["label"]]
    urls = [url or None for url in table["url"]] if "url" in table else [None] * len(table)
    found: dict[str, Label] = {}
    for file, label, url in zip(table["file"], labels, urls, strict=True):
        name = PurePosixPath(file.replace("\\", "/")).as_posix()
        first = found.get(name)
        problem = "" if first is None else "doubled" if first.label == label else "contradicting"
        found[name] = Label(label, url, problem if first is None or first.problem != "contradicting" else first.problem)
    return found
