"""The memory of a process, seen from outside, as Linux tells it below /proc; 0 where there is no such folder."""

from collections.abc import Iterator
from pathlib import Path


def tree_memory(pid: int) -> int:
    """Memory of a process and all below it now, in bytes; pages that n of them share count 1/n for each (Pss)."""
    below = sum(tree_memory(int(child)) for line in _lines(pid, "task/*/children") for child in line.split())
    return _kib(pid, "smaps_rollup", "Pss:") + below


def own_peak(pid: int) -> int:
    """The largest resident set of a process so far, in bytes (VmHWM), which no look can miss."""
    return _kib(pid, "status", "VmHWM:")


def _kib(pid: int, file: str, name: str) -> int:
    return sum(int(line.split()[1]) * 1024 for line in _lines(pid, file) if line.startswith(name))


def _lines(pid: int, pattern: str) -> Iterator[str]:
    for path in Path(f"/proc/{pid}").glob(pattern):
        try:
            yield from path.read_text().splitlines()
        except OSError:  # the process has ended meanwhile
            continue
