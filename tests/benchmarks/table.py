"""The machine, the table and the file of the results."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from stages.common.files import replacing
from stages.common.workers import cores
from tests.benchmarks.measure import Row

PACKAGES = (
    *("torch", "torchvision", "numpy", "pandas", "pillow", "opencv-python", "zxing-cpp", "pyzbar", "segno", "dvc"),
    "cleanvision",
)


def machine() -> dict[str, Any]:
    """What the figures hold for: processor, cores, memory, system, Python and the libraries' versions."""
    return {
        "processor": _line("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": cores(),
        "memory_gib": round(int((_line("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) / 2**20, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _line(file: str, name: str) -> str:
    path = Path(file)
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def describe(facts: dict[str, Any]) -> str:
    """The machine in one line."""
    installed = ", ".join(f"{name} {facts[name]}" for name in ("python", *PACKAGES) if facts[name])
    return f"{facts['processor']}, {facts['cores']} cores, {facts['memory_gib']} GiB; {installed}"


def as_table(rows: Sequence[Row]) -> Table:
    """A line for each row; `ours to it` is how many times better ours is, in the median round and in all."""
    table = Table(box=SIMPLE, pad_edge=False)
    for name in ("benchmark", "what"):
        table.add_column(name, no_wrap=True)
    table.add_column("median (min - max)", justify="right")
    for name in ("unit", "ours to it", "reach", "note"):
        table.add_column(name)
    for row in rows:
        figure, ratio = _spread(row.median, row.min, row.max), _spread(row.ratio, row.ratio_min, row.ratio_max)
        table.add_row(row.benchmark, row.peer, figure, row.unit, ratio, row.reach, Text(row.note))
    return table


def _spread(median: float | None, low: float | None, high: float | None) -> str:
    return _short(median) if low == high else f"{_short(median)} ({_short(low)} - {_short(high)})"


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write(path: Path, facts: dict[str, Any], settings: dict[str, Any], results: dict[str, list[Row]]) -> None:
    """Write the results as JSON; those of other benchmarks stay in the file where they are of the same machine."""
    before = json.loads(path.read_text()) if path.exists() else {}
    kept = before.get("benchmarks", {}) if before.get("machine") == facts else {}
    new = {name: {"settings": settings, "rows": [_rounded(row) for row in rows]} for name, rows in results.items()}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"machine": facts, "benchmarks": kept | new}, indent=2) + "\n")


def _rounded(row: Row) -> dict[str, Any]:
    return {
        name: float(f"{value:.5g}") if isinstance(value, float) else value
        for name, value in asdict(row).items()
        if value not in (None, "")
    }
