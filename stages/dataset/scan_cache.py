"""The scan table as it was, as a memory: what follows from a file's bytes need not be found out twice."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.progress import Progress

from stages.common.cli import stdout
from stages.common.settings import Params, Scan
from stages.dataset.row import CONTENT, file_sha256
from stages.dataset.storage import Stored
from stages.qr.problem import Problem
from stages.qr.version import code_version

KEY = "examined_with"  # in the table's metadata
# These follow from more than the file's bytes: from the machine, or from the file's name.
AGAIN = [Problem.KILLS_DECODER, Problem.OUT_OF_MEMORY, Problem.SIDE_FILE]


def cache_key(settings: Scan) -> str:
    """What decides, beside a file's bytes, what is said of it: the code and its libraries, and the bounds."""
    code = (Path(__file__).with_name(name) for name in ("row.py", "signatures.py"))
    return f"{code_version(*code)} {settings.max_bytes} {settings.max_pixels}"


def known_rows(paths: Sequence[Path], key: str) -> pa.Table:
    """The columns CONTENT of the tables at `paths`, for files whose bytes are known.

    Nothing is taken from a table of another `key`, nor from one whose checksums show that it is damaged.
    """
    tables = [CONTENT.empty_table()]
    for path in paths:
        if not path.exists():
            continue
        try:
            if (pq.read_schema(path).metadata or {}).get(KEY.encode()) != key.encode():
                continue
            table = pq.read_table(path, columns=CONTENT.names, page_checksum_verification=True)
            # What checksums do not cover is in the schema.
            if not table.schema.equals(CONTENT):
                raise pa.ArrowInvalid("columns of other types")
            tables.append(table.replace_schema_metadata())
        except (OSError, pa.ArrowException, UnicodeDecodeError, ValueError):
            stdout.print(f"{path} is damaged: nothing is taken from it, every file is scanned anew")
    table = pa.concat_tables(tables)
    again = pc.is_in(table["problem"], pa.array(AGAIN))
    return table.filter(pc.and_(pc.is_valid(table["sha256"]), pc.invert(again)))


def match_known(images: Sequence[Stored], earlier: pa.Table, params: Params, bar: Progress) -> np.ndarray:
    """The row of `earlier` that has the bytes of each image, -1 where none does: int64 (n,)."""
    if not len(earlier):
        return np.full(len(images), -1)
    folder, settings = str(params.data.images), params.scan
    digests = [file_sha256(stored, folder, settings) for stored in bar.track(images, description="compare")]
    found = pc.index_in(pa.array(digests, pa.string()), earlier["sha256"].combine_chunks(), skip_nulls=True)
    return found.fill_null(-1).to_numpy().astype(int)
