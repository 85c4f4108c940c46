"""The scan on Dask workers: the same table as the scan of one machine, also where a worker dies."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from stages import scan as stage
from stages.commands.cluster import __main__
from stages.commands.cluster.shard import examine_shard
from stages.common.cli import StageError
from stages.common.settings import Params, load_params
from stages.dataset import scan_table
from stages.dataset.labels import read_labels
from tests.helpers import HANGS, IMPORTING, draw_classes, new_project, once, pack, run_stage, set_params, truncate

TABLE = Path("data/scan.parquet")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with four shards, a broken image, a labels file; data/scan.parquet is what stages.scan says of them."""
    return once(tmp_path_factory, "cluster", scan_shards)


def scan_shards(project: Path) -> None:
    new_project(project)
    images = draw_classes(project / "images", 12, 12)
    truncate(images / "benign/003.png")
    (images / "large.bin").write_bytes(bytes(2**20))
    (images / "malicious/zz.bin").write_bytes(bytes(2**20))
    names = [path.relative_to(images).as_posix() for path in sorted(images.rglob("*.png"))]
    (images / "labels.csv").write_text(
        "\n".join(["file,label", *(f"{n},{n.split('/')[0]}" for n in names), "no,benign"])
    )
    pack(project, "--shard-mib", "1")
    set_params(project, {"data.images": "shards"})
    with chdir(project):
        stage.main()


@pytest.fixture
def shards(scanned: Path, project: Path) -> Path:
    """The shards of a copy of `scanned`, which is the working directory."""
    shutil.copytree(scanned, project, dirs_exist_ok=True)
    return project / "shards"


def test_the_table_is_that_of_one_machine(shards: Path, project: Path) -> None:
    expected = TABLE.read_bytes()
    TABLE.unlink()
    ended = run_stage("commands.cluster", project, [f"file://{shards}", "--workers", "2"])
    assert ended.returncode == 0, ended.stderr
    assert TABLE.read_bytes() == expected


def dies_once(address: str, shard: str, params: Params) -> Any:
    """Kills the worker the first time that each shard is looked at."""
    mark = Path(address).parent / f"{shard}.died"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return examine_shard(address, shard, params)


def dies_always(address: str, shard: str, params: Params) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def client() -> Any:
    import dask.config

    with (
        dask.config.set(__main__.CONFIG),
        LocalCluster(2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_a_worker_that_dies_costs_a_retry(shards: Path, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, params = TABLE.read_bytes(), load_params()
    monkeypatch.setattr(__main__, "examine_shard", dies_once)
    names = sorted(path.name for path in shards.glob("*.tar"))
    assert len(names) == 4
    scan_table.write_scan_table(
        __main__.scan(client, str(shards), names, read_labels(shards, params.data), params), params
    )
    assert TABLE.read_bytes() == expected
    assert len(list(shards.parent.glob("*.died"))) == 4


def test_a_shard_that_kills_every_worker_is_named(shards: Path, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(__main__, "examine_shard", dies_always)
    with pytest.raises(StageError, match=r"images-00000\.tar: 4 workers died on it"):
        list(__main__.scan(client, str(shards), ["images-00000.tar"], None, load_params()))


def test_a_cluster_of_ours_gets_new_workers_where_all_are_gone(
    shards: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, params = TABLE.read_bytes(), load_params()
    client.cluster.scale(0)
    while client.nthreads():
        time.sleep(0.05)
    monkeypatch.setattr(__main__, "GLANCE", 0.2)
    names = sorted(path.name for path in shards.glob("*.tar"))
    tables = __main__.scan(client, str(shards), names, read_labels(shards, params.data), params)
    scan_table.write_scan_table(tables, params)
    assert TABLE.read_bytes() == expected


def test_a_cluster_of_others_without_workers_is_named(
    shards: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.cluster.scale(0)
    while client.nthreads():
        time.sleep(0.05)
    monkeypatch.setattr(__main__, "GLANCE", 0.1)
    monkeypatch.setattr(__main__, "PATIENCE", 0.2)
    with (
        Client(client.cluster.scheduler_address) as other,
        pytest.raises(StageError, match="the cluster has no worker left"),
    ):
        list(__main__.scan(other, str(shards), ["images-00000.tar"], None, load_params()))
    client.cluster.scale(2)


def test_a_scheduler_that_is_not_there_is_named_in_one_line(shards: Path, project: Path) -> None:
    surroundings = IMPORTING | {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    command = [sys.executable, "-m", "stages.commands.cluster", "shards", "--scheduler", "tcp://127.0.0.1:1"]
    ended = subprocess.run(command, cwd=project, env=surroundings, capture_output=True, text=True, timeout=HANGS)
    assert ended.returncode == 1
    assert "--scheduler tcp://127.0.0.1:1 does not answer" in ended.stderr and "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("address", "message"), [("images", "has no shards"), ("gone", "gone"), ("nowhere://x", "cannot be read")]
)
def test_what_cannot_be_scanned_is_said(
    project: Path, monkeypatch: pytest.MonkeyPatch, address: str, message: str
) -> None:
    (project / "images").mkdir()
    monkeypatch.setattr(sys, "argv", ["cluster", address])
    with pytest.raises(StageError, match=message):
        __main__.main()
