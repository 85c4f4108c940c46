import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.common.files import replacing, write_json


def test_a_file_appears_in_a_folder_that_was_not_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "table.csv"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failure", [ValueError, OSError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_no_temporary(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(failure), replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise failure
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_before_anything_is_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError), replacing(tmp_path / "table.csv"):
        raise ValueError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_replaces_the_old_one_with_all_that_was_in_it(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.mkdir()
    (path / "old.png").write_text("old")
    with replacing(path) as temporary:
        temporary.mkdir()
        (temporary / "new.png").write_text("new")
    assert [file.name for file in path.iterdir()] == ["new.png"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_folder_and_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.mkdir()
    (path / "old.png").write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        (temporary / "benign").mkdir(parents=True)
        (temporary / "benign" / "new.png").write_text("new")
        raise RuntimeError
    assert [file.name for file in path.iterdir()] == ["old.png"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_is_no_obstacle(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    block = replacing(path)
    left = block.__enter__()  # and never left, as if the process had been killed
    if kind == "file":
        left.write_text("left")
    else:
        (left / "sub").mkdir(parents=True)
    with replacing(path) as temporary:
        assert not temporary.exists()
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]
    del block  # closing the abandoned generator must come after the assertions


def test_json_is_rounded_and_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_json(path, {"images": 3, "deep": {"accuracy": 2 / 3}, "name": "a"})
    assert json.loads(path.read_text()) == {"images": 3, "deep": {"accuracy": 0.666667}, "name": "a"}
    assert path.read_text().endswith("\n")


def test_temporaries_of_dead_processes_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    living = tmp_path / f".table.csv.{os.getppid()}.partial"
    for path in (tmp_path / f".table.csv.{ended.pid}.partial", tmp_path / ".table.csv.partial", living):
        path.write_text("half")
    with replacing(tmp_path / "table.csv") as temporary:
        assert str(os.getpid()) in temporary.name
        temporary.write_text("new")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([living.name, "table.csv"])


def test_a_folder_stays_where_it_cannot_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.mkdir()
    (path / "old.png").write_text("old")
    with pytest.raises(FileNotFoundError), replacing(path):
        pass  # nothing was made
    assert [file.name for file in path.iterdir()] == ["old.png"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_without_a_name_gets_that_of_the_output(tmp_path: Path) -> None:
    with pytest.raises(PermissionError) as error, replacing(tmp_path / "table.csv"):
        raise PermissionError(13, "Permission denied")
    assert error.value.filename == str(tmp_path / "table.csv")
