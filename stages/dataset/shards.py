"""Shards: uncompressed tar files, what is in them, and whether they are whole."""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydantic import NonNegativeInt, TypeAdapter, ValidationError

from stages.common.cli import StageError
from stages.common.files import replacing

MANIFEST = "shards.json"  # beside the shards, written by `pack`: what each was when it was written
LONGEST_HEADER = 2**20  # bytes; a header with a long name has some hundred
BLOCK = 512  # bytes; two blocks of zeros are the end of a tar file


class Entry(NamedTuple):
    """A shard in the manifest."""

    files: NonNegativeInt
    bytes: NonNegativeInt
    sha256: str


class Member(NamedTuple):
    """What a shard holds: `offset` is None for a link or device. `size` is that of its header, and may be a lie."""

    name: str
    offset: int | None
    size: int


def is_shard(name: str) -> bool:
    """Whether a file is by its name a tar file, case aside."""
    return name[-4:].lower() == ".tar"


class _Headers:
    """A file of which tarfile can read headers only: one that claims to be larger, or negative, reads nothing."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LONGEST_HEADER:
            raise tarfile.ReadError("a header of impossible size")
        return self.stream.read(size)


def members(file: Path) -> Iterator[Member | None]:
    """The files in the shard `file` by its headers, hidden ones too; None at the end if it is not whole.

    Reads headers only, and no more than is there. A shard is whole if it consists of whole blocks, has an entry, and
    ends with two blocks of zeros, which alone are left where its beginning is cut off. One that cannot be opened is not
    whole. Entries that were cut out to the block go unnoticed; for that there is the manifest.
    """
    whole = found = False
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            headers: Any = _Headers(stream)  # as much of a file as tarfile needs
            with tarfile.open(fileobj=headers, mode="r:") as tar:
                for member in tar:
                    found = True
                    tar.members.clear()  # type: ignore[attr-defined]   # would grow to a gigabyte for a million members
                    if not member.isdir():
                        yield Member(member.name, member.offset_data if member.isreg() else None, member.size)
                    if member.size < 0 or member.offset_data + member.size > size:
                        raise tarfile.ReadError("a size that the file cannot hold")
                whole = found and _ends_at(file, tar.offset)  # tarfile takes a damaged header for the end
    except (tarfile.TarError, OSError, ValueError, OverflowError):
        pass
    if not whole:
        yield None


def _ends_at(file: Path, offset: int) -> bool:
    """Whether from `offset` on there are zeros only, whole blocks and at least two."""
    size = file.stat().st_size
    if size < offset + 2 * BLOCK or size % BLOCK:
        return False
    with file.open("rb") as stream:
        stream.seek(offset)
        return all(not any(block) for block in iter(lambda: stream.read(2**20), b""))


def read_manifest(folder: Path) -> dict[str, Entry]:
    """The manifest in `folder` by the names of the shards; empty where there is none."""
    path = folder / MANIFEST
    try:
        return TypeAdapter(dict[str, Entry]).validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError):
        raise StageError(f"{path} is not what `pack` writes: delete it, and the shards are read without it") from None


def write_manifest(folder: Path, files: dict[str, int]) -> None:
    """Write the manifest of the shards in `folder`; `files` has how many each holds."""
    entries = {name: _entry(folder / name, count)._asdict() for name, count in sorted(files.items())}
    with replacing(folder / MANIFEST) as temporary:
        temporary.write_text(json.dumps(entries, indent=2) + "\n")


def as_written(file: Path, entry: Entry) -> bool:
    """Whether the shard `file` can be read and has the bytes that it had when the manifest was written."""
    try:
        return os.path.getsize(file) == entry.bytes and _entry(file, entry.files) == entry  # noqa: PTH202
    except OSError:
        return False


def _entry(file: Path, files: int) -> Entry:
    with file.open("rb") as stream:
        return Entry(files, file.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())
