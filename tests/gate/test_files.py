"""Every check of the files and of the codes in them, on a dataset that violates it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import segno
import zxingcpp
from PIL import Image, ImageFilter, ImageOps

from stages.gate.files import CHECKS
from stages.qr.problem import Problem
from tests.gate.helpers import GOOD, offending, result_of, with_params
from tests.helpers import PARAMS, draw_qr, looked_at, truncate, urls

URL = urls("benign", GOOD)[0]  # what benign/000.png says
CODE_128 = zxingcpp.create_barcode("a text", zxingcpp.BarcodeFormat.Code128)


def as_image(change: Callable[[Image.Image], Image.Image], scale: int = 4) -> Callable[[Path], Any]:
    """Draws a good code that is changed before it is saved."""
    return lambda path: change(Image.open(draw_qr(path, "https://other.example/", scale)).convert("L")).save(path)


def twice(path: Path) -> None:
    frame = Image.open(draw_qr(path, URL)).convert("L")
    frame.save(path, "GIF", save_all=True, append_images=[ImageOps.mirror(frame)])


def side_by_side(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.hstack([np.asarray(image)] * 2))


# How a file is made that violates the check.
BAD_FILES: dict[str, Callable[[Path], Any]] = {
    "not_an_image": lambda path: path.write_text("no picture"),
    "side_file": lambda path: path.with_name("Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0"),
    "truncated": lambda path: truncate(draw_qr(path, URL)),
    "empty": lambda path: path.write_bytes(b""),
    "too_large": as_image(lambda image: Image.new("1", (8000, 7000))),
    "black_16_bit": lambda path: Image.fromarray(np.eye(99, dtype=np.uint16)).save(path),
    "several_frames": twice,
    "link": lambda path: path.symlink_to(PARAMS),
    "unreadable": lambda path: path.symlink_to(path.with_name("gone.png")),
    "bad_name": lambda path: draw_qr(Path(os.fsdecode(bytes(path.with_suffix("")) + b"\xff.png")), URL),
    "decode_rate": as_image(lambda image: Image.new("L", image.size, 255)),
    "no_code": as_image(lambda image: Image.new("L", image.size, 255)),
    "unreadable_code": as_image(lambda image: ImageOps.expand(image.crop((0, 0, 90, 132)), (0, 0, 42, 0), 255)),
    "weak_decoder": as_image(lambda image: image.filter(ImageFilter.GaussianBlur(0.5)), scale=1),
    "several_codes": as_image(side_by_side),
    "structured_append": lambda path: segno.make_sequence("a message " * 9, symbol_count=2)[0].save(str(path), scale=4),
    "micro_qr": lambda path: segno.make_micro("12345").save(str(path), scale=6),
    "other_symbology": lambda path: Image.fromarray(np.array(CODE_128.to_image(scale=3))).save(path),
    "inverted": as_image(ImageOps.invert),
    "mirrored": as_image(ImageOps.mirror),
    "small_modules": lambda path: draw_qr(path, "x" * 1500, version=33),
    "low_contrast": as_image(lambda image: image.point(lambda value: min(value, 1))),
    "narrow_quiet_zone": lambda path: draw_qr(path, URL, border=0),
}
# Changes to the good table: (change, how many rows offend or None for the whole, what the check says).
BAD_TABLES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], int | None, str]] = {
    "has_images": (lambda t: t.iloc[:0], None, "0 files in data/images"),
    "kills_decoder": (
        lambda t: t.assign(problem=[Problem.KILLS_DECODER] * 2 + [Problem.NONE] * (2 * GOOD - 2)),
        2,
        "2 of 60 files",
    ),
    "out_of_memory": (
        lambda t: t.assign(problem=[Problem.OUT_OF_MEMORY] + [Problem.NONE] * (2 * GOOD - 1)),
        1,
        "1 of 60 files",
    ),
}


def test_every_check_is_tested() -> None:
    assert {*BAD_FILES, *BAD_TABLES} == {check.name for check in CHECKS}


def test_every_problem_of_a_scan_has_its_check() -> None:
    assert {*Problem} - {check.name for check in CHECKS} == {Problem.NONE, Problem.NOT_LOCATED}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_found_and_no_other(name: str, good: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "benign").mkdir()
    BAD_FILES[name](tmp_path / "benign" / f"{name}.png")
    bad = looked_at(tmp_path, with_params({}))
    table = pd.concat([good, bad], ignore_index=True)
    result = result_of(name, table)
    assert not result.found.holds
    assert offending(result, table) == sorted(bad["path"])
    assert result.found.text == ("pyzbar reads 98.36% of 61 pictures" if name == "decode_rate" else "1 of 61 files")


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_is_found(name: str, good: pd.DataFrame) -> None:
    change, count, text = BAD_TABLES[name]
    table = change(good)
    result = result_of(name, table)
    paths = offending(result, table)
    assert not result.found.holds
    assert (None if paths is None else len(paths)) == count
    assert result.found.text == text
