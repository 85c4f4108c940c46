"""Clones of the repository, with the settings of the tests, and DVC and git in them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import ENV, HANGS, PARAMS, REPO

needs_repository = pytest.mark.skipif(not (REPO / ".git").exists(), reason="there is no git repository here to clone")


def dvc(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`dvc ARGUMENTS` in `folder`, whatever this user's and this machine's DVC is configured to."""
    env = ENV | {name: str(folder.parent / name) for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR")}
    env |= {"DVC_SITE_CACHE_DIR": str(folder.parent / "site-cache")}
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=HANGS)


def git(folder: Path, *arguments: str) -> str:
    quiet = ["-c", "user.name=Test", "-c", "user.email=test@test.invalid", "-c", "commit.gpgSign=false"]
    command = ["git", *quiet, *arguments]
    return subprocess.run(command, cwd=folder, env=ENV, check=True, capture_output=True, text=True).stdout


def clone(folder: Path) -> None:
    """A clone of the repository with a commit on top: what the working tree changes, and the settings of the tests."""
    git(REPO, "clone", "--quiet", "--no-hardlinks", str(REPO), str(folder))
    written = ["--exclude=/data/", "--exclude=/models/", "--exclude=/reports/"]  # by stages, if git has it not
    names = set(git(REPO, "ls-files", "-co", "--exclude-standard", *written, "-z").split("\0")[:-1])
    for name in names | set(git(folder, "ls-files", "-z").split("\0")[:-1]):
        if name in names and (REPO / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPO / name, folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    shutil.copy(PARAMS, folder)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--no-verify", "--allow-empty", "-m", "The working tree")


def commit(folder: Path, message: str) -> None:
    """Commit everything in the repository `folder`."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
