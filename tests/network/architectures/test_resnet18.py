import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import resnet18

from stages.common.cli import StageError
from stages.common.settings import Model
from stages.training.run import new_network


def network(weights: Path | None = None) -> dict[str, torch.Tensor]:
    model = Model.model_validate({"architecture": "resnet18"} | ({"weights": str(weights)} if weights else {}))
    return new_network(model).get_submodule("resnet").state_dict()


@pytest.fixture(scope="module")
def pretrained() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return resnet18(weights=None).state_dict()  # 1,000 classes


def as_safetensors(path: Path, weights: dict[str, Any]) -> Path:
    save_file(weights, path.with_suffix(".safetensors"))
    return path.with_suffix(".safetensors")


def as_state_dict(path: Path, weights: dict[str, Any]) -> Path:
    torch.save(weights, path.with_suffix(".pth"))
    return path.with_suffix(".pth")


@pytest.mark.parametrize("save", [as_safetensors, as_state_dict])
def test_it_starts_from_the_weights_of_a_file_but_for_the_last_layer(
    tmp_path: Path, pretrained: dict[str, torch.Tensor], save: Callable[[Path, dict[str, Any]], Path]
) -> None:
    file = save(tmp_path / "weights", pretrained)
    torch.manual_seed(0)
    plain = network()
    torch.manual_seed(0)
    started = network(file)
    assert started["fc.weight"].shape == (2, 512)
    for name, tensor in started.items():
        assert torch.equal(tensor, plain[name] if name.startswith("fc.") else pretrained[name]), name


class Payload:
    """What unpickling would run."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("pickled-code-ran"),))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not there"),
        (b"no weights", "cannot be read"),
        (pickle.dumps(Payload()), "cannot be read"),
        ([1, 2], "does not hold a ResNet-18"),
        ({"conv1.weight": torch.zeros(64, 3, 7, 7)}, "does not hold a ResNet-18"),
        ({"conv1.weight": torch.zeros(1)}, "does not hold a ResNet-18"),
        ({"features.0.weight": torch.zeros(3)}, "does not hold a ResNet-18"),
    ],
)
def test_a_file_of_something_else_is_named(
    tmp_path: Path, content: object, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        torch.save(content, file)
    with pytest.raises(StageError, match=rf"model\.weights: .*weights\.pth {message}"):
        network(file)
    assert not Path("pickled-code-ran").exists()
