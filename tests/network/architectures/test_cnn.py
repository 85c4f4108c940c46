import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy

from stages.network.architectures.cnn import Settings, build
from stages.qr.image import square
from tests.helpers import draw_qr, urls


def net(init: str = "mixed", hidden: tuple[int, ...] = (8,), batch_norm: bool = False) -> Any:
    torch.manual_seed(0)
    return build(Settings.model_validate({"batch_norm": batch_norm, "hidden": hidden, "init": init}))


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> torch.Tensor:
    """Eight QR codes as the network sees them, uint8 (8, 3, 224, 224)."""
    folder = tmp_path_factory.mktemp("model")
    paths = [draw_qr(folder / f"{i}.png", url) for i, url in enumerate(urls("benign", 4) + urls("malicious", 4))]
    images = np.stack([square(np.array(Image.open(path).convert("L")), 224) for path in paths])
    return torch.from_numpy(images)[:, None].expand(-1, 3, -1, -1)


LABELS = torch.tensor([0] * 4 + [1] * 4)


@torch.inference_mode()
def initial_loss(init: str, batch_norm: bool, pixels: torch.Tensor) -> float:
    return cross_entropy(net(init, (256, 64), batch_norm)(pixels), LABELS).item()


@pytest.mark.parametrize("batch_norm", [False, True])
def test_mixed_weights_start_near_chance(pixels: torch.Tensor, batch_norm: bool) -> None:
    assert initial_loss("mixed", batch_norm, pixels) == pytest.approx(math.log(2), abs=0.5)


def test_kaiming_weights_start_far_above_chance(pixels: torch.Tensor) -> None:
    assert initial_loss("kaiming", False, pixels) > 20 * math.log(2)


@pytest.mark.parametrize("hidden", [(8,), (16, 8), (8, 8, 8)])
def test_the_shape_is_as_described(pixels: torch.Tensor, hidden: tuple[int, ...]) -> None:
    network = net(hidden=hidden)
    logits = network(pixels[:3])
    assert logits.shape == (3, 2)
    assert logits.dtype == torch.float32
    linear = [(layer.in_features, layer.out_features) for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert linear == list(pairwise([100_352, *hidden, 2]))
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert [(layer.in_channels, layer.out_channels, layer.kernel_size, layer.padding) for layer in convolutions] == [
        (3, 32, (3, 3), (1, 1)), (32, 64, (3, 3), (1, 1)), (64, 128, (3, 3), (1, 1))
    ]  # fmt: skip
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()) == 0
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in net(batch_norm=True).modules()) == 3


def test_imagenets_normalisation_is_inside(pixels: torch.Tensor) -> None:
    network = net()
    got: dict[str, torch.Tensor] = {}
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    first.register_forward_pre_hook(lambda _, inputs: got.update(x=inputs[0]))
    network(pixels[:1])
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = (pixels[:1] / 255 - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(got["x"], expected, atol=1e-5, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("batch_norm", [False, True])
def test_pooling_first_is_the_same_function(pixels: torch.Tensor, batch_norm: bool) -> None:
    network = net(batch_norm=batch_norm).eval()
    layers = list(network.modules())
    if batch_norm:
        for layer in layers:
            if isinstance(layer, nn.BatchNorm2d):  # as training may leave it: a negative scale turns maxima round
                layer.weight.normal_()
                layer.bias.normal_()
    classic: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            classic.append(layer)
            if not batch_norm:
                classic += [nn.ReLU(), nn.MaxPool2d(2)]
        elif isinstance(layer, nn.BatchNorm2d):
            classic += [layer, nn.ReLU(), nn.MaxPool2d(2)]
    first, last = [layer for layer in layers if isinstance(layer, nn.Linear)]
    classic += [nn.Flatten(), first, nn.ReLU(), last]
    expected = nn.Sequential(*classic)(network.normalise(pixels))
    torch.testing.assert_close(network(pixels), expected, rtol=1e-4, atol=1e-4)


def test_evaluation_drops_nothing_and_training_does(pixels: torch.Tensor) -> None:
    network = net(hidden=(64,))
    assert not torch.equal(network.train()(pixels), network.train()(pixels))
    assert torch.equal(network.eval()(pixels), network.eval()(pixels))


@pytest.mark.parametrize("init", ["mixed", "kaiming"])
def test_first_weights_have_the_spread_of_their_rule(init: str) -> None:
    for layer in net(init, hidden=(256, 64), batch_norm=True).modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all()
            assert (layer.bias == 0).all()
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            assert layer.bias is not None
            assert (layer.bias == 0).all()
            out, per_out = layer.weight.shape[0], layer.weight[0].numel()
            if isinstance(layer, nn.Conv2d):
                spread = math.sqrt(2 / (out * 9))  # Kaiming, fan_out
            elif init == "kaiming":
                spread = math.sqrt(2 / out)
            else:
                spread = math.sqrt(2 / (out + per_out))  # Xavier
            sampling = 4 / math.sqrt(2 * layer.weight.numel())  # four standard errors
            assert layer.weight.std().item() == pytest.approx(spread, rel=sampling)
            assert abs(layer.weight.mean().item()) < 4 * spread / math.sqrt(layer.weight.numel())
