import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from stages.common.cli import StageError
from stages.common.settings import Model
from stages.network.model import QRNet
from stages.network.trained import load_trained, save_trained

FACTS = {"temperature": 2.0, "threshold": 0.25}
SHAPE = Model(batch_norm=True, hidden=[4], dropout=0.5, init="mixed")


@pytest.fixture(scope="module")
def net() -> QRNet:
    torch.manual_seed(0)
    return QRNet(SHAPE).eval()


@pytest.fixture
def saved(net: QRNet, tmp_path: Path) -> Path:
    path = tmp_path / "models/model.safetensors"
    save_trained(path, net, SHAPE, FACTS)
    return path


@torch.inference_mode()
def test_a_saved_network_answers_as_before(net: QRNet, saved: Path) -> None:
    loaded = load_trained(saved)
    pixels = torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded.net(pixels), net(pixels))
    assert not loaded.net.training
    assert loaded.threshold == 0.25
    assert loaded.probability(pixels) == pytest.approx((net(pixels) / 2.0).softmax(1)[:, 1].numpy(), abs=1e-6)


def test_the_same_weights_are_the_same_bytes(net: QRNet, saved: Path, tmp_path: Path) -> None:
    for i in range(5):
        save_trained(tmp_path / f"{i}.safetensors", net, SHAPE, dict(reversed(FACTS.items())))
        assert (tmp_path / f"{i}.safetensors").read_bytes() == saved.read_bytes()


def test_the_memory_layout_changes_no_byte(net: QRNet, saved: Path, tmp_path: Path) -> None:
    again = QRNet(SHAPE).to(memory_format=torch.channels_last)
    again.load_state_dict(net.state_dict())
    save_trained(tmp_path / "again.safetensors", again, SHAPE, FACTS)
    assert (tmp_path / "again.safetensors").read_bytes() == saved.read_bytes()


class Payload:
    """What unpickling would run."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("pickled-code-ran"),))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def cut_in_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def of_another_project(path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, path)


def with_foreign_metadata(path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, path, metadata={"about": "{}"})


def of_other_weights(path: Path) -> None:
    shape = SHAPE.model_copy(update={"hidden": [5]})
    save_trained(path, QRNet(SHAPE), shape, FACTS)


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(Payload()))


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        cut_in_the_header,
        of_another_project,
        with_foreign_metadata,
        of_other_weights,
        pickled,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("no model"),
    ],
)
def test_a_damaged_or_foreign_file_is_named(
    saved: Path, damage: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    damage(saved)
    with pytest.raises(StageError, match=r"model\.safetensors is damaged or no model of this project"):
        load_trained(saved)
    assert not Path("pickled-code-ran").exists()


def test_a_flipped_bit_is_noticed(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    data[-100] ^= 1
    saved.write_bytes(data)
    with pytest.raises(StageError, match=r"model\.safetensors is damaged: its weights do not have the checksum"):
        load_trained(saved)


def test_other_preprocessing_is_another_model(net: QRNet, saved: Path) -> None:
    save_trained(saved, net, SHAPE, {**FACTS, "input": {"side": 128}})
    with pytest.raises(StageError, match="which prepares its pictures differently"):
        load_trained(saved)


def test_without_a_file_the_user_learns_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"model\.safetensors is not there yet: run `dvc repro`"):
        load_trained(tmp_path / "model.safetensors")
