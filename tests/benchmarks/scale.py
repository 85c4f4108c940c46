"""What scan takes as the number of images grows: memory that stays, time that grows in proportion."""

from collections.abc import Iterator

import numpy as np

from tests.benchmarks.data import scan_project
from tests.benchmarks.measure import MIB, Options, Row
from tests.benchmarks.memory import tree_memory
from tests.benchmarks.scan import whole_scan


def scale(options: Options) -> Iterator[Row]:
    """Time and peak memory (Pss of the process tree, every 50 ms) by number of images, and the line through the times.

    One whole scan for each of `options.sizes`, watched while it is timed.
    """
    seconds = []
    for count in options.sizes:
        project = scan_project(count, options.pictures, options.folder / f"scale{count}")
        run = whole_scan(project, tree_memory)
        seconds.append(run.seconds)
        yield single("scan memory", f"{count:,} images", "MiB", run.peak / MIB, "< 1024")
        yield single("scan time", f"{count:,} images", "s", run.seconds)
    if len(options.sizes) > 2:
        slope, start = np.polyfit(options.sizes, seconds, 1)
        fit = np.corrcoef(options.sizes, seconds)[0, 1] ** 2
        note = f"by {1000 * slope:.2f} ms an image and {start:.1f} s at the start, R2 {fit:.5f}"
        yield single("scan time", "1,000,000 images", "s", start + slope * 1e6, "in proportion", note)


def single(benchmark: str, what: str, unit: str, value: float, reach: str = "", note: str = "") -> Row:
    """The row of one figure, measured once."""
    return Row(benchmark, what, unit, value, value, value, reach=reach, note=note)
