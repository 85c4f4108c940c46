"""The model file and its calibration as they are read, without loading torch."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from safetensors import SafetensorError, safe_open

from stages.common.cli import StageError
from stages.common.seal import require_sealed
from stages.common.settings import Section, check

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0  # beyond them the val part is too small to tell


class Calibration(Section):
    """What stage calibrate adds to a model: models/calibration.json."""

    temperature: Annotated[float, Field(ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)]  # logits are divided by it
    threshold: Annotated[float, Field(ge=0, le=1)]  # codes of at least this probability are called malicious
    weights_sha256: str  # of the model that it belongs to
    # Of the data that it was trained on. So this file changes with either, and the stages after it depend on it alone.
    data_sha256: str | None = None
    about_sha256: str | None = None  # of all that the model's file says of itself
    seal: str | None = None


def read_model_file(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the file says of the network (see stages.network.trained.Network), and its weights by name.

    Raises StageError where the file is missing, damaged, or of another version of this project.
    """
    if not path.exists():
        raise StageError(f"{path} is not there yet: run `dvc repro`, which trains it")
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads(file.metadata()["about"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        intact = about["weights_sha256"] == weights_sha256(weights)
        older = "architecture" not in about["model"]
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise damaged(path, error) from None
    if not intact:
        raise StageError(f"{path} is damaged: its weights do not have the checksum it names; train or copy it again")
    if older:
        raise StageError(f"{path} was written by an older version of this project: run `dvc repro`, which trains it")
    return about, weights


def read_calibration(model: Path, about: dict[str, Any]) -> dict[str, float]:
    """`temperature` and `threshold` from calibration.json beside the file `model`, which says `about` of itself.

    Raises StageError where it is missing, damaged, out of range, or belongs to other weights.
    """
    path = model.with_name("calibration.json")
    again = "run `dvc repro calibrate`, which writes it"
    try:
        require_sealed(path, f"copy it again, or {again}")
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StageError(f"{path}, which belongs to {model.name}, is not there: copy it, or {again}") from None
    except (ValueError, OSError) as error:
        raise StageError(f"{path} is damaged ({error}): copy it again, or {again}") from None
    try:
        found = check(Calibration, raw, str(path))
    except StageError as error:
        raise StageError(f"{error}\n{path} is damaged: copy it again, or {again}") from None
    if found.weights_sha256 != about["weights_sha256"]:
        raise StageError(f"{path} belongs to other weights than those in {model}: {again}")
    if found.about_sha256 not in (None, about_sha256(about)):
        raise StageError(f"{model} is damaged: what it says of itself is not what {path} was made for; train it again")
    return found.model_dump(include={"temperature", "threshold"})


def about_sha256(about: dict[str, Any]) -> str:
    """SHA-256 of what a model's file says of itself, which `weights_sha256` does not cover."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def weights_sha256(weights: dict[str, np.ndarray]) -> str:
    """SHA-256 of names and bytes of the weights; safetensors itself would not notice a flipped bit."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(weights[name]).data)
    return digest.hexdigest()


def damaged(path: Path, error: Exception) -> StageError:
    """The error for a file at `path` that is not one of this project's, or no longer."""
    return StageError(f"{path} is damaged or not a model of this project ({error}); train it again")
