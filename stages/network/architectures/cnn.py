"""Three convolution blocks and fully connected layers: the network that the seven fixes were made for.

A block is 3x3 convolution (padding 1), batch norm where `batch_norm`, 2x2 max pooling and ReLU. The notes
(stages/commands/ablation/fixes.py) have ReLU before pooling; the maximum of a monotone function is the function
of the maximum, so the result is the same for a quarter of the ReLU's work.
"""

from collections import OrderedDict
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from stages.common.settings import CLASSES, Section
from stages.network.architecture import Architecture
from stages.network.view import INPUT_SIDE, PICTURE

if TYPE_CHECKING:
    from torch import nn

CHANNELS = (3, 32, 64, 128)
FEATURES = CHANNELS[-1] * (INPUT_SIDE // 2 ** len(CHANNELS[1:])) ** 2  # 128 x 28 x 28 = 100,352

Width = Annotated[int, Field(ge=1, le=16_384)]  # of a layer; beyond it the memory runs out


class Settings(Section):
    """Its shape and its first weights."""

    batch_norm: bool = False
    hidden: Annotated[tuple[Width, ...], Field(min_length=1, max_length=16)] = (256, 64)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    init: Literal["kaiming", "mixed"] = "mixed"


def build(settings: Settings) -> "nn.Module":
    """(n, 3, 224, 224) uint8 pixels to (n, 2) float logits for CLASSES."""
    from torch import nn

    from stages.network.layers import Normalised

    blocks: list[nn.Module] = []
    for before, after in pairwise(CHANNELS):
        blocks.append(nn.Conv2d(before, after, 3, padding=1))
        if settings.batch_norm:
            blocks.append(nn.BatchNorm2d(after))
        blocks += [nn.MaxPool2d(2), nn.ReLU(inplace=True)]

    layers: list[nn.Module] = []
    widths = [FEATURES, *settings.hidden]
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU(inplace=True), nn.Dropout(settings.dropout)]
    layers.append(nn.Linear(widths[-1], len(CLASSES)))

    steps = {"normalise": Normalised(), "features": nn.Sequential(*blocks), "flatten": nn.Flatten()}
    net = nn.Sequential(OrderedDict(**steps, classifier=nn.Sequential(*layers)))
    initialise(net, settings.init)
    return net


def initialise(net: "nn.Module", init: str) -> None:
    """`mixed`: Kaiming normal for convolutions, Xavier normal for linear layers; `kaiming`: Kaiming for both.

    Kaiming takes its scale from the fan-out here, as the notes had it. For the first linear
    layer that is hundreds of outputs instead of 100,352 inputs, and so weights many times too
    large: the loss starts far above ln 2.
    """
    from torch import nn

    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            if isinstance(module, nn.Conv2d) or init == "kaiming":
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            else:
                nn.init.xavier_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def describe(settings: Settings) -> str:
    """What the model card says of it."""
    hidden = ", ".join(map(str, settings.hidden))
    return (
        f"Convolutional network: three blocks of 3x3 convolution, max pooling and ReLU, "
        f"then fully connected layers of {hidden} units"
    )


ARCHITECTURE = Architecture(input=PICTURE, settings=Settings, build=build, describe=describe)
