"""Look once at every image in `data.images` and write one row each to data/scan.parquet.

Whatever a file is or does, it costs one row: a damaged image has an `error`, and one that kills
or hangs its decoder takes down a worker process, which is noticed, replaced and named in the row.

What is said of a file follows from its bytes. So the table as it was is a memory: of a file whose
bytes (by SHA-256) are in it the row is taken over, and only the others are looked at.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.progress import Progress

from stages.common.cli import progress, run, stdout
from stages.common.files import remove, replacing
from stages.common.settings import Params, load
from stages.common.tables import SCAN
from stages.common.workers import in_workers
from stages.dataset.labels import Label, label_of, read_labels
from stages.dataset.memory import KEY, find, looked_with, remembered
from stages.dataset.row import CONTENT, SCHEMA, Row, look, readable, row
from stages.dataset.stored import LABELS_FILE, Stored, list_images
from stages.qr.symbol import require_zbar

UNFINISHED = SCAN.with_name(".scan.unfinished.partial")  # of a scan that was interrupted
CHUNK = 64  # files a worker takes at a time
ROW_GROUP = 16_384  # rows written at a time: memory stays bounded whatever the number of files


def main() -> None:
    """Scan every file and write the table row group by row group."""
    params = load()
    require_zbar()
    images = list_images(params.data.images)
    with progress() as bar:
        write(scan(images, params, bar), params)


def write(tables: Iterable[pa.Table], params: Params) -> None:
    """Write the scan table, one row group a table, and say how many files it has.

    Interrupted with Ctrl-C, it leaves the row groups so far for the next scan to take over.
    """
    files = readable = 0
    kept_with = SCHEMA.with_metadata({KEY: looked_with(params.scan)})
    with replacing(SCAN) as temporary:
        try:
            with pq.ParquetWriter(temporary, kept_with) as writer:
                for table in tables:
                    writer.write_table(table)
                    files += len(table)
                    readable += pc.sum(table["decoded"]).as_py() or 0
        except KeyboardInterrupt:
            if files > len(remembered([UNFINISHED], looked_with(params.scan))):
                temporary.replace(UNFINISHED)
            raise
    remove(UNFINISHED)
    stdout.print(f"{SCAN}: {files:,} files, pyzbar read exactly one QR code in {readable:,}")


def scan(images: Sequence[Stored], params: Params, bar: Progress) -> Iterator[pa.Table]:
    """Tables of at most ROW_GROUP rows (see SCHEMA) for `images`, in their order; progress is shown on `bar`.

    The last one has a row for each file that the labels file lists and that is not there.
    """
    listed = read_labels(params.data.images, params.data.classes)
    earlier = remembered([SCAN, UNFINISHED], looked_with(params.scan))
    place = find(images, earlier, params, bar)
    new = [stored for stored, at in zip(images, place, strict=True) if at < 0]
    task = bar.add_task("scan", total=len(images), completed=len(images) - len(new))
    with closing(look_at_all(new, params)) as looked:
        for start in range(0, len(images), ROW_GROUP):
            at = place[start : start + ROW_GROUP]
            rows = []
            for _ in range(int((at < 0).sum())):
                rows.append(next(looked))
                bar.advance(task)
            content = pa.concat_tables([earlier.take(at[at >= 0]), pa.Table.from_pylist(rows, CONTENT)])
            # Rows taken over come first in it, then the new ones.
            order = np.empty(len(at), int)
            order[np.argsort(at < 0, kind="stable")] = np.arange(len(at))
            yield named(images[start : start + ROW_GROUP], content.take(order), listed, params)
    yield missing(listed)


def look_at_all(images: Sequence[Stored], params: Params) -> Generator[Row]:
    """`look` at `images`, in their order, from worker processes that may die; one that does costs one row."""

    def failed(_: Stored, why: str) -> Row:
        return row(problem="kills_decoder", error=why)

    work = partial(look, folder=str(params.data.images), settings=params.scan)
    return in_workers(work, images, failed, params.scan.timeout, params.scan.workers, CHUNK)


def named(images: Sequence[Stored], content: pa.Table, listed: dict[str, Label] | None, params: Params) -> pa.Table:
    """`content` and the columns that follow from names: SCHEMA. What is of `images` is taken out of `listed`."""
    of_folder = cache(lambda folder: label_of(f"{folder}/image" if folder else "image", params.data.classes))
    if listed is None:
        labels = [Label(of_folder(stored.path.rpartition("/")[0])) for stored in images]
    else:
        labels = [listed.pop(stored.path, Label("", problem="no_row")) for stored in images]
    return _joined(images, labels, content)


def missing(listed: dict[str, Label] | None) -> pa.Table:
    """A row for each file that is still in `listed`: there is no such file."""
    images = [Stored(name) for name in listed or ()]
    labels = [replace(label, problem="no_file") for label in (listed or {}).values()]
    error = f"listed in {LABELS_FILE}, but there is no such file"
    return _joined(images, labels, pa.Table.from_pylist([row(error=error) for _ in images], CONTENT))


def _joined(images: Sequence[Stored], labels: Sequence[Label], content: pa.Table) -> pa.Table:
    columns = {
        "path": [readable(stored.path) for stored in images],
        "label": [label.label for label in labels],
        "shard": [stored.shard for stored in images],
        "offset": [stored.offset for stored in images],
        "url": [label.url for label in labels],
        "label_problem": [label.problem for label in labels],
    }
    arrays = [pa.array(columns[f.name], f.type) if f.name in columns else content[f.name] for f in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


if __name__ == "__main__":
    run(main)
