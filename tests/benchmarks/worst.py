"""What the largest pictures take that a scan opens: noise of 50 million pixels, where every attempt is in vain."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.benchmarks.data import project
from tests.benchmarks.measure import MIB, Options, Row
from tests.benchmarks.memory import tree_memory
from tests.benchmarks.scale import single
from tests.benchmarks.scan import whole_scan
from tests.helpers import set_params

SIDE = 7071  # pixels: scan.max_pixels is 50,000,000
SPOT = 7  # pixels of a side of a square of noise, as large as modules are


def worst(options: Options) -> Iterator[Row]:
    """Peak memory (Pss of the process tree, every 50 ms) of a scan of pictures of 50 million pixels, by workers."""
    folder = project(options.folder / "worst")
    draw(folder / "data/images")
    for workers in (1, 4):
        set_params(folder, {"scan.workers": workers})
        run = whole_scan(folder, tree_memory)
        yield single("largest pictures", f"{workers} workers", "MiB", run.peak / MIB)
        yield single("largest pictures", f"{workers} workers", "s", run.seconds)


def draw(folder: Path) -> None:
    """Four files of SIDE x SIDE pixels in `folder`: colour, colour with transparency, black and white, 16 bits."""
    for label in ("benign", "malicious"):
        (folder / label).mkdir(parents=True)
    side = -(-SIDE // SPOT)
    few = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    colour = cv2.resize(few, (side * SPOT,) * 2, interpolation=cv2.INTER_NEAREST)[:SIDE, :SIDE]
    ink = np.where(colour[..., 0] > 127, np.uint8(255), np.uint8(0))
    Image.fromarray(colour).save(folder / "benign/colour.jpg", quality=30)
    Image.fromarray(np.dstack([colour, ink])).save(folder / "malicious/transparent.webp", quality=20)
    Image.fromarray(ink).save(folder / "malicious/ink.png")
    Image.fromarray(ink.astype(np.uint16) * 257).save(folder / "benign/deep.png")
