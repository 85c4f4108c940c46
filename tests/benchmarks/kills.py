"""Does a process outlive the one that it works for? Runs are killed at random moments, and what still runs is counted.

python -m tests.benchmarks.kills --count 20 FOLDER    # FOLDER, which is made if it is not there, gets a small project

Only the process that was started is killed (SIGKILL), as the system kills it when memory is short. All that it has
started, however indirectly, has a variable of this run in its environment: by that it is found again.
"""

import argparse
import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from shutil import copytree, ignore_patterns
from uuid import uuid4

import psutil

from stages.common.artefacts import CHECKPOINT, MODEL, SCAN
from stages.common.cli import stdout
from tests.clones import git
from tests.conftest import train_easily
from tests.helpers import ENV, IMPORTING, REPO, set_params

MARK = "QR_GATE_KILLED_RUN"
PATIENCE = 10.0  # seconds that the others have to end
STAGE = [sys.executable, "-m"]
# Command, settings, and the seconds of processor time within which it is killed: a busy machine changes nothing.
COMMANDS: dict[str, tuple[list[str], dict[str, object], float]] = {
    "stages.scan": ([*STAGE, "stages.scan"], {}, 4.0),
    "stages.robustness": ([*STAGE, "stages.robustness"], {}, 15.0),
    "stages.train": ([*STAGE, "stages.train"], {"train.devices": 1}, 15.0),
    "stages.train, 2 devices": ([*STAGE, "stages.train"], {"train.devices": 2}, 40.0),
    "dvc repro": ([*STAGE, "dvc", "repro", "--force", "--single-item", "scan", "validate", "split"], {}, 12.0),
}


def marked(mark: str) -> list[psutil.Process]:
    """The processes that a run has started, and still run."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def start(folder: Path, name: str, mark: str) -> "subprocess.Popen[bytes]":
    """The command called `name` in the project `folder`, which has something to do for it."""
    command, settings, _ = COMMANDS[name]
    set_params(folder, settings)
    (folder / CHECKPOINT).unlink(missing_ok=True)  # or there would be less to do
    if name == "stages.scan":
        (folder / SCAN).unlink(missing_ok=True)
    env = (ENV if "dvc" in command else IMPORTING) | {MARK: mark}  # the project that DVC runs has a `stages` of its own
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=folder, env=env, stdout=quiet, stderr=quiet)


def spent(process: psutil.Process) -> float:
    """Processor time of a process and of what it has started, in seconds; infinity where it has ended."""
    total = 0.0
    try:
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += sum(one.cpu_times()[:4])  # with those of children that have ended
        return total if process.status() != psutil.STATUS_ZOMBIE else float("inf")
    except psutil.NoSuchProcess:
        return float("inf")


def kill(folder: Path, name: str, after: float) -> tuple[int, list[psutil.Process], float]:
    """How many processes there were, which still ran after PATIENCE, and in how many seconds the others ended."""
    mark = uuid4().hex
    process = start(folder, name, mark)
    while spent(psutil.Process(process.pid)) < after:
        time.sleep(0.02)
    there = len(marked(mark))
    process.kill()
    process.wait()
    began = time.perf_counter()
    while (left := marked(mark)) and time.perf_counter() - began < PATIENCE:
        time.sleep(0.02)
    return there, left, time.perf_counter() - began


def new_project(folder: Path) -> None:
    """A trained project that DVC can run, and whose training takes some seconds."""
    folder.mkdir(parents=True)
    train_easily(folder)
    set_params(folder, {"scan.workers": 2, "train.epochs": 10, "robustness.images": 8})
    for name in ("stages", ".dvc"):
        copytree(REPO / name, folder / name, ignore=ignore_patterns("tmp", "cache", "__pycache__"))
    (folder / "dvc.yaml").write_bytes((REPO / "dvc.yaml").read_bytes())
    (folder / "data/sample_urls.csv").write_text("url,label\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "dvc.yaml", "params.yaml")
    git(folder, "commit", "--quiet", "-m", "A project")


def main() -> None:
    """Kill, and print a line for each; the exit status is 1 if anything still runs."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.kills")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    if not options.folder.exists():
        new_project(options.folder)
    rng = random.Random(options.seed)
    longest = {name: time for name, (*_, time) in COMMANDS.items()}
    stdout.print(
        f"command | killed after, s of processor time | processes | still run after {PATIENCE:.0f} s | ended within, s"
    )
    kills = survivors = 0
    while kills < options.count:
        name = list(COMMANDS)[kills % len(COMMANDS)]
        after = rng.uniform(0, longest[name])
        there, left, ended = kill(options.folder, name, after)
        if not there:  # it had ended: sooner the next time
            longest[name] *= 0.7
            continue
        kills += 1
        survivors += len(left)
        stdout.print(" | ".join((name, f"{after:.1f}", str(there), str(len(left)), "" if left else f"{ended:.2f}")))
        for process in left:
            process.kill()
    stdout.print(f"{options.count} kills, {survivors} processes outlived theirs")
    if not (options.folder / MODEL).exists():
        sys.exit("the model is gone")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main()
