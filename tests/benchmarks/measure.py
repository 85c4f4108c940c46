"""How the benchmarks measure: whole processes from outside, alternatives in turn, medians and ratios of rounds."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import TypeVar

import numpy as np

from stages.common.cli import StageError, printable
from tests.helpers import IMPORTING

Figure = TypeVar("Figure")

MIB = 2**20
POLL = 0.05  # seconds between two looks at a process's memory
# Training uses as many threads as it likes, as it does for its users.
FREE_ENV = {name: value for name, value in IMPORTING.items() if name != "OMP_NUM_THREADS"}


@dataclass(frozen=True)
class Options:
    """What is measured: numbers of images, rows, rounds, epochs; `folder` is empty and goes away, `pictures` stays."""

    folder: Path
    pictures: Path
    images: int
    rounds: int
    sizes: tuple[int, ...]
    rescans: tuple[int, ...]
    table_rows: int
    per_class: int
    epochs: int
    seeds: int
    styled: int


@dataclass(frozen=True)
class Row:
    """One alternative of one benchmark: its figure in `unit` over the rounds, and how many times better ours is.

    `ratio` is above 1 where ours is faster or smaller than `peer`. All are None where nothing was measured.
    """

    benchmark: str
    peer: str
    unit: str = ""
    median: float | None = None
    min: float | None = None
    max: float | None = None
    ratio: float | None = None
    ratio_min: float | None = None
    ratio_max: float | None = None
    reach: str = ""
    note: str = ""


@dataclass(frozen=True)
class Run:
    """A process that has ended: its wall time, the CPU time of it and of its processes, its peak memory, its output.

    Memory in bytes, 0 where not weighed.
    """

    seconds: float
    cpu_seconds: float
    peak: int
    status: int
    output: str


def process(
    *arguments: str, folder: Path, weigh: Callable[[int], int] | None = None, statuses: Sequence[int] = (0,)
) -> Run:
    """`python ARGUMENTS` in `folder`; `weigh` gives its memory in bytes by its process id, again and again.

    Raises StageError with the end of what it printed where its exit status is not one of `statuses`.
    """
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        started, cpu = time.perf_counter(), cpu_of_children()
        child = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, env=FREE_ENV, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            peak = _watch(child, weigh) if weigh else 0
            status = child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise
        seconds = time.perf_counter() - started
        output.seek(0)
        text = output.read()
    if status not in statuses:
        raise StageError(f"`python {' '.join(arguments)}` ended with status {status}: {printable(text[-1500:])}")
    return Run(seconds, cpu_of_children() - cpu, peak, status, text)


def cpu_of_children() -> float:
    """Seconds of CPU time of all processes that this one has waited for, and that these have."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch(child: "subprocess.Popen[bytes]", weigh: Callable[[int], int]) -> int:
    peak = 0
    while child.poll() is None:
        peak = max(peak, weigh(child.pid))
        time.sleep(POLL)
    return peak


def in_turn(alternatives: Mapping[str, Callable[[int], Figure]], rounds: int) -> dict[str, list[Figure]]:
    """Call each alternative with the number of the round, A B A B; their results by name, one a round."""
    results: dict[str, list[Figure]] = {name: [] for name in alternatives}
    for number in range(rounds):
        for name, measure in alternatives.items():
            results[name].append(measure(number))
    return results


def compare(
    benchmark: str,
    unit: str,
    figures: Mapping[str, Sequence[float]],
    reach: Mapping[str, str] | None = None,
    notes: Mapping[str, str] | None = None,
) -> Iterator[Row]:
    """A row for each of `figures`, of which the first is ours; less is better in s and MiB, more in all other units."""
    ours = np.array(next(iter(figures.values())), dtype=float)
    for place, (peer, values) in enumerate(figures.items()):
        theirs = np.array(values, dtype=float)
        row = Row(
            benchmark, peer, unit, *_spread(theirs), reach=(reach or {}).get(peer, ""), note=(notes or {}).get(peer, "")
        )
        if place:
            median, low, high = _spread(theirs / ours if unit in ("s", "MiB") else ours / theirs)
            row = replace(row, ratio=median, ratio_min=low, ratio_max=high)
        yield row


def _spread(values: np.ndarray) -> tuple[float, float, float]:
    return float(np.median(values)), float(values.min()), float(values.max())
