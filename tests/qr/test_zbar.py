import numpy as np
import pytest
import segno

from stages.qr.zbar import zbar_codes, zbar_partial
from tests.helpers import drawn, pixels_of

URL = "https://a.example/"


@pytest.mark.parametrize("turns", range(4))
def test_the_corners_are_those_of_the_symbol_from_its_top_left_on(turns: int) -> None:
    picture = np.rot90(np.pad(drawn(URL, 8, 4, version=4), ((40, 0), (0, 90)), constant_values=255), turns)
    (code,) = zbar_codes(picture)
    assert (code.data, code.partial) == (URL.encode(), False)
    upright = np.array([(32, 72), (296, 72), (296, 336), (32, 336)], float)
    for _ in range(turns):  # to the left, each time in a picture that is as wide as the last one was high
        width = picture.shape[0] if _ % 2 != turns % 2 else picture.shape[1]
        upright = np.stack([upright[:, 1], width - upright[:, 0]], axis=1)
    assert np.abs(code.corners - upright).max() <= 2


def test_white_on_black_and_empty_paper_have_none() -> None:
    picture = drawn(URL, 4, 4, version=3)
    assert len(zbar_codes(picture)) == 1
    assert zbar_codes(255 - picture) == []
    assert zbar_codes(np.full((1, 1), 255, np.uint8)) == []


def test_a_part_of_a_message_is_told() -> None:
    first, *_ = segno.make_sequence(URL * 4, version=2)
    (code,) = zbar_codes(pixels_of(first))
    assert code.partial
    assert zbar_partial(pixels_of(first)) == [True]
    assert zbar_partial(drawn(URL, 4, 4, version=3)) == [False]
    assert zbar_partial(np.full((9, 9), 255, np.uint8)) == []
    assert code.data.decode() in URL * 4


def test_a_slice_of_a_picture_is_read_as_it_is() -> None:
    """The pixels go to C by their address; those of a slice do not lie one after the other."""
    picture = drawn(URL, 4, 4, version=3)
    assert zbar_codes(np.repeat(np.repeat(picture, 3, 0), 3, 1)[::3, ::3])[0].data == URL.encode()
