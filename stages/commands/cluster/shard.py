"""The part of a scan that a worker of a cluster does: one shard, looked at file by file."""

import tempfile
from pathlib import Path

import fsspec
import pyarrow as pa

from stages.common.settings import Params
from stages.dataset.row import CONTENT
from stages.dataset.scan_table import examine_all
from stages.dataset.storage import Stored, list_images


def look_at_shard(address: str, shard: str, params: Params) -> tuple[list[Stored], pa.Table]:
    """The files in a shard and what is said of them (CONTENT), row for row as `stages.scan` would say it.

    `address` is that of the dataset, any that fsspec knows; `shard` is relative to it. The shard is
    copied here for as long as it takes. A file that kills its decoder costs a process and a row, as ever.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / shard
        copy.parent.mkdir(parents=True, exist_ok=True)
        files, root = fsspec.core.url_to_fs(address)
        files.get_file(f"{root.rstrip('/')}/{shard}", str(copy))
        here = params.model_copy(update={"data": params.data.model_copy(update={"images": Path(folder)})})
        images = list_images(here.data.images)
        return images, pa.Table.from_pylist(list(examine_all(images, here)), CONTENT)
