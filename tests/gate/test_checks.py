"""Every check of the gate on a dataset that violates it, and all of them on a good one."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import segno
import zxingcpp
from PIL import Image, ImageFilter, ImageOps

from stages.common.settings import Levels, Params, load_params
from stages.dataset.row import CONTENT
from stages.gate.audit import CHECKS, make_checks
from stages.gate.check import Result
from tests.helpers import PARAMS, draw_classes, draw_qr, labelled, scanned_table, truncate, urls

NAMES = [check.name for check in CHECKS]
GOOD = 30  # images a class
URL = urls("benign", GOOD)[0]  # what benign/000.png says


def with_params(values: dict[str, Any], made: list[str] = NAMES, level: str = "error") -> Params:
    """The settings of the tests with some changed; only the checks in `made` are made."""
    raw = load_params(PARAMS).model_dump(by_alias=True)
    raw["validate"]["levels"] = {name: level if name in made else "off" for name in NAMES}
    for key, value in values.items():
        section, name = key.split(".")
        raw[section][name] = value
    return Params.model_validate(raw)


def as_image(change: Callable[[Image.Image], Image.Image], scale: int = 4) -> Callable[[Path], Any]:
    """Draws a good code that is changed before it is saved."""
    return lambda path: change(Image.open(draw_qr(path, "https://other.example/", scale)).convert("L")).save(path)


def twice(path: Path) -> None:
    frame = Image.open(draw_qr(path, URL)).convert("L")
    frame.save(path, "GIF", save_all=True, append_images=[ImageOps.mirror(frame)])


def both(path: Path) -> None:
    other = path.parents[1] / "malicious" / path.name
    draw_qr(path, "https://both.example/")
    other.write_bytes(path.read_bytes())


def side_by_side(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.hstack([np.asarray(image)] * 2))


CODE_128 = zxingcpp.create_barcode("a text", zxingcpp.BarcodeFormat.Code128)
# How the file benign/CHECK.png is made, which violates CHECK and is the only one to do so.
BAD_FILES: dict[str, Callable[[Path], Any]] = {
    "not_an_image": lambda path: path.write_text("no picture"),
    "truncated": lambda path: truncate(draw_qr(path, URL)),
    "empty": lambda path: path.write_bytes(b""),
    "too_large": as_image(lambda image: Image.new("1", (8000, 7000))),
    "several_frames": twice,
    "link": lambda path: path.symlink_to(PARAMS),
    "unreadable": lambda path: path.symlink_to(path.with_name("gone.png")),
    "bad_name": lambda path: draw_qr(Path(os.fsdecode(bytes(path.with_suffix("")) + b"\xff.png")), URL),
    "decode_rate": as_image(lambda image: Image.new("L", image.size, 255)),
    "no_code": as_image(lambda image: Image.new("L", image.size, 255)),
    "unreadable_code": as_image(lambda image: ImageOps.expand(image.crop((0, 0, 90, 132)), (0, 0, 42, 0), 255)),
    "weak_decoder": as_image(lambda image: image.filter(ImageFilter.GaussianBlur(0.5)), scale=1),
    "several_codes": as_image(side_by_side),
    "micro_qr": lambda path: segno.make_micro("12345").save(str(path), scale=6),
    "other_symbology": lambda path: Image.fromarray(np.array(CODE_128.to_image(scale=3))).save(path),
    "inverted": as_image(ImageOps.invert),
    "mirrored": as_image(ImageOps.mirror),
    "small_modules": lambda path: draw_qr(path, "x" * 1500, version=33),
    "narrow_quiet_zone": lambda path: draw_qr(path, URL, border=0),
    "unknown_label": lambda path: draw_qr(path.parents[1] / "phishing malicious" / path.name, URL),
    "payload_in_both_classes": both,
    "picture_in_both_classes": both,
    "duplicates": lambda path: [draw_qr(path.with_stem(f"{path.stem}{i}"), URL, scale=3) for i in range(4)],
}
FIGURES = {
    "decode_rate": "pyzbar reads 98.36% of 61 pictures",
    "duplicates": "6.2% of the readable codes (benign 11.8%, malicious 0.0%)",
    "payload_in_both_classes": "2 of 62 files",
    "picture_in_both_classes": "2 of 62 files",
    "unknown_label": "1 of 61 files; add to data.classes: phishing malicious: malicious",
}


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The good files and all the bad ones, looked at once."""
    folder = draw_classes(tmp_path_factory.mktemp("checks"), GOOD, GOOD)
    for name, make in BAD_FILES.items():
        make(folder / "benign" / f"{name}.png")
    params = with_params({"data.images": str(folder), "scan.workers": 1})
    return scanned_table(params)


@pytest.fixture
def good(scanned: pd.DataFrame) -> pd.DataFrame:
    return scanned[scanned["path"].str.contains(r"/\d+\.png$")].reset_index(drop=True)


def result_of(name: str, table: pd.DataFrame, **values: Any) -> Result:
    [result] = make_checks(table, with_params(values, [name]))
    assert result.check.name == name
    return result


def test_settings_name_every_check_and_no_other() -> None:
    assert list(Levels.model_fields) == NAMES


def test_every_check_is_tested() -> None:
    shortcuts = {check.name for check in CHECKS if check.section == "shortcuts"}  # in test_shortcuts.py
    assert {*BAD_FILES, *BAD_TABLES, *BAD_LISTS} | shortcuts == set(NAMES)


def test_every_check_holds_on_good_data(good: pd.DataFrame) -> None:
    results = make_checks(good, with_params({}))
    assert [result.check.name for result in results] == NAMES
    assert {result.check.name: result.found.text for result in results if not result.found.holds} == {}
    assert not any(result.found.rows.any() for result in results if result.found.rows is not None)


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_found_and_no_other(name: str, scanned: pd.DataFrame) -> None:
    table = scanned[scanned["path"].str.contains(rf"/(?:\d+|{name}[^_/]*)\.png$")]
    found = result_of(name, table).found
    assert not found.holds
    assert found.rows is not None
    assert set(table["path"][found.rows]) == set(table["path"][~table["path"].str.contains(r"/\d+\.png$")])
    assert found.text == FIGURES.get(name, "1 of 61 files")


# Changes to the good table: (change, rows that offend, what the check says).
BAD_TABLES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], list[int] | None, str]] = {
    "has_images": (lambda t: t.iloc[:0], None, "0 files in data/images"),
    "kills_decoder": (lambda t: t.assign(problem=["kills_decoder"] * 2 + [""] * 58), [0, 1], "2 of 60 files"),
    "missing_class": (lambda t: t.iloc[:GOOD], None, "30 benign, 0 malicious"),
    "classes_near_half": (
        lambda t: t.iloc[:45],
        None,
        "30 benign, 15 malicious: 33.3% malicious; split.per_class: 15 would draw equal numbers",
    ),
    "random_split_leaks": (
        lambda t: t.assign(payload=[f"https://{i}.one.example/" for i in range(2 * GOOD)]),
        None,
        r"(\d+) of \1 val and test rows \(100.0%\) share their site with train",
    ),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_is_found(name: str, good: pd.DataFrame) -> None:
    change, rows, text = BAD_TABLES[name]
    table = change(good).reset_index(drop=True)
    found = result_of(name, table).found
    assert not found.holds
    assert (None if found.rows is None else table.index[found.rows].tolist()) == rows
    assert found.text == text or re.fullmatch(text, found.text)


# Lines of the labels file, of which those of the good files are given.
BAD_LISTS: dict[str, Callable[[list[str]], list[str]]] = {
    "label_no_row": lambda lines: lines[1:],
    "label_no_file": lambda lines: [*lines, "benign/gone.png,benign,"],
    "label_doubled": lambda lines: [*lines, lines[0]],
    "label_contradicting": lambda lines: [*lines, f"benign/000.png,malicious,{URL}"],
    "payload_differs": lambda lines: ["benign/000.png,benign,https://else.example/", *lines[1:]],
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_bad_row_of_the_labels_file_is_found(name: str, good: pd.DataFrame, tmp_path: Path) -> None:
    lines = [",".join(row) for row in good[["path", "label", "payload"]].itertuples(index=False)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label,url", *BAD_LISTS[name](lines)]))
    params = with_params({"data.images": str(tmp_path)})
    content = pa.Table.from_pandas(good[CONTENT.names], CONTENT, preserve_index=False)
    table = labelled(good["path"].tolist(), params, content)
    found = result_of(name, table).found
    assert not found.holds
    assert found.rows is not None
    assert table["path"][found.rows].tolist() == ["benign/gone.png" if name == "label_no_file" else "benign/000.png"]
    assert found.text == f"1 of {61 if name == 'label_no_file' else 60} files"


@pytest.mark.parametrize("level", ["off", "warn", "error"])
def test_a_level_says_whether_a_check_is_made_and_can_fail(level: str, scanned: pd.DataFrame) -> None:
    results = make_checks(scanned, with_params({}, level=level))
    broken = {result.check.name for result in results if not result.found.holds}
    assert [result.check.name for result in results] == ([] if level == "off" else NAMES)
    assert broken >= (set() if level == "off" else set(BAD_FILES))  # no failure hides another
    assert {result.check.name for result in results if result.failed} == (broken if level == "error" else set())
