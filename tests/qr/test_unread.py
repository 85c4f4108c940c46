"""What is said of pictures without a located code, and what makes a longer search worth its time."""

import cv2
import numpy as np
import pytest
import segno
import zxingcpp

from stages.qr.locate import QR_CODE
from stages.qr.unread import FINDER_PX, SEARCHED, Unread, enlarged, shrunk
from tests.helpers import drawn
from tests.qr.drawing import other_barcode, wiped

CODE = drawn("https://a.example/", 6, 4, version=3, error="L")
NOISE = np.random.default_rng(0).integers(0, 256, (300, 300), np.uint8)


@pytest.mark.parametrize(
    ("problem", "pixels"),
    [
        pytest.param("no_code", np.full((120, 120), 255, np.uint8), id="white"),
        pytest.param("no_code", NOISE, id="noise"),
        pytest.param("unreadable_code", wiped(CODE, 6), id="finder patterns only"),
        pytest.param("unreadable_code", np.pad(wiped(CODE, 6), 900, constant_values=255), id="in a large picture"),
        pytest.param("micro_qr", other_barcode(zxingcpp.BarcodeFormat.MicroQRCode, "12345"), id="Micro QR"),
        pytest.param("other_symbology", other_barcode(zxingcpp.BarcodeFormat.DataMatrix, "a text"), id="DataMatrix"),
    ],
)
def test_why_nothing_is_read(problem: str, pixels: np.ndarray) -> None:
    found, words = Unread(pixels).why()
    assert found == problem
    assert words


@pytest.mark.parametrize("kind", ["EAN13", "Code128", "PDF417", "DataMatrix", "Aztec", "MicroQRCode"])
def test_other_codes_are_told_in_small_pictures_and_large_ones(kind: str) -> None:
    code = other_barcode(getattr(zxingcpp.BarcodeFormat, kind), "4006381333931" if kind == "EAN13" else "12345")
    for picture in (code, np.pad(code, 700, constant_values=255)):
        problem, words = Unread(picture).why()
        assert (problem, kind == "MicroQRCode") in (("micro_qr", True), ("other_symbology", False))
        assert kind == "MicroQRCode" or str(getattr(zxingcpp.BarcodeFormat, kind)) in words


def test_finder_patterns_promise_a_code_and_noise_does_not() -> None:
    assert Unread(wiped(CODE, 6)).promising
    assert not Unread(NOISE).promising


def test_a_small_picture_is_tried_rather_than_searched_for_finder_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Unread, "finders", None)
    for size in (1, FINDER_PX // 2):
        assert Unread(NOISE[:size, :size]).promising


@pytest.mark.parametrize("size", [1, 4, 5, 200])
def test_a_picture_of_one_grey_level_is_not_light_on_dark(size: int) -> None:
    for level in (0, 255):
        assert not Unread(np.full((size, size), level, np.uint8)).light_on_dark


def test_dark_paper_is_told_by_the_edges() -> None:
    assert Unread(255 - CODE).light_on_dark
    assert not Unread(CODE).light_on_dark


def test_a_large_picture_is_shrunk_and_a_small_one_left_alone() -> None:
    small, scale = shrunk(CODE, FINDER_PX)
    assert (small is CODE, scale) == (True, 1)
    wide = cv2.resize(CODE, (2048, 1024))
    small, scale = shrunk(wide, FINDER_PX)
    assert (small.shape, scale) == ((256, 512), 4)
    for strip in (np.zeros((21, 65_535), np.uint8), np.zeros((65_535, 21), np.uint8)):
        assert sorted(shrunk(strip, 1000)[0].shape) == [1, 1000]
    assert enlarged(CODE).shape == (2 * len(CODE), 2 * len(CODE))


def test_a_code_that_only_a_smaller_copy_shows_is_a_qr_code_that_is_not_read() -> None:
    """Its modules are bars that do not touch, as some generators draw them."""
    dark = np.array(segno.make_qr("https://a.example/", version=40, error="L", boost_error=False).matrix, bool)
    bars = np.kron(np.pad(dark, 4), np.pad(np.ones((10, 8), bool), ((0, 0), (1, 1))))
    picture = np.where(bars, np.uint8(0), np.uint8(255))
    small, _ = shrunk(picture, SEARCHED)
    assert zxingcpp.read_barcodes(small, formats=QR_CODE)
    assert Unread(picture).why()[0] == "unreadable_code"
