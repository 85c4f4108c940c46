import json
from contextlib import chdir
from pathlib import Path

import pandas as pd
import pytest

from stages.commands.ablation import show
from stages.commands.ablation.fixes import BEFORE, fixed, variants
from stages.common.cli import StageError
from stages.common.settings import load_params
from tests.clones import clone, dvc, needs_repository
from tests.helpers import PARAMS, run_stage

NOW = fixed(load_params(PARAMS))


def test_each_variant_is_one_fix_away() -> None:
    found = variants(NOW)
    assert len(found) == 16
    assert all(NOW[key] != before for key, before in BEFORE.items())
    for name, values in found.items():
        own = {key for key in BEFORE if values[key] == NOW[key]}
        if name.startswith("old-with-"):
            assert {key.rpartition(".")[2] for key in own} == {name.removeprefix("old-with-")}
        elif name.startswith("fixed-without-"):
            assert {key.rpartition(".")[2] for key in set(BEFORE) - own} == {name.removeprefix("fixed-without-")}


@needs_repository
def test_the_experiments_are_queued_with_their_settings(tmp_path: Path) -> None:
    clone(tmp_path / "clone")
    arguments = ["--name", "t", "--only", "old-with-init", "--seeds", "7", "-S", "split.per_class=50"]
    with chdir(tmp_path / "clone"):
        done = run_stage("commands.ablation.enqueue", tmp_path / "clone", arguments=arguments)
    assert done.returncode == 0, done.stderr
    assert "1 experiments are queued" in done.stdout
    shown = json.loads(dvc(tmp_path / "clone", "exp", "show", "--json").stdout)
    (queued,) = [one for rev in shown for each in rev["experiments"] or [] for one in each["revs"]]
    params = queued["data"]["params"]["params.yaml"]["data"]
    assert (queued["name"], params["split"]["per_class"], params["train"]["seed"]) == ("t-old-with-init-7", 50, 7)
    assert (params["model"]["init"], params["model"]["hidden"]) == (NOW["model.init"], BEFORE["model.hidden"])
    assert params["train"]["gradient_clip"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--only", "new"], "invalid choice: 'new'"), (["-S", "train.epochs"], "-S takes KEY=VALUE")],
)
def test_a_slip_of_the_finger_is_explained(project: Path, arguments: list[str], message: str) -> None:
    done = run_stage("commands.ablation.enqueue", project, arguments=arguments)
    assert done.returncode != 0
    assert message in done.stderr


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
    cells = dict(zip(fixes.columns[0].cells, fixes.columns[1].cells, strict=True))
    assert cells["init"] == "-0.090 (-0.10 to -0.08)"
    assert cells["hidden"] == ""


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
