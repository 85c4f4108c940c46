"""The device to train on, and the precision it computes in."""

from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.utilities.exceptions import MisconfigurationException

from stages.common.cli import StageError
from stages.common.settings import Train

PRECISIONS: dict[str, Any] = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


def make_fabric(settings: Train) -> tuple[Fabric, str]:
    """Device and precision as asked, or the best there is; the precision by its name in params.yaml.

    Precision "auto" is bf16 where the device has instructions for it, float16 on older GPUs, else
    float32. Raises StageError where there is no such device.
    """
    try:
        device = Fabric(accelerator=settings.device, devices=1).device
    except (RuntimeError, MisconfigurationException) as error:
        raise StageError(f"train.device is {settings.device}, which is not here ({error}); set it to auto") from None
    precision: str = settings.precision
    if precision == "auto" and device.type == "cuda":
        precision = "bf16" if torch.cuda.is_bf16_supported() else "16"
    elif precision == "auto":
        able = torch.cpu.get_capabilities() if device.type == "cpu" else {}
        precision = "bf16" if any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")) else "32"
    return Fabric(accelerator=settings.device, devices=1, precision=PRECISIONS[precision]), precision
