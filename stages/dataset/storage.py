"""Where the bytes of an image are: in a file of its own, or in a shard, which is an uncompressed tar file.

A shard stands for the files in it, named as if it had been unpacked where it lies: a dataset has
the same rows, in the same order, as a folder of files and in shards. Every image can be read by
itself at its offset, so that shuffling is as good with shards as without.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages.common.cli import StageError, printable
from stages.dataset.shards import MANIFEST, Entry, as_written, is_shard, members, read_manifest
from stages.dataset.signatures import SIGNATURE_BYTES, kind_by_signature
from stages.qr.image import UnusableImageError, decode
from stages.qr.problem import Problem

if TYPE_CHECKING:
    import pandas as pd

LABELS_FILE = "labels.csv"  # in data.images: file,label and, if you like, url
IMPOSSIBLE = 2**62  # bytes; for a size in a header that no file has


class Stored(NamedTuple):
    """An image by its name, relative to data.images, and the place of its bytes.

    `shard` is the tar file that holds it, relative to data.images ("." where that is itself the
    tar file), or None where it is a file of its own. `offset` and `bytes` tell where in the shard;
    a link or device in there has no offset.
    """

    path: str
    shard: str | None = None
    offset: int | None = None
    bytes: int = 0


STORAGE_COLUMNS = Stored._fields  # of the tables


def list_images(images: Path) -> list[Stored]:
    """Every file in the folder or tar file `images`, sorted by name; dot files such as .DS_Store are not samples.

    A folder that is a link or may not be read is listed in place of its files, a damaged shard beside
    those that are left of it, and so is a shard that the manifest lists and that is not there: they get
    rows that say so. Raises StageError where `images` is
    neither folder nor tar file, or two files have the same name.
    """
    if images.suffix == ".npz":
        raise StageError(f"{images} holds arrays: `python -m stages.commands.unpack {images} FOLDER` draws them")
    if images.is_file() and is_shard(images.name):
        found = list(_members(images, ".", "", read_manifest(images.parent).get(images.name)))
    elif images.is_dir():
        manifest = read_manifest(images)
        names = list(_files(images))
        lost = sorted({*manifest} - {*names})
        found = [stored for name in names for stored in _expanded(images, name, manifest)] + [*map(Stored, lost)]
    else:
        raise StageError(f"{images} {_what_it_is(images)}; set data.images in params.yaml to your folder of images")
    found.sort(key=lambda stored: stored.path)
    for one, other in pairwise(found):
        if one.path == other.path:
            places = " and ".join(stored.shard or "the folder" for stored in (one, other))
            raise StageError(f"{images}: {one.path} is in {places}; every image needs a name of its own")
    _require_distinct([stored.path for stored in found])
    return found


def _require_distinct(names: Sequence[str]) -> None:
    """Raise StageError where a name that is not UTF-8 would be written down like another one."""
    written = [text for name in names if not name.isascii() and (text := readable(name)) != name]
    if written and (same := sorted({*written} & {*names})):
        raise StageError(f"{same[0]} is a file's name, and what another's that is not UTF-8 is written as; rename one")


def readable(name: str) -> str:
    """`name` with backslashes for what is not UTF-8 in it, which neither Parquet nor a terminal could hold."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def require_folder_of_its_own(images: Path) -> None:
    """Raise StageError where `images` holds the project itself: its packages and results are no images."""
    if Path.cwd().resolve().is_relative_to(images.resolve()):
        raise StageError(f"{images} holds this project itself; set data.images in params.yaml to a folder of images")


def odd_entries(images: Path) -> Iterator[str]:
    """What DVC can neither hash nor name in an error, each with its cause: it reads the folder before any stage.

    Names that are not UTF-8, links to nothing, pipes and devices, files and folders that may not be read.
    Hidden ones count, too.
    """
    refused: list[OSError] = []
    for parent, folders, files in os.walk(images, onerror=refused.append):
        for name in [*folders, *files]:
            if readable(name) != name:
                yield f"{_shown(parent, name)}: the name is not UTF-8; rename it"
        for name in files:
            if cause := _not_a_file(os.path.join(parent, name)):  # noqa: PTH118
                yield f"{_shown(parent, name)}: {cause}"
    yield from (f"{printable(error.filename)}: the folder may not be read (chmod u+rx)" for error in refused)


def _shown(folder: str, name: str) -> str:
    return printable(readable(os.path.join(folder, name)))  # noqa: PTH118


def _not_a_file(path: str) -> str:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 (pathlib takes as long again, for each of a million)
    except OSError:
        return "a link to nothing; delete it, or copy there what it stands for"
    if not stat.S_ISREG(mode):
        return "a pipe, socket or device; take it out"
    return "" if os.access(path, os.R_OK) else "it may not be read (chmod u+r)"


def require_plain_entries(images: Path) -> None:
    """Raise StageError, with the first of them, where `images` has `odd_entries`."""
    found = list(odd_entries(images)) if images.is_dir() else []
    if found:
        more = f", and {len(found) - 5:,} more" if len(found) > 5 else ""
        raise StageError(f"{images} has entries that DVC cannot read: {'; '.join(found[:5])}{more}")


def _what_it_is(images: Path) -> str:
    if not images.is_file():
        return "is not there" if not images.exists() else "is neither a folder nor a tar file"
    with images.open("rb") as stream:
        kind = kind_by_signature(stream.read(SIGNATURE_BYTES))
    return f"is {kind}" if kind else "is neither a folder nor a tar file"


def labels_file(images: Path) -> Path | None:
    """The labels file in the folder `images`, in whatever case it is written; None where there is none."""
    if not images.is_dir():
        return None
    with os.scandir(images) as entries:
        found = sorted(entry.name for entry in entries if entry.name.casefold() == LABELS_FILE)
    if len(found) > 1:
        raise StageError(f"{images} holds {' and '.join(found)}: delete one, as only one can be right")
    return images / found[0] if found else None


def _files(folder: Path) -> Iterator[str]:
    closed: list[str] = []
    for parent, folders, files in os.walk(folder, onerror=lambda error: closed.append(error.filename)):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(parent).relative_to(folder).as_posix()
        linked = [name for name in folders if os.path.islink(os.path.join(parent, name))]  # noqa: PTH114, PTH118
        for name in [*files, *linked]:
            path = name if below == "." else f"{below}/{name}"
            if not name.startswith(".") and path.casefold() not in (LABELS_FILE, MANIFEST):
                yield path
    yield from (Path(name).relative_to(folder).as_posix() for name in closed)


def _expanded(folder: Path, name: str, manifest: dict[str, Entry]) -> Iterator[Stored]:
    if is_shard(name) and (folder / name).is_file():
        yield from _members(folder / name, name, name.rpartition("/")[0], manifest.get(name))
    else:
        yield Stored(name)


def _members(file: Path, shard: str, below: str, entry: Entry | None) -> Iterator[Stored]:
    """The files in a shard; `below` is the folder in which it lies, `entry` what the manifest says of it."""
    whole = entry is None or as_written(file, entry)
    for member in members(file):
        if member is None:
            whole = False
            continue
        name = PurePosixPath(below, member.name.lstrip("/")).as_posix()
        if any(part.startswith(".") and part != ".." for part in name.split("/")):
            continue
        if name.casefold() == LABELS_FILE:
            raise StageError(f"{file} has {name} in it: put that file beside the shards, in data.images")
        yield Stored(name, shard, member.offset, member.size if 0 <= member.size < IMPOSSIBLE else IMPOSSIBLE)
    if not whole:
        yield Stored(PurePosixPath(below, file.name).as_posix())


def stored_in(rows: "pd.DataFrame") -> list[Stored]:
    """Where the readable images of `rows` are, by their STORAGE_COLUMNS; without a shard each is a file of its own."""
    table = rows.reindex(columns=list(STORAGE_COLUMNS)).fillna({"offset": 0, "bytes": 0})
    columns = (table[name].tolist() for name in STORAGE_COLUMNS)
    return [
        Stored(path, shard, int(offset), int(size)) if isinstance(shard, str) else Stored(path)
        for path, shard, offset, size in zip(*columns, strict=True)
    ]


def size_of(images: Path | str, stored: Stored) -> int:
    """Bytes of an image. Raises OSError where there is no such file, or it is none."""
    try:
        status = os.stat(_file(images, stored))  # noqa: PTH116 (pathlib takes as long as reading)
    except FileNotFoundError:
        if stored.shard is None and is_shard(stored.path):
            raise OSError(errno.ENOENT, f"no such file{_in_manifest(images, stored.path)}") from None
        raise
    if stat.S_ISDIR(status.st_mode):  # `list_images` lists no others
        link = os.path.islink(_file(images, stored))  # noqa: PTH114
        raise OSError(0, "a link to a folder" if link else "a folder that may not be listed")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(0, "a device or a pipe")
    return status.st_size if stored.shard is None else stored.bytes


def read_bytes(images: Path | str, stored: Stored, most: int) -> bytes:
    """The bytes of an image, never more than `most`. `images` is data.images, or "" for names from here.

    Raises UnusableImageError with problem TOO_LARGE, TRUNCATED or LINK, and OSError as `size_of`.
    """
    size = size_of(images, stored)
    if stored.shard is None and is_shard(stored.path):
        open(_file(images, stored), "rb").close()  # noqa: PTH123 (raises where it may not be read)
        had = _in_manifest(images, stored.path)
        problem = f"a damaged tar file{had}; what is left of it has rows of its own"
        raise UnusableImageError(Problem.TRUNCATED, problem)
    if stored.shard is not None and stored.offset is None:
        raise UnusableImageError(Problem.LINK, "a link or a device in a tar file")
    if stored.shard is not None and (stored.offset or 0) + size > os.path.getsize(_file(images, stored)):  # noqa: PTH202
        raise UnusableImageError(Problem.TRUNCATED, "the shard ends before the size that its header gives the file")
    if size > most:
        raise UnusableImageError(Problem.TOO_LARGE, f"{size:,} bytes, more than scan.max_bytes = {most:,}")
    with open(_file(images, stored), "rb", buffering=0) as stream:  # noqa: PTH123
        stream.seek(stored.offset or 0)
        data = stream.read(size)
    if len(data) < size:
        raise UnusableImageError(Problem.TRUNCATED, "the file ends before its size")
    return data


def _in_manifest(images: Path | str, shard: str) -> str:
    """For people: what the manifest says of a damaged shard, if it does."""
    folder = Path(images)
    entry = read_manifest(folder if folder.is_dir() else folder.parent).get(shard)
    return f"; {MANIFEST} says that it had {entry.files:,} files in {entry.bytes:,} bytes" if entry else ""


def _file(images: Path | str, stored: Stored) -> str:
    """Where to open an image; a tar file that is itself data.images is not below that."""
    damaged = stored.shard is None and is_shard(stored.path) and os.path.isfile(images)  # noqa: PTH113
    return str(images) if stored.shard == "." or damaged else os.path.join(images, stored.shard or stored.path)  # noqa: PTH118


def read_pixels(images: Path, stored: Stored, max_pixels: int, sha256: str | None = None) -> np.ndarray:
    """The pixels of an image that the scan could read, uint8 (height, width) or (height, width, 3).

    Raises StageError where it has become unreadable since, or is another one by its `sha256`.
    """
    try:
        data = read_bytes(images, stored, 2**40)
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise UnusableImageError(Problem.UNREADABLE, "its bytes are others")
        return decode(data, max_pixels).pixels
    except (OSError, UnusableImageError) as error:
        raise StageError(
            f"{images / stored.path} has changed since it was scanned ({error}); run `dvc repro`"
        ) from None
