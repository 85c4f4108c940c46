from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import segno
from PIL import Image

from stages.network.modules import GRID_SIDE, MODULES, data_mask, data_modules, unmasked
from tests.helpers import draw_qr

URL = "https://a.example/news/"


def drawn(path: Path, payload: str = URL, **options: Any) -> np.ndarray:
    return np.array(Image.open(draw_qr(path / "code.png", payload, **options)).convert("L"))


def seen(pixels: np.ndarray) -> np.ndarray:
    grid = unmasked(pixels)
    assert grid is not None
    return grid


@pytest.mark.parametrize("error", ["L", "M", "Q", "H"])
def test_the_mask_makes_no_difference(tmp_path: Path, error: str) -> None:
    pictures = [drawn(tmp_path, error=error, mask=mask) for mask in range(8)]
    assert len({picture.tobytes() for picture in pictures}) == 8
    assert len({seen(picture).tobytes() for picture in pictures}) == 1


def test_it_is_the_code_before_its_mask_without_what_is_not_data(tmp_path: Path) -> None:
    grid = seen(drawn(tmp_path, version=2, mask=3))
    symbol = segno.make_qr(URL, version=2, error="M", mask=3, boost_error=False)
    dark = np.array(symbol.matrix, bool)
    assert grid[22, 22] == (1 if dark[22, 22] else -1)
    assert grid[22, 23] == (-1 if dark[22, 23] else 1)  # 22 + 23 is divisible by 3: mask 3 has inverted it
    for function in ((0, 0), (6, 10), (10, 6), (8, 2), (2, 8), (18, 18)):  # finder, timing, format, alignment
        assert grid[function] == 0
    assert not grid[25:].any()
    assert not grid[:, 25:].any()


# Modules of data and error correction, with the remainder bits: ISO/IEC 18004, table 1.
@pytest.mark.parametrize(
    ("version", "count"), [(1, 208), (2, 359), (3, 567), (6, 1383), (7, 1568), (10, 2768), (14, 4651), (40, 29648)]
)
def test_as_many_modules_are_data_as_the_standard_says(version: int, count: int) -> None:
    assert data_modules(version).sum() == count


@pytest.mark.parametrize("mask", range(8))
def test_the_masks_are_those_of_the_standard(mask: int) -> None:
    plain, masked = (
        np.array(segno.make_qr("0", version=8, error="L", mask=one, boost_error=False).matrix, bool)
        ^ data_mask(one, 49)
        for one in (0, mask)
    )
    assert (plain == masked)[data_modules(8)].all()


def test_however_it_is_shown_it_is_the_same(tmp_path: Path) -> None:
    code = drawn(tmp_path, scale=8)
    grid = seen(code)
    height, width = code.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 20, 0.6)
    for picture in (255 - code, code[:, ::-1].copy(), np.rot90(code).copy(), code // 2 + 60, cv2.merge([code] * 3),
                    cv2.warpAffine(code, turn, (width, height), borderValue=255)):  # fmt: skip
        assert np.array_equal(seen(picture), grid)


def test_of_a_larger_symbol_the_right_and_the_bottom_are_cut_off(tmp_path: Path) -> None:
    assert MODULES.whole_up_to == 10
    whole, larger = (seen(drawn(tmp_path, version=version)) for version in (10, 14))
    assert whole[GRID_SIDE - 1].any()
    i, j = 0, 20
    dark = np.array(segno.make_qr(URL, version=14, error="M", boost_error=False, mask=0).matrix, bool)
    assert larger[i, j] == (1 if dark[i, j] ^ data_mask(0, 73)[i, j] else -1)
    assert larger[-1, 20:].any()


def test_without_exactly_one_code_there_is_nothing(tmp_path: Path) -> None:
    code = drawn(tmp_path)
    assert unmasked(np.full((200, 200), 255, np.uint8)) is None
    assert unmasked(np.hstack([code, code])) is None
