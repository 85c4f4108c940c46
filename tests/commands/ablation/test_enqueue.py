import json
from contextlib import chdir
from pathlib import Path

import pytest

from stages.commands.ablation.fixes import BEFORE, fixed
from stages.common.settings import load_params
from tests.clones import clone, dvc, needs_repository
from tests.helpers import PARAMS, run_stage

NOW = fixed(load_params(PARAMS))


@needs_repository
@pytest.mark.slow
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

    done = run_stage("commands.ablation.show", tmp_path / "clone", arguments=["--name", "t"])
    assert done.returncode == 1
    assert "no finished experiment of HEAD is named t-...: " in done.stderr  # its reports are those of HEAD


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--only", "new"], "invalid choice: 'new'"), (["-S", "train.epochs"], "-S takes KEY=VALUE")],
)
def test_a_slip_of_the_finger_is_explained(project: Path, arguments: list[str], message: str) -> None:
    done = run_stage("commands.ablation.enqueue", project, arguments=arguments)
    assert done.returncode != 0
    assert message in done.stderr
