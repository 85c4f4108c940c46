import numpy as np
import pytest

from stages.network.architecture import architecture, names
from tests.helpers import drawn


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("rectified", [True, False])
def test_each_network_is_shown_what_it_says_it_takes(name: str, colour: bool, rectified: bool) -> None:
    takes = architecture(name).input
    pixels = drawn("https://a.example/", version=3)
    seen = takes.see(np.dstack([pixels] * 3) if colour else pixels, rectified)
    assert seen is not None
    grey_or_colour = {takes.shape[1:], (*takes.shape[1:], takes.shape[0])}
    assert seen.shape in ({takes.shape} | (grey_or_colour if takes.picture else set()))
    assert seen.dtype == takes.dtype
    low, high = takes.values
    assert low <= seen.min() < seen.max() <= high
