import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from stages.commands.ablation import show
from stages.common.cli import StageError
from tests.clones import dvc, git
from tests.helpers import ENV


def experiments(runs: dict[str, tuple[object, object]]) -> pd.DataFrame:
    """What `dvc exp show` has of runs given as (validation loss, validation accuracy of 200 rows)."""
    same = {"val_images": 200, "val_majority": 0.5, "initial_loss": 1.0, "epoch": 1}
    return pd.DataFrame(
        [{"Experiment": name, "val_loss": loss, "val_accuracy": right, **same} for name, (loss, right) in runs.items()]
    )


def test_what_each_fix_did_is_told_by_seed() -> None:
    old = {"s-old-7": (0.69, 0.5), "s-old-8": (0.65, 0.6)}
    init = {"s-old-with-init-7": (0.59, 0.7), "s-old-with-init-8": (0.57, 0.7)}
    unfinished_or_others = {"s-old-with-hidden-7": ("!", "!"), "other-old-7": (9.0, 0.1)}
    table = experiments({**init, **unfinished_or_others, **old})
    runs = show.collect("s", table)
    assert runs[["variant", "seed", "learned"]].to_numpy().tolist() == [
        ["old", "7", False],
        ["old", "8", True],
        ["old-with-init", "7", True],
        ["old-with-init", "8", True],
    ]
    fixes = show.by_fix(runs)
    rows = zip(*(column.cells for column in fixes.columns), strict=True)
    losses = {(fix, base): loss for fix, base, loss, _ in rows}
    assert losses["init", "old"] == "-0.090 (-.10 to -.08)"
    assert losses["init", "others"] == losses["hidden", "old"] == ""


def test_a_large_loss_keeps_its_digits() -> None:
    assert [show.short(value) for value in (0.05, -0.5, 10.05, 100.5)] == [".05", "-.50", "10.05", "100.50"]
    assert show.short(0.05, "+") == "+.05"


def test_table_and_picture_are_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = experiments({"s-old-7": (0.69, 0.5), "s-fixed-7": (0.55, 0.75)})
    monkeypatch.setattr(show, "experiments", lambda rev: table)
    monkeypatch.setattr("sys.argv", ["show", "--name", "s"])
    show.main()
    assert pd.read_csv("reports/ablation/s.csv")["variant"].tolist() == ["old", "fixed"]
    picture = Path("reports/ablation/s.svg").read_bytes()
    show.main()
    assert Path("reports/ablation/s.svg").read_bytes() == picture
    monkeypatch.setattr("sys.argv", ["show", "--name", "none"])
    with pytest.raises(StageError, match="no finished experiment of HEAD is named none-"):
        show.main()


@pytest.mark.slow
def test_the_figures_are_those_in_the_commits_of_the_finished_experiments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    (folder / "reports").mkdir(parents=True)
    for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=folder, env=ENV, check=True)
    write = "import json, sys; json.dump({'val_loss': float(sys.argv[1])}, open('reports/train.json', 'w'))"
    (folder / "write.py").write_text(write)
    (folder / "params.yaml").write_text("loss: 0.5\n")
    stage = {"cmd": f"{sys.executable} write.py ${{loss}}", "params": ["loss"]}
    dvc_yaml = {"stages": {"train": stage | {"outs": [{"reports/train.json": {"cache": False}}]}}}
    (folder / "dvc.yaml").write_text(json.dumps(dvc_yaml))
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "first")
    done = dvc(folder, "exp", "run", "--name", "s-old-7", "-S", "loss=0.25")
    assert done.returncode == 0, done.stderr
    monkeypatch.chdir(folder)
    assert show.experiments("HEAD").to_dict("records") == [{"Experiment": "s-old-7", "val_loss": 0.25}]
