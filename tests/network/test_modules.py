from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import segno
from PIL import Image

from stages.network.modules import BYTES, MODULES, data_bits, data_mask, data_modules, data_order
from tests.helpers import draw_qr

URL = "https://a.example/news/"


def drawn(path: Path, payload: str = URL, **options: Any) -> np.ndarray:
    return np.array(Image.open(draw_qr(path / "code.png", payload, **options)).convert("L"))


def seen(pixels: np.ndarray) -> np.ndarray:
    bits = data_bits(pixels)
    assert bits is not None
    return bits


def text(bits: np.ndarray) -> bytes:
    """What columns of bits say, most significant first; a 0 where there is no module."""
    return np.packbits(bits.T > 0).tobytes()


@pytest.mark.parametrize("error", ["L", "M", "Q", "H"])
def test_the_mask_makes_no_difference(tmp_path: Path, error: str) -> None:
    pictures = [drawn(tmp_path, error=error, mask=mask) for mask in range(8)]
    assert len({picture.tobytes() for picture in pictures}) == 8
    assert len({seen(picture).tobytes() for picture in pictures}) == 1


@pytest.mark.parametrize("version", range(1, 41))
@pytest.mark.parametrize("error", ["L", "M", "Q", "H"])
def test_the_data_stand_in_their_order_in_symbols_of_any_version_and_level(version: int, error: str) -> None:
    payload = "b.cc/d!"  # the most that 1-H holds
    symbol = segno.make_qr(payload, version=version, error=error, mode="byte", boost_error=False)
    dark = np.array(symbol.matrix, bool)
    bits = (dark ^ data_mask(symbol.mask, len(dark))).ravel()[data_order(version, error)]
    said = np.packbits(bits[4:]).tobytes()
    assert np.packbits(bits[:4])[0] == 0b0100 << 4  # the mode indicator of bytes: table 2
    count = 1 if version < 10 else 2  # bytes of the character count indicator: table 3
    assert int.from_bytes(said[:count]) == len(payload)
    assert said[count:].startswith(payload.encode())


def test_a_column_is_a_byte_of_the_payload(tmp_path: Path) -> None:
    for version in (3, 6, 10):  # of one, several, and several unequal blocks
        bits = seen(drawn(tmp_path, version=version))
        assert bits.shape == (8, BYTES)
        count = 1 if version < 10 else 2
        assert text(bits)[count : count + len(URL)] == URL.encode()
        assert np.isin(bits[:, : len(URL)], (-1, 1)).all()
    assert not seen(drawn(tmp_path, version=3))[:, 44:].any()  # 3-M has 44 data codewords


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
    bits = seen(code)
    height, width = code.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 20, 0.6)
    for picture in (255 - code, code[:, ::-1].copy(), np.rot90(code).copy(), code // 2 + 60, cv2.merge([code] * 3),
                    cv2.warpAffine(code, turn, (width, height), borderValue=255)):  # fmt: skip
        assert np.array_equal(seen(picture), bits)


def test_of_data_that_are_too_long_the_end_is_cut_off(tmp_path: Path) -> None:
    assert MODULES.whole_up_to == 10
    longest = "https://a.example/" + "x" * 253
    whole = seen(drawn(tmp_path, longest, version=10, error="L"))  # 271 bytes, which fill it
    assert text(whole)[2:273] == longest.encode()
    larger = seen(drawn(tmp_path, longest + "y" * 40, version=11, error="L"))
    assert text(larger)[2:] == (longest + "yyy").encode()


def test_without_exactly_one_code_there_is_nothing(tmp_path: Path) -> None:
    code = drawn(tmp_path)
    assert data_bits(np.full((200, 200), 255, np.uint8)) is None
    assert data_bits(np.hstack([code, code])) is None
