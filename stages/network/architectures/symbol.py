"""A small convolutional network on the data of a symbol instead of the pixels of its picture.

Whatever the picture loses or adds (blur, light, size, tilt) is settled by the decoder before. The modules come in
the order of the symbol's bits, a byte in each column (see stages/network/modules.py): the first layer learns what a
byte means, the others what stands beside it, and the last ones know where. On the grid of the symbol, in which the
same word stands in another shape at every place, no network that was tried did better than trees on its modules.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveInt

from stages.common.settings import CLASSES, Section
from stages.network.architecture import Architecture
from stages.network.modules import BYTES, MODULES

if TYPE_CHECKING:
    from torch import nn

WINDOW = 5  # bytes
HALVINGS = 2


class Settings(Section):
    """Its shape."""

    width: PositiveInt = 64  # channels of the first layers
    hidden: PositiveInt = 128
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5


def build(settings: Settings) -> "nn.Module":
    """(n, 8, BYTES) int8 modules to (n, 2) float logits for CLASSES."""
    from torch import nn

    from stages.network.layers import AsFloat

    width, length = settings.width, BYTES
    layers: list[nn.Module] = [nn.Conv1d(8, width, 1), nn.ReLU(inplace=True)]
    seen = width
    for _ in range(HALVINGS):
        layers += [nn.Conv1d(seen, width, WINDOW, padding=WINDOW // 2, bias=False), nn.BatchNorm1d(width)]
        layers += [nn.ReLU(inplace=True), nn.MaxPool1d(2)]
        seen, width, length = width, 2 * width, length // 2
    head = [nn.Dropout(settings.dropout), nn.Linear(seen * length, settings.hidden), nn.ReLU(inplace=True)]
    head += [nn.Dropout(settings.dropout), nn.Linear(settings.hidden, len(CLASSES))]
    steps = {"as_float": AsFloat(), "features": nn.Sequential(*layers), "flatten": nn.Flatten()}
    return nn.Sequential(OrderedDict(**steps, classifier=nn.Sequential(*head)))


def describe(settings: Settings) -> str:
    """What the model card says of it."""
    return f"Convolutional network on the symbol's data, {settings.width} to {2 * settings.width} channels"


ARCHITECTURE = Architecture(input=MODULES, settings=Settings, build=build, describe=describe)
