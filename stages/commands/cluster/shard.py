"""What one worker of a cluster does in a scan: examine one shard, file by file."""

import tempfile
from pathlib import Path

import fsspec
import pyarrow as pa

from stages.common.settings import Params
from stages.dataset.row import CONTENT
from stages.dataset.scan_table import examine_all
from stages.dataset.storage import Stored, list_images


def examine_shard(address: str, shard: str, params: Params) -> tuple[list[Stored], pa.Table]:
    """The files in a shard and their rows (columns CONTENT), the same as `stages.scan` writes.

    `address` is the dataset's, any that fsspec can read; `shard` is relative to it. The shard is copied to this machine
    while it is examined. A file that kills its decoder ends that process only, and gets a row with an error.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / shard
        copy.parent.mkdir(parents=True, exist_ok=True)
        files, root = fsspec.core.url_to_fs(address)
        files.get_file(f"{root.rstrip('/')}/{shard}", str(copy))
        here = params.model_copy(update={"data": params.data.model_copy(update={"images": Path(folder)})})
        images = list_images(here.data.images)
        return images, pa.Table.from_pylist(list(examine_all(images, here)), CONTENT)
