"""Where a training stood after its last whole epoch, so that a killed one goes on from there."""

import json
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

import torch
from torch import Tensor

from stages.common.artefacts import CHECKPOINT
from stages.common.cli import stdout
from stages.common.files import replacing
from stages.common.settings import Params
from stages.network import view
from stages.qr.version import code_version

# Keys of `train` that say where and how to train and not what: they change the weights by no more than rounding does.
OF_THE_MACHINE = ("device", "devices", "deterministic", "cache_mib")
CODE = (Path(view.__file__).parent, Path(__file__).parent)  # besides stages/qr


class Checkpoint:
    """The file CHECKPOINT, and beside it one with the best weights, of a training that began as `started_from` says.

    Both hold tensors and plain values only, then the SHA-256 of what stands before it. The weights have a file of their
    own, which is written where they have changed; CHECKPOINT, written after it, says which one it is.
    A context, at the end of which all is written.
    """

    def __init__(self, started_from: str) -> None:
        self.started_from = started_from
        self.best: tuple[int, str] | None = None  # the epoch of the weights on disk, and the hash of their file
        self.thread = ThreadPoolExecutor(1)
        self.written: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.thread.shutdown()
        if kind is None:
            self._wait()

    def save(self, state: dict[str, Any]) -> None:
        """Have `state` (as of Run.state_dict) and PyTorch's random state written while the training goes on.

        Called by the first process only. The random state of the others, which their dropout follows, is not kept:
        after a restart they begin again from their seeds, and a resumed training of several processes is then not to
        the bit what an undisturbed one is. Raises what went wrong with the writing before.
        """
        random = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if _cuda() else []}
        best = dict(state["best"])
        weights = best.pop("weights")  # not copied, since nobody changes them
        copied = deepcopy(state | {"best": best}) | {"random": random}
        self._wait()
        self.written = self.thread.submit(self._write, copied, weights)

    def _write(self, state: dict[str, Any], weights: dict[str, Tensor]) -> None:
        epoch = state["best"]["epoch"]
        if self.best is None or self.best[0] != epoch:
            self.best = epoch, _write(_weights(epoch), weights)
        _write(CHECKPOINT, state | {"started_from": self.started_from, "weights": self.best})
        for path in CHECKPOINT.parent.glob(_weights("*").name):
            if path != _weights(epoch):
                path.unlink()

    def _wait(self) -> None:
        if self.written is not None:
            self.written.result()

    def load(self) -> dict[str, Any] | None:
        """The state last saved; None where there is none from the same start. Restores this process's random state.

        Loads tensors and plain values only, no pickled code, and nothing of a file that is not as it was written.
        """
        try:
            state, _ = _read(CHECKPOINT)
            if state["started_from"] != self.started_from:
                return None
            epoch, digest = state["weights"]
            weights, found = _read(_weights(epoch))
            if found != digest:
                raise ValueError("its weights are others")
        except Exception:  # a damaged file, or one of another version
            if CHECKPOINT.exists():
                stdout.print(f"{CHECKPOINT} is damaged, or of an older version: the training starts anew")
            return None
        self.best = epoch, digest
        torch.set_rng_state(state["random"]["cpu"])
        if state["random"]["cuda"] and _cuda():
            torch.cuda.set_rng_state_all(state["random"]["cuda"])
        return state | {"best": state["best"] | {"weights": weights}}


def delete_checkpoint() -> None:
    """Delete its files, and what a killed training has left of them."""
    for pattern in (CHECKPOINT.name, _weights("*").name, f".{CHECKPOINT.stem}*.partial"):
        for path in CHECKPOINT.parent.glob(pattern):
            path.unlink()


def _weights(epoch: int | str) -> Path:
    return CHECKPOINT.with_name(f"{CHECKPOINT.stem}-best-{epoch}{CHECKPOINT.suffix}")


def _cuda() -> bool:
    return torch.cuda.is_available()


class _Hashed:
    """Writes to `file`, and hashes what it writes."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.hash = file, sha256()

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


def _write(path: Path, value: dict[str, Any]) -> str:
    """Write `value`, whole or not at all; the SHA-256 that stands at the end of the file."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        hashed = _Hashed(file)
        torch.save(value, cast("BinaryIO", hashed))
        file.write(hashed.hash.digest())
        file.close()  # before it gets its name
    return hashed.hash.hexdigest()


def _read(path: Path) -> tuple[dict[str, Any], str]:
    """What `_write` wrote, and its hash. Raises some exception where the file is another."""
    data = memoryview(path.read_bytes())
    content, digest = data[: -sha256().digest_size], data[-sha256().digest_size :]
    if sha256(content).digest() != digest:
        raise ValueError("its checksum is another")
    return torch.load(BytesIO(content), weights_only=True, map_location="cpu"), digest.hex()


def recipe(params: Params) -> dict[str, Any]:
    """The settings that decide what a training comes to, for checkpoint and model file; dvc.yaml lists the same."""
    sections = params.model_dump(mode="json", include={"model", "train", "augment"})
    return sections | {"train": {key: value for key, value in sections["train"].items() if key not in OF_THE_MACHINE}}


def fingerprint(params: Params, *inputs: Path) -> str:
    """What a training starts from: `recipe`, the code of preprocessing, network and training, and `inputs`.

    The table of the parts has the hash of every image, so with it among the inputs a checkpoint is
    of the same pictures too. Only the same start may be gone on with.
    """
    digest = sha256(json.dumps(recipe(params)).encode())
    digest.update(code_version().encode())
    code = (path for folder in CODE for path in sorted(folder.rglob("*.py")))
    for path in (*inputs, *code):
        digest.update(path.read_bytes())
    return digest.hexdigest()
