import os
import sqlite3
from hashlib import sha256
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import pytest

from stages.common.cli import StageError
from stages.network import view_cache
from stages.network.view import PICTURE
from stages.network.view_cache import Views
from tests.helpers import REPO, run_python


def noise(seed: int, channels: int = 1) -> np.ndarray:
    shape = (224, 224) if channels == 1 else (224, 224, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def key(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


def got(views: Views, number: int) -> np.ndarray | None:
    return views.get([key(number)]).get(key(number))


@pytest.mark.parametrize("channels", [1, 3])
def test_what_was_put_in_comes_out(tmp_path: Path, channels: int) -> None:
    views = Views(tmp_path / "data/views", 10, PICTURE)
    views.put(key(0), noise(0, channels))
    found = got(views, 0)
    assert found is not None and np.array_equal(found, noise(0, channels))
    assert found.flags.writeable
    assert got(views, 1) is None


def test_many_come_at_once_and_those_that_are_not_there_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_cache, "AT_ONCE", 3)
    views = Views(tmp_path / "views", 10, PICTURE)
    for number in range(0, 8, 2):
        views.put(key(number), noise(number))
    found = views.get([key(number) for number in (7, 6, 5, 4, 3, 2, 1, 0, 0)])
    assert found.keys() == {key(number) for number in (0, 2, 4, 6)}
    assert all(np.array_equal(found[key(number)], noise(number)) for number in (0, 2, 4, 6))
    assert views.get([]) == {}


def test_it_stays_within_its_bound_and_the_oldest_give_way(tmp_path: Path) -> None:
    views = Views(tmp_path / "views", 2, PICTURE)
    for number in range(100):  # 5 MB of noise, which does not shrink
        views.put(key(number), noise(number))
        assert got(views, number) is not None
    assert (tmp_path / "views").stat().st_size <= 2 * 2**20
    assert got(views, 0) is None
    kept = [number for number in range(100) if got(views, number) is not None]
    assert kept == list(range(kept[0], 100)) and len(kept) > 20


def test_a_smaller_bound_holds_for_what_is_there(tmp_path: Path) -> None:
    large = Views(tmp_path / "views", 5, PICTURE)
    for number in range(60):
        large.put(key(number), noise(number))
    small = Views(tmp_path / "views", 1, PICTURE)
    small.put(key(100), noise(100))
    assert got(small, 100) is not None
    assert (tmp_path / "views").stat().st_size <= 2**20


def test_another_preprocessing_finds_nothing_of_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Views(tmp_path / "views", 5, PICTURE).put(key(0), noise(0))
    monkeypatch.setattr(view_cache, "code_version", lambda *others: sha256(b"other").hexdigest())
    assert got(Views(tmp_path / "views", 5, PICTURE), 0) is None


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, "{repo}")
from stages.network.view import PICTURE
from stages.network.view_cache import Views
from tests.network.test_view_cache import got, key, noise
views = Views(Path("views"), 2, PICTURE)
for number in range({first}, {first} + 60):
    views.put(key(number), noise(number))
    pixels = got(views, number - {first})
    assert pixels is None or (pixels == noise(number - {first})).all()
"""


def test_two_processes_may_use_it_at_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    scripts = [WRITER.format(repo=REPO, first=first) for first in (0, 20)]
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda script: run_python("-c", script, folder=tmp_path), scripts))
    assert [run.returncode for run in ended] == [0, 0], ended[0].stderr + ended[1].stderr
    assert (tmp_path / "views").stat().st_size <= 2 * 2**20
    assert sqlite3.connect(tmp_path / "views").execute("PRAGMA integrity_check").fetchone() == ("ok",)


def opened(path: Path, barrier: Barrier, ends: int) -> None:
    for number in range(ends):
        barrier.wait()
        views = Views(path / str(number), 5, PICTURE)
        views.put(key(0), noise(0))
        assert got(views, 0) is not None
        assert got(views, 1) is None


def test_processes_may_open_a_new_one_at_the_same_moment(tmp_path: Path) -> None:
    count = 4
    context = get_context("spawn")
    barrier = context.Barrier(count)
    processes = [context.Process(target=opened, args=(tmp_path, barrier, 50)) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * count


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_opens_its_own_connection(tmp_path: Path) -> None:
    views = Views(tmp_path / "views", 5, PICTURE)
    views.put(key(0), noise(0))
    child = os.fork()
    if not child:
        found = got(views, 0)
        os._exit(0 if found is not None and np.array_equal(found, noise(0)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert got(views, 0) is not None


def test_a_damaged_file_is_made_anew_and_a_line_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "views").write_bytes(b"no database" * 1000)
    views = Views(tmp_path / "views", 5, PICTURE)
    assert got(views, 0) is None
    views.put(key(0), noise(0))
    found = got(views, 0)
    assert found is not None and np.array_equal(found, noise(0))
    assert "views is damaged, and is made anew" in capsys.readouterr().out


def test_a_message_of_sqlite_that_is_no_text_is_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Views(tmp_path / "views", 5, PICTURE).put(key(0), noise(0))
    with sqlite3.connect(tmp_path / "views") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    views = Views(tmp_path / "views", 5, PICTURE)
    whole = (tmp_path / "views").read_bytes()
    place = whole.index(b"CREATE TABLE views") + len(b"CRE")
    (tmp_path / "views").write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
    assert got(views, 0) is None
    assert "views is damaged, and is made anew" in capsys.readouterr().out
    views.put(key(0), noise(0))
    assert got(views, 0) is not None


def test_one_that_cannot_be_opened_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "views").mkdir()
    with pytest.raises(StageError, match=r"views: .* delete it, or do without \(train\.cache_mib: 0\)"):
        got(Views(tmp_path / "views", 5, PICTURE), 0)


@pytest.mark.parametrize("column", ["pixels", "channels", "checksum"])
def test_a_damaged_entry_is_none(tmp_path: Path, column: str, capsys: pytest.CaptureFixture[str]) -> None:
    views = Views(tmp_path / "views", 5, PICTURE)
    views.put(key(0), noise(0))
    [(packed,)] = sqlite3.connect(tmp_path / "views").execute("SELECT pixels FROM views")
    changed = {"pixels": packed[:50] + bytes([packed[50] ^ 1]) + packed[51:], "channels": 3, "checksum": 5}[column]
    with sqlite3.connect(tmp_path / "views") as connection:
        connection.execute(f"UPDATE views SET {column} = ?", (changed,))
    assert got(views, 0) is None
    assert "an image in it is damaged, and is decoded again" in capsys.readouterr().out
    views.put(key(0), noise(0))
    found = got(views, 0)
    assert found is not None and np.array_equal(found, noise(0))


def test_a_file_of_an_earlier_version_is_emptied(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "views") as connection:
        connection.execute("CREATE TABLE views (number INTEGER PRIMARY KEY, key BLOB UNIQUE, channels, pixels)")
    views = Views(tmp_path / "views", 5, PICTURE)
    views.put(key(0), noise(0))
    found = got(views, 0)
    assert found is not None and np.array_equal(found, noise(0))
