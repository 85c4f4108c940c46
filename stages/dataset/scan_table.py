"""The scan table: one row for every file of a dataset, taken over from an earlier scan where the bytes are known."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pebble import ProcessPool
from rich.progress import Progress

from stages.common.artefacts import SCAN
from stages.common.files import remove, replacing
from stages.common.settings import Params
from stages.common.workers import Failure, in_workers, worker_pool, workers_for
from stages.dataset.labels import Label, LabelProblem, label_of, one_form, read_labels, source_of
from stages.dataset.row import CONTENT, SCHEMA, Row, content_row, examine
from stages.dataset.scan_cache import KEY, cache_key, known_rows, match_known
from stages.dataset.signatures import is_side_file
from stages.dataset.storage import LABELS_FILE, Stored, readable
from stages.qr.problem import Problem

UNFINISHED = SCAN.with_name(".scan.unfinished.partial")  # of a scan that was interrupted
CHUNK = 64  # files a worker takes at a time
ROW_GROUP = 16_384  # rows written at a time: memory stays bounded whatever the number of files


def write_scan_table(tables: Iterable[pa.Table], params: Params) -> str:
    """Write the scan table, one row group a table; returns a sentence on how many files it has.

    Interrupted with Ctrl-C, it leaves the row groups so far for the next scan to take over.
    """
    files = decoded = 0
    kept_with = SCHEMA.with_metadata({KEY: cache_key(params.scan)})
    with replacing(SCAN) as temporary:
        try:
            with pq.ParquetWriter(temporary, kept_with, write_page_checksum=True) as writer:
                for table in tables:
                    writer.write_table(table)
                    files += len(table)
                    decoded += pc.sum(table["decoded"]).as_py() or 0
        except KeyboardInterrupt:
            if files > len(known_rows([UNFINISHED], cache_key(params.scan))):
                temporary.replace(UNFINISHED)
            raise
    remove(UNFINISHED)
    return f"{SCAN}: {files:,} files, pyzbar read exactly one QR code in {decoded:,}"


def scan_images(images: Sequence[Stored], params: Params, bar: Progress) -> Iterator[pa.Table]:
    """Tables of at most ROW_GROUP rows (see SCHEMA) for `images`, in their order; progress is shown on `bar`.

    The last one has a row for each file that the labels file lists and that is not there.
    """
    listed = read_labels(params.data.images, params.data)
    earlier = known_rows([SCAN, UNFINISHED], cache_key(params.scan))
    # The processes import their libraries while this one compares.
    with worker_pool(workers_for(len(images), params.scan.workers, CHUNK)) as pool:
        place = match_known(images, earlier, params, bar)
        new = [stored for stored, at in zip(images, place, strict=True) if at < 0]
        task = bar.add_task("scan", total=len(images), completed=len(images) - len(new))
        with closing(examine_all(new, params, pool)) as examined:
            for start in range(0, len(images), ROW_GROUP):
                at = place[start : start + ROW_GROUP]
                rows = []
                for number in range(1, int((at < 0).sum()) + 1):
                    rows.append(next(examined))
                    if number % CHUNK == 0:  # for each it would take as long as all else here
                        bar.advance(task, CHUNK)
                bar.advance(task, len(rows) % CHUNK)
                content = pa.concat_tables([earlier.take(at[at >= 0]), pa.Table.from_pylist(rows, CONTENT)])
                # Rows taken over come first in it, then the new ones.
                order = np.empty(len(at), int)
                order[np.argsort(at < 0, kind="stable")] = np.arange(len(at))
                yield named(images[start : start + ROW_GROUP], content.take(order), listed, params)
    yield missing(listed)


def examine_all(images: Sequence[Stored], params: Params, pool: ProcessPool | None = None) -> Generator[Row]:
    """`examine` each of `images`, in their order, from worker processes that may die; one that does costs one row."""

    def failed(_: Stored, failure: Failure) -> Row:
        return content_row(problem=Problem(failure.problem), error=failure.error)

    work = partial(examine, folder=str(params.data.images), settings=params.scan)
    return in_workers(work, images, failed, params.scan.timeout, params.scan.workers, CHUNK, pool)


def named(images: Sequence[Stored], content: pa.Table, listed: dict[str, Label] | None, params: Params) -> pa.Table:
    """`content` and the columns that follow from names: SCHEMA. What is of `images` is taken out of `listed`."""

    @cache
    def of_folder(folder: str) -> Label:
        path = f"{folder}/image" if folder else "image"
        return Label(label_of(path, params.data.classes), source=source_of(path, params.data.classes))

    if listed is None:
        labels = [of_folder(stored.path.rpartition("/")[0]) for stored in images]
    else:
        labels = [listed.pop(one_form(stored.path), Label("", problem=LabelProblem.NO_ROW)) for stored in images]
    return _joined(images, labels, _with_side_files(images, content))


def _with_side_files(images: Sequence[Stored], content: pa.Table) -> pa.Table:
    """`content` with problem SIDE_FILE for what is no picture and, by its name, not meant as one."""
    no_picture = pc.is_in(content["problem"], pa.array([Problem.NOT_AN_IMAGE, Problem.EMPTY])).to_pylist()
    side = pa.array([none and is_side_file(stored.path) for stored, none in zip(images, no_picture, strict=True)])
    for name, text in (("problem", Problem.SIDE_FILE), ("error", "by its name not a picture")):
        column = pc.if_else(side.cast(pa.bool_()), text, content[name])
        content = content.set_column(content.schema.get_field_index(name), content.schema.field(name), column)
    return content


def missing(listed: dict[str, Label] | None) -> pa.Table:
    """A row for each file that is still in `listed`: there is no such file."""
    images = [Stored(name) for name in listed or ()]
    labels = [replace(label, problem=LabelProblem.NO_FILE) for label in (listed or {}).values()]
    error = f"listed in {LABELS_FILE}, but there is no such file"
    return _joined(images, labels, pa.Table.from_pylist([content_row(error=error) for _ in images], CONTENT))


def _joined(images: Sequence[Stored], labels: Sequence[Label], content: pa.Table) -> pa.Table:
    columns = {
        "path": [readable(stored.path) for stored in images],
        "label": [readable(label.label) for label in labels],
        "source": [readable(label.source) for label in labels],
        "shard": [stored.shard for stored in images],
        "offset": [stored.offset for stored in images],
        "url": [label.url for label in labels],
        "label_problem": [label.problem for label in labels],
    }
    arrays = [pa.array(columns[f.name], f.type) if f.name in columns else content[f.name] for f in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)
