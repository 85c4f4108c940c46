from pathlib import Path

import pytest

from stages.commands.check import main
from stages.common.cli import StageError
from tests.helpers import run_python, set_params


@pytest.mark.parametrize("key", ["data.urls", "data.images"])
def test_data_that_is_not_there_is_named_before_dvc_looks_for_it(project: Path, key: str) -> None:
    main()
    set_params(project, {key: "nowhere"})
    with pytest.raises(StageError, match=f"nowhere is not there; set {key}"):
        main()


def test_a_level_for_a_check_that_is_not_there_is_named_before_anything_runs(project: Path) -> None:
    set_params(project, {"validate.levels": {"truncate": "warn"}})
    ended = run_python("-m", "stages.commands.check", folder=project)
    assert ended.returncode == 1
    assert ended.stderr == (
        "error: params.yaml: unknown key validate.levels.truncate; did you mean validate.levels.truncated?\n"
    )


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ({"blurr": 1.0}, "unknown corruption augment.blurr; did you mean blur?"),
        ({"angle": 90.0}, "augment.angle is 90: it must be from 0 to 60 (degrees)"),
    ],
)
def test_a_corruption_that_is_not_there_or_too_severe_is_named_before_anything_runs(
    project: Path, augment: dict[str, float], message: str
) -> None:
    set_params(project, {"augment": augment})
    ended = run_python("-m", "stages.commands.check", folder=project)
    assert (ended.returncode, ended.stderr) == (1, f"error: params.yaml: {message}\n")


def test_a_setting_that_the_network_does_not_have_is_named_before_anything_runs(project: Path) -> None:
    set_params(project, {"model.hiden": [8]})
    with pytest.raises(StageError, match=r"unknown key model\.hiden: .* did you mean model\.hidden\?"):
        main()
