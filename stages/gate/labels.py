"""Checks of the labels, of the balance between the classes, and of sites that would leak between parts."""

import json
import re

import numpy as np
import pandas as pd

from stages.common.settings import CLASSES, Params
from stages.dataset.labels import LabelProblem
from stages.dataset.storage import LABELS_FILE
from stages.gate.check import Check, Finding, marked, no_row_has
from stages.gate.schema import training_schema, violations
from stages.payload.safe import defang

SHOWN = 8  # unknown names in the finding's text; all of them are in its details
# Before and after the name of a class: non-malicious, not_malicious, nonbenign, malicious=no
NEGATED = re.compile(r"(non|not|no|un|in|anti|never|neither|without)[\W_]*$")
DENIED = re.compile(r"[\W_]*(no|not|false|0|free|less)(?![^\W_])")
PLAIN_KEY = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[a-z][\w. -]*(?<! )", re.ASCII | re.IGNORECASE)


def _broken(table: pd.DataFrame, params: Params) -> dict[str, pd.Series]:
    return violations(table, training_schema(params.validate_.balance_tolerance))


def unknown_label(table: pd.DataFrame, params: Params) -> Finding:
    """Every row has one of the two classes."""
    rows = _broken(table, params).get("unknown_label", pd.Series(False, table.index))
    if not rows.any():
        return marked(rows)
    names = table["label"][rows].value_counts()
    shown = ", ".join(f"{_short(name)}: {count:,}" for name, count in names.head(SHOWN).items())
    text = f"{marked(rows).text} ({shown}{f', and {len(names) - SHOWN} more names' if len(names) > SHOWN else ''})"
    details = pd.DataFrame({"folder or label": names.index, "files": names.to_numpy()})
    proposed = ((str(name), proposed_class(str(name))) for name in names.index)
    lines = tuple(f"    {_yaml_key(name)}: {class_}" for name, class_ in proposed if class_)
    if flat := int((rows & (table["label"] == "") & (table["label_problem"] == LabelProblem.NONE)).sum()):
        text += f"; {flat:,} lie in no folder of a class, and no {LABELS_FILE} (file,label) lies beside them"
    text += "; paste under data.classes in params.yaml:" if lines else ""
    return Finding(False, rows, text, details, paste=lines)


def proposed_class(name: str) -> str | None:
    """The class whose name is in the name of a folder; None where it is not, is negated, or both are in it."""
    text = name.casefold()
    found = [class_ for class_ in CLASSES if class_ in text]
    if len(found) != 1:
        return None
    before, _, after = text.partition(found[0])
    return None if NEGATED.search(before) or DENIED.match(after) else found[0]


def _short(name: str) -> str:
    return "no label" if not name else name if len(name) <= 40 else f"{name[:39]}\N{HORIZONTAL ELLIPSIS}"


def _yaml_key(name: str) -> str:
    return name if PLAIN_KEY.fullmatch(name) else json.dumps(name)


def missing_class(table: pd.DataFrame, params: Params) -> Finding:
    """Both classes are there."""
    counts = table["label"].value_counts().reindex(CLASSES, fill_value=0)
    return Finding(bool((counts > 0).all()), text=_counted(counts))


def without(problem: LabelProblem, why: str, remedy: str) -> Check:
    """The check label_PROBLEM: no row has `problem` with the labels file."""
    judge = no_row_has("label_problem", problem)
    return Check(f"label_{problem}", "labels", "error", judge, f"each row of {LABELS_FILE}", why, remedy, per_row=True)


def payload_differs(table: pd.DataFrame, params: Params) -> Finding:
    """Where the labels file gives the URL, the code says the same."""
    known = table["url"].notna() & table["payload"].notna()
    if not known.any():
        return Finding(None, text=f"no {LABELS_FILE} gives the URL of a readable code")
    return marked(known & ~_same_text(table["payload"], table["url"]))


def _same_text(payload: pd.Series, url: pd.Series) -> pd.Series:
    # Decoders guess the encoding of what is not ASCII: of such a payload only its ASCII part can be compared.
    def plain(text: pd.Series) -> pd.Series:
        return text.fillna("").str.strip().str.replace(r"[^\x20-\x7e]+", "\N{REPLACEMENT CHARACTER}", regex=True)

    return plain(payload) == plain(url)


def payload_in_both_classes(table: pd.DataFrame, params: Params) -> Finding:
    """No payload is benign here and malicious there."""
    return _in_both(table, "payload")


def picture_in_both_classes(table: pd.DataFrame, params: Params) -> Finding:
    """No file is, byte for byte, in both classes."""
    return _in_both(table, "sha256")


def _in_both(table: pd.DataFrame, column: str) -> Finding:
    known = table.loc[table["label"].isin(CLASSES) & table[column].notna(), [column, "label"]]
    once_a_class = known.drop_duplicates()[column]
    return marked(table[column].isin(once_a_class[once_a_class.duplicated()]))


def duplicates(table: pd.DataFrame, params: Params) -> Finding:
    """The share of codes whose payload a class has already is at most `max_duplicates`."""
    readable = table[table["payload"].notna()]
    if readable.empty:
        return Finding(None, text="no readable codes")
    again = readable.duplicated(["label", "payload"])
    share = again.mean()
    rows = again.reindex(table.index, fill_value=False)
    by_class = ", ".join(f"{name} {part.mean():.1%}" for name, part in again.groupby(readable["label"]))
    holds = bool(share <= params.validate_.max_duplicates)
    return Finding(holds, rows, f"{share:.1%} of the readable codes" + (f" ({by_class})" if share else ""))


def classes_near_half(table: pd.DataFrame, params: Params) -> Finding:
    """The share of each class is within `balance_tolerance` of one half, or split.per_class makes it so."""
    counts = table["label"].value_counts().reindex(CLASSES, fill_value=0)
    if counts.min() == 0:
        return Finding(None, text="see missing class")
    share = counts["malicious"] / counts.sum()
    text = f"{_counted(counts)}: {share:.1%} malicious"
    readable = table["label"][table["decoded"]].value_counts().reindex(CLASSES, fill_value=0)
    if params.split.per_class is not None and readable.min() >= params.split.per_class:
        return Finding(True, text=f"{text}; split.per_class draws {params.split.per_class:,} of each")
    text += f"; split.per_class: {readable.min()} would draw equal numbers"
    return Finding("classes_near_half" not in _broken(table, params), text=text)


def _counted(counts: pd.Series) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def random_split_leaks(table: pd.DataFrame, params: Params) -> Finding:
    """How many val and test rows a random split would give a site that is in train as well.

    The shares are those of `split`; the draw is by its seed. The project's own split keeps each
    site in one part, so this is no fault of the data, but of splitting it otherwise.
    """
    sites = table["site"][table["decoded"]].cat
    site = sites.codes  # numbers are compared faster than names
    if site.empty:
        return Finding(None, text="no readable codes")
    training = np.random.default_rng(params.split.seed).random(len(site)) >= params.split.val + params.split.test
    leaks = ~training & site.isin(site[training])
    share = leaks.sum() / max((~training).sum(), 1)
    top = site[leaks].value_counts().head(15)
    total = site.value_counts()
    names = map(defang, sites.categories[top.index])
    details = pd.DataFrame({"site": names, "rows leaked": top.to_numpy(), "rows in all": total[top.index].to_numpy()})
    text = f"{leaks.sum():,} of {(~training).sum():,} val and test rows ({share:.1%}) share their site with train"
    return Finding(bool(share <= params.validate_.max_random_leak), None, text, details if len(top) else None)


CHECKS = [
    Check("unknown_label", "labels", "error", unknown_label, "each file",
          "an image without a class cannot be learned from",
          "rename the folder, or name it in data.classes in params.yaml", per_row=True),
    Check("missing_class", "labels", "error", missing_class, "the classes",
          "with one class, always giving that answer is 100 % right",
          "add the missing class; if its folder has another name, name it in data.classes in params.yaml",
          split_only=True),
    without(LabelProblem.NO_ROW, "a file that the labels file does not list has no label",
            f"add its row to {LABELS_FILE}, or take the file out"),
    without(LabelProblem.NO_FILE, "a row without a file says that images were lost on the way",
            f"copy the missing files, or delete their rows from {LABELS_FILE}"),
    without(LabelProblem.DOUBLED, "a file that is listed twice is a slip in the list, and rarely the only one",
            f"delete one of its rows from {LABELS_FILE}"),
    without(LabelProblem.CONTRADICTING, "a file that is listed as benign and as malicious has no label",
            f"decide which it is and delete the other row from {LABELS_FILE}"),
    Check("payload_differs", "labels", "error", payload_differs, "each code",
          "the picture does not show the URL that was labelled",
          "match files and URLs again: a shifted list mislabels everything behind the shift", per_row=True),
    Check("payload_in_both_classes", "labels", "error", payload_in_both_classes, "each payload",
          "the same code cannot be benign and malicious", "decide which it is, or take both out", per_row=True),
    Check("picture_in_both_classes", "labels", "error", picture_in_both_classes, "each file",
          "the same picture under both labels teaches nothing", "decide which it is, or take both out", per_row=True),
    Check("duplicates", "labels", "warn", duplicates, "the payloads of a class",
          "copies count twice in every figure",
          "take the copies out; the stage split keeps the others in one part"),
    Check("classes_near_half", "balance", "error", classes_near_half, "the classes",
          "away from 50/50, accuracy rewards guessing the larger class",
          "set split.per_class as shown, add images to the smaller class, or raise validate.balance_tolerance",
          split_only=True),
    Check("random_split_leaks", "leakage", "warn", random_split_leaks, "the sites of the payloads",
          "a network recognises a site from training in the test part; new sites give it no such help",
          "nothing here: the stage split keeps each site in one part; do not split these images at random elsewhere",
          split_only=True),
]  # fmt: skip
