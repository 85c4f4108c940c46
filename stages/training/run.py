"""A training as it goes on: what changes from epoch to epoch, and what a checkpoint has to hold."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from stages.common.settings import Model, Params
from stages.network.architecture import chosen

STATEFUL = ("net", "optimizer", "scheduler", "precision")  # of Run


@dataclass
class Best:
    """The epoch of lowest validation loss; 0 while there is none, with the first weights."""

    epoch: int
    loss: float
    weights: dict[str, Tensor]


@dataclass
class Run:
    """The network, the same as fabric runs it, its optimiser, and what the epochs so far came to.

    `precision` is fabric's, whose state in float16 is the scale of the gradients. `history` has one entry an epoch,
    with the names of the curves (see stages/training/passes.py).
    """

    net: nn.Module
    model: Any
    optimizer: Any
    scheduler: Any
    precision: Any
    best: Best
    history: list[dict[str, float]] = field(default_factory=list)

    def end_epoch(self, scores: dict[str, float]) -> None:
        """Take `scores` of an epoch into the history, keep its weights if they are the best, set the next rate."""
        scores["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        self.scheduler.step(scores["val/loss"])
        self.history.append(scores)
        if scores["val/loss"] < self.best.loss:
            self.best = Best(len(self.history), scores["val/loss"], copy_of(self.net))

    def stalled(self, patience: int | None) -> bool:
        """Whether the last `patience` epochs brought no lower validation loss; never where it is None."""
        return patience is not None and len(self.history) - self.best.epoch >= patience

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values from which `load_state_dict` goes on."""
        parts = {name: getattr(self, name).state_dict() for name in STATEFUL}
        return parts | {"best": vars(self.best), "history": self.history}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state_dict` was taken."""
        for name in STATEFUL:
            getattr(self, name).load_state_dict(state[name])
        self.best, self.history = Best(**state["best"]), state["history"]


def new_run(params: Params, fabric: Fabric, precision: str) -> Run:
    """A training before its first step, with first weights from PyTorch's random state."""
    settings = params.train
    net = new_network(params.model)
    # The fused step is faster, but refuses to have float16 gradients unscaled for clipping.
    fused = fabric.device.type in ("cpu", "cuda") and precision != "16"
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=fused
    )
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=settings.scheduler_factor, patience=settings.scheduler_patience
    )
    model, wrapped = fabric.setup(net, optimizer)
    return Run(net, model, wrapped, scheduler, fabric.strategy.precision, Best(0, math.inf, copy_of(net)))


def new_network(model: Model) -> nn.Module:
    """The network of section `model` with the weights that a training begins with."""
    architecture, settings = chosen(model)
    net = architecture.build(settings)
    if architecture.start:
        architecture.start(net, settings)
    return net.to(memory_format=torch.channels_last)


def copy_of(net: nn.Module) -> dict[str, Tensor]:
    """The network's weights as they are now."""
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}
