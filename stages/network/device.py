"""Which device a network runs on."""

import torch

from stages.common.cli import StageError


def choose_device(wanted: str, option: str = "train.device") -> str:
    """`wanted` (cpu, cuda, mps); for auto the first of cuda and mps that is here, else cpu.

    Raises StageError, naming `option`, where that device is not here.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, available in here.items() if available)
    if not here[wanted]:
        raise StageError(f"{option} is {wanted}, which is not here; set it to auto")
    return wanted


def turn_off_tf32() -> None:
    """Compute in whole float32 from here on, on GPUs that would round its products to 10 bits (TF32).

    A threshold lies between the probabilities of two val rows; rounding must not move a row across it.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
