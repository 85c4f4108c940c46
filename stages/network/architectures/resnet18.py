"""ResNet-18 (He et al., Deep Residual Learning for Image Recognition, CVPR 2016) as torchvision builds it.

`weights` names a file to start from, never fetched: torchvision's weights of a ResNet-18 as safetensors or as a
state dict of PyTorch, which is loaded without running pickled code. Its last layer is left out where it is of
another number of classes. DVC does not watch that file: after a change of it, `dvc repro --force train`.
"""

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.common.cli import StageError
from stages.common.settings import CLASSES, Section
from stages.network.architecture import Architecture
from stages.network.view import PICTURE

if TYPE_CHECKING:
    from torch import nn


class Settings(Section):
    """Where its first weights come from."""

    weights: Path | None = None  # null: drawn at random


def build(_: Settings) -> "nn.Module":
    """(n, 3, 224, 224) uint8 pixels to (n, 2) float logits for CLASSES."""
    from torch import nn
    from torchvision.models import resnet18

    from stages.network.layers import Normalised

    return nn.Sequential(OrderedDict(normalise=Normalised(), resnet=resnet18(weights=None, num_classes=len(CLASSES))))


def start(net: "nn.Module", settings: Settings) -> None:
    """Take the weights in `settings.weights` over into `net`. Raises StageError where they are of something else."""
    if settings.weights is None:
        return
    resnet, given = net.get_submodule("resnet"), _read(settings.weights)
    last = resnet.get_submodule("fc").state_dict()
    try:
        kept = {name: one for name, one in given.items() if last.get(name[3:], one).shape == one.shape}
        missing, unexpected = resnet.load_state_dict(kept, strict=False)
    except (AttributeError, RuntimeError) as error:  # not a dict of tensors, or of others
        raise StageError(f"model.weights: {settings.weights} does not hold a ResNet-18 ({error})") from None
    # The counters of batch norm are not in every file, and decide nothing.
    wrong = [name for name in missing if not name.startswith("fc.") and not name.endswith("num_batches_tracked")]
    if wrong or unexpected:
        raise StageError(f"model.weights: {settings.weights} does not hold a ResNet-18 ({(wrong + unexpected)[0]})")


def _read(path: Path) -> dict[str, Any]:
    import torch
    from safetensors.torch import load_file

    try:
        return load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except FileNotFoundError:
        raise StageError(f"model.weights: {path} is not there; set it to null to start from random weights") from None
    except Exception as error:  # torch and safetensors have many ways to say that a file is damaged
        raise StageError(f"model.weights: {path} cannot be read as safetensors or state dict ({error})") from None


def describe(settings: Settings) -> str:
    """What the model card says of it."""
    return "ResNet-18" + ("" if settings.weights is None else f", trained from the weights in {settings.weights.name}")


ARCHITECTURE = Architecture(input=PICTURE, settings=Settings, build=build, describe=describe, start=start)
