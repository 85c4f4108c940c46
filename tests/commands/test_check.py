import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stages import render
from stages.commands.check import main
from stages.common.cli import StageError
from tests.helpers import draw_classes, run_python, set_params


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
        ({"blurr": 1.0}, "unknown key augment.blurr; did you mean augment.blur?"),
        ({"angle": 90.0}, "augment.angle is 90: it must be from 0 to 60 (degrees)"),
    ],
)
def test_a_corruption_that_is_not_there_or_too_severe_is_named_before_anything_runs(
    project: Path, augment: dict[str, float], message: str
) -> None:
    set_params(project, {"augment": augment})
    with pytest.raises(StageError) as refused:
        main()
    assert str(refused.value) == f"params.yaml: {message}"


def test_a_setting_that_the_network_does_not_have_is_named_before_anything_runs(project: Path) -> None:
    set_params(project, {"model.hiden": [8]})
    with pytest.raises(StageError, match=r"unknown key model\.hiden: .* did you mean model\.hidden\?"):
        main()


def entries(folder: Path) -> dict[str, Callable[[], object]]:
    """What DVC cannot read, by the words that say so."""
    latin = Path(os.fsdecode(bytes(folder) + b"/benign/b\xfcro.png"))
    return {
        r"benign/b\xfcro.png: the name is not UTF-8; rename it": lambda: latin.write_bytes(b"x"),
        "benign/dangling.png: a link to nothing; delete it": lambda: (folder / "benign/dangling.png").symlink_to(
            "gone"
        ),
        "benign/pipe.png: a pipe, socket or device; take it out": lambda: os.mkfifo(folder / "benign/pipe.png"),
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
@pytest.mark.parametrize("words", entries(Path()))
@pytest.mark.parametrize("command", [main, render.main])
def test_what_dvc_cannot_read_is_named_before_it_tries(project: Path, words: str, command: Callable[[], None]) -> None:
    draw_classes(project / "qr", 1, 1)
    set_params(project, {"data.images": "qr"})
    command()
    entries(project / "qr")[words]()
    with pytest.raises(StageError) as refused:
        command()
    said = str(refused.value)
    assert f"qr has entries that DVC cannot read: qr/{words}" in said
    assert said.isprintable()  # one line


@pytest.mark.parametrize("images", ["/", "."])
def test_a_folder_that_holds_the_project_is_none_of_images(project: Path, images: str) -> None:
    set_params(project, {"data.images": images})
    with pytest.raises(StageError, match=r"holds this project itself; set data\.images"):
        main()
