import cv2
import numpy as np
import pytest
import segno

from stages.qr.locate import locate
from stages.qr.rectify import modules, rectify, rectify_symbol
from tests.helpers import drawn
from tests.qr.drawing import tilted

URL = "https://a.example/path"

TILTS = [
    pytest.param([(0.2, 0.1), (0.9, 0.2), (0.8, 0.9), (0.1, 0.8)], id="turned"),
    pytest.param([(0.2, 0.1), (0.8, 0.1), (0.95, 0.9), (0.05, 0.9)], id="from below"),
    pytest.param([(0.7, 0.7), (0.3, 0.7), (0.3, 0.3), (0.7, 0.3)], id="upside down and small"),
]


@pytest.mark.parametrize("scale", [2, 4, 10])
@pytest.mark.parametrize("border", [1, 4, 8])
def test_a_drawn_code_is_left_alone(scale: int, border: int) -> None:
    picture = drawn(URL, scale, border, version=3, error="M")
    assert rectify(picture) is picture


@pytest.mark.parametrize("corners", TILTS)
def test_a_tilted_code_is_rectified(corners: list[tuple[float, float]]) -> None:
    straight = rectify(tilted(drawn(URL, 10, 4, version=3, error="M"), corners))
    (symbol,) = locate(straight)
    module_px = straight.shape[0] / (29 + 2 * 4)
    assert straight.shape[0] == straight.shape[1]
    ideal = np.array([(4, 4), (33, 4), (33, 33), (4, 33)]) * module_px
    assert np.abs(symbol.corners - ideal).max() < module_px


@pytest.mark.parametrize("corners", TILTS)
def test_the_modules_are_read_from_the_picture(corners: list[tuple[float, float]]) -> None:
    symbol = segno.make_qr(URL, version=3, error="M", boost_error=False)
    read = modules(tilted(drawn(URL, 10, 4, version=3, error="M"), corners))
    assert read is not None
    assert np.array_equal(read, np.array(symbol.matrix, dtype=bool))


def test_inverted_and_mirrored_codes_are_turned_back() -> None:
    picture = drawn(URL, 6, 4, version=3, error="M")
    expected = modules(picture)
    assert expected is not None
    for variant in (255 - picture, np.ascontiguousarray(picture.T)):
        read = modules(variant)
        assert read is not None
        assert np.array_equal(read, expected)


def test_without_one_code_there_is_nothing_to_do() -> None:
    one = drawn(URL, 4, 4, version=3)
    for picture in (np.full((300, 300), 255, np.uint8), np.hstack([one, one])):
        assert rectify(picture) is picture
        assert modules(picture) is None


def test_colours_stay() -> None:
    colour = np.stack([drawn(URL, 6, 4, version=3)] * 3, axis=2)
    colour[..., 0] = np.maximum(colour[..., 0], 120)
    (symbol,) = locate(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY))
    straight = rectify_symbol(colour, symbol)
    assert straight.ndim == 3
    assert (straight[..., 0].min(), straight[..., 1].min()) == (120, 0)


@pytest.mark.parametrize(("shift", "untouched"), [(0.1, True), (0.5, False)])
def test_half_a_module_askew_is_rectified_and_a_tenth_is_not(shift: float, untouched: bool) -> None:
    picture = drawn(URL, 20, 4, version=3, error="M")
    side, by = picture.shape[0], shift * 20 / picture.shape[0]
    askew = tilted(picture, [(0, 0), (1, 0), (1, 1), (by, 1)], size=side)  # pulled at the lower left
    assert (rectify(askew) is askew) == untouched
