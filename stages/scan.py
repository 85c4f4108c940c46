"""Look once at every file below `data.images` and write one row each to data/scan.parquet.

Whatever a file is or does, it costs one row: a damaged image has an `error`, and one that kills
or hangs its decoder takes down a worker process, which is noticed, replaced and named in the row.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stages.common.cli import StageError, progress, run, stdout
from stages.common.files import replacing
from stages.common.settings import Params, Scan, load
from stages.common.tables import SCAN
from stages.common.workers import in_workers
from stages.dataset.labels import LABELS_FILE, Label, label_of, read_labels
from stages.qr.image import UnusableImageError, decode, grey
from stages.qr.symbol import read, require_zbar

SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("label", pa.string()),
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
        ("brightness", pa.float32()),
        ("url", pa.string()),
        ("label_problem", pa.string()),
        ("problem", pa.string()),
        ("error", pa.string()),
    ]
)
CHUNK = 64  # files a worker takes at a time
ROW_GROUP = 16_384  # rows written at a time: memory stays bounded whatever the number of files

Row = dict[str, Any]


def main() -> None:
    """Scan every file and write the table row group by row group."""
    params = load()
    require_zbar()
    paths = list_files(params.data.images)
    rows, readable = [], 0
    with replacing(SCAN) as temporary, pq.ParquetWriter(temporary, SCHEMA) as writer, progress() as bar:
        for row in bar.track(labelled(scan(paths, params), params), len(paths), description="scan"):
            rows.append(row)
            readable += row["decoded"]
            if len(rows) == ROW_GROUP:
                writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
    stdout.print(f"{SCAN}: {len(paths):,} files, pyzbar read exactly one QR code in {readable:,}")


def list_files(folder: Path) -> list[str]:
    """Every file below `folder`, relative to it, sorted; dot files such as .DS_Store are not samples.

    A folder that is a link or may not be read is listed in place of its files, and so gets a row that says so.
    """
    if folder.suffix == ".npz":
        raise StageError(f"{folder} holds arrays: `python -m stages.dataset.unpack {folder} FOLDER` draws them")
    if not folder.is_dir():
        raise StageError(f"{folder} is no folder; set data.images in params.yaml to your folder of images")
    found: list[str] = []

    def closed(error: OSError) -> None:
        found.append(Path(error.filename).relative_to(folder).as_posix())

    for parent, folders, files in os.walk(folder, onerror=closed):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(parent).relative_to(folder)
        linked = [name for name in folders if (Path(parent) / name).is_symlink()]
        found += [(below / name).as_posix() for name in [*files, *linked] if not name.startswith(".")]
    return sorted(name for name in found if name != LABELS_FILE)


def labelled(rows: Iterable[Row], params: Params) -> Iterator[Row]:
    """`rows` with their labels; then one row each for files that the labels file lists and that are not there."""
    listed = read_labels(params.data.images, params.data.classes)
    for row in rows:
        if listed is None:
            row["label"] = label_of(row["path"], params.data.classes)
        else:
            entry = listed.pop(row["path"], Label("", problem="no_row"))
            row |= {"label": entry.label, "url": entry.url, "label_problem": entry.problem}
        yield row
    for name, entry in (listed or {}).items():
        error = f"listed in {LABELS_FILE}, but there is no such file"
        yield _row(name, label=entry.label, url=entry.url, label_problem="no_file", error=error)


def scan(paths: list[str], params: Params) -> Iterator[Row]:
    """Rows for `paths`, in their order, from worker processes that may die; one that does costs one row."""

    def failed(path: str, why: str) -> Row:
        return _row(path, problem="kills_decoder", error=why)

    work = partial(look, folder=params.data.images, settings=params.scan)
    return in_workers(work, paths, failed, params.scan.timeout, params.scan.workers, CHUNK)


def look(path: str, folder: Path, settings: Scan) -> Row:
    """The row of one file (see SCHEMA), its label aside. Never raises for what the file contains."""
    facts: Row = {}
    try:
        file = folder / path
        if file.is_symlink() and (file.is_dir() or not file.resolve().is_relative_to(folder.resolve())):
            raise UnusableImageError("link", "a symbolic link to a folder, or out of this one")
        facts["bytes"] = file.stat().st_size
        if facts["bytes"] > settings.max_bytes:
            message = f"{facts['bytes']:,} bytes, more than scan.max_bytes = {settings.max_bytes:,}"
            raise UnusableImageError("too_large", message)
        data = file.read_bytes()
        facts["sha256"] = hashlib.sha256(data).hexdigest()
        picture = decode(data, settings.max_pixels)
        facts |= {name: getattr(picture, name) for name in ("format", "width", "height", "channels")}
        luma = grey(picture.pixels)
        facts["brightness"] = float(luma.mean())
        return _row(path, **facts, **asdict(read(luma)))
    except UnusableImageError as problem:
        return _row(path, **facts, problem=problem.problem, error=str(problem))
    except OSError as problem:
        return _row(path, **facts, problem="unreadable", error=f"cannot be read: {problem.strerror}")
    except Exception as problem:  # a decoder's own defect: the file is named, the others go on
        message = f"the decoder failed on this file ({type(problem).__name__})"
        return _row(path, **facts, problem="kills_decoder", error=message)


def _row(path: str, **facts: Any) -> Row:
    defaults = {"decoded": False, "symbols": 0, "inverted": False, "mirrored": False}
    row: Row = dict.fromkeys(SCHEMA.names) | defaults | {"label_problem": "", "problem": "", "error": ""} | facts
    # A name that is not UTF-8 reaches us with surrogates, which neither Parquet nor a terminal can hold.
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    if name != path:
        row |= {"decoded": False, "problem": "bad_name", "error": "the file's name is not valid UTF-8"}
    return row | {"path": Path(name).as_posix()}


if __name__ == "__main__":
    run(main)
