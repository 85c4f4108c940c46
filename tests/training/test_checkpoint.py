import random
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch

from stages.common.artefacts import CHECKPOINT
from stages.common.settings import load_params
from stages.training.checkpoint import fingerprint, load_checkpoint, save_checkpoint
from tests.helpers import set_params

STATE: dict[str, Any] = {"weights": torch.arange(3.0), "history": [{"val/loss": 0.5}], "epoch": 2}


def test_state_and_random_state_come_back(project: Path) -> None:
    save_checkpoint(STATE, "start")
    expected = torch.rand(5)
    torch.manual_seed(99)
    state = load_checkpoint("start")
    assert state is not None
    assert state["weights"].equal(STATE["weights"]) and state["history"] == STATE["history"]
    assert torch.rand(5).equal(expected)


def test_one_of_another_start_is_left_alone(project: Path) -> None:
    save_checkpoint(STATE, "start")
    before = torch.get_rng_state()
    assert load_checkpoint("another") is None
    assert torch.get_rng_state().equal(before)


class Planted:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("executed"),)


def test_one_that_is_damaged_or_carries_code_is_none(project: Path) -> None:
    assert load_checkpoint("start") is None
    save_checkpoint(STATE, "start")
    whole = CHECKPOINT.read_bytes()
    CHECKPOINT.write_bytes(whole[: len(whole) // 2])
    assert load_checkpoint("start") is None
    stream = BytesIO()
    torch.save({"started_from": "start", "state": Planted()}, stream)
    CHECKPOINT.write_bytes(sha256(stream.getvalue()).digest() + stream.getvalue())
    assert load_checkpoint("start") is None
    assert not Path("executed").exists()


@pytest.mark.parametrize(
    ("key", "value", "same"),
    [("train.seed", 8, False), ("train.learning_rate", 0.1, False), ("augment", {"noise": 3.0}, False),
     ("train.device", "cpu", True), ("train.cache_mib", 0, True), ("evaluate.seed", 8, True)],
)  # fmt: skip
def test_only_what_decides_the_weights_makes_another_start(project: Path, key: str, value: object, same: bool) -> None:
    before = fingerprint(load_params())
    set_params(project, {key: value})
    assert (fingerprint(load_params()) == before) == same


def test_no_flipped_bit_is_gone_on_with(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_checkpoint(STATE, "start")
    whole, rng = CHECKPOINT.read_bytes(), random.Random(2)
    for _ in range(50):
        changed = bytearray(whole)
        changed[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        CHECKPOINT.write_bytes(changed)
        assert load_checkpoint("start") is None
    assert "checkpoint.pt is damaged, or of an older version: the training starts anew" in capsys.readouterr().out
