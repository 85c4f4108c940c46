"""The whole pipeline, as `dvc repro` runs it in a clone of the repository."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages.evaluation.metrics import HEADLINE
from tests.clones import clone, dvc, needs_repository
from tests.helpers import draw_classes, once, rename_param, set_params, truncate, urls

MODEL = "models/model.safetensors"

pytestmark = [needs_repository, pytest.mark.slow]


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A clone with a tiny table and a tiny network after its first `dvc repro`, and what that printed."""
    folder = once(tmp_path_factory, "pipeline", reproduce)
    return folder / "clone", (folder / "said.txt").read_text()


def reproduce(parent: Path) -> None:
    folder = parent / "clone"
    clone(folder)
    table = [(url, label) for label in ("benign", "malicious") for url in urls(label, 20)]
    pd.DataFrame(table, columns=["url", "label"]).to_csv(folder / "tiny.csv", index=False)
    set_params(folder, {"data.urls": "tiny.csv", "sample.per_class": 20, "render.scale": 4, "scan.workers": 1})
    set_params(folder, {"train.epochs": 1, "train.device": "cpu", "model.hidden": [8], "diagnose.steps": 1})
    set_params(folder, {"evaluate.samples": 20, "robustness.images": 4})
    ended = dvc(folder, "repro")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (parent / "said.txt").write_text(ended.stdout)


@pytest.fixture
def project(reproduced: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of the reproduced clone."""
    return shutil.copytree(reproduced[0], tmp_path / "clone", symlinks=True)


def test_every_stage_runs_and_the_gate_stands_before_the_training(reproduced: tuple[Path, str]) -> None:
    folder, said = reproduced
    ran = re.findall("Running stage '(.*)'", said)
    assert sorted(ran) == sorted(YAML().load(folder / "dvc.yaml")["stages"])
    assert ran.index("scan") < ran.index("validate") < ran.index("split") < ran.index("train") < ran.index("evaluate")


def test_metrics_plots_and_params_can_be_shown(reproduced: tuple[Path, str]) -> None:
    folder, _ = reproduced
    shown = dvc(folder, "metrics", "show", "--json")
    assert shown.returncode == 0, shown.stderr
    [revision] = json.loads(shown.stdout).values()
    metrics = {name: file["data"] for name, file in revision["data"].items()}
    assert metrics.keys() == {"reports/val.json", "reports/test.json"}
    assert all(figures.keys() - {"auc_elsewhere"} == HEADLINE.keys() for figures in metrics.values())
    lines = dvc(folder, "metrics", "show").stdout.splitlines()
    assert len(lines) == 3 and max(map(len, lines)) <= 100

    shown = dvc(folder, "plots", "show")
    assert shown.returncode == 0, shown.stderr
    page = (folder / "dvc_plots/index.html").read_text()
    assert "cdn." not in page  # the page has its scripts in it
    assert all(
        name in page for name in ("loss by epoch", "ROC on the test part", "confusion matrix", "curves/blur.csv")
    )

    shown = dvc(folder, "params", "diff", "--targets", "params.yaml")
    assert shown.returncode == 0, shown.stderr
    assert "train.epochs" in shown.stdout


def test_a_second_time_nothing_is_done(reproduced: tuple[Path, str]) -> None:
    folder, _ = reproduced
    written = [folder / "dvc.lock", folder / MODEL, folder / "reports/test.json", folder / "data/scan.parquet"]
    before = [path.stat().st_mtime_ns for path in written]
    ended = dvc(folder, "repro")
    assert ended.returncode == 0, ended.stderr
    assert "Running stage" not in ended.stdout
    assert [path.stat().st_mtime_ns for path in written] == before


def test_bad_data_never_reaches_the_training_until_it_is_repaired(project: Path) -> None:
    draw_classes(project / "mine", 12, 12)
    truncate(project / "mine/malicious/002.png")
    set_params(project, {"data.images": "mine"})
    model = (project / MODEL).stat()
    ended = dvc(project, "repro")
    assert ended.returncode != 0
    assert "Running stage 'validate'" in ended.stdout
    assert "malicious/002.png" in ended.stdout
    assert "the data is not fit for training" in ended.stderr
    assert "Running stage 'train'" not in ended.stdout
    assert (project / MODEL).stat().st_mtime_ns == model.st_mtime_ns

    draw_classes(project / "mine", 12, 12)  # whole again
    ended = dvc(project, "repro", "split")
    assert ended.returncode == 0, ended.stderr
    assert "Running stage 'split'" in ended.stdout


def test_a_mistyped_setting_stops_the_stage_with_the_right_name(project: Path) -> None:
    rename_param(project, "render.quiet_zone", "render.quietzone")
    ended = dvc(project, "repro")
    assert ended.returncode != 0
    assert "unknown key render.quietzone; did you mean render.quiet_zone?" in ended.stderr
    assert "Traceback" not in ended.stderr
