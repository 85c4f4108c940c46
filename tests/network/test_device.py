import pytest
import torch

from stages.common.cli import StageError
from stages.network.device import choose_device, turn_off_tf32


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
