import json
import re
from pathlib import Path

import pytest

from stages.page.revision import changes, revision
from tests.clones import git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty git repository, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # which hooks of git set
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "--quiet")
    return tmp_path


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def write_run(folder: Path, rate: float, auc: float) -> dict[str, dict[str, float]]:
    (folder / "params.yaml").write_text(
        f"train: {{learning_rate: {rate}, epochs: 20}}\ndata: {{images: /home/somebody/{rate}}}\n"
    )
    (folder / "reports").mkdir(exist_ok=True)
    found = {"val": {"auc": 0.8, f"of {rate}": 1}, "test": {"auc": auc, "loss": 0.6}}
    for part, figures in found.items():
        (folder / f"reports/{part}.json").write_text(json.dumps(figures))
    return found


def test_the_commit_of_the_code_is_named_and_changes_to_it(repository: Path) -> None:
    assert revision() == ""  # no commit yet
    (repository / "dvc.yaml").write_text("a: 1\n")
    commit(repository, "code")
    found = revision()
    assert re.fullmatch(r"[0-9a-f]{7,} of \d{4}-\d\d-\d\d", found)
    write_run(repository, 0.001, 0.5)
    assert revision() == found  # outputs differ in every run
    commit(repository, "results")
    assert revision() == found
    (repository / "dvc.yaml").write_text("a: 2\n")
    assert revision() == f"{found}, with changes"


def test_what_changed_is_told_against_the_last_run_with_other_figures(repository: Path) -> None:
    figures = write_run(repository, 0.001, 0.5)
    assert changes(figures) is None
    commit(repository, "old")
    assert changes(figures) is None  # the same figures
    figures = write_run(repository, 0.0005, 0.75)
    found = changes(figures)
    assert found
    assert found["settings"] == [
        ("train.learning_rate", "0.001", "0.0005"),
        ("data.images", '"0.001"', '"0.0005"'),
    ]
    assert found["figures"] == [("test auc", "0.500", "0.750")]
    commit(repository, "new")
    assert changes(figures) == found  # the same, once it is committed


def test_without_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert (revision(), changes({"val": {}, "test": {}})) == ("", None)
    monkeypatch.setenv("PATH", "")
    assert (revision(), changes({"val": {}, "test": {}})) == ("", None)
