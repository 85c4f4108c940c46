"""A flat folder of images with labels.csv, as scan reads it and the gate judges it."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from stages.common.cli import StageError
from stages.common.settings import Data, load_params
from stages.dataset.labels import IGNORED, label_of, read_labels, source_of
from stages.dataset.row import CONTENT, examine
from stages.dataset.storage import Stored, list_images
from stages.gate import labels as checks
from tests.helpers import draw_qr, labelled, set_params

URL = "https://a.example/"
CLASSES = {"benign": "benign", "malicious": "malicious", "Phishing": "malicious"}


def data() -> Data:
    """The settings of the data with CLASSES."""
    return Data.model_validate(
        {"urls": "u", "images": "i", "url_column": None, "label_column": None, "classes": CLASSES}
    )


def problems(
    folder: Path, *lines: str, header: str = "file,label", names: Sequence[str] = ("a.png", "b.png")
) -> dict[str, tuple[str, str]]:
    """(label, problem) of every row when the folder holds the files `names`."""
    (folder / "labels.csv").write_text("\n".join([header, *lines]), encoding="utf-8")
    set_params(folder, {"data.images": str(folder), "data.classes": CLASSES})
    table = labelled(names, load_params()).set_index("path")
    return dict(zip(table.index, zip(table["label"], table["label_problem"], strict=True), strict=True))


GOOD = {"a.png": ("benign", ""), "b.png": ("malicious", "")}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a.png,benign", "b.png,malicious"], GOOD),
        (["b.png,phishing", "a.png,BENIGN"], GOOD),
        (["./a.png,benign", ".\\b.png,malicious"], GOOD),
        (["a.png,benign"], GOOD | {"b.png": ("", "no_row")}),
        (["a.png,benign", "b.png,malicious", "c/c.png,benign"], GOOD | {"c/c.png": ("benign", "no_file")}),
        (["a.png,benign", "a.png,Benign", "b.png,malicious"], GOOD | {"a.png": ("benign", "doubled")}),
        (["b.png,malicious", "b.png,phishing", "a.png,benign"], GOOD | {"b.png": ("malicious", "doubled")}),
        (["a.png,benign", "b.png,unsure"], GOOD | {"b.png": ("unsure", "")}),
    ],
)
def test_each_kind_of_row(project: Path, lines: list[str], expected: dict[str, tuple[str, str]]) -> None:
    assert problems(project, *lines) == expected


@pytest.mark.parametrize("labels", ["benign malicious", "malicious benign", "benign malicious malicious"])
def test_a_contradiction_stays_one_whatever_follows(project: Path, labels: str) -> None:
    found = problems(project, "b.png,malicious", *(f"a.png,{label}" for label in labels.split()))
    assert found["a.png"][1] == "contradicting"
    assert found["b.png"] == ("malicious", "")


@pytest.mark.parametrize("start", ["file,label,source", "\ufefffile,label", "label,file"])
def test_other_columns_and_a_byte_order_mark_do_no_harm(project: Path, start: str) -> None:
    lines = ["benign,a.png", "malicious,b.png"] if start == "label,file" else ["a.png,benign", "b.png,malicious"]
    assert problems(project, *(line + ",x" * (start.count(",") - 1) for line in lines), header=start) == GOOD


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "labels.csv is empty"),
        (b"file,label\nb\xfccher.png,benign\n", "labels.csv is not a table in UTF-8: line 2"),
        (b"name,label\na.png,benign\n", "labels.csv has no column file; it has name, label: rename one"),
        (b"file,label\na.png,benign,1,2\n", r"labels.csv: row 1 has 4 fields, header names 2 \(file, label\)"),
        (b"file,label\na.png,benign\n,malicious\n", "labels.csv: row 2 has no file"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(StageError, match=message):
        read_labels(tmp_path, data())


def test_without_the_file_the_folders_are_the_labels(tmp_path: Path) -> None:
    assert read_labels(tmp_path, data()) is None


def test_a_folder_of_that_name_and_two_files_of_it_are_errors(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").mkdir()
    with pytest.raises(StageError, match=r"labels\.csv is a folder"):
        read_labels(tmp_path, data())
    (tmp_path / "Labels.CSV").write_text("file,label\na.png,benign\n")
    with pytest.raises(StageError, match=r"holds Labels\.CSV and labels\.csv: delete one"):
        read_labels(tmp_path, data())


def test_the_files_name_may_be_in_any_case(project: Path) -> None:
    (project / "Labels.csv").write_text("File;Type\na.png; Benign \nb.png;malicious\n")
    set_params(project, {"data.images": str(project)})
    table = labelled(["a.png", "b.png"], load_params()).set_index("path")
    assert table["label"].to_dict() == {"a.png": "benign", "b.png": "malicious"}
    assert "Labels.csv" not in [stored.path for stored in list_images(project)]


def test_file_names_are_compared_in_one_unicode_form(project: Path) -> None:
    composed, decomposed = "Caf\N{LATIN SMALL LETTER E WITH ACUTE}.png", "Cafe\N{COMBINING ACUTE ACCENT}.png"
    found = problems(project, f"{composed},benign", names=[decomposed])
    assert found == {decomposed: ("benign", "")}


def test_the_source_is_the_tables_column(project: Path) -> None:
    (project / "labels.csv").write_text("file,label,source\na.png,benign,tranco\nb.png,malicious,\n")
    set_params(project, {"data.images": str(project)})
    assert labelled(["a.png", "b.png"], load_params())["source"].tolist() == ["tranco", ""]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("train/benign/a.png", "train"),
        ("openphish/malicious/2021/may/a.png", "openphish"),
        ("a/b/benign/c.png", "b"),
        ("v1/benign/benign/a.png", "v1"),  # a folder called like a class is no source
        ("malicious/benign/a.png", ""),
        ("benign/a.png", ""),
        ("train/strange/a.png", ""),
        ("a.png", ""),
    ],
)
def test_the_source_is_the_folder_above_the_class(path: str, source: str) -> None:
    assert source_of(path, CLASSES) == source


@pytest.mark.parametrize("classes", [{}, {"legit": "benign", "phish": "malicious"}])
def test_the_classes_are_known_by_their_own_names_whatever_others_they_have(classes: dict[str, str]) -> None:
    assert label_of("feed/Malicious/a.png", classes) == "malicious"
    assert source_of("feed/Malicious/a.png", classes) == "feed"
    assert label_of("Benign/deeper/a.png", classes) == "benign"
    assert label_of("benign/a.png", {"benign": "ignore"}) == IGNORED


def test_ignore_is_a_name_like_any_other_where_data_classes_does_not_say_it(project: Path) -> None:
    assert label_of("ignore/a.png", CLASSES) == "ignore" != IGNORED
    assert label_of("ignore/a.png", {"ignore": "ignore"}) == IGNORED
    (project / "labels.csv").write_text("file,label\na.png,ignore\nb.png,left out\n")
    set_params(project, {"data.images": str(project), "data.classes": {"left out": "ignore"}})
    assert labelled(["a.png", "b.png"], load_params())["label"].tolist() == ["ignore", IGNORED]


@pytest.mark.parametrize(
    ("drawn", "listed", "same"),
    [
        (URL, URL, True),
        (URL, f" {URL} ", True),
        (URL, "https://b.example/", False),
        (URL, URL.upper(), False),
        ("https://bücher.example/ä?q=日本", "https://bücher.example/ä?q=日本", True),
        ("https://bücher.example/ä", "https://bücher.example/other", False),
        ("http://пример.example/", "http://пример.invalid/", False),
    ],
)
def test_the_url_of_a_row_must_be_that_of_the_code(project: Path, drawn: str, listed: str, same: bool) -> None:
    draw_qr(project / "flat/a.png", drawn)
    (project / "flat/labels.csv").write_text(f"file,label,url\na.png,benign,{listed}\n", encoding="utf-8")
    set_params(project, {"data.images": "flat"})
    params = load_params()
    content = pa.Table.from_pylist([examine(Stored("a.png"), "flat", params.scan)], CONTENT)
    found = checks.payload_differs(labelled(["a.png"], params, content), params)
    assert found.holds == same
    assert found.rows is not None
    assert found.rows.tolist() == [not same]


def test_where_no_row_gives_a_url_nothing_can_be_compared(project: Path) -> None:
    draw_qr(project / "flat/a.png", URL)
    (project / "flat/labels.csv").write_text("file,label,url\na.png,benign,\n", encoding="utf-8")
    set_params(project, {"data.images": "flat"})
    params = load_params()
    content = pa.Table.from_pylist([examine(Stored("a.png"), "flat", params.scan)], CONTENT)
    assert checks.payload_differs(labelled(["a.png"], params, content), params).holds is None
