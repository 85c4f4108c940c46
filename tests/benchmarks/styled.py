"""Pictures of QR codes as people publish them: styled, coloured, noisy, turned, and three in ten unreadable."""

import random
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import segno

from stages.common.workers import cores
from tests.benchmarks.data import name

MODULE_PX, MARGIN = 10, 4  # as most generators draw by default: 290 pixels (version 2) to 1,850 (version 40)
SMALL = 256  # pixels that some are shrunk to
VERSIONS = [*range(2, 11)] * 2 + [13, 20, 32, 40]  # most payloads are short
STYLES = ["square"] * 6 + ["dot"] * 3 + ["gapped", "bar"]  # of the last two decoders read few
SPOILT = 0.12  # of all pictures; with those in hard styles three in ten are unreadable


def picture(number: int) -> np.ndarray:
    """Picture `number`, always the same: BGR, uint8 (side, side, 3), of 256 to 1,850 pixels or a little more."""
    rng = random.Random(number)
    noise = np.random.default_rng(number)
    version = rng.choice(VERSIONS)
    url = f"https://{number}.example/{'path/' * (version - 2)}"
    code = segno.make_qr(url, version=version, error=rng.choice("LM"), boost_error=False)
    dark = np.pad(np.array(code.matrix, np.uint8), MARGIN)
    if rng.random() < SPOILT:
        dark = spoilt(dark, rng.choice(("data", "finders", "all")), noise)
    ink = cv2.resize(dark, None, fx=MODULE_PX, fy=MODULE_PX, interpolation=cv2.INTER_NEAREST).astype(np.float32)
    ink *= np.tile(module(rng.choice(STYLES)), dark.shape)
    pixels = coloured(ink, rng)
    if version < 13 and rng.random() < 0.3:
        pixels = cv2.resize(pixels, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.2:
        pixels = turned(pixels, rng.uniform(-180, 180))
    if rng.random() < 0.2:
        pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.5, 2))
    if rng.random() < 0.2:
        pixels = pixels + noise.normal(0, rng.uniform(5, 40), pixels.shape)
    return pixels.clip(0, 255).astype(np.uint8)


def spoilt(dark: np.ndarray, what: str, noise: np.random.Generator) -> np.ndarray:
    """The modules, uint8 (side, side) with MARGIN, with a third of the data wrong, no finder patterns, or neither."""
    spoilt = np.where(noise.random(dark.shape) < 1 / 3, 1 - dark, dark)
    low, high = MARGIN + 8, len(dark) - MARGIN - 8
    finders = [(slice(MARGIN, low), slice(MARGIN, low)), (slice(MARGIN, low), slice(high, -MARGIN)),
               (slice(high, -MARGIN), slice(MARGIN, low))]  # fmt: skip
    if what != "all":
        kept = np.zeros(dark.shape, bool)
        for place in finders:
            kept[place] = True
        spoilt = np.where(kept == (what == "data"), dark, spoilt)
        spoilt = spoilt if what == "data" else np.where(kept, noise.integers(0, 2, dark.shape), spoilt)
    return spoilt.astype(np.uint8)


def module(style: str) -> np.ndarray:
    """How much of each pixel of a dark module is ink: float32 (MODULE_PX, MODULE_PX), 0..1."""
    ink = np.zeros((MODULE_PX, MODULE_PX), np.float32)
    if style == "square":
        ink[:] = 1
    elif style == "dot":
        centre = (MODULE_PX - 1) * 8  # in sixteenths of a pixel
        cv2.circle(ink, (centre, centre), MODULE_PX * 8 - 8, 1, -1, cv2.LINE_8, 4)
    elif style == "gapped":
        ink[1:-1, 1:-1] = 1
    else:
        ink[:, 1:-1] = 1
    return ink


def coloured(ink: np.ndarray, rng: random.Random) -> np.ndarray:
    """`ink`, float32 (h, w), on paper, each in a colour or black and white: float32 (h, w, 3); some light on dark."""
    if rng.random() < 0.4:
        paper, dark = np.full(3, 255.0), np.zeros(3)
    else:
        paper, dark = (np.array([rng.uniform(*span) for _ in range(3)]) for span in ((180, 255), (0, 120)))
    if rng.random() < 0.05:
        paper, dark = dark, paper
    return (paper + ink[..., None] * (dark - paper)).astype(np.float32)


def turned(pixels: np.ndarray, degrees: float) -> np.ndarray:
    """The picture turned about its centre, as large as before; its own paper where it shows nothing."""
    side = len(pixels)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, 0.75)
    return cv2.warpAffine(pixels, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=pixels[0, 0].tolist())


def draw_styled(count: int, folder: Path) -> Path:
    """`folder`, with the first `count` pictures in it as PNG files."""
    for label in ("benign", "malicious"):
        (folder / label).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(cores()) as pool:
        list(pool.map(partial(_save, folder), range(count), chunksize=16))
    return folder


def _save(folder: Path, number: int) -> None:
    cv2.imwrite(str(folder / name(number)), picture(number))
