import re
from pathlib import Path

import pytest

from stages.page.revision import revision
from tests.clones import commit


def test_the_commit_of_the_code_is_named_and_changes_to_it(repository: Path) -> None:
    assert revision() == ""  # no commit yet
    (repository / "dvc.yaml").write_text("a: 1\n")
    commit(repository, "code")
    found = revision()
    assert re.fullmatch(r"[0-9a-f]{7,} of \d{4}-\d\d-\d\d", found)
    (repository / "reports.json").write_text("{}")
    assert revision() == found  # outputs differ in every run
    commit(repository, "results")
    assert revision() == found
    (repository / "dvc.yaml").write_text("a: 2\n")
    assert revision() == f"{found}, with changes"


def test_without_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert revision() == ""
    monkeypatch.setenv("PATH", "")
    assert revision() == ""
