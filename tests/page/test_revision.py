import re
from pathlib import Path

import pytest

from stages.page.revision import revision
from tests.clones import git


def test_the_commit_and_its_date_are_named_and_changes_to_code_or_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # which hooks of git set
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "--quiet")
    assert revision() == ""  # no commit yet
    (tmp_path / "params.yaml").write_text("a: 1\n")
    git(tmp_path, "add", "params.yaml")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    assert re.fullmatch(r"[0-9a-f]{7,} of \d{4}-\d\d-\d\d", revision())
    (tmp_path / "reports.json").write_text("{}")
    assert "changes" not in revision()  # outputs differ in every run
    (tmp_path / "params.yaml").write_text("a: 2\n")
    assert revision().endswith(", with changes")


def test_without_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert revision() == ""
    monkeypatch.setenv("PATH", "")
    assert revision() == ""
