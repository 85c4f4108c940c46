"""The model file as it is read, without loading torch: what it says of the network, and the weights."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from stages.common.cli import StageError


def read_model_file(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the file says of the network (see stages.network.trained.Trained), and its weights by name.

    Raises StageError where the file is missing or damaged.
    """
    if not path.exists():
        raise StageError(f"{path} is not there yet: run `dvc repro`, which trains it")
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads(file.metadata()["about"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about["temperature"], about["threshold"] = float(about["temperature"]), float(about["threshold"])
        intact = about["weights_sha256"] == weights_sha256(weights)
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise damaged(path, error) from None
    if not intact:
        raise StageError(f"{path} is damaged: its weights do not have the checksum it names; train or copy it again")
    return about, weights


def weights_sha256(weights: dict[str, np.ndarray]) -> str:
    """SHA-256 of names and bytes of the weights; safetensors itself would not notice a flipped bit."""
    found = hashlib.sha256()
    for name in sorted(weights):
        found.update(name.encode())
        found.update(np.ascontiguousarray(weights[name]).data)
    return found.hexdigest()


def damaged(path: Path, error: Exception) -> StageError:
    """The error for a file at `path` that is none of this project's, or no longer."""
    return StageError(f"{path} is damaged or no model of this project ({error}); train it again")
