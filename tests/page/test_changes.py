import json
from pathlib import Path

import pytest

from stages.page.changes import changes
from tests.clones import commit


def write_run(folder: Path, rate: float, auc: float) -> dict[str, dict[str, float]]:
    (folder / "params.yaml").write_text(
        f"train: {{learning_rate: {rate}, epochs: 20}}\ndata: {{images: /home/somebody/{rate}}}\n"
    )
    (folder / "reports").mkdir(exist_ok=True)
    found = {"val": {"auc": 0.8, f"of {rate}": 1}, "test": {"auc": auc, "loss": 0.6}}
    for part, figures in found.items():
        (folder / f"reports/{part}.json").write_text(json.dumps(figures))
    return found


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
    assert changes({"val": {}, "test": {}}) is None
    monkeypatch.setenv("PATH", "")
    assert changes({"val": {}, "test": {}}) is None
