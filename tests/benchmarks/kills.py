"""What is left of a run that is killed? Every stage is killed at random moments and run again.

python -m tests.benchmarks.kills --count 60 FOLDER    # FOLDER, which is made if it is not there, keeps the project

Killed (SIGKILL, as the system kills what takes too much memory) is DVC alone, a stage that was run by hand, or DVC with
all that it has started. Ten seconds later nothing of it may run. The next run must give the bytes that an
undisturbed one gives, and leave nothing half written.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from shutil import copytree, rmtree
from uuid import uuid4

import psutil
from ruamel.yaml import YAML

from stages.common.cli import stdout
from stages.common.files import remove
from tests.clones import clone, dvc
from tests.helpers import ENV, REPO, set_params

MARK = "QR_GATE_KILLED_RUN"  # in the environment of all that a run starts, however indirectly
PATIENCE = 10.0  # seconds that the others have to end
TWO = "train, 2 devices"
STAGES = YAML(typ="safe").load(REPO / "dvc.yaml")["stages"]
NAMES = [name for stage in STAGES for name in ((stage, TWO) if stage == "train" else (stage,))]
KINDS = ("DVC alone", "the stage", "the group")
SETTINGS: dict[str, object] = {
    "sample.per_class": 60,
    "sample.elsewhere_per_class": 10,
    "scan.workers": 2,
    # Small, and without dropout, whose random state is kept of the first process only.
    "model": {"architecture": "symbol", "width": 8, "hidden": 16, "dropout": 0.0},
    "train.epochs": 12,
    "train.device": "cpu",
    "train.precision": "32",
    "robustness.images": 4,
    "evaluate.samples": 100,
    "validate.levels": {"versions_overlap": "off", "few_sites": "warn", "small_test": "warn"},
}


def outputs(name: str) -> list[str]:
    """What the stage writes, by dvc.yaml."""
    stage = STAGES[name.partition(",")[0]]
    return [next(iter(out)) if isinstance(out, dict) else out for out in [*stage["outs"], *stage.get("metrics", [])]]


def hashes(folder: Path, names: list[str]) -> dict[str, str]:
    """SHA-256 of every file among or below `names`."""
    paths = (path for name in names for path in ((folder / name), *(folder / name).rglob("*")))
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()}


def command(name: str, kind: str) -> list[str]:
    """The command that runs the stage."""
    stage = name.partition(",")[0]
    by_hand = ["-m", f"stages.{stage}"]
    return [sys.executable, *(by_hand if kind == "the stage" else ["-m", "dvc", "repro", "-f", "-s", stage])]


def start(folder: Path, name: str, kind: str, mark: str = "") -> "subprocess.Popen[bytes]":
    """Run the stage in `folder`, at the head of a process group."""
    quiet = subprocess.DEVNULL
    env = ENV | {MARK: mark, "DVC_SITE_CACHE_DIR": str(folder.parent / "site-cache")}
    return subprocess.Popen(
        command(name, kind), cwd=folder, env=env, stdout=quiet, stderr=quiet, start_new_session=True
    )


def marked(mark: str) -> Iterator[psutil.Process]:
    """The processes that a run has started, and still run."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                yield process


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


def end(process: "subprocess.Popen[bytes]") -> tuple[int, float]:
    """Wait for its end: exit status, and the processor time that it and its children took."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def undisturbed(folder: Path) -> dict[str, dict[str, str]]:
    """The hashes of what each stage writes; two projects in `folder` have run, which are made where there are none."""
    one, two, unfinished = folder / "one", folder / "two", folder / "two.partial"
    if not one.exists():
        folder.mkdir(parents=True)
        clone(one)
        set_params(one, SETTINGS)
    if (ended := dvc(one, "repro")).returncode:
        sys.exit(ended.stdout + ended.stderr)
    if not two.exists():
        remove(unfinished)
        copytree(one, unfinished, symlinks=True)
        set_params(unfinished, {"train.devices": 2})
        if end(start(unfinished, TWO, "the stage"))[0]:
            sys.exit("the training on two devices failed")
        unfinished.rename(two)
    return {name: hashes(two if name == TWO else one, outputs(name)) for name in NAMES}


def kill(folder: Path, name: str, kind: str, after: float, wanted: dict[str, str]) -> tuple[list[str], float] | None:
    """What was wrong, and the processor time of the next run; None where the run ended before `after` seconds."""
    work, mark = folder / "work", uuid4().hex
    rmtree(work, ignore_errors=True)
    copytree(folder / ("two" if name == TWO else "one"), work, symlinks=True)
    for path in map(work.joinpath, outputs(name)):
        remove(path)
    process = start(work, name, kind, mark)
    while spent(psutil.Process(process.pid)) < after:
        time.sleep(0.1)
    if process.poll() is not None:
        return None
    (os.killpg if kind == "the group" else os.kill)(process.pid, signal.SIGKILL)
    process.wait()
    began = time.perf_counter()
    while (left := list(marked(mark))) and time.perf_counter() - began < PATIENCE:
        time.sleep(0.1)
    wrong = [f"still runs: {' '.join(one.cmdline()[:4])}" for one in left]
    for one in left:
        one.kill()
    status, seconds = end(start(work, name, kind))
    if status:
        wrong.append(f"the next run ended with status {status}")
    elif (found := hashes(work, outputs(name))) != wanted:
        wrong += [f"{path} is another" for path in sorted({*found, *wanted}) if found.get(path) != wanted.get(path)]
    wrong += [f"{path.relative_to(work)} is left" for path in work.rglob("*.partial")]
    return wrong, seconds


def main() -> None:
    """Kill, print a line for each and a table in the end; the exit status is 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.kills")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    folder = options.folder.resolve()
    wanted = undisturbed(folder)
    rng = random.Random(options.seed)
    longest = dict.fromkeys(NAMES, 8.0)  # until a run has shown how much processor time it takes
    kills: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    for number in range(options.count):
        name, kind = NAMES[number % len(NAMES)], KINDS[(number + number // len(NAMES)) % len(KINDS)]
        while (found := kill(folder, name, kind, after := rng.uniform(0, longest[name]), wanted[name])) is None:
            longest[name] *= 0.7
        wrong, longest[name] = found
        kills[name, kind] += 1
        failed[name, kind] += bool(wrong)
        stdout.print(
            f"{name}, {kind}, after {after:.1f} s of {longest[name]:.1f}: {'; '.join(wrong) or 'as it should'}"
        )
    stdout.print(" | ".join(["killed (of them wrong)", *KINDS]))
    for name in NAMES:
        cells = (f"{kills[name, kind]} ({failed[name, kind]})" for kind in KINDS)
        stdout.print(" | ".join([name, *cells]))
    sys.exit(bool(failed.total()))


if __name__ == "__main__":
    main()
