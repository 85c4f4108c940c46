"""Drawings of one symbol are told from other pictures, and read like them."""

import cv2
import numpy as np
import pytest
import segno

from stages.qr import locate as locate_module
from stages.qr.drawn import drawn_symbol
from stages.qr.locate import locate
from stages.qr.read import read_symbol, symbols
from tests.helpers import drawn

URL = "https://a.example"


@pytest.mark.parametrize("version", [2, 3, 7, 13, 40])
@pytest.mark.parametrize("module_px", [1, 2, 5])
@pytest.mark.parametrize("border", [0, 1, 4])
def test_the_modules_are_those_that_were_drawn(version: int, module_px: int, border: int) -> None:
    matrix = np.array(segno.make_qr(URL, version=version, error="M", boost_error=False).matrix, bool)
    found = drawn_symbol(drawn(URL, module_px, border, version=version, error="M"))
    assert found is not None
    assert np.array_equal(found.levels, np.where(matrix, 0, 255))
    assert np.array_equal(found.black_on_white, found.levels)
    assert found.module_px == module_px
    low, high = border * module_px, (border + len(matrix)) * module_px
    assert found.corners.tolist() == [[low, low], [high, low], [high, high], [low, high]]


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255), (200, 90), (0, 1), (1, 0)])
@pytest.mark.parametrize("border", [0, 4])
def test_of_every_variant_all_is_known(turns: int, mirrored: bool, paper: int, ink: int, border: int) -> None:
    """Also in arrays of 0 and 1 with one pixel a module and no margin; pyzbar alone reads half of them or none."""
    dark = drawn(URL, 1, border, version=4, error="M", mask=5) == 0
    picture = np.rot90(np.where(dark, ink, paper).astype(np.uint8), turns)
    reading = read_symbol(picture[:, ::-1] if mirrored else picture)
    assert (reading.decoded, reading.payload, reading.problem) == (True, URL, "")
    assert (reading.version, reading.ec_level, reading.mask) == (4, "M", 5)
    assert (reading.module_px, reading.quiet_zone) == (1, border)
    assert (reading.inverted, reading.mirrored) == (ink > paper, mirrored)
    assert reading.contrast == abs(paper - ink)


@pytest.mark.parametrize("dark", [0, 1])
def test_all_of_many_symbols_with_a_pixel_a_module_are_read(dark: int) -> None:
    """As in a published dataset of arrays: 69 x 69 values of 0 and 1, no margin."""
    for i in range(60):
        url = f"https://{i}.example/{'path/' * (i % 7)}"
        modules = np.array(segno.make_qr(url, version=13, error="H", boost_error=False).matrix, np.uint8)
        reading = read_symbol(modules if dark else 1 - modules)
        assert (reading.decoded, reading.payload, reading.inverted) == (True, url, bool(dark))


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_corners_are_those_of_the_general_way(turns: int, mirrored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.rot90(drawn(URL, 6, 3, version=3, error="M"), turns)
    picture = np.ascontiguousarray(picture[:, ::-1] if mirrored else picture)
    (one,) = symbols(picture)
    assert one.drawn
    monkeypatch.setattr(locate_module, "drawn_symbol", lambda _: None)
    (other,) = symbols(picture)
    assert other.drawn is None
    assert np.abs(one.corners - other.corners).max() <= 1
    for name in ("payload", "version", "ec_level", "mask", "decoder", "guess", "partial"):
        assert getattr(one, name) == getattr(other, name)
    assert one.size == pytest.approx(other.size, abs=1)


def test_what_anybody_has_touched_is_read_in_the_general_way() -> None:
    picture = drawn(URL, 6, 4, version=3, error="M")
    spot, wrong_module, noise, module = picture.copy(), picture.copy(), picture.copy(), slice(24 + 12 * 6, 24 + 13 * 6)
    spot[2, 2] = 0
    wrong_module[module, module] ^= 255
    noise[::7, ::5] ^= 1
    half = cv2.resize(picture, None, fx=1.3, fy=1.3, interpolation=cv2.INTER_NEAREST)
    for pixels in (spot, wrong_module, noise, half):
        (symbol,) = locate(pixels)
        assert symbol.payload == URL
        assert symbol.drawn is None


@pytest.mark.parametrize(
    "picture",
    [np.zeros((1, 1), np.uint8), np.zeros((300, 300), np.uint8), np.eye(29, dtype=np.uint8),
     np.tile(np.array([[0, 255], [255, 0]], np.uint8), (15, 15))[:29, :29]],
    ids=["a pixel", "black", "a diagonal", "chess"],
)  # fmt: skip
def test_other_drawings_are_none(picture: np.ndarray) -> None:
    assert drawn_symbol(picture) is None


def test_two_codes_are_no_drawing_of_one() -> None:
    one = drawn(URL, 4, 4, version=3)
    for picture in (np.hstack([one, one]), np.block([[one, one], [one, one]]), np.hstack([one, 255 - one])):
        assert drawn_symbol(picture) is None


def test_a_symbol_with_another_in_its_middle_is_not_taken_for_one_alone() -> None:
    """Its modules are as large; the error correction of the outer one is used, which tells."""
    outer, inner = (1 - np.array(segno.make_qr(text, version=version, error="H").matrix, np.uint8) for text, version in
                    ((URL, 15), ("b", 1)))  # fmt: skip
    middle = (len(outer) - len(inner)) // 2
    outer[middle - 1 : middle + 22, middle - 1 : middle + 22] = 1
    outer[middle : middle + 21, middle : middle + 21] = inner
    picture = np.pad(np.kron(outer, np.full((4, 4), 255, np.uint8)), 16, constant_values=255)
    assert all(symbol.drawn is None for symbol in symbols(picture))
