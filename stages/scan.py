"""Look once at every file below `data.images` and write one row each to data/scan.parquet.

Whatever a file is or does, it costs one row: a damaged image has an `error`, and one that kills
or hangs its decoder takes down a worker process, which is noticed, replaced and named in the row.
"""

import hashlib
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pebble import ProcessExpired, ProcessPool

from stages.common.cli import StageError, progress, run, stdout
from stages.common.files import replacing
from stages.common.settings import Params, Scan, load
from stages.common.tables import SCAN
from stages.common.workers import cores, worker_pool
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
    """Rows for `paths`, in their order, from worker processes that may die.

    Files go to the workers in chunks. Where a worker dies on one, the files of its chunk are sent
    again one at a time, so that only the guilty file bears the error.
    """
    count = params.scan.workers or cores()
    waiting: deque[tuple[list[str], Future[list[Row]]]] = deque()
    with worker_pool(count) as pool:
        for start in range(0, len(paths), CHUNK):
            chunk = paths[start : start + CHUNK]
            waiting.append((chunk, _submit(pool, chunk, params)))
            if len(waiting) == 4 * count:  # enough to keep the workers busy, few enough to keep memory bounded
                yield from _collect(pool, *waiting.popleft(), params)
        for chunk, future in waiting:
            yield from _collect(pool, chunk, future, params)


def _submit(pool: ProcessPool, paths: list[str], params: Params) -> "Future[list[Row]]":
    # A worker's own alarm ends a hanging decoder; the pool's limit is for platforms without alarms.
    limit = params.scan.timeout * (len(paths) + 1)
    return pool.schedule(look_at_all, args=(paths, params.data.images, params.scan), timeout=limit)


def _collect(pool: ProcessPool, paths: list[str], future: "Future[list[Row]]", params: Params) -> Iterator[Row]:
    try:
        rows = future.result()
    except (ProcessExpired, TimeoutError) as death:
        if len(paths) == 1:
            rows = [_row(paths[0], problem="kills_decoder", error=_cause(death, params.scan))]
        else:
            rows = [row for path in paths for row in _collect(pool, [path], _submit(pool, [path], params), params)]
    yield from rows


def _cause(death: Exception, settings: Scan) -> str:
    code = getattr(death, "exitcode", None)
    if isinstance(death, TimeoutError) or code == -signal.SIGALRM:
        return f"the decoder did not answer within {settings.timeout:g} s"
    name = signal.Signals(-code).name if code and code < 0 else f"exit status {code}"
    return f"the decoder died on this file ({name})"


def look_at_all(paths: list[str], folder: Path, settings: Scan) -> list[Row]:
    """Rows for `paths`; runs in a worker, which a file that takes too long ends with SIGALRM."""
    rows = []
    for path in paths:
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, settings.timeout)
        rows.append(look(path, folder, settings))
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
    return rows


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
