"""Layers of the networks that PyTorch does not have."""

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from stages.network.view import MEAN, STD


class Normalised(nn.Module):
    """(n, 3, height, width) uint8 pixels to float32, by ImageNet's means and deviations, in channels-last memory."""

    def __init__(self) -> None:
        super().__init__()
        self.normalise = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        return self.normalise(pixels).contiguous(memory_format=torch.channels_last)


class DarkAndLight(nn.Module):
    """(n, side, side) modules, 1 dark, -1 light, 0 none, to float32 (n, 2, side, side): is it dark; is it light."""

    def forward(self, modules: Tensor) -> Tensor:
        """See the class."""
        values = modules.float().unsqueeze(1)
        both = torch.cat([values, -values], dim=1).relu()
        return both.contiguous(memory_format=torch.channels_last)


class Place(nn.Module):
    """Adds learned values, one for each channel and place."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(channels, side, side))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x + self.values
