"""Damaged artefacts by the thousand, the same for the same seed, and what those who read them answer.

A reader may refuse a file, in words, or do without it and say so, or answer what it answers to the undamaged file.
Another answer without a word is silent, and a defect; so is a traceback, a crash, or a file that makes it hang.
"""

import random
import shutil
import traceback
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from stages.common.artefacts import (
    CALIBRATION,
    CARD_DATA,
    CHECKPOINT,
    MODEL,
    ONNX,
    SCAN,
    SPLITS,
    VALID,
    VIEW_CACHE,
    read_table,
    write_table,
)
from stages.common.cli import StageError, stderr, stdout
from stages.common.files import write_json
from stages.common.seal import BLANK, seal
from stages.common.settings import load_params
from stages.common.workers import Failure, in_workers
from stages.dataset.row import CONTENT, examine
from stages.dataset.scan_cache import cache_key, known_rows
from stages.dataset.scan_table import named, write_scan_table
from stages.dataset.shards import MANIFEST, write_manifest
from stages.dataset.storage import list_images
from stages.gate.audit import audit, usable
from stages.gate.schema import require_scan_table
from stages.network.view import PICTURE
from stages.network.view_cache import Views
from tests.fuzz.mutations import cut, flip_bits, overwrite
from tests.helpers import draw_classes, new_project, write_model

EDGE = 4096  # bytes at the beginning and the end of a file, where headers and indices are
TIMEOUT = 600.0  # seconds for one file, beyond any that a loaded machine takes
SHARDS, BARE = Path("shards"), Path("bare")
VIEWS = 10  # in the view cache
CARD = {
    "deploy": "no", "why": "it is not shown", "trained_on": {"images": 32, "data": "synthetic sample"},
    "test": {"auc": 0.833, "recall": 0.7, "false_positives": 0.25, "auc_elsewhere": 0.5},
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """An artefact: the files that it is made of, and what is asked of who reads it; the answer can be compared."""

    files: tuple[Path, ...]
    ask: Callable[[], Any]


def prepare(folder: Path) -> Path:
    """A small project in `folder` with an artefact of every kind, as the stages write them."""
    from stages import split
    from stages.commands.pack import pack
    from stages.export import export
    from stages.network.trained import load_trained
    from stages.training.checkpoint import Checkpoint

    draw_classes(new_project(folder) / "data/images", 16, 16)
    with chdir(folder):
        params = load_params()
        images = list_images(params.data.images)
        rows = [examine(stored, str(params.data.images), params.scan) for stored in images]
        write_scan_table([named(images, pa.Table.from_pylist(rows, CONTENT), None, params)], params)
        write_table(VALID, usable(audit(read_table(SCAN), params)))
        split.main()
        draw_classes(Path("few"), 4, 4)
        for target in (SHARDS, BARE):
            target.mkdir()
            written = pack(Path("few"), target, 2**12, [])
        write_manifest(SHARDS, written)
        write_model(MODEL, 2.0, 0.3, facts={"versions": [3], "data_sha256": "0" * 64, "metrics": {"val_auc": 0.8}})
        trained = load_trained(MODEL)
        export(trained, ONNX)
        write_json(CARD_DATA, CARD | {"weights_sha256": trained.about["weights_sha256"], "seal": BLANK})
        seal(CARD_DATA)
        weights = trained.net.state_dict()
        with Checkpoint("start") as checkpoint:
            best = {"epoch": 1, "loss": 0.5, "weights": weights}
            checkpoint.save({"network": weights, "history": [{"val/loss": 0.5}], "best": best})
        _views()
    return folder


def _shards(folder: Path) -> list[tuple[str, str | None]]:
    scan = load_params().scan
    found = [examine(stored, str(folder), scan) | {"path": stored.path} for stored in list_images(folder)]
    for row in found:
        if row["problem"]:
            stdout.print(f"{folder} {row['path']}: {row['error']}", markup=False)
    return [(row["path"], row["payload"]) for row in found]


def _cells(table: pd.DataFrame) -> dict[str, list[Any]]:
    return table.astype(object).where(table.notna(), None).to_dict("list")


def _scan_table() -> dict[str, list[Any]]:
    table = read_table(SCAN)
    require_scan_table(table)
    return _cells(table)


@cache
def _written() -> set[str]:
    return {repr(row) for row in known_rows([SCAN], cache_key(load_params().scan)).to_pylist()}


def _invented() -> set[str]:
    """What the next scan takes from the table though it was never found out."""
    known = _written()
    return {repr(row) for row in known_rows([SCAN], cache_key(load_params().scan)).to_pylist()} - known


def _view(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 2, (224, 224), np.uint8) * np.uint8(255)


def _views() -> list[bool]:
    """Whether each view is what was put in; one that is not there is put in again, as a training does."""
    views, same = Views(VIEW_CACHE, 10, PICTURE), []
    for number in range(VIEWS):
        key = sha256(bytes([number])).hexdigest()
        seen = views.get([key]).get(key)
        if seen is None:
            views.put(key, _view(number))
        same.append(seen is None or np.array_equal(seen, _view(number)))
    if views.connection:
        views.connection[1].close()
    return same


def _plain(value: Any) -> Any:
    """Tensors as bytes, so that answers can be compared."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return (str(value.dtype), value.numpy().tobytes()) if hasattr(value, "numpy") else value


def _checkpoint() -> Any:
    from stages.training.checkpoint import Checkpoint

    return _plain(Checkpoint("start").load())


def _model() -> Any:
    from stages.network.trained import load_trained

    trained = load_trained(MODEL)
    return trained.about, _plain(dict(trained.net.state_dict()))


def _onnx() -> Any:
    from stages.predict.model import open_model

    scorer = open_model(ONNX, "cpu")
    return scorer.about, scorer.probability([_view(0), _view(1)])


def _card() -> Any:
    from stages.network.model_file import read_model_file
    from stages.predict.standing import standing

    stands = standing(MODEL, read_model_file(MODEL)[0])
    if "damaged" in stands.sentence:
        stdout.print(stands.sentence, markup=False)
    return stands


def shard_files(folder: Path) -> tuple[Path, ...]:
    """The first shards of `folder`."""
    return tuple(folder / f"images-{number:05d}.tar" for number in range(2))


KINDS = {
    "shards and their manifest": Kind((*shard_files(SHARDS), SHARDS / MANIFEST), partial(_shards, SHARDS)),
    "shards without manifest": Kind(shard_files(BARE), partial(_shards, BARE)),
    "scan.parquet, by validate": Kind((SCAN,), _scan_table),
    "scan.parquet, by the next scan": Kind((SCAN,), _invented),
    "valid.parquet": Kind((VALID,), lambda: _cells(read_table(VALID))),
    "splits.parquet": Kind((SPLITS,), lambda: _cells(read_table(SPLITS))),
    "view cache": Kind((VIEW_CACHE,), _views),
    "checkpoint": Kind((CHECKPOINT, CHECKPOINT.with_name("checkpoint-best-1.pt")), _checkpoint),
    "model.safetensors": Kind((MODEL,), _model),
    "calibration.json": Kind((CALIBRATION,), _model),
    "model.onnx": Kind((ONNX,), _onnx),
    "card.json": Kind((CARD_DATA,), _card),
}


def damaged(data: bytes, rng: random.Random) -> bytes:
    """`data` cut, or with bits flipped or bytes overwritten, half of the time near its beginning or its end."""
    start, end = rng.choice(((0, len(data)), (0, len(data)), (0, EDGE), (max(len(data) - EDGE, 0), len(data))))
    while True:
        change = rng.choice((flip_bits, flip_bits, cut, overwrite))
        changed = data[:start] + change(data[start:end], rng) + data[end:]
        if changed != data:
            return changed


@cache
def _home(folder: Path) -> Path:
    """This process's own copy of the project in `folder`, as files change here."""
    home = Path(mkdtemp(prefix="fuzz-", dir=folder.parent))
    return Path(shutil.copytree(folder, home / "project"))


@cache
def _answer(kind: str) -> Any:
    return KINDS[kind].ask()


def try_one(case: tuple[str, int], folder: Path, seed: int) -> tuple[str, str]:
    """(what became of it, details) of the n-th damaged artefact of a kind, in this process: said, same, or a defect."""
    name, number = case
    rng = random.Random(f"{seed} {name} {number}")
    with chdir(_home(folder)):
        kind = KINDS[name]
        whole = _answer(name)
        file = rng.choice(kind.files)
        data = file.read_bytes()
        file.write_bytes(damaged(data, rng))
        try:
            with stdout.capture() as captured, stderr.capture() as complaints:
                answer = kind.ask()
        except StageError as error:
            said = str(error)
            return ("said" if file.name in said else "unclear"), said
        except Exception:
            return "traceback", f"{file}: {traceback.format_exc()}"
        finally:
            for ending in ("-wal", "-shm"):
                file.with_name(file.name + ending).unlink(missing_ok=True)
            file.write_bytes(data)
        if said := captured.get() + complaints.get():
            return "said", said
        return ("same", "") if answer == whole else ("silent", f"{file}, number {number}: {difference(answer, whole)}")


def difference(answer: Any, whole: Any) -> str:
    """Where two answers differ, as far as it fits a line."""
    if isinstance(answer, dict) and isinstance(whole, dict):
        keys = [key for key in {**whole, **answer} if answer.get(key) != whole.get(key)]
        return f"{keys}: {difference(answer.get(keys[0]), whole.get(keys[0]))}"
    if isinstance(answer, list | tuple) and isinstance(whole, list | tuple) and len(answer) == len(whole):
        return next(difference(one, other) for one, other in zip(answer, whole, strict=True) if one != other)
    return f"{answer!r:.200} in place of {whole!r:.200}"


def run(folder: Path, kinds: list[str], seed: int, count: int, workers: int) -> pd.DataFrame:
    """`count` damaged artefacts of each of `kinds`: columns kind, number, outcome, details."""
    project = prepare(folder / "artefacts")
    cases = [(kind, number) for kind in kinds for number in range(count)]

    def failed(_: tuple[str, int], failure: Failure) -> tuple[str, str]:
        return ("hang" if "did not answer" in failure.error else "crash"), failure.error

    work = partial(try_one, folder=project, seed=seed)
    outcomes = list(in_workers(work, cases, failed, TIMEOUT, workers, 20))
    for home in folder.glob("fuzz-*"):
        shutil.rmtree(home)
    return pd.DataFrame(
        [(*case, *outcome) for case, outcome in zip(cases, outcomes, strict=True)],
        columns=["kind", "number", "outcome", "details"],
    )
