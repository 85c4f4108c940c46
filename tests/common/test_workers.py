"""What a worker process does to the scan when it dies."""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from stages import scan
from stages.common import workers
from stages.common.cli import StageError
from stages.common.turn import take_turn
from stages.common.workers import Failure, in_workers, worker_pool
from tests.helpers import DEADLY_DECODER, ENV, REPO, draw_qr, run_python, set_params

URL = "https://a.example/"


@pytest.fixture(autouse=True)
def as_for_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers start here as those of users do, and not quickly (tests/conftest.py)."""
    monkeypatch.setattr(workers, "get_context", multiprocessing.get_context)


def test_a_decoder_that_dies_or_hangs_costs_one_row(project: Path) -> None:
    set_params(project, {"scan.timeout": 60, "scan.workers": 2})
    images = project / "data/images"
    for i in range(6):
        draw_qr(images / f"benign/{i}.png", f"{URL}{i}")
    Image.new("L", (101, 50)).save(images / "benign/2dies.png")
    Image.new("L", (103, 50)).save(images / "benign/4hangs.png")
    (project / "deadly.py").write_text(DEADLY_DECODER.format("scan"))
    ended = run_python("deadly.py", folder=project)
    assert ended.returncode == 0, ended.stderr
    table = pd.read_parquet(project / "data/scan.parquet").set_index("path")
    errors = table["error"][table["error"] != ""].to_dict()
    assert errors.keys() == {"benign/2dies.png", "benign/4hangs.png"}
    assert "died" in errors["benign/2dies.png"]
    assert "SIGABRT" in errors["benign/2dies.png"]
    assert "did not answer within 60 s" in errors["benign/4hangs.png"]
    assert set(table["problem"][list(errors)]) == {"kills_decoder"}
    assert table["payload"].drop(list(errors)).tolist() == [f"{URL}{i}" for i in range(6)]


def test_a_pipe_among_the_images_does_not_stop_the_scan(project: Path) -> None:
    set_params(project, {"scan.timeout": 1})
    draw_qr(project / "data/images/benign/a.png", URL)
    os.mkfifo(project / "data/images/benign/pipe.png")  # whoever opens it waits for a writer
    scan.main()
    table = pd.read_parquet("data/scan.parquet").set_index("path")
    assert table["decoded"].to_dict() == {"benign/a.png": True, "benign/pipe.png": False}
    assert table.loc["benign/pipe.png", "error"]


def test_workers_outlive_the_thread_that_gave_them_work() -> None:
    given: list[Future[None]] = []

    def give() -> None:
        given.append(pool.schedule(time.sleep, args=(0.5,)))
        while not given[0].running():
            time.sleep(0.01)

    with worker_pool(1) as pool:
        thread = Thread(target=give)
        thread.start()
        thread.join()
        assert given[0].result() is None


def alone(folder: Path) -> bool:
    """Whether nobody else did this at the same time."""
    take_turn()
    try:
        (folder / "busy").mkdir()
    except FileExistsError:
        return False
    time.sleep(0.02)
    (folder / "busy").rmdir()
    return True


def test_who_takes_the_turn_is_alone_until_its_item_is_done(tmp_path: Path) -> None:
    done = in_workers(alone, [tmp_path] * 40, lambda _, failure: failure, timeout=60, workers=4)
    assert list(done) == [True] * 40


def die_with_the_turn(item: int) -> int:
    take_turn()
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_a_worker_that_is_killed_gives_the_turn_back_and_the_machine_is_named() -> None:
    """The system sends SIGKILL where memory runs out."""
    failures: list[Failure] = []

    def failed(item: int, failure: Failure) -> int:
        failures.append(failure)
        return -item

    done = in_workers(die_with_the_turn, range(8), failed, timeout=60, workers=2)
    assert list(done) == [0, 1, 2, -3, 4, 5, 6, 7]
    (failure,) = failures
    assert failure.problem == "out_of_memory"
    assert "SIGKILL" in failure.error


def hang(folder: Path) -> None:
    """Keeps the interpreter's lock, as a decoder in an endless loop may."""
    (folder / str(os.getpid())).touch()
    ctypes.PyDLL(None).sleep(1000)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread watches, which a kept lock would stop")
def test_no_worker_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Though the workers would go on for long and do not listen."""
    folder = tmp_path / "workers"
    folder.mkdir()
    script = (
        "from pathlib import Path; from stages.common.workers import in_workers; "
        "from tests.common.test_workers import hang; "
        f"list(in_workers(hang, [Path({str(folder)!r})] * 2, lambda _, failure: None, 1000, 2))"
    )
    # Standard output stays open for as long as anything that the parent has started runs.
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=REPO, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert parent.stdout is not None
    while len(list(folder.iterdir())) < 2:
        assert parent.poll() is None, parent.stderr and parent.stderr.read()
        time.sleep(0.05)
    parent.kill()
    assert parent.stdout.read() == b""
    parent.wait()


def test_a_worker_that_ends_before_it_has_begun_is_one_line() -> None:
    class Pool:
        def schedule(self, *_: object, **__: object) -> "Future[list[int]]":
            future: Future[list[int]] = Future()
            future.set_exception(BrokenProcessPool("All workers expired"))
            return future

    pool: Any = Pool()
    with pytest.raises(StageError, match="a worker process ended before it had begun"):
        list(in_workers(abs, [1, 2], lambda item, _: item, timeout=1, pool=pool))
