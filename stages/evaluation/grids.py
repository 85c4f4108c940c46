"""The modules of QR codes as their pictures show them, and many such grids as one array."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from stages.common.cli import StageError, progress
from stages.common.settings import Params
from stages.common.workers import Failure, in_workers
from stages.dataset.storage import Stored, read_pixels, stored_in
from stages.qr.image import grey
from stages.qr.rectify import modules

# Modules of a side that are kept, those of version 10; an array of version 40 would be ten times as large.
MAX_GRID_SIDE = 57
MIN_GRID_SIDE = 21  # those of version 1
CHUNK = 64  # pictures a worker takes at a time


def read_grids(rows: pd.DataFrame, params: Params) -> pd.Series:
    """The grid of every picture of `rows`, an object Series in their index; shows a progress bar.

    A grid is bool (side, side), True where dark, of the rectified symbol; side is 17 + 4 x version, but at most
    MAX_GRID_SIDE, and the modules to the right and below are left out. None where the picture does not show
    exactly one QR code. Raises StageError where a picture cannot be read any more or takes its decoder longer
    than `scan.timeout` allows.
    """

    def failed(stored: Stored, failure: Failure) -> None:
        raise StageError(f"{stored.path}: {failure.error}; run `dvc repro`, which scans pictures that have changed")

    images = stored_in(rows)
    work = partial(read_grid, folder=params.data.images, max_pixels=params.scan.max_pixels)
    read = in_workers(work, images, failed, params.scan.timeout, params.scan.workers, CHUNK)
    with progress() as bar:
        grids = list(bar.track(read, len(images), description="modules"))
    return pd.Series(grids, index=rows.index, dtype="object")


def read_grid(stored: Stored, folder: Path, max_pixels: int) -> np.ndarray | None:
    """The grid of one picture; see `read_grids`."""
    grid = modules(grey(read_pixels(folder, stored, max_pixels)))
    return None if grid is None else grid[:MAX_GRID_SIDE, :MAX_GRID_SIDE]


def largest(grids: pd.Series) -> int:
    """The side of the largest grid in modules, MIN_GRID_SIDE where there is none."""
    return max((len(grid) for grid in grids if grid is not None), default=MIN_GRID_SIDE)


def stack(grids: pd.Series, side: int) -> np.ndarray:
    """The grids as int8 (n, side, side), aligned at the top left: 1 dark, 0 light, -1 where there is no module.

    Larger grids lose their right and bottom. The finder pattern at the top left, the timing patterns and the beginning
    of the format information so keep their place in every version.
    """
    stacked = np.full((len(grids), side, side), -1, dtype=np.int8)
    for row, grid in zip(stacked, grids, strict=True):
        if grid is not None:
            part = grid[:side, :side]
            row[: len(part), : len(part)] = part
    return stacked
