"""Fixtures that more than one file of tests uses."""

import os
from contextlib import chdir
from pathlib import Path

import pytest

from tests.helpers import SURROUNDINGS, draw_qr, new_project, once, set_params

os.environ |= SURROUNDINGS  # before a stage or PyTorch is imported, which look once


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the settings of the tests, which is the working directory of the test."""
    folder = new_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after its training; the classes are easily told apart. Tests change copies of it."""
    return once(tmp_path_factory, "trained", train_easily)


def train_easily(folder: Path) -> None:
    from stages import calibrate, scan, split, train, validate

    new_project(folder)
    set_params(
        folder,
        {
            "model.hidden": [8],
            "train.epochs": 2,
            "train.batch_size": 8,
            "train.device": "cpu",
            "train.precision": "32",
            "split.val": 0.2,
            "split.test": 0.2,
            "validate.levels": {"versions_overlap": "off"},  # by which the classes are told apart here
        },
    )
    for i in range(20):
        draw_qr(folder / f"data/images/benign/{i}.png", f"https://a{i}.example/")
        draw_qr(folder / f"data/images/malicious/{i}.png", f"https://b{i}.example/{'account/' * 12}")
    with chdir(folder):
        for stage in (scan, validate, split, train, calibrate):
            stage.main()
