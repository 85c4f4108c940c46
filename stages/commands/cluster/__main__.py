"""`stages.scan` on many machines: Dask workers examine shards at any address that fsspec can read.

    pip install -c constraints.txt -e '.[cluster]'             # plus s3fs, gcsfs, ... for such addresses
    python -m stages.commands.cluster s3://bucket/shards       # workers on this machine, one per core
    python -m stages.commands.cluster s3://bucket/shards --scheduler tcp://HOST:8786

On a cluster, with this project installed on every machine:

    DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION=1.0 dask scheduler
    DASK_DISTRIBUTED__WORKER__DAEMON=False dask worker tcp://HOST:8786 --nworkers auto --nthreads 1

Writes data/scan.parquet, byte for byte what `stages.scan` would write for a folder of the same shards;
`dvc commit scan` records it. If a worker dies, another one takes its shard, up to three times.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from stages.commands.cluster.shard import examine_shard
from stages.common.cli import StageError, command_parser, one_at_a_time, progress, run, stdout
from stages.common.settings import Params, load_params
from stages.common.workers import cores
from stages.dataset.labels import Label, read_labels
from stages.dataset.scan_table import ROW_GROUP, missing, named, write_scan_table
from stages.dataset.shards import is_shard
from stages.dataset.storage import LABELS_FILE

CONFIG = {
    # A worker starts a process for the decoders, which daemons must not do.
    "distributed.worker.daemon": False,
    # No shard waits at a busy worker: where that dies, Dask counts it against all that it was given.
    "distributed.scheduler.worker-saturation": 1.0,
}
GLANCE = 5.0  # seconds until it is checked whether there are workers
PATIENCE = 300.0  # seconds without any worker
RETRIES = 3  # for a shard that could not be read, or whose worker died


def main() -> None:
    """Read the arguments, scan and write the table."""
    parser = command_parser("commands.cluster", __doc__)
    parser.add_argument("address", help="the folder of shards: a path, or s3://, gs://, https://, ...")
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="a Dask cluster; default: this machine")
    parser.add_argument(
        "--workers", type=int, default=cores(), metavar="N", help="workers on this machine; default: %(default)s"
    )
    options = parser.parse_args()
    try:
        import dask.config
        import distributed
        import fsspec
    except ImportError as error:
        raise StageError(f"{error.name} is missing: pip install -e '.[cluster]'") from None
    params = load_params()
    params = params.model_copy(update={"scan": params.scan.model_copy(update={"workers": 1})})  # a Dask worker is one
    try:
        files, root = fsspec.core.url_to_fs(options.address)
        found = files.find(root)
    except (ImportError, ValueError, OSError) as error:
        raise StageError(f"{options.address} cannot be read: {error}") from None
    base = f"{root.rstrip('/')}/"
    shards = sorted(name.removeprefix(base) for name in found if is_shard(name))
    if not shards:
        raise StageError(f"{options.address} has no shards: `python -m stages.commands.pack FOLDER TARGET` makes them")
    with ExitStack() as stack:
        stack.enter_context(one_at_a_time("scan"))
        stack.enter_context(dask.config.set(CONFIG))
        cluster = options.scheduler or stack.enter_context(
            distributed.LocalCluster(options.workers, threads_per_worker=1, dashboard_address=None, host="127.0.0.1")
        )
        try:
            client = stack.enter_context(distributed.Client(cluster))
        except (OSError, ValueError) as error:
            raise StageError(
                f"--scheduler {options.scheduler} does not answer ({error}); is `dask scheduler` running?"
            ) from None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in found:
            if name.removeprefix(base).casefold() == LABELS_FILE:
                files.get_file(name, str(folder / name.removeprefix(base)))
        tables = scan(client, options.address, shards, read_labels(folder, params.data), params)
        stdout.print(write_scan_table(tables, params))


def scan(
    client: Any, address: str, shards: list[str], listed: dict[str, Label] | None, params: Params
) -> Iterator[pa.Table]:
    """Yield the tables that `scan_images` would give for the same shards; `client` is a distributed.Client."""
    from distributed import KilledWorker

    asked = {
        client.submit(examine_shard, address, shard, params, retries=RETRIES, pure=False): shard for shard in shards
    }
    tables = []
    with progress() as bar:
        task = bar.add_task("shards", total=len(shards))
        for future in finished(client, set(asked)):
            try:
                images, content = future.result()
            except KilledWorker as error:
                raise StageError(f"{address}, {asked[future]}: {RETRIES + 1} workers died on it ({error})") from None
            except OSError as error:
                raise StageError(f"{address}, {asked[future]} cannot be read: {error}") from None
            tables.append(named(images, content, listed, params))
            future.release()
            bar.advance(task)
    table = pa.concat_tables(tables).sort_by("path")
    names = table["path"].to_pylist()
    if doubled := next((one for one, other in pairwise(names) if one == other), None):
        raise StageError(f"{address}: {doubled} is in several shards; every image needs a name of its own")
    for start in range(0, len(table), ROW_GROUP):
        yield table.slice(start, ROW_GROUP).combine_chunks()
    yield missing(listed)


def finished(client: Any, futures: set[Any]) -> Iterator[Any]:
    """Yield each of `futures` as soon as it has ended.

    A worker that dies while it starts is not replaced by Dask, and without any worker Dask waits for ever. So a
    cluster of ours gets new ones; of another one StageError is raised after PATIENCE seconds without a worker.
    """
    from distributed import wait

    alone_since = None
    while futures:
        try:
            done = wait(futures, timeout=GLANCE, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            done = set()
            now = time.monotonic()
            alone_since = None if client.nthreads() else alone_since or now
            if alone_since is not None and client.cluster is not None:
                client.cluster.scale(max(len(client.cluster.worker_spec), 1))
            elif alone_since is not None and now - alone_since >= PATIENCE:
                raise StageError("the cluster has no worker left: start `dask worker`, then run this again") from None
        futures -= done
        yield from done


if __name__ == "__main__":
    run(main)
