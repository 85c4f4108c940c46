"""The model file: weights and everything needed to use them, loaded without unpickling code."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from stages.common.cli import StageError
from stages.common.files import replacing
from stages.common.settings import CLASSES, Model
from stages.network.model import MEAN, STD, QRNet
from stages.network.size import SIDE


def save(path: Path, net: QRNet, settings: Model, facts: dict[str, Any]) -> None:
    """Write weights as safetensors; its metadata holds the architecture, the preprocessing and `facts` as JSON."""
    about = {
        "model": settings.model_dump(),
        "input": {"side": SIDE, "mean": MEAN, "std": STD, "padding": "white"},
        "classes": CLASSES,
        "facts": facts,
    }
    # One metadata entry: safetensors writes several in random order, and the same run must give the same file.
    weights = {name: tensor.contiguous().cpu() for name, tensor in net.state_dict().items()}
    with replacing(path) as temporary:
        save_file(weights, temporary, metadata={"about": json.dumps(about, sort_keys=True)})


def load(path: Path) -> tuple[QRNet, dict[str, Any]]:
    """The network in evaluation mode, on the CPU, and the facts saved with it.

    Raises StageError where the file is missing, damaged or of another architecture.
    """
    if not path.exists():
        raise StageError(f"{path} is not there yet: run `dvc repro`, which trains it")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["about"])
            net = QRNet(Model.model_validate(about["model"]))
            net.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError, ValidationError, RuntimeError) as error:
        raise StageError(f"{path} is damaged or no model of this project ({error}); train it again") from None
    return net.eval(), about["facts"]
