import shutil
from pathlib import Path

import pytest

from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.page.inputs import JSON, TABLES, Inputs, read_inputs
from tests.helpers import set_params


def inputs(by: str) -> Inputs:
    about = {"params": {"split": {"by": by}}}
    return Inputs(load_params(), {}, {}, None, None, None, about, 0)


def doubts(by: str) -> list[str]:
    return inputs(by).doubts


@pytest.mark.parametrize("images", ["/home/someone/secret/codes-2026", "../elsewhere/codes-2026", "codes-2026"])
def test_the_dataset_is_named_without_the_way_to_it(project: Path, images: str) -> None:
    assert inputs("site").dataset == "synthetic sample"
    set_params(project, {"data.images": images})
    assert inputs("site").dataset == "codes-2026"
    set_params(project, {"data.images": "data/images", "data.urls": "/home/someone/secret/urls.csv"})
    assert inputs("site").dataset == "urls.csv"


def test_a_split_by_rows_and_the_sample_are_doubts(project: Path) -> None:
    assert len(doubts("site")) == 1 and "synthetic sample" in doubts("site")[0]
    assert len(doubts("row")) == 2 and "leak" in doubts("row")[0]
    set_params(project, {"data.images": "mine"})
    assert doubts("site") == []


def test_the_first_file_that_is_missing_is_named(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a training alone, what evaluation and robustness write is not there."""
    monkeypatch.chdir(shutil.copytree(trained, tmp_path / "copy"))
    present = [path for path in [*JSON.values(), *(path for path, _ in TABLES.values())] if path.exists()]
    assert present
    with pytest.raises(StageError, match=r"reports/\S+\.json is not there yet: run `dvc repro`"):
        read_inputs(load_params())
    present[0].unlink()
    with pytest.raises(StageError, match=rf"{present[0]} is not there yet"):
        read_inputs(load_params())
