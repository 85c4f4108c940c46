import random
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch

from stages.common.artefacts import CHECKPOINT
from stages.common.settings import load_params
from stages.training import checkpoint
from stages.training.checkpoint import Checkpoint, delete_checkpoint, fingerprint
from tests.helpers import set_params

BEST = CHECKPOINT.with_name("checkpoint-best-2.pt")


def state(epoch: int = 2) -> dict[str, Any]:
    """As a training has it after some epochs, of which `epoch` was the best."""
    best = {"epoch": epoch, "loss": 0.5, "weights": {"weight": torch.full((3,), float(epoch))}}
    return {"net": {"weight": torch.arange(3.0)}, "history": [{"val/loss": 0.5}], "best": best}


def save(start: str, *states: dict[str, Any]) -> None:
    with Checkpoint(start) as checkpoint:
        for each in states:
            checkpoint.save(each)


def test_state_and_random_state_come_back(project: Path) -> None:
    save("start", state())
    expected = torch.rand(5)
    torch.manual_seed(99)
    found = Checkpoint("start").load()
    assert found is not None
    assert found["net"]["weight"].equal(torch.arange(3.0)) and found["history"] == [{"val/loss": 0.5}]
    assert found["best"]["weights"]["weight"].equal(torch.full((3,), 2.0))
    assert (found["best"]["epoch"], found["best"]["loss"]) == (2, 0.5)
    assert torch.rand(5).equal(expected)


def test_what_the_training_changes_meanwhile_is_not_saved(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Event()
    write = checkpoint._write
    monkeypatch.setattr(checkpoint, "_write", lambda *given: asked.wait() and write(*given))
    given = state()
    with Checkpoint("start") as saving:
        saving.save(given)
        given["net"]["weight"].zero_()
        given["history"].append({"val/loss": 0.4})
        assert not CHECKPOINT.exists()
        asked.set()
    found = Checkpoint("start").load()
    assert found is not None and found["net"]["weight"].equal(torch.arange(3.0)) and len(found["history"]) == 1


def test_the_best_weights_are_written_where_they_are_others(project: Path) -> None:
    save("start", state())
    before = BEST.stat().st_ino
    resumed = Checkpoint("start")
    resumed.load()
    with resumed:
        resumed.save(state())
    assert BEST.stat().st_ino == before
    save("start", state())  # an older training may have left those that are there
    assert BEST.stat().st_ino != before
    save("start", state(2), state(3))
    assert [path.name for path in CHECKPOINT.parent.glob("*best*")] == ["checkpoint-best-3.pt"]
    found = Checkpoint("start").load()
    assert found is not None and found["best"]["weights"]["weight"].equal(torch.full((3,), 3.0))


def test_one_that_cannot_be_written_ends_the_training(project: Path) -> None:
    Path("models").touch()
    with pytest.raises(OSError, match="models"), Checkpoint("start") as saving:
        saving.save(state())


def test_it_is_deleted_with_all_that_belongs_to_it(project: Path) -> None:
    save("start", state())
    (CHECKPOINT.parent / ".checkpoint-best-1.pt.123.partial").touch()
    (CHECKPOINT.parent / "model.safetensors").touch()
    delete_checkpoint()
    assert [path.name for path in CHECKPOINT.parent.iterdir()] == ["model.safetensors"]


def test_one_of_another_start_is_left_alone(project: Path) -> None:
    save("start", state())
    before = torch.get_rng_state()
    assert Checkpoint("another").load() is None
    assert torch.get_rng_state().equal(before)


class Planted:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("executed"),)


@pytest.mark.parametrize("path", [CHECKPOINT, BEST])
def test_one_that_is_damaged_or_carries_code_is_none(project: Path, path: Path) -> None:
    assert Checkpoint("start").load() is None
    save("start", state())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert Checkpoint("start").load() is None
    stream = BytesIO()
    torch.save({"started_from": "start", "net": Planted()}, stream)
    path.write_bytes(stream.getvalue() + sha256(stream.getvalue()).digest())
    assert Checkpoint("start").load() is None
    path.unlink()
    assert Checkpoint("start").load() is None
    assert not Path("executed").exists()


@pytest.mark.parametrize(
    ("key", "value", "same"),
    [("train.seed", 8, False), ("train.learning_rate", 0.1, False), ("augment", {"noise": 3.0}, False),
     ("train.device", "cpu", True), ("train.cache_mib", 0, True),
     ("train.deterministic", False, True), ("evaluate.seed", 8, True)],
)  # fmt: skip
def test_only_what_decides_the_weights_makes_another_start(project: Path, key: str, value: object, same: bool) -> None:
    before = fingerprint(load_params())
    set_params(project, {key: value})
    assert (fingerprint(load_params()) == before) == same


def test_no_flipped_bit_is_gone_on_with(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save("start", state())
    rng = random.Random(2)
    for path in (CHECKPOINT, BEST):
        whole = path.read_bytes()
        for _ in range(25):
            changed = bytearray(whole)
            changed[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
            path.write_bytes(changed)
            assert Checkpoint("start").load() is None
        path.write_bytes(whole)
    assert Checkpoint("start").load() is not None
    assert "checkpoint.pt is damaged, or of an older version: the training starts anew" in capsys.readouterr().out
