import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.common.cli import StageError, one_at_a_time
from tests.helpers import IMPORTING, run_python, run_stage

HOLDER = """
import sys
from stages.common.cli import one_at_a_time
with one_at_a_time("scan"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen]:
    """A process that holds the lock of scan in the working directory."""
    monkeypatch.chdir(tmp_path)
    command, pipe = [sys.executable, "-c", HOLDER], subprocess.PIPE
    with subprocess.Popen(command, env=IMPORTING, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_start_says_who_holds_the_stage(holder: subprocess.Popen) -> None:
    said = rf"stages\.scan runs here already \(process {holder.pid}, since \d{{4}}-"
    with pytest.raises(StageError, match=said), one_at_a_time("scan"):
        pass
    with one_at_a_time("render"):
        pass  # another stage is another lock


def test_the_lock_ends_with_its_process(holder: subprocess.Popen) -> None:
    holder.kill()
    holder.wait()
    with one_at_a_time("scan"):
        pass


def test_a_second_start_of_a_stage_fails_in_one_line(holder: subprocess.Popen) -> None:
    ended = run_stage("scan", Path())
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: stages.scan runs here already (process {holder.pid}, since ")
    assert [path.name for path in Path("data").iterdir()] == [".scan.lock"]


@pytest.mark.parametrize("name", ["'data/x'", "None"])
def test_a_refused_file_is_one_line(tmp_path: Path, name: str) -> None:
    script = f"""
from stages.common.cli import run
def main():
    raise PermissionError(13, "Permission denied", {name})
run(main)
"""
    ended = run_python("-c", script, folder=tmp_path)
    assert ended.returncode == 1
    what = "" if name == "None" else "data/x: "
    assert ended.stderr == f"error: {what}Permission denied; check who owns the file and its folder\n"
