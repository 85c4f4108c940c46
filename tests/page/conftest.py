"""A git repository to make pages in."""

from pathlib import Path

import pytest

from tests.clones import git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty git repository, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # which hooks of git set
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "--quiet")
    return tmp_path
