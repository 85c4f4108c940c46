"""The QR codes in image files, cut out for the network by worker processes that may die.

Whatever a file is or does, it costs one line: see stages/scan.py. Nothing here loads PyTorch, which
would take every worker seconds to start.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np

from stages.common.workers import in_workers
from stages.dataset.storage import Stored, read_bytes
from stages.network.view import INPUT_SIDE, view
from stages.qr.image import UnusableImageError, decode, grey, square
from stages.qr.locate import locate
from stages.qr.problem import Problem
from stages.qr.read import read_symbol
from stages.qr.rectify import rectify_symbol
from stages.qr.symbol import Symbol

CHUNK = 8  # files a worker takes at a time; all their codes come back together
# pyzbar, zxing-cpp, or both have read the code; in all other cases there is no code to judge.
READ = (Problem.NONE, Problem.WEAK_DECODER)


@dataclass(frozen=True)
class Limits:
    """What a file may cost. The defaults are those of `scan` in params.yaml."""

    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000
    timeout: float = 20.0  # seconds


@dataclass(frozen=True)
class Code:
    """One QR code in a picture; or, where `pixels` is None, why there is none to judge.

    `index` counts a picture's codes from 1, and is None where it has none. `pixels` are what the
    network gets to see, uint8 (224, 224) or (224, 224, 3). `payload` is as it was read. `error`
    says `problem` in words.
    """

    path: str
    index: int | None = None
    pixels: np.ndarray | None = None
    payload: str | None = None
    problem: Problem = Problem.NONE
    error: str = ""


def codes(images: list[Stored], limits: Limits, workers: int | None = None) -> Generator[Code]:
    """At least one `Code` for each of `images`, in their order, however many there are in bounded memory.

    The files are read by `workers` processes (None: one a core); one that dies on a file costs that one line.
    """

    def failed(stored: Stored, why: str) -> list[Code]:
        return [Code(stored.path, problem=Problem.KILLS_DECODER, error=why)]

    work = partial(codes_in, limits=limits)
    with closing(in_workers(work, images, failed, limits.timeout, workers, CHUNK)) as found:
        yield from chain.from_iterable(found)


def codes_in(stored: Stored, limits: Limits) -> list[Code]:
    """The codes in the file that is `stored`, at least one entry. Never raises for what the file contains."""
    path = stored.path
    try:
        pixels = decode(read_bytes("", stored, limits.max_bytes), limits.max_pixels).pixels
        luma = grey(pixels)
        found, reading = locate(luma), read_symbol(luma)
        count = max(len(found), reading.symbols)
        if count > 1:  # also where pyzbar missed the second
            return _several(path, pixels, found, count)
        if reading.problem in READ:
            return [Code(path, 1, view(pixels), reading.payload)]
        return [Code(path, problem=reading.problem, error=reading.error)]
    except UnusableImageError as problem:
        message = str(problem).replace("scan.max_", "--max-")  # no params.yaml here
        return [Code(path, problem=problem.problem, error=message)]
    except OSError as problem:
        return [Code(path, problem=Problem.UNREADABLE, error=f"cannot be read: {problem.strerror}")]
    except Exception as problem:  # a decoder's own defect: the file is named, the others go on
        return [Code(path, problem=Problem.KILLS_DECODER, error=f"the decoder failed on it ({type(problem).__name__})")]


def _several(path: str, pixels: np.ndarray, found: list[Symbol], count: int) -> list[Code]:
    """Each code cut out; those that pyzbar reads but zxing-cpp does not place have no pixels."""
    located = [symbol for symbol in found if symbol.side]
    entries = [
        Code(path, i, square(rectify_symbol(pixels, symbol), INPUT_SIDE), symbol.payload)
        for i, symbol in enumerate(located, 1)
    ]
    error = f"one of {count} QR codes in the picture that could not be located; show it in a picture of its own"
    missing = range(len(located) + 1, count + 1)
    return entries + [Code(path, i, problem=Problem.NOT_LOCATED, error=error) for i in missing]
