import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.common.cli import Help, StageError, one_at_a_time
from tests.helpers import IMPORTING, REPO, on_a_terminal, run_python, run_stage

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


def docstrings() -> list[str]:
    """What --help can print: of all modules that have something of their own to say."""
    modules = [ast.parse(path.read_text()) for path in sorted((REPO / "stages").rglob("*.py"))]
    return [text for module in modules if (text := ast.get_docstring(module))]


@pytest.mark.parametrize("width", [78, 118, 300])
def test_help_fits_the_terminal_and_keeps_every_word(width: int) -> None:
    for text in docstrings():
        shown = Help("stages")._fill_text(text, width, "")
        assert shown.split() == text.split()
        assert max(map(len, shown.splitlines())) <= min(width, 118), shown


def test_in_help_paragraphs_are_filled_and_lists_stay_lists() -> None:
    lists = "    command a b    # why so\n    name    all that it\n            is\n\nAs\nfollows:\n1. first\n2. second"
    assert Help("stages")._fill_text(f"One\ntwo three.\n\n{lists}", 26, "").splitlines() == [
        "One two three.",
        "",
        "    command a b    # why",
        "        so",
        "    name    all that it is",
        "",
        "As follows:",
        "1. first",
        "2. second",
    ]


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_no_line_ends_within_a_word(tmp_path: Path, columns: int) -> None:
    message = "images/malicious/0003.png is not what it should be, " * 4
    code = f"from stages.common.cli import StageError, run\ndef main(): raise StageError({message!r})\nrun(main)"
    lines = on_a_terminal([sys.executable, "-c", code], tmp_path, columns)
    assert len(lines) > 1 and max(map(len, lines)) <= columns
    assert " ".join(lines).split() == ["error:", *message.split()]
    assert len(run_python("-c", code, folder=tmp_path).stderr.splitlines()) == 1  # for a program it stays a line
