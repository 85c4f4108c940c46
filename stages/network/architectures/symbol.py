"""A small residual network on the modules of a symbol instead of the pixels of its picture.

Whatever the picture loses or adds (blur, light, size, tilt) is settled by the decoder before. The first layer
has windows of 4 x 2 modules, the shape in which a codeword of eight modules stands in most places (ISO/IEC
18004, 7.7.3). Where a module stands in the symbol tells what it is of the payload, so the second layer knows the
place: `place` is added to its inputs, and the last layers are not averaged over places.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveInt

from stages.common.settings import CLASSES, Section
from stages.network.architecture import Architecture
from stages.network.modules import GRID_SIDE, MODULES

if TYPE_CHECKING:
    from torch import nn

STAGES = 3  # of residual blocks, each of half the side and twice the channels of the one before


class Settings(Section):
    """Its shape."""

    width: PositiveInt = 32  # channels of the first layer
    hidden: PositiveInt = 128
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3


def build(settings: Settings) -> "nn.Module":
    """(n, 57, 57) int8 modules to (n, 2) float logits for CLASSES."""
    from torch import nn
    from torchvision.models.resnet import BasicBlock

    from stages.network.layers import DarkAndLight, Place

    width, side = settings.width, (GRID_SIDE - 2) // 2 + 1
    layers: list[nn.Module] = [nn.Conv2d(2, width, (4, 2), stride=2, padding=(1, 0)), Place(width, side)]
    layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    for stage in range(STAGES):
        if stage:
            layers += [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(2 * width)]
            layers.append(nn.ReLU(inplace=True))
            width, side = 2 * width, (side + 1) // 2
        layers.append(BasicBlock(width, width))
    head = [nn.Dropout(settings.dropout), nn.Linear(width * side**2, settings.hidden), nn.ReLU(inplace=True)]
    head += [nn.Dropout(settings.dropout), nn.Linear(settings.hidden, len(CLASSES))]
    steps = {"split": DarkAndLight(), "features": nn.Sequential(*layers), "flatten": nn.Flatten()}
    return nn.Sequential(OrderedDict(**steps, classifier=nn.Sequential(*head)))


def describe(settings: Settings) -> str:
    """What the model card says of it."""
    return f"Residual network on modules, {settings.width} to {settings.width * 2 ** (STAGES - 1)} channels"


ARCHITECTURE = Architecture(input=MODULES, settings=Settings, build=build, describe=describe)
