"""A trained network: written as a file, read back without unpickling code, and asked."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from scipy.special import expit
from torch import Tensor, nn

from stages.common.cli import StageError, progress
from stages.common.files import replacing
from stages.common.settings import CLASSES, Model, Params
from stages.network.architecture import Architecture, chosen
from stages.network.data import Images, stacked
from stages.network.device import turn_off_tf32
from stages.network.model_file import damaged, read_calibration, read_model_file, weights_sha256

BENIGN, MALICIOUS = (CLASSES.index(name) for name in ("benign", "malicious"))


def probability(logits: Any, temperature: float, sigmoid: Callable[[Any], Any] = expit) -> Any:
    """Of being malicious, (n,) in 0..1, for `logits` (n, 2): their softmax after division by `temperature`.

    An array; or, with `torch.sigmoid`, a tensor. Of two classes the softmax is the sigmoid of the difference.
    """
    return sigmoid((logits[:, MALICIOUS] - logits[:, BENIGN]) / temperature)


@dataclass(frozen=True)
class Network:
    """A network with what its file says of it.

    `about` has its `model` section of params.yaml, what `network` that is and what it `takes` in words, how that
    is prepared (`input`), `classes`, `weights_sha256`, and what stage train adds: the settings (`params`),
    `data_sha256` and `metrics` on the val part.
    """

    net: nn.Module
    architecture: Architecture
    about: dict[str, Any]

    @torch.inference_mode()
    def logits(self, batch: Tensor) -> np.ndarray:
        """Float64 (n, 2) for `batch` (n, *architecture.input.shape), computed in float32 wherever the network is.

        One channel of a picture stands for three that are alike.
        """
        device = next(self.net.parameters()).device
        seen = batch.to(device).expand(-1, *self.architecture.input.shape)
        return self.net(seen).cpu().double().numpy()


@dataclass(frozen=True)
class Trained(Network):
    """A network with its calibration: `about` has `temperature` and `threshold`, too."""

    @property
    def threshold(self) -> float:
        """Codes with at least this probability are called malicious; 0..1."""
        return self.about["threshold"]

    def probability(self, batch: Tensor) -> np.ndarray:
        """Of being malicious, calibrated: float64 (n,) in 0..1 for `batch` (n, *architecture.input.shape)."""
        return probability(self.logits(batch), self.about["temperature"])

    def probability_of(self, seen: Sequence[np.ndarray]) -> np.ndarray:
        """The same for arrays as `architecture.input.see` makes them; float64 (n,)."""
        if not seen:
            return np.empty(0)
        return self.probability(stacked(seen, self.architecture.input))


def logits_of(network: Network, rows: pd.DataFrame, params: Params, batch_size: int, title: str) -> np.ndarray:
    """What `network` answers to the images of `rows`, in their order: float64 (n, 2). `title` is that of the bar."""
    batches = Images(rows, params, network.architecture.input).batches(batch_size)
    with progress() as bar:
        return np.concatenate([network.logits(batch) for batch, _ in bar.track(batches, description=title)])


def save_network(path: Path, net: nn.Module, model: Model, facts: dict[str, Any]) -> None:
    """Write weights as safetensors; its metadata holds the architecture, the preprocessing and `facts` as JSON."""
    # One metadata entry: safetensors writes several in random order, and the same run must give the same file.
    weights = {name: tensor.contiguous().cpu() for name, tensor in net.state_dict().items()}
    architecture, settings = chosen(model)
    about = {
        "model": {"architecture": model.architecture, **settings.model_dump(mode="json")},
        "network": architecture.describe(settings),
        "takes": architecture.input.description,
        "input": architecture.input.note,
        "classes": CLASSES,
        "weights_sha256": weights_sha256({name: tensor.numpy() for name, tensor in weights.items()}),
    }
    with replacing(path) as temporary:
        save_file(weights, temporary, metadata={"about": json.dumps(about | facts, sort_keys=True)})


def load_network(path: Path, device: str = "cpu") -> Network:
    """The network in evaluation mode on `device`, and what its file says of it. Turns TF32 off.

    Raises StageError where the file is missing, damaged, not of the architecture that it names, or wants its
    inputs prepared in another way than this version does.
    """
    about, weights = read_model_file(path)
    other = f"{path} was written by another version of this project"
    try:
        architecture, settings = chosen(Model.model_validate(about["model"]))
    except (ValidationError, StageError):
        raise StageError(f"{other}, whose networks have other settings: run `dvc repro`, which trains it") from None
    if about.get("input") != architecture.input.note or tuple(about.get("classes", ())) != CLASSES:
        raise StageError(f"{other}, which prepares its inputs differently: run `dvc repro`, which trains it")
    net = architecture.build(settings)
    try:
        net.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    except RuntimeError as error:
        raise damaged(path, error) from None
    turn_off_tf32()
    return Network(net.to(device).eval(), architecture, about)


def load_trained(path: Path, device: str = "cpu") -> Trained:
    """`load_network` with the calibration that lies beside it; raises StageError for either."""
    network = load_network(path, device)
    calibration = read_calibration(path, network.about)
    return Trained(network.net, network.architecture, network.about | calibration)
