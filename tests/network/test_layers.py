import numpy as np
import pytest
import torch

from stages.network.layers import AsFloat, Normalised
from stages.network.view import MEAN, STD


def test_pixels_are_normalised_by_channel_in_channels_last_memory() -> None:
    pixels = torch.randint(0, 256, (2, 3, 5, 7), dtype=torch.uint8)
    result = Normalised()(pixels)
    expected = (pixels.numpy() / 255 - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    assert result.numpy() == pytest.approx(expected, abs=1e-6)
    assert result.dtype == torch.float32
    assert result.is_contiguous(memory_format=torch.channels_last)


def test_whole_numbers_become_floats() -> None:
    result = AsFloat()(torch.tensor([-1, 0, 1], dtype=torch.int8))
    assert result.dtype == torch.float32
    assert result.tolist() == [-1.0, 0.0, 1.0]
