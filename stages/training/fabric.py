"""The devices to train on, one process each, and the precision they compute in."""

import logging
import os
import sys
from datetime import timedelta
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from stages.common.cli import StageError
from stages.common.lifetime import LAUNCHER
from stages.common.settings import Train
from stages.common.workers import cores
from stages.network.device import choose_device

# What it has to say is said in this project's words.
logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
PRECISIONS: dict[str, Any] = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
PATIENCE = timedelta(minutes=2)  # that a process waits for the others, before it counts them as lost
RESTARTS = 3  # of all processes, when one has died: they go on after the last whole epoch


def make_fabric(settings: Train) -> tuple[Fabric, str]:
    """Devices and precision as asked, or the best there is; the precision by its name in params.yaml.

    One of several processes where torchrun or `start_processes` started this one (PyTorch's environment
    variables say so), else alone. Precision "auto" is bf16 where the device has instructions for it,
    float16 on older GPUs, else float32. Raises StageError where there is no such device, or not one for each,
    and for float16 on a CPU.
    """
    here, all_ = (int(os.environ.get(name, "1")) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))
    device = require_devices(settings.device, here)
    precision: str = settings.precision
    if precision == "auto" and device == "cuda":
        precision = "bf16" if torch.cuda.is_bf16_supported() else "16"
    elif precision == "auto":
        able = torch.cpu.get_capabilities() if device == "cpu" else {}
        precision = "bf16" if any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")) else "32"
    if precision == "16" and device == "cpu":  # Lightning would take bf16 instead, and only warn
        raise StageError("train.precision is 16 (float16), which needs a GPU; set it to auto")
    together: dict[str, Any] = {"strategy": DDPStrategy(timeout=PATIENCE)} if all_ > 1 else {}
    fabric = Fabric(
        accelerator=device, devices=here, num_nodes=all_ // here, precision=PRECISIONS[precision], **together
    )
    return fabric, precision


def require_devices(wanted: str, count: int) -> str:
    """The kind of device that `wanted` (train.device) is on this machine: cpu, cuda or mps.

    Raises StageError where there is none, or fewer than `count`. A CPU takes any number of processes.
    """
    device = choose_device(wanted)
    there = {"cuda": torch.cuda.device_count(), "mps": 1}.get(device, count)
    if count > there:
        raise StageError(
            f"train.devices is {count}, but this machine has {there} {device} device{'s' * (there > 1)}; "
            f"set it to {there} or less (with torchrun, --nproc-per-node)"
        )
    return device


def start_processes(settings: Train, module: str) -> None:
    """Run `python -m module` in `train.devices` processes of this machine that train together, and wait for them.

    One that dies has all started again, up to RESTARTS times. Raises StageError where there are not so many
    devices or the processes fail, and KeyboardInterrupt on Ctrl-C.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    count = settings.devices
    require_devices(settings.device, count)
    # Else the agent shares one store with its workers and keeps it over restarts: the second attempt then finds the
    # addresses of the first, and waits for ever where nobody listens (pytorch/pytorch#135712; so with gloo, too).
    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    os.environ[LAUNCHER] = str(os.getpid())
    os.environ.setdefault("OMP_NUM_THREADS", str(max(cores() // count, 1)))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        max_restarts=RESTARTS,
        run_id=module,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
    )
    try:
        elastic_launch(config, sys.executable)("-m", module)
    except ChildFailedError:
        raise StageError(
            f"{module} failed in one of {count} processes, {RESTARTS + 1} times; its message stands above"
        ) from None
    except SignalException:
        raise KeyboardInterrupt from None
