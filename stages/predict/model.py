"""The model that answers: an ONNX file without PyTorch, or a model file with it; both give the same figures."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np

from stages.common.artefacts import MODEL, ONNX
from stages.common.cli import StageError
from stages.common.seal import require_sealed
from stages.common.workers import cores
from stages.network.architecture import architecture
from stages.network.input import Input
from stages.network.model_file import damaged

BATCH = 16  # codes that the network gets at a time, at most


@dataclass(frozen=True)
class Scorer:
    """A model that is ready. `about` is what its file says of it, `sha256` that of the file.

    `network` gets a batch (n, *takes.shape) and gives probabilities of being malicious, (n,) in 0..1. Matrix
    products of another shape may round differently, and a picture alone must get the figure that it gets among
    others: so n is at least `fewest`, and the rest is zeros.
    """

    network: Callable[[np.ndarray], np.ndarray]
    takes: Input
    fewest: int
    about: dict[str, Any]
    path: Path
    sha256: str

    @property
    def threshold(self) -> float:
        """The probability from which on a code is malicious, 0..1."""
        return float(self.about["threshold"])

    def probability(self, seen: list[np.ndarray]) -> list[float]:
        """Of being malicious, in 0..1, rounded to four digits; `seen` are at most BATCH inputs as in Code.seen.

        Raises StageError where the network answers NaN, which would otherwise pass for benign.
        """
        batch = np.zeros((max(len(seen), self.fewest), *self.takes.shape), self.takes.dtype)
        for row, one in zip(batch, seen, strict=False):
            row[:] = one if one.ndim == 2 else one.transpose(2, 0, 1)
        answers = [float(answer) for answer in self.network(batch)[: len(seen)]]
        if not all(0 <= answer <= 1 for answer in answers):
            raise StageError(f"the model {self.path} returned NaN; retrain it")
        return [round(answer, 4) for answer in answers]


def open_model(path: Path | None, device: str = "auto") -> Scorer:
    """The model at `path`; without one models/model.onnx where it is there, else models/model.safetensors.

    A `device` other than auto and cpu needs PyTorch. Raises StageError where the model cannot be used.
    """
    on_cpu = device in ("auto", "cpu")
    path = path or (ONNX if on_cpu and ONNX.exists() else MODEL)
    if path.suffix != ".onnx":
        return _with_torch(path, device)
    if not on_cpu:
        raise StageError(f"--device {device} needs the model file, not {path}: --model {MODEL}")
    return _with_onnx(path)


def _with_onnx(path: Path) -> Scorer:
    import onnxruntime

    if not path.exists():
        raise StageError(f"{path} is not there yet: run `dvc repro`, which exports it")
    require_sealed(path, "copy it again, or run `dvc repro export`")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    options.log_severity_level = 4  # what is wrong with a file is said below, in one line
    # Packed copies of the weights would double the memory.
    options.add_session_config_entry("session.disable_prepacking", "1")
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        about = json.loads(session.get_modelmeta().custom_metadata_map["about"])
        takes = _takes(path, about)
    except StageError:
        raise
    except Exception as error:  # onnxruntime has exceptions of its own for each way to be damaged
        raise damaged(path, error) from None

    def network(batch: np.ndarray) -> np.ndarray:
        return session.run(["probability"], {takes.name: batch})[0]

    # From two rows on, each is computed alike; a single one is a product of another kind.
    return Scorer(network, takes, 2, about, path, _sha256(path))


def _with_torch(path: Path, device: str) -> Scorer:
    from torch import from_numpy

    from stages.network.device import choose_device
    from stages.network.trained import load_trained

    trained = load_trained(path, choose_device(device, "--device"))
    takes, about = trained.architecture.input, trained.about
    return Scorer(lambda batch: trained.probability(from_numpy(batch)), takes, BATCH, about, path, _sha256(path))


def _takes(path: Path, about: dict[str, Any]) -> Input:
    """What the model takes. Raises StageError where this version prepares it in another way than the model wants."""
    if not (0 <= about["threshold"] <= 1 and about["temperature"] > 0):
        raise ValueError("an impossible threshold or temperature")
    takes = architecture(about["model"]["architecture"]).input
    if about["input"] != takes.note or list(about["classes"]) != ["benign", "malicious"]:
        raise StageError(f"{path} is of another version, which prepares its inputs differently; export it again")
    return takes


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
