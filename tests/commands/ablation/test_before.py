"""`make before`: the old settings, in a folder of their own."""

import json
from pathlib import Path

import pytest

from stages.commands.ablation.fixes import BEFORE
from tests.clones import clone, dvc, needs_repository
from tests.helpers import draw_classes, run_stage, set_params


@needs_repository
@pytest.mark.slow
def test_the_old_settings_run_on_images_of_ones_own_that_git_does_not_know(tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    clone(folder)
    draw_classes(folder / "mine", 4, 4)
    set_params(folder, {"data.images": "mine", "scan.workers": 1})
    settings = (folder / "params.yaml").read_text()
    done = run_stage("commands.ablation.before", folder, arguments=["scan"])
    assert done.returncode == 0, done.stderr
    assert (folder / "params.yaml").read_text() == settings
    assert not (folder / "data/scan.parquet").exists()
    shown = json.loads(dvc(folder, "exp", "show", "--json").stdout)
    (made,) = [one for rev in shown for each in rev["experiments"] or [] for one in each["revs"]]
    params = made["data"]["params"]["params.yaml"]["data"]
    assert made["name"] == "before"
    assert params["data"]["images"] == str(folder / "mine")
    assert {key: params[key.split(".")[0]][key.split(".")[1]] for key in BEFORE} == BEFORE

    again = run_stage("commands.ablation.before", folder, arguments=["scan"])
    assert again.returncode == 1
    assert again.stderr.endswith("if the name `before` is taken: dvc exp remove before\n")


def test_images_that_do_not_exist_are_an_error_before_dvc_starts(project: Path) -> None:
    set_params(project, {"data.images": "nowhere"})
    done = run_stage("commands.ablation.before", project)
    assert done.returncode == 1
    assert "nowhere does not exist; set data.images in params.yaml to your data" in done.stderr
    assert len(done.stderr.splitlines()) == 1
