"""`dvc exp run` with data of the user's own, which DVC's temporary folders do not have."""

from itertools import pairwise
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from stages.commands.experiments import command, settings_of
from stages.common.cli import StageError
from tests.helpers import set_params


def given(arguments: list[str]) -> dict[str, object]:
    """The settings of a `dvc exp run` as DVC reads them."""
    pairs = [value for flag, value in pairwise(arguments) if flag == "-S"]
    return {one.key_or_group: one.value() for one in OverridesParser.create().parse_overrides(pairs)}


def test_settings_reach_dvc_with_their_types(project: Path) -> None:
    values = {"train.epochs": 1, "train.gradient_clip": None, "model.hidden": [8, 4], "model.init": "kaiming"}
    assert given(command("x", values, "--temp")) == values


@pytest.mark.parametrize("name", ["mine", "mine, (new) = it's"])
def test_own_data_is_named_by_its_absolute_path(project: Path, name: str) -> None:
    (project / name).mkdir()
    (project / "my.csv").write_text("url,label\n")
    set_params(project, {"data.images": name, "data.urls": "my.csv"})
    assert given(command("x", {})) == {"data.images": str(project / name), "data.urls": str(project / "my.csv")}
    assert given(command("x", {"data.images": "/other"}))["data.images"] == "/other"


def test_own_data_that_does_not_exist_is_an_error(project: Path) -> None:
    set_params(project, {"data.images": "nowhere"})
    with pytest.raises(StageError, match=r"nowhere does not exist; set data\.images in params\.yaml"):
        command("x", {})


def test_a_setting_without_a_value_is_an_error() -> None:
    assert settings_of(["a.b=c=d"]) == {"a.b": "c=d"}
    with pytest.raises(StageError, match="-S takes KEY=VALUE"):
        settings_of(["train.epochs"])
