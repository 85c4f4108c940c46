"""A parent is killed, and what it started ends: the pipe that both hold has an end then, and only then."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.common.lifetime import LAUNCHER
from tests.helpers import IMPORTING

PARENT = """
import subprocess, sys
subprocess.run({command})
"""
CHILD = """
import os, psutil, sys, time
from stages.common.lifetime import end_with_parent
sys.platform = {platform!r}
end_with_parent(os.getppid())
print("running", flush=True)
time.sleep(1000)
"""
IMPORTS = """
import stages
print("running", flush=True)
import time
time.sleep(1000)  # as imports take their time
"""
# Worker processes import the main script once more, before they do anything of their own.
POOL = """
import stages
if __name__ == "__main__":
    from multiprocessing import get_context
    process = get_context("spawn").Process(target=print)
    process.start()
    process.join()
else:
    print("running", flush=True)
    import time
    time.sleep(1000)
"""
STAGE = """
import time
from stages.common.cli import run_stage
def main():
    print("running", flush=True)
    time.sleep(1000)
run_stage(main)
"""


def killed(folder: Path, script: str, variables: dict[str, str], shell: bool = False) -> bytes:
    """What a process that runs `script`, and its parent, still write after the parent was killed."""
    (folder / "child.py").write_text(script)
    command = [sys.executable, "child.py"]
    parent = PARENT.format(command=["sh", "-c", " ".join(command)] if shell else command)
    env = IMPORTING | variables
    with subprocess.Popen([sys.executable, "-c", parent], cwd=folder, env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        process.kill()
        process.wait()
        return process.stdout.read()


@pytest.mark.parametrize("platform", [sys.platform, "darwin"])  # by the kernel, and by a thread that waits
def test_a_process_ends_with_its_parent(tmp_path: Path, platform: str) -> None:
    assert killed(tmp_path, CHILD.format(platform=platform), {}) == b""


@pytest.mark.parametrize("variables", [{"DVC_STAGE": "scan"}, {"RANK": "0"}])
@pytest.mark.parametrize("script", [STAGE, IMPORTS])
def test_a_stage_ends_with_the_dvc_and_a_rank_with_the_launcher_that_started_it(
    tmp_path: Path, script: str, variables: dict[str, str]
) -> None:
    assert killed(tmp_path, script, variables) == b""


def test_a_worker_ends_with_its_parent_though_it_still_imports(tmp_path: Path) -> None:
    assert killed(tmp_path, POOL, {"RANK": "0"}) == b""


def test_a_rank_whose_launcher_has_ended_before_it_could_look_ends(tmp_path: Path) -> None:
    variables = {"RANK": "0", LAUNCHER: "1" if os.getppid() != 1 else "2"}  # not the parent of what it starts
    env = IMPORTING | variables
    ended = subprocess.run([sys.executable, "-c", IMPORTS], cwd=tmp_path, env=env, stdout=subprocess.PIPE)
    assert (ended.returncode, ended.stdout) == (1, b"")


def test_a_stage_ends_with_dvc_though_a_shell_starts_it(tmp_path: Path) -> None:
    assert killed(tmp_path, STAGE, {"DVC_STAGE": "scan"}, shell=True) == b""
