import cv2
import numpy as np
import pytest
import segno

from stages.qr.locate import alone, locate, modules, rectify, rectify_symbol
from tests.helpers import drawn

URL = "https://a.example/path"


def tilted(picture: np.ndarray, corners: list[tuple[float, float]], size: int = 600) -> np.ndarray:
    """The picture put into a larger one, its corners (top left, clockwise) at these shares of its side."""
    side = picture.shape[0]
    before = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32)
    matrix = cv2.getPerspectiveTransform(before, np.array(corners, np.float32) * size)
    return cv2.warpPerspective(picture, matrix, (size, size), borderValue=(200, 200, 200))


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
def test_a_tilted_code_is_set_upright(corners: list[tuple[float, float]]) -> None:
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


def test_only_a_flawless_drawing_on_clean_paper_is_known_to_be_alone() -> None:
    picture, tight = drawn(URL, 6, 4, version=3, error="M"), drawn(URL, 6, 0, version=3)
    spot, wrong_module, noise, module = picture.copy(), picture.copy(), picture.copy(), slice(24 + 12 * 6, 24 + 13 * 6)
    spot[2, 2] = 0
    wrong_module[module, module] ^= 255
    noise[::7, ::5] ^= 1
    for pixels in (picture, tight, np.rot90(picture), picture[:, ::-1], 255 - picture):
        (symbol,) = locate(pixels)
        assert alone(pixels, symbol)
    for pixels in (spot, wrong_module, noise):
        (symbol,) = locate(pixels)
        assert symbol.text == URL
        assert not alone(pixels, symbol)


def with_another(picture: np.ndarray, other: np.ndarray, top: int, left: int) -> np.ndarray:
    """The picture with a second one pasted over it."""
    both = picture.copy()
    both[top : top + len(other), left : left + len(other)] = other
    return both


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(
    ("top", "left"), [(0, 0), (0, 390), (390, 390), (195, 390)], ids=["corner", "right", "low", "beside"]
)
def test_a_small_code_in_the_margin_of_a_large_one_is_found(inverted: bool, top: int, left: int) -> None:
    large, small = drawn(URL, 10, 12, version=2), drawn("b", 3, 4, version=2)
    both = with_another(large, 255 - small if inverted else small, top, left)
    assert [symbol.text for symbol in locate(large)] == [URL]
    assert {symbol.text for symbol in locate(both)} == {URL, "b"}
    assert rectify(both) is both
    assert modules(both) is None


@pytest.mark.parametrize("inverted", [False, True])
def test_a_code_in_the_middle_of_another_is_found(inverted: bool) -> None:
    outer, inner = drawn(URL, 10, 4, version=10, error="H"), drawn("b", 4, 2, version=1)
    middle = (len(outer) - len(inner)) // 2
    found = locate(with_another(outer, 255 - inner if inverted else inner, middle, middle))
    assert "b" in {symbol.text for symbol in found}


def test_a_turned_code_is_not_alone() -> None:
    """Within the upright box around it there is room for another."""
    turn = cv2.getRotationMatrix2D((165, 165), 45, 1) + np.array([(0, 0, 60), (0, 0, 60)])
    one = drawn(URL, 10, 4, version=2)
    turned = cv2.warpAffine(one, turn, (450, 450), flags=cv2.INTER_NEAREST, borderValue=255)
    (symbol,) = locate(turned)
    assert symbol.text == URL
    assert not alone(turned, symbol)


def test_colours_stay() -> None:
    colour = np.stack([drawn(URL, 6, 4, version=3)] * 3, axis=2)
    colour[..., 0] = np.maximum(colour[..., 0], 120)
    (symbol,) = locate(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY))
    straight = rectify_symbol(colour, symbol)
    assert straight.ndim == 3
    assert (straight[..., 0].min(), straight[..., 1].min()) == (120, 0)


@pytest.mark.parametrize(("shift", "untouched"), [(0.1, True), (0.5, False)])
def test_half_a_module_askew_is_set_upright_and_a_tenth_is_not(shift: float, untouched: bool) -> None:
    picture = drawn(URL, 20, 4, version=3, error="M")
    side, by = picture.shape[0], shift * 20 / picture.shape[0]
    askew = tilted(picture, [(0, 0), (1, 0), (1, 1), (by, 1)], size=side)  # pulled at the lower left
    assert (rectify(askew) is askew) == untouched
