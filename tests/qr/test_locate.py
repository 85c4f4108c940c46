import numpy as np
import pytest

from stages.qr.locate import locate
from stages.qr.rectify import modules, rectify
from tests.helpers import drawn

URL = "https://a.example/path"


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
    assert [symbol.payload for symbol in locate(large)] == [URL]
    assert {symbol.payload for symbol in locate(both)} == {URL, "b"}
    assert rectify(both) is both
    assert modules(both) is None


@pytest.mark.parametrize("inverted", [False, True])
def test_a_code_in_the_middle_of_another_is_found(inverted: bool) -> None:
    outer, inner = drawn(URL, 10, 4, version=10, error="H"), drawn("b", 4, 2, version=1)
    middle = (len(outer) - len(inner)) // 2
    found = locate(with_another(outer, 255 - inner if inverted else inner, middle, middle))
    assert "b" in {symbol.payload for symbol in found}
