import os

import pytest
import torch

from stages.common.cli import StageError
from stages.network.device import choose_algorithms, choose_device, turn_off_tf32


@pytest.mark.parametrize(("cuda", "mps", "device"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_auto_is_the_first_that_is_here(cuda: bool, mps: bool, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto") == device
    assert choose_device("cpu") == "cpu"


def test_a_device_that_is_not_here_is_named_with_its_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(StageError, match=r"^--device is cuda, which is not here; set it to auto$"):
        choose_device("cuda", "--device")


def test_products_are_not_rounded() -> None:
    turn_off_tf32()
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_gpu_computes_the_same_in_every_run_or_as_fast_as_it_can(
    deterministic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", not deterministic)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", deterministic)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    choose_algorithms(deterministic)
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark) == (deterministic, not deterministic)
    assert ("CUBLAS_WORKSPACE_CONFIG" in os.environ) == deterministic
