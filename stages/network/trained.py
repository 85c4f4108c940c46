"""The model file: weights and everything needed to use them, loaded without unpickling code."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor

from stages.common.cli import StageError
from stages.common.files import replacing
from stages.common.settings import CLASSES, Model
from stages.network.model import MEAN, STD, QRNet
from stages.network.model_file import damaged, read_model_file, weights_sha256
from stages.network.view import INPUT_SIDE

INPUT = {"side": INPUT_SIDE, "mean": list(MEAN), "std": list(STD), "padding": "white", "symbol": "upright"}


@dataclass(frozen=True)
class Trained:
    """A trained network with what its file says of it.

    `about` has the settings it was trained with (`params`), its preprocessing (`input`), `classes`,
    `temperature`, `threshold`, `data_sha256` and `metrics` on the val part.
    """

    net: QRNet
    about: dict[str, Any]

    @property
    def threshold(self) -> float:
        """The probability from which on a code is called malicious, 0..1."""
        return self.about["threshold"]

    @torch.inference_mode()
    def logits(self, pixels: Tensor) -> np.ndarray:
        """Float64 (n, 2) for uint8 (n, 3, 224, 224), computed in float32 wherever the network is."""
        device = next(self.net.parameters()).device
        return self.net(pixels.to(device)).double().cpu().numpy()

    def probability(self, pixels: Tensor) -> np.ndarray:
        """Of being malicious, calibrated: float64 (n,) in 0..1 for uint8 (n, 3, 224, 224)."""
        benign, malicious = self.logits(pixels).T / self.about["temperature"]
        return np.exp(-np.logaddexp(0, benign - malicious))


def save_trained(path: Path, net: QRNet, settings: Model, facts: dict[str, Any]) -> None:
    """Write weights as safetensors; its metadata holds the architecture, the preprocessing and `facts` as JSON."""
    # One metadata entry: safetensors writes several in random order, and the same run must give the same file.
    weights = {name: tensor.contiguous().cpu() for name, tensor in net.state_dict().items()}
    about = {
        "model": settings.model_dump(),
        "input": INPUT,
        "classes": CLASSES,
        "weights_sha256": weights_sha256({name: tensor.numpy() for name, tensor in weights.items()}),
    }
    with replacing(path) as temporary:
        save_file(weights, temporary, metadata={"about": json.dumps(about | facts, sort_keys=True)})


def load_trained(path: Path, device: str = "cpu") -> Trained:
    """The network in evaluation mode on `device`, and what its file says of it.

    Raises StageError where the file is missing, damaged, of another architecture, or wants its
    pictures prepared in another way than this version does.
    """
    about, weights = read_model_file(path)
    try:
        net = QRNet(Model.model_validate(about["model"]))
        net.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    except (KeyError, ValidationError, RuntimeError) as error:
        raise damaged(path, error) from None
    if about["input"] != INPUT or tuple(about["classes"]) != CLASSES:
        raise StageError(f"{path} is of another version, which prepares its pictures differently; train it again")
    return Trained(net.to(device).eval(), about)


def choose_device(wanted: str) -> str:
    """`wanted` (cpu, cuda, mps); for auto the GPU if there is one."""
    return wanted if wanted != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
