"""Quick looks at a network before its training: cheap, and each has saved somebody a week."""

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from stages.common.settings import Params
from stages.network.model import QRNet


def fresh(params: Params) -> QRNet:
    """The network as the training began with it."""
    torch.manual_seed(params.train.seed)
    return QRNet(params.model).to(memory_format=torch.channels_last)


@torch.inference_mode()
def activations(net: QRNet, pixels: Tensor) -> dict[str, dict[str, float]]:
    """For every convolution, linear layer and ReLU of `net`: the deviation of its outputs and its share of dead units.

    `pixels` uint8 (n, 3, 224, 224). A unit (for convolutions a channel) is dead where its output is
    zero for every image and place.
    """
    seen: dict[str, dict[str, float]] = {}

    def look_at(name: str, layer: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def look(_layer: nn.Module, _inputs: object, output: Tensor) -> None:
            largest = output.abs().amax(dim=[axis for axis in range(output.ndim) if axis != 1])
            seen[name] = {"deviation": output.std().item(), "dead": (largest == 0).float().mean().item()}

        return layer.register_forward_hook(look)

    kinds = (nn.Conv2d, nn.Linear, nn.ReLU)
    handles = [look_at(name, layer) for name, layer in net.named_modules() if isinstance(layer, kinds)]
    net.train()(pixels)
    for handle in handles:
        handle.remove()
    return seen


def overfit_one_batch(fabric: Fabric, params: Params, pixels: Tensor, labels: Tensor, steps: int) -> float:
    """The loss of a fresh network after `steps` steps on one batch, without dropout and weight decay.

    A network that cannot learn one batch by heart cannot learn at all; one that can do so with
    blank pictures learns from something other than the pictures. The best of its losses counts.
    """
    net = fresh(params).train().to(fabric.device)
    pixels, labels = pixels.to(fabric.device), labels.to(fabric.device)
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    optimizer = torch.optim.AdamW(net.parameters(), lr=params.train.learning_rate, weight_decay=0.0)
    best = float("inf")
    for _ in range(steps):
        with fabric.autocast():
            loss = cross_entropy(net(pixels), labels)
        best = min(best, loss.item())
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), params.train.gradient_clip or float("inf"))
        optimizer.step()
        optimizer.zero_grad()
    return best
