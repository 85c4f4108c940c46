"""Which device a network runs on."""

import os

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


def choose_algorithms(deterministic: bool) -> None:
    """Have an NVIDIA GPU compute the same bits in every run, or in the ways that turn out to be the fastest on it.

    Before anything is computed there. On other devices it changes nothing.
    """
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.benchmark = not deterministic  # it tries those there are on the first batch of a shape
    if deterministic:
        # Else cuBLAS may choose between several buffers (NVIDIA, cuBLAS Library, 2.1.4, Results reproducibility).
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def turn_off_tf32() -> None:
    """Compute in whole float32 from here on, on GPUs that would round its products to 10 bits (TF32).

    A threshold lies between the probabilities of two val rows; rounding must not move a row across it.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
