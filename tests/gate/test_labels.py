"""Every check of labels, balance and leakage, on a dataset that violates it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from stages.dataset.row import CONTENT
from stages.gate.labels import CHECKS
from tests.gate.helpers import GOOD, offending, result_of, with_params
from tests.helpers import draw_qr, labelled, looked_at, urls

URL = urls("benign", GOOD)[0]  # what benign/000.png says


def in_both_classes(folder: Path) -> None:
    draw_qr(folder / "benign/bad.png", "https://both.example/")
    draw_qr(folder / "malicious/bad.png", "https://both.example/")


def repeated(folder: Path) -> None:
    for i in range(4):
        draw_qr(folder / f"benign/{i}.png", URL, scale=3)


# Files that, beside the good ones, violate the check, and what it says.
BAD_FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "unknown_label": (
        lambda folder: draw_qr(folder / "phishing malicious/bad.png", URL),
        "1 of 61 files (phishing malicious: 1); paste under data.classes in params.yaml:",
    ),
    "payload_in_both_classes": (in_both_classes, "2 of 62 files"),
    "picture_in_both_classes": (in_both_classes, "2 of 62 files"),
    "duplicates": (repeated, "6.2% of the readable codes (benign 11.8%, malicious 0.0%)"),
}
# Changes to the good table, and what the check says; no single row is to blame.
BAD_TABLES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "missing_class": (lambda t: t.iloc[:GOOD], "30 benign, 0 malicious"),
    "classes_near_half": (
        lambda t: t.iloc[:45],
        "30 benign, 15 malicious: 33.3% malicious; split.per_class: 15 would draw equal numbers",
    ),
    "random_split_leaks": (
        lambda t: t.assign(payload=[f"https://{i}.one.example/" for i in range(2 * GOOD)]),
        r"(\d+) of \1 val and test rows \(100.0%\) share their site with train",
    ),
}
# Lines of the labels file, of which those of the good files are given.
BAD_LISTS: dict[str, Callable[[list[str]], list[str]]] = {
    "label_no_row": lambda lines: lines[1:],
    "label_no_file": lambda lines: [*lines, "benign/gone.png,benign,"],
    "label_doubled": lambda lines: [*lines, lines[0]],
    "label_contradicting": lambda lines: [*lines, f"benign/000.png,malicious,{URL}"],
    "payload_differs": lambda lines: ["benign/000.png,benign,https://else.example/", *lines[1:]],
}


def test_every_check_is_tested() -> None:
    assert {*BAD_FILES, *BAD_TABLES, *BAD_LISTS} == {check.name for check in CHECKS}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_found_and_no_others(name: str, good: pd.DataFrame, tmp_path: Path) -> None:
    make, text = BAD_FILES[name]
    make(tmp_path)
    bad = looked_at(tmp_path, with_params({}))
    table = pd.concat([good, bad], ignore_index=True)
    result = result_of(name, table)
    assert not result.found.holds
    assert offending(result, table) == sorted(bad["path"])
    assert result.found.text == text


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("QR_All_Malicious", "    QR_All_Malicious: malicious"),
        ("benign 2", "    benign 2: benign"),
        ("# malicious: x", '    "# malicious: x": malicious'),
        ("non-malicious", None),
        ("not_malicious", None),
        ("nonbenign", None),
        ("No Malicious", None),
        ("unbenign", None),
        ("anti-malicious", None),
        ("malicious=no", None),
        ("malicious_0", None),
        ("benign or malicious", None),
        ("phishing", None),
    ],
)
def test_a_class_is_proposed_for_a_name_that_says_it_and_denies_nothing(
    name: str, line: str | None, good: pd.DataFrame
) -> None:
    table = good.assign(label=good["label"].mask(good.index == 0, name))
    found = result_of("unknown_label", table).found
    assert found.paste == (() if line is None else (line,))
    if line:
        pasted = YAML(typ="safe").load("\n".join(["data:", "  classes:", *found.paste]))
        assert pasted["data"]["classes"].keys() == {name}


def test_every_unknown_name_is_counted(good: pd.DataFrame) -> None:
    names = [f"set {i // 2}" for i in range(24)]
    found = result_of("unknown_label", good.assign(label=names + ["benign"] * (len(good) - 24))).found
    assert "set 0: 2, set 1: 2" in found.text
    assert found.text.endswith("and 4 more names)")
    assert found.details is not None
    assert found.details["files"].tolist() == [2] * 12


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_is_found(name: str, good: pd.DataFrame) -> None:
    change, text = BAD_TABLES[name]
    result = result_of(name, change(good))
    assert not result.found.holds
    assert result.found.rows is None
    assert re.fullmatch(text, result.found.text) or result.found.text == text


def test_an_empty_table_and_a_class_that_is_elsewhere_only_have_no_class(good: pd.DataFrame) -> None:
    found = result_of("missing_class", good.iloc[:0]).found
    assert (found.holds, found.text) == (False, "0 benign, 0 malicious")
    there = good.assign(source=good["label"].map({"benign": "elsewhere", "malicious": ""}))
    found = result_of("missing_class", there).found
    assert (found.holds, found.text) == (False, "0 benign, 30 malicious")


@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_bad_row_of_the_labels_file_is_found(name: str, good: pd.DataFrame, tmp_path: Path) -> None:
    lines = [",".join(row) for row in good[["path", "label", "payload"]].itertuples(index=False)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label,url", *BAD_LISTS[name](lines)]))
    params = with_params({"data.images": str(tmp_path)})
    content = pa.Table.from_pandas(good[CONTENT.names], CONTENT, preserve_index=False)
    table = labelled(good["path"].tolist(), params, content)
    result = result_of(name, table)
    assert not result.found.holds
    assert offending(result, table) == ["benign/gone.png" if name == "label_no_file" else "benign/000.png"]
    assert result.found.text == f"1 of {61 if name == 'label_no_file' else 60} files"


@pytest.mark.parametrize(("share", "holds"), [(0.449, False), (0.45, True), (0.55, True), (0.551, False)])
def test_the_balance_may_be_off_by_the_tolerance(share: float, holds: bool, good: pd.DataFrame) -> None:
    table = pd.concat([good] * 17, ignore_index=True).iloc[:1000]
    labels = ["malicious"] * round(1000 * share) + ["benign"] * (1000 - round(1000 * share))
    assert result_of("classes_near_half", table.assign(label=labels)).found.holds == holds
