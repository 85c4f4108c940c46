"""Fixtures that more than one file of tests uses."""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import chdir
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from pathlib import Path

import pytest

from stages.common import workers
from tests.helpers import REPO, SURROUNDINGS, draw_qr, new_project, once, set_params

os.environ |= SURROUNDINGS  # before a stage or PyTorch is imported, which look once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, so that at the end there is something for each of pytest-xdist's processes to do."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True, scope="session")
def workers_start_quickly() -> Iterator[None]:
    """Fork worker processes from one that has loaded the libraries, which takes a second for each of them.

    They start as those of users do in tests/common/test_workers.py, and in stages that tests start as processes.
    """
    with pytest.MonkeyPatch.context() as patch:
        if sys.platform == "linux":  # elsewhere libraries may not survive a fork
            patch.setattr(workers, "get_context", forked_context)
        yield


def forked_context(_: str) -> BaseContext:
    """In place of `get_context("spawn")`."""
    multiprocessing.set_forkserver_preload(["tests.preload"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPO))  # where it finds that module
        forkserver.ensure_running()
    return multiprocessing.get_context("forkserver")


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
