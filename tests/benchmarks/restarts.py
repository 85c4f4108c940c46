"""Two processes train, one dies: how often do they go on? Once and again, while other processes keep the cores busy.

python -m tests.benchmarks.restarts --count 50 --busy 6

They are started as stages.training.fabric starts those of a training, and train a small network. In the first
attempt one kills itself after its first step.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from multiprocessing import get_context

import psutil

from stages.common.cli import stdout
from tests.helpers import PARAMS

ATTEMPT = "TORCHELASTIC_RESTART_COUNT"  # in the environment of each, set by torch
LIMIT = 900.0  # seconds after which they hang, far beyond the time that a process waits for another (PATIENCE)
STEPS = 3


def train() -> None:
    """What each of the two does."""
    import torch
    from torch import distributed, nn

    from stages.training.fabric import PATIENCE

    distributed.init_process_group("gloo", timeout=PATIENCE)
    model = nn.parallel.DistributedDataParallel(nn.Linear(8, 2))
    for _ in range(STEPS):
        model(torch.ones(4, 8)).sum().backward()
        if (os.environ[ATTEMPT], distributed.get_rank()) == ("0", 1):
            os.kill(os.getpid(), signal.SIGKILL)
    distributed.destroy_process_group()


def launch() -> None:
    """Start the two, in a process of its own, without their output."""
    from stages.common.settings import load_params
    from stages.training.fabric import start_processes

    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    settings = load_params(PARAMS).train.model_copy(update={"device": "cpu", "devices": 2})
    start_processes(settings, "tests.benchmarks.restarts")


def once() -> str:
    """How it ended."""
    process = get_context("fork").Process(target=launch)
    process.start()
    began, attempts = time.monotonic(), 0
    while process.is_alive() and time.monotonic() - began < LIMIT:
        with suppress(psutil.Error):
            for one in psutil.Process(process.pid).children():
                attempts = max(attempts, int(one.environ().get(ATTEMPT, 0)))
        process.join(0.2)
    if process.is_alive():
        process.kill()
        return "hung"
    if process.exitcode:
        return "failed"
    return {0: "none died", 1: "first restart worked"}.get(attempts, "a later restart worked")


def main() -> None:
    """Print how each went, and a table in the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.restarts")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--busy", type=int, default=6, help="processes that keep the cores busy")
    options = parser.parse_args()
    import stages.training.fabric  # noqa: F401 (once, and not in each process that is forked)

    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.busy)]
    outcomes: Counter[str] = Counter()
    try:
        for number in range(options.count):
            began = time.monotonic()
            outcomes[outcome := once()] += 1
            stdout.print(f"{number + 1}: {outcome}, {time.monotonic() - began:.0f} s")
    finally:
        for one in busy:
            one.kill()
    for outcome, count in outcomes.items():
        stdout.print(f"{outcome} | {count}")


if __name__ == "__main__":
    train() if "RANK" in os.environ else main()
