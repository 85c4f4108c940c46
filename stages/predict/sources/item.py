"""What passes between the readers of files and those who read the codes: pictures, items to open, refusals."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

MAX_DEPTH = 6  # of a PDF file in a mail in a mail ...


@dataclass(frozen=True)
class Limits:
    """What a file may cost. The first three are those of `scan` in params.yaml."""

    max_bytes: int = 20_000_000  # of a file, and of each part of it once that is decompressed
    max_pixels: int = 50_000_000
    timeout: float = 20.0  # seconds for each part, and ten times that for a file of several
    max_parts: int = 200  # pages, frames, attachments


@dataclass(frozen=True)
class Picture:
    """Decoded pixels, uint8 (height, width) or (height, width, 3) RGB.

    `sha256` is of the bytes of the image file, or of the pixels where a page was rendered.
    """

    where: str
    pixels: np.ndarray
    sha256: str


@dataclass(frozen=True)
class Refusal:
    """Something that cannot be judged; `reason` is a short code, `detail` says it in words."""

    where: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Item:
    """A part that is opened on its own: what breaks its reader costs this part only.

    `open` yields what is in it; nothing has been decoded before it is called. It may raise anything.
    """

    where: str
    open: Callable[[], Iterator["Picture | Refusal | Item"]]


Found = Iterator[Picture | Refusal | Item]


def below(where: str, name: str) -> str:
    """The name of a part in the part `where`: "part 2, page 3"."""
    return f"{where}, {name}" if where else name
