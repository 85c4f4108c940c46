"""The network: three convolution blocks and fully connected layers, as params.yaml describes it."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from stages.common.settings import CLASSES, Model
from stages.network.view import INPUT_SIDE

CHANNELS = (3, 32, 64, 128)
# ImageNet's channel means and standard deviations, as torchvision's pretrained models use them.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class QRNet(nn.Module):
    """(n, 3, 224, 224) uint8 pixels to (n, 2) float logits for CLASSES.

    A block is 3x3 convolution (padding 1), batch norm where `settings.batch_norm`, 2x2 max pooling
    and ReLU. The notes have ReLU before pooling; the maximum of a monotone function is the
    function of the maximum, so the result is the same for a quarter of the ReLU's work.
    """

    def __init__(self, settings: Model) -> None:
        super().__init__()
        self.normalise = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])

        blocks: list[nn.Module] = []
        for before, after in pairwise(CHANNELS):
            blocks.append(nn.Conv2d(before, after, 3, padding=1))
            if settings.batch_norm:
                blocks.append(nn.BatchNorm2d(after))
            blocks += [nn.MaxPool2d(2), nn.ReLU(inplace=True)]
        self.features = nn.Sequential(*blocks)

        layers: list[nn.Module] = []
        width = CHANNELS[-1] * (INPUT_SIDE // 2 ** len(CHANNELS[1:])) ** 2  # 128 x 28 x 28 = 100,352
        for hidden in settings.hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU(inplace=True), nn.Dropout(settings.dropout)]
            width = hidden
        self.classifier = nn.Sequential(*layers, nn.Linear(width, len(CLASSES)))
        self._initialise(settings.init)

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        x = self.normalise(pixels).contiguous(memory_format=torch.channels_last)
        return self.classifier(self.features(x).flatten(1))

    def _initialise(self, init: str) -> None:
        """`mixed`: Kaiming normal for convolutions, Xavier normal for linear layers; `kaiming`: Kaiming for both.

        Kaiming takes its scale from the fan-out here, as the notes had it. For the first linear
        layer that is hundreds of outputs instead of 100,352 inputs, and so weights many times too
        large: the loss starts far above ln 2.
        """
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Conv2d | nn.Linear):
                if isinstance(module, nn.Conv2d) or init == "kaiming":
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                else:
                    nn.init.xavier_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
