"""What the names on the command line stand for: files, folders, tar files, or a list of those on stdin."""

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from os import fsdecode
from pathlib import Path

from stages.common.cli import StageError
from stages.dataset.shards import is_shard
from stages.dataset.storage import Stored, list_images

MAX_NAME = 2**16  # bytes of a line that are kept; no system has longer names


@dataclass(frozen=True)
class Source:
    """A file to judge. `named`: by the user; one found in a folder is skipped where it holds no pictures.

    `content` are its bytes where they came on stdin. `reason` and `detail` say why it cannot be opened.
    """

    path: str
    stored: Stored
    named: bool = True
    content: bytes | None = None
    reason: str = ""
    detail: str = ""


def sources(names: list[str], stdin: int | None = None) -> Iterator[Source]:
    """One `Source` a file, in the order of the names, as soon as it is known; "-" stands for the lines of stdin.

    A folder gives all files below it, sorted, without dot files; a tar file gives those in it. No name
    raises: what is not there, forbidden, or no name at all is a Source with a reason.
    """
    for name in names:
        if name != "-":
            yield from _named(name)
            continue
        for number, line in enumerate(lines(sys.stdin.fileno() if stdin is None else stdin)):
            text = fsdecode(line.removeprefix(b"\xef\xbb\xbf") if number == 0 else line).rstrip("\r")
            if text:
                yield from _named(text)


def lines(descriptor: int) -> Iterator[bytes]:
    """The lines of a file descriptor, each as soon as it is there; without a lock, on which an exit could wait."""
    rest = b""
    while data := os.read(descriptor, 2**16):
        *whole, rest = (rest + data).split(b"\n")
        yield from whole
        rest = rest[:MAX_NAME]
    yield rest


def _named(name: str) -> Iterator[Source]:
    try:
        mode = os.stat(name).st_mode  # noqa: PTH116 (a name may be one that pathlib does not take)
        if stat.S_ISDIR(mode):
            yield from _in_folder(name)
        elif is_shard(name) and stat.S_ISREG(mode):
            yield from _in_tar(name)
        else:
            yield Source(name, Stored(name))
    except FileNotFoundError:
        yield _refused(name, "missing", "there is no such file or folder")
    except (OSError, ValueError) as error:  # ValueError: a null character
        yield _refused(name, "unreadable", f"cannot be opened: {getattr(error, 'strerror', None) or error}")


def _in_folder(folder: str) -> Iterator[Source]:
    """Depth first, each folder sorted: memory is that of the largest folder's names."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in found)
    except OSError as error:
        yield _refused(folder, "unreadable", f"cannot be opened: {error.strerror}")
        return
    for name, is_folder in entries:
        path = os.path.join(folder, name)  # noqa: PTH118 (a hundred thousand Paths take a second)
        if name.startswith("."):
            continue
        if is_folder:
            yield from _in_folder(path)
        elif is_shard(name) and os.path.isfile(path):  # noqa: PTH113
            yield from _in_tar(path)
        else:
            yield Source(path, Stored(path), named=False)


def _in_tar(name: str) -> Iterator[Source]:
    path = Path(name)
    try:
        for inside in list_images(path):
            if inside.shard is None:  # the tar file itself, which is damaged
                yield Source(name, Stored(name))
            else:
                stored = inside._replace(path=str(path / inside.path), shard=name)
                yield Source(stored.path, stored, named=False)
    except (StageError, OSError) as error:
        yield _refused(name, "unreadable", str(error))


def _refused(name: str, reason: str, detail: str) -> Source:
    return Source(name, Stored(name), reason=reason, detail=detail)
