"""The row that a file gets in the scan table: its columns, and how one file is examined for them."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import cv2
import pyarrow as pa

from stages.common.settings import Scan
from stages.dataset.shards import is_shard
from stages.dataset.signatures import kind_by_signature
from stages.dataset.storage import Stored, read_bytes, readable, size_of
from stages.qr.image import UnusableImageError, decode, grey
from stages.qr.problem import Problem
from stages.qr.read import read_symbol

SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("label", pa.string()),
        ("source", pa.string()),
        ("shard", pa.string()),
        ("offset", pa.int64()),
        ("bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("channels", pa.int8()),
        ("format", pa.string()),
        ("sha256", pa.string()),
        ("decoded", pa.bool_()),
        ("symbols", pa.int16()),
        ("payload", pa.string()),
        ("version", pa.int8()),
        ("ec_level", pa.string()),
        ("mask", pa.int8()),
        ("module_px", pa.float32()),
        ("quiet_zone", pa.float32()),
        ("inverted", pa.bool_()),
        ("mirrored", pa.bool_()),
        ("contrast", pa.float32()),
        ("brightness", pa.float32()),
        ("url", pa.string()),
        ("label_problem", pa.string()),
        ("problem", pa.string()),
        ("error", pa.string()),
    ]
)
# These follow from a file's name and place, all others from its bytes.
NAMED = ("path", "label", "source", "shard", "offset", "url", "label_problem")
CONTENT = pa.schema([field for field in SCHEMA if field.name not in NAMED])

PICTURE = ["bytes", "width", "height", "channels", "brightness", "module_px", "quiet_zone", "format", "ec_level"]
BY_PAYLOAD = ["version", "mask"]  # of the symbol, but a consequence of its payload

# Fails for a link, and does not wait for a pipe.
PLAINLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

Row = dict[str, Any]


def examine(stored: Stored, folder: str, settings: Scan) -> Row:
    """The columns CONTENT for one file of the dataset `folder`. Never raises for what the file contains."""
    facts: Row = {}
    data = b""
    try:
        plain = _plain_file(stored, folder, settings.max_bytes)
        if plain is None:
            _admit(stored, folder)
            facts["bytes"] = size_of(folder, stored)
        data = read_bytes(folder, stored, settings.max_bytes) if plain is None else plain
        facts["bytes"] = len(data)
        facts["sha256"] = hashlib.sha256(data).hexdigest()
        picture = decode(data, settings.max_pixels)
        facts |= {name: getattr(picture, name) for name in ("format", "width", "height", "channels")}
        luma = grey(picture.pixels)
        facts["brightness"] = cv2.sumElems(luma)[0] / luma.size  # the mean, in a tenth of numpy's time
        return content_row(**facts, **vars(read_symbol(luma)))
    except UnusableImageError as problem:
        kind = kind_by_signature(data) if problem.problem is Problem.NOT_AN_IMAGE else ""
        return content_row(**facts, problem=problem.problem, error=kind or str(problem))
    except OSError as problem:
        return content_row(**facts, problem=Problem.UNREADABLE, error=f"cannot be read: {problem.strerror}")
    except Exception as problem:
        if isinstance(problem, MemoryError) or getattr(problem, "code", None) == cv2.Error.STS_NO_MEM:
            message = "this machine has too little memory for the picture"
            return content_row(**facts, problem=Problem.OUT_OF_MEMORY, error=message)
        # A decoder's own defect: the file is named, the others go on.
        message = f"the decoder failed on this file ({type(problem).__name__})"
        return content_row(**facts, problem=Problem.KILLS_DECODER, error=message)


def file_sha256(stored: Stored, folder: str, settings: Scan) -> str | None:
    """SHA-256 of a file's bytes; None for one that `examine` does not read."""
    try:
        data = _plain_file(stored, folder, settings.max_bytes)
        if data is None:
            _admit(stored, folder)
            data = read_bytes(folder, stored, settings.max_bytes)
        return hashlib.sha256(data).hexdigest()
    except (UnusableImageError, OSError):
        return None


def _plain_file(stored: Stored, folder: str, most: int) -> bytes | None:
    """The bytes of a regular file, at most `most`, in a third of read_bytes's time; None where anything is odd."""
    if stored.shard is not None or not stored.path.isascii() or is_shard(stored.path):
        return None
    try:
        descriptor = os.open(f"{folder}/{stored.path}", PLAINLY)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            return None
        data = os.read(descriptor, status.st_size)
        return data if len(data) == status.st_size else None
    finally:
        os.close(descriptor)


def content_row(**facts: Any) -> Row:
    """The columns CONTENT with `facts`, and what is unknown as None."""
    defaults = {
        "decoded": False,
        "symbols": 0,
        "inverted": False,
        "mirrored": False,
        "problem": Problem.NONE,
        "error": "",
    }
    return dict.fromkeys(CONTENT.names) | defaults | facts


def _admit(stored: Stored, folder: str) -> None:
    """Raise UnusableImageError for a name that cannot be written down, and for a link out of `folder`."""
    if readable(stored.path) != stored.path:
        raise UnusableImageError(Problem.BAD_NAME, "the file's name is not valid UTF-8")
    file = f"{folder}/{stored.path}"
    if stored.shard is None and os.path.islink(file):  # noqa: PTH114 (pathlib takes as long as reading)
        target = Path(file).resolve()
        if target.is_dir() or not target.is_relative_to(Path(folder).resolve()):
            raise UnusableImageError(Problem.LINK, "a symbolic link to a folder, or out of this one")
