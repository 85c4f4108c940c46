"""A parent is killed, and what it started ends: the pipe that both hold has an end then, and only then."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import IMPORTING

PARENT = """
import subprocess, sys
subprocess.run({command})
"""
CHILD = """
import os, sys, time
from stages.common.lifetime import end_with_parent
sys.platform = {platform!r}
end_with_parent(os.getppid())
print("running", flush=True)
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
def test_a_stage_ends_with_the_dvc_and_a_rank_with_the_launcher_that_started_it(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    assert killed(tmp_path, STAGE, variables) == b""


def test_a_stage_ends_with_dvc_though_a_shell_starts_it(tmp_path: Path) -> None:
    assert killed(tmp_path, STAGE, {"DVC_STAGE": "scan"}, shell=True) == b""
