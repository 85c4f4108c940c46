"""Where a training stood after its last whole epoch, so that a killed one goes on from there."""

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from stages.common.artefacts import CHECKPOINT
from stages.common.cli import stdout
from stages.common.files import replacing
from stages.common.settings import Params
from stages.network import view
from stages.qr.version import code_version

# Keys of `train` that say where to train and not what: they change the weights by no more than rounding does.
OF_THE_MACHINE = ("device", "devices", "cache_mib")
CODE = (Path(view.__file__).parent, Path(__file__).parent)  # besides stages/qr


def save_checkpoint(state: dict[str, Any], started_from: str) -> None:
    """Write `state` (tensors, numbers, strings, lists and dicts of them) and PyTorch's random state beside it.

    Called by the first process only. The random state of the others, which their dropout follows, is not kept:
    after a restart they begin again from their seeds, and a resumed training of several processes is then not to
    the bit what an undisturbed one is.
    """
    random = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}
    stream = BytesIO()
    torch.save({"started_from": started_from, "random": random, "state": state}, stream)
    content = stream.getvalue()
    with replacing(CHECKPOINT) as temporary:
        temporary.write_bytes(hashlib.sha256(content).digest() + content)


def load_checkpoint(started_from: str) -> dict[str, Any] | None:
    """The state last saved; None where there is none from the same start. Restores this process's random state.

    Loads tensors and plain values only, no pickled code, and nothing of a file that is not as it was written.
    """
    try:
        data = CHECKPOINT.read_bytes()
    except FileNotFoundError:
        return None
    size = hashlib.sha256().digest_size
    digest, content = data[:size], data[size:]
    try:
        if hashlib.sha256(content).digest() != digest:
            raise ValueError("its checksum is another")
        saved = torch.load(BytesIO(content), weights_only=True, map_location="cpu")
    except Exception:  # a damaged file, or one of another version
        stdout.print(f"{CHECKPOINT} is damaged, or of an older version: the training starts anew")
        return None
    if saved.get("started_from") != started_from:
        return None
    torch.set_rng_state(saved["random"]["cpu"])
    if saved["random"]["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(saved["random"]["cuda"])
    return saved["state"]


def recipe(params: Params) -> dict[str, Any]:
    """The settings that decide what a training comes to, for checkpoint and model file; dvc.yaml lists the same."""
    sections = params.model_dump(mode="json", include={"model", "train", "augment"})
    return sections | {"train": {key: value for key, value in sections["train"].items() if key not in OF_THE_MACHINE}}


def fingerprint(params: Params, *inputs: Path) -> str:
    """What a training starts from: `recipe`, the code of preprocessing, network and training, and `inputs`.

    The table of the parts has the hash of every image, so with it among the inputs a checkpoint is
    of the same pictures too. Only the same start may be gone on with.
    """
    digest = hashlib.sha256(json.dumps(recipe(params)).encode())
    digest.update(code_version().encode())
    code = (path for folder in CODE for path in sorted(folder.rglob("*.py")))
    for path in (*inputs, *code):
        digest.update(path.read_bytes())
    return digest.hexdigest()
