import subprocess
from pathlib import Path

import pytest

from stages.common.cli import StageError
from stages.training.curves import read_curves
from stages.training.journal import Console, curves
from tests.helpers import ENV

SCORES = {"train/loss": 0.61, "val/loss": 0.62, "val/accuracy": 0.7, "val/auc": 0.8}


def test_the_curves_are_read_as_they_were_told(project: Path) -> None:
    with curves(first=True) as log:
        log(1, SCORES)
        log(2, SCORES | {"val/loss": 0.5})
    found = read_curves()
    assert found["val/loss"].to_dict() == {1: 0.62, 2: 0.5}
    assert set(found) == set(SCORES)
    assert not (project / "dvc.yaml").exists()


def test_a_repository_without_a_commit_is_an_error_with_the_remedy(project: Path) -> None:
    subprocess.run(["git", "init", "-q"], check=True, env=ENV)
    with pytest.raises(StageError, match=r"^the git repository here .*git commit"), curves(first=True):
        pass


def test_other_processes_write_none_and_say_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with curves(first=False) as log:
        log(1, SCORES)
    Console(False, 2, 0).tell(1, SCORES, 10.0, 0.1)
    assert list(project.iterdir()) == [project / "params.yaml"]
    assert capsys.readouterr().err == ""


def test_an_epoch_is_a_line_of_a_table_that_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(True, 2, 0)
    console.tell(1, SCORES | {"train/loss": 49.1}, 123.4, 1.0)
    console.tell(2, SCORES, 123.4, 0.25)
    head, *lines = capsys.readouterr().err.splitlines()
    assert head.split("  ")[0] == "epoch" and max(map(len, [head, *lines])) <= 80
    assert [line.split() for line in lines] == [
        "1 49.1000 0.6200 0.700 0.800 123 100.0%".split(),
        "2 0.6100 0.6200 0.700 0.800 123 25.0%".split(),
    ]
