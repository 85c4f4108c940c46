"""Quick tests of a network and its first batch, before its training."""

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from stages.common.settings import Params
from stages.training.run import new_network


def fresh(params: Params) -> nn.Module:
    """The network as the training began with it."""
    torch.manual_seed(params.train.seed)
    return new_network(params.model)


def distinct(batch: Tensor, values: tuple[int, int]) -> float:
    """The share of the inputs (n, ...) that differ from one another by more than a sixteenth of what `values` span."""
    low, high = values
    coarse = ((batch.flatten(1).float() - low) * 15 / (high - low)).round()
    return len(torch.unique(coarse, dim=0)) / len(batch)


def contrast(batch: Tensor, values: tuple[int, int]) -> float:
    """From the darkest to the lightest value of an input (n, ...), as a share of what `values` span; the median."""
    low, high = batch.flatten(1).float().aminmax(dim=1)
    return ((high - low) / (values[1] - values[0])).median().item()


@torch.inference_mode()
def activations(net: nn.Module, batch: Tensor) -> dict[str, dict[str, float]]:
    """For every convolution, linear layer and ReLU of `net`: the deviation of its outputs and its share of dead units.

    Of a layer that is used more than once there is one for each use. `batch` is what the network takes. A unit (for
    convolutions a channel) is dead where its output is zero for every image and place.
    """
    measured: dict[str, dict[str, float]] = {}

    def measure(name: str, layer: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def hook(_layer: nn.Module, _inputs: object, output: Tensor) -> None:
            largest = output.abs().amax(dim=[axis for axis in range(output.ndim) if axis != 1])
            call = name
            while call in measured:  # it is used more than once
                call += "'"
            measured[call] = {"deviation": output.std().item(), "dead": (largest == 0).float().mean().item()}

        return layer.register_forward_hook(hook)

    kinds = (nn.Conv2d, nn.Linear, nn.ReLU)
    handles = [measure(name, layer) for name, layer in net.named_modules() if isinstance(layer, kinds)]
    net.train()(batch)
    for handle in handles:
        handle.remove()
    return measured


def overfit_one_batch(fabric: Fabric, params: Params, batch: Tensor, labels: Tensor, steps: int) -> float:
    """The loss of a fresh network after `steps` steps on one batch, without dropout and weight decay.

    A network that cannot overfit one batch cannot learn at all; one that can do so with blank
    inputs learns from something other than the inputs. The lowest of its losses counts.
    """
    net = fresh(params).train().to(fabric.device)
    batch, labels = batch.to(fabric.device), labels.to(fabric.device)
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    optimizer = torch.optim.AdamW(net.parameters(), lr=params.train.learning_rate, weight_decay=0.0)
    best = float("inf")
    for _ in range(steps):
        with fabric.autocast():
            loss = cross_entropy(net(batch), labels)
        best = min(best, loss.item())
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), params.train.gradient_clip or float("inf"))
        optimizer.step()
        optimizer.zero_grad()
    return best
