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


class AsFloat(nn.Module):
    """Whole numbers to float32."""

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x.float()
