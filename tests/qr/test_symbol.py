import cv2
import numpy as np
import pytest
import segno

from stages.qr.locate import locate
from stages.qr.symbol import contrast, dark, module_levels, variant
from tests.helpers import drawn
from tests.qr.drawing import tilted


@pytest.mark.parametrize("level", "LMQH")
@pytest.mark.parametrize("mask", range(8))
def test_a_variant_is_told_by_the_format_information(level: str, mask: int) -> None:
    """In symbols of any version; its 18 modules stand twice in each."""
    for version in (1, 7):
        symbol = segno.make_qr("0", version=version, error=level, mask=mask, boost_error=False)
        modules = np.array(symbol.matrix, bool)
        for inverted in (False, True):
            for mirrored in (False, True):
                seen = (modules.T if mirrored else modules) ^ inverted
                assert variant(seen, level, mask) == (inverted, mirrored)
    assert variant(modules, None, mask) == (False, False)
    assert variant(np.random.default_rng(0).random((21, 21)) > 0.5, level, mask) == (False, False)


@pytest.mark.parametrize("corners", [
    [(0.2, 0.1), (0.9, 0.2), (0.8, 0.9), (0.1, 0.8)], [(0.2, 0.1), (0.8, 0.1), (0.95, 0.9), (0.05, 0.9)]
])  # fmt: skip
def test_modules_have_the_levels_of_their_ink_and_paper(corners: list[tuple[float, float]]) -> None:
    ink, paper = 60, 180
    code = np.where(drawn("https://a.example/", 12, 4, version=3, error="M") > 0, paper, ink).astype(np.uint8)
    picture = tilted(code, corners)
    (symbol,) = locate(picture)
    levels = module_levels(picture, symbol)
    assert levels.shape == (29, 29)
    modules = segno.make_qr("https://a.example/", version=3, error="M", boost_error=False).matrix
    assert np.array_equal(dark(levels), np.array(modules, bool))
    assert contrast(levels) == pytest.approx(paper - ink, abs=12)


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (90, 130), (254, 255)])
@pytest.mark.parametrize("side", [1, 2, 90, 700])
def test_contrast_is_the_distance_of_the_two_means(low: int, high: int, side: int) -> None:
    picture = np.full((2 * side, side), low, np.uint8)
    assert contrast(picture) == 0
    picture[: side // 2 + 1] = high
    assert contrast(picture) == high - low


def test_contrast_of_noise_around_two_levels_is_theirs() -> None:
    picture = np.repeat(np.array([[60] * 100 + [200] * 100], np.uint8), 200, axis=0)
    noise = np.random.default_rng(0).normal(0, 10, picture.shape)
    assert contrast(cv2.add(picture, noise, dtype=cv2.CV_8U)) == pytest.approx(140, abs=2)
