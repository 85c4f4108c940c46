import pytest
import torch

from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.training.fabric import make_fabric, require_devices, start_processes
from tests.helpers import PARAMS

TRAIN = load_params(PARAMS).train


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_device_and_precision_are_those_asked_for(precision: str) -> None:
    fabric, used = make_fabric(TRAIN.model_copy(update={"device": "cpu", "precision": precision}))
    assert (fabric.device.type, fabric.world_size, used) == ("cpu", 1, precision)
    with fabric.autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)


@pytest.mark.parametrize(("able", "expected"), [({"amx_bf16": True}, "bf16"), ({"avx2": True}, "32"), ({}, "32")])
def test_auto_takes_bf16_only_where_the_processor_computes_in_it(
    monkeypatch: pytest.MonkeyPatch, able: dict[str, bool], expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert make_fabric(TRAIN.model_copy(update={"device": "cpu", "precision": "auto"}))[1] == expected


def test_a_device_that_is_not_here_is_an_error_with_the_remedy() -> None:
    name = "cuda" if torch.backends.mps.is_available() else "mps"  # no machine has both
    with pytest.raises(StageError, match=rf"train\.device is {name}, .*set it to auto"):
        make_fabric(TRAIN.model_copy(update={"device": name}))


def test_a_cpu_is_not_asked_for_float16() -> None:
    with pytest.raises(StageError, match=r"train\.precision is 16 \(float16\), which needs a GPU; set it to auto"):
        make_fabric(TRAIN.model_copy(update={"device": "cpu", "precision": "16"}))


def test_more_devices_than_there_are_is_an_error_before_a_process_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    settings = TRAIN.model_copy(update={"device": "cuda", "devices": 4})
    with pytest.raises(
        StageError, match=r"train\.devices is 4, but this machine has 2 cuda devices; set it to 2 or less"
    ):
        start_processes(settings, "stages.train")
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    with pytest.raises(StageError, match=r"train\.devices is 4, .*--nproc-per-node"):
        make_fabric(settings)
    assert require_devices("cuda", 2) == "cuda"
    assert require_devices("cpu", 4) == "cpu"
