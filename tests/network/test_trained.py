import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from stages.common.cli import StageError
from stages.common.settings import Model
from stages.network.trained import load_network, load_trained, save_network
from stages.training.run import new_network
from tests.helpers import write_model

SHAPE = Model.model_validate({"architecture": "cnn", "hidden": [4], "batch_norm": True})


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return new_network(SHAPE).eval()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return write_model(tmp_path / "models/model.safetensors", temperature=2.0, threshold=0.25, batch_norm=True)


@torch.inference_mode()
def test_a_saved_network_answers_as_before(net: nn.Module, saved: Path) -> None:
    loaded = load_trained(saved)
    pixels = torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(loaded.net(pixels), net(pixels))
    assert not loaded.net.training
    assert loaded.threshold == 0.25
    assert loaded.probability(pixels) == pytest.approx((net(pixels) / 2.0).softmax(1)[:, 1].numpy(), abs=1e-6)


def test_the_same_weights_are_the_same_bytes(net: nn.Module, tmp_path: Path) -> None:
    facts = {"data_sha256": "0", "torch": "2"}
    for i in range(5):
        save_network(tmp_path / f"{i}.safetensors", net, SHAPE, dict(reversed(facts.items())) if i % 2 else facts)
        assert (tmp_path / f"{i}.safetensors").read_bytes() == (tmp_path / "0.safetensors").read_bytes()


def test_the_memory_layout_changes_no_byte(net: nn.Module, tmp_path: Path) -> None:
    for name, layout in (("one", torch.channels_last), ("other", torch.contiguous_format)):
        save_network(tmp_path / f"{name}.safetensors", net.to(memory_format=layout), SHAPE, {})
    assert (tmp_path / "one.safetensors").read_bytes() == (tmp_path / "other.safetensors").read_bytes()


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
    other = SHAPE.model_copy(update={"hidden": [5]})
    save_network(path, new_network(other), SHAPE, {})


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
    with pytest.raises(StageError, match=r"model\.safetensors is damaged or not a model of this project"):
        load_trained(saved)
    assert not Path("pickled-code-ran").exists()


def test_a_flipped_bit_is_noticed(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    data[-100] ^= 1
    saved.write_bytes(data)
    with pytest.raises(StageError, match=r"model\.safetensors is damaged: its weights do not have the checksum"):
        load_trained(saved)


def test_other_preprocessing_is_another_model(net: nn.Module, saved: Path) -> None:
    save_network(saved, net, SHAPE, {"input": {"side": 128}})
    with pytest.raises(StageError, match="another version of this project, which prepares its inputs differently"):
        load_trained(saved)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"batch_norm": True, "hidden": [4], "dropout": 0.5, "init": "mixed"}, "by an older version of this project"),
        ({"architecture": "cnn", "hidden": [4], "depth": 7}, "by another version of this project"),
        ({"architecture": "transformer"}, "by another version of this project"),
    ],
)
def test_a_file_of_another_version_is_called_that(
    net: nn.Module, saved: Path, model: dict[str, Any], message: str
) -> None:
    save_network(saved, net, SHAPE, {"model": model})
    with pytest.raises(StageError, match=message):
        load_trained(saved)


def test_a_setting_that_a_file_does_not_know_has_the_value_it_had_then(net: nn.Module, saved: Path) -> None:
    save_network(saved, net, SHAPE, {"model": {"architecture": "cnn", "hidden": [4], "batch_norm": True}})
    assert load_network(saved).about["model"].keys() == {"architecture", "hidden", "batch_norm"}


def test_without_a_file_the_user_learns_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"model\.safetensors is not there yet: run `dvc repro`"):
        load_trained(tmp_path / "model.safetensors")


@pytest.mark.parametrize("change", [{"threshold": 1.5}, {"temperature": 0}, {"temperature": 1e9}, {"threshold": None}])
def test_a_calibration_that_is_out_of_range_is_named(saved: Path, change: dict[str, Any]) -> None:
    file = saved.with_name("calibration.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"seal": None} | change))
    with pytest.raises(
        StageError, match=rf"calibration\.json: {next(iter(change))} is (?s:.*)run `dvc repro calibrate`"
    ):
        load_trained(saved)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"temperature": NaN, "threshold": 0.5, "weights_sha256": ""}'])
def test_a_calibration_that_is_damaged_is_named(saved: Path, text: str) -> None:
    saved.with_name("calibration.json").write_text(text)
    with pytest.raises(StageError, match=r"calibration\.json(?s:.*)run `dvc repro calibrate`"):
        load_trained(saved)


def test_a_digit_that_was_changed_is_named(saved: Path) -> None:
    file = saved.with_name("calibration.json")
    file.write_text(file.read_text().replace("0.25", "0.26"))
    with pytest.raises(StageError, match=r"calibration\.json is damaged: .*checksum.* run `dvc repro calibrate`"):
        load_trained(saved)


def test_what_a_model_says_of_itself_is_that_which_it_was_calibrated_with(saved: Path) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data.replace(b'\\"network\\": \\"C', b'\\"network\\": \\"D', 1))
    assert saved.read_bytes() != data
    with pytest.raises(StageError, match=r"model\.safetensors is damaged: what it says of itself is not"):
        load_trained(saved)


def test_a_calibration_of_other_weights_is_refused(saved: Path) -> None:
    write_model(saved.parent / "other/model.safetensors", weights=0.0, batch_norm=True)
    (saved.parent / "other/model.safetensors").rename(saved)
    with pytest.raises(
        StageError, match=r"calibration\.json belongs to other weights than those in .*: run `dvc repro"
    ):
        load_trained(saved)
    assert load_network(saved)


def test_a_model_without_its_calibration_says_what_to_run(saved: Path) -> None:
    saved.with_name("calibration.json").unlink()
    with pytest.raises(StageError, match=r"calibration\.json, .* is not there: copy it, or run `dvc repro calibrate`"):
        load_trained(saved)
