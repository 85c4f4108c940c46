import numpy as np
import pytest

from stages.network.view import INPUT_SIDE, view
from tests.helpers import drawn


@pytest.mark.parametrize("shape", [(60, 60), (300, 500), (500, 300), (300, 400, 3)])
@pytest.mark.parametrize("rectified", [True, False])
def test_every_picture_becomes_the_square_that_the_network_takes(shape: tuple[int, ...], rectified: bool) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    seen = view(pixels, rectified)
    assert (seen.shape[:2], seen.ndim, seen.dtype) == ((INPUT_SIDE, INPUT_SIDE), len(shape), np.uint8)


def test_a_small_symbol_on_a_large_sheet_is_cut_out_unless_told_otherwise() -> None:
    sheet = np.full((1200, 1200), 255, np.uint8)
    code = drawn("https://a.example/", 4, 4, version=3)
    sheet[700 : 700 + len(code), 100 : 100 + len(code)] = code
    assert (view(sheet) < 128).mean() > 4 * (view(sheet, rectified=False) < 128).mean()
