"""Whoever sets params.yaml to data of their own has tests that pass still."""

from pathlib import Path

import pytest

from tests.clones import clone, needs_repository
from tests.helpers import REPO, run_python, set_params

OWN = {
    "data.images": "/somewhere/else",
    "data.urls": "mine.csv",
    "data.classes": {"good": "benign", "phishing": "malicious"},
    "sample.per_class": 50,
    "scan.workers": 2,
    "scan.max_bytes": 1000,
    "validate.max_picture_auc": 0.9,
    "split.seed": 1,
    "model.hidden": [16],
    "train.learning_rate": 0.01,
    "train.epochs": 10,
    "augment": {"blur": 1.0, "rotate": 10.0, "noise": 0.0, "recompress": 0.0, "darken": 0.0, "angle": 0.0},
}
# A test of most that reads settings.
SOME = (
    "common/test_settings.py",
    "commands/ablation/test_fixes.py",
    "gate/test_audit.py",
    "network/test_data.py",
    "test_split.py",
    "test_validate.py::test_good_data_passes",
)


@needs_repository
@pytest.mark.slow
def test_the_tests_do_not_depend_on_the_settings_of_the_user(tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    clone(folder)
    (folder / "params.yaml").write_bytes((REPO / "params.yaml").read_bytes())
    set_params(folder, OWN)
    tests = [f"tests/{name}" for name in SOME]
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow"]
    ended = run_python("-m", "pytest", *options, *tests, folder=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
