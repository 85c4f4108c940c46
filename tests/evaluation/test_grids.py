import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import segno
from PIL import Image

from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.evaluation.grids import MAX_GRID_SIDE, largest, read_grids, stack
from tests.helpers import draw_qr, set_params


def grids_of(paths: list[str]) -> pd.Series:
    return read_grids(pd.DataFrame({"path": paths}, index=range(5, 5 + len(paths))), load_params())


def drawn(payload: str, version: int) -> np.ndarray:
    return np.array(segno.make_qr(payload, version=version, error="M", boost_error=False).matrix, dtype=bool)


def test_the_grids_are_the_modules_that_were_drawn(project: Path) -> None:
    images = project / "data/images"
    draw_qr(images / "a.png", "https://a.example/", version=2)
    draw_qr(images / "b.png", "https://b.example/", version=5, scale=7, border=1)
    draw_qr(images / "c.png", "https://c.example/", version=14)
    Image.new("L", (200, 200), 255).save(images / "white.png")
    grids = grids_of(["c.png", "white.png", "a.png", "b.png"])
    assert list(grids.index) == [5, 6, 7, 8]
    assert np.array_equal(grids[5], drawn("https://c.example/", 14)[:MAX_GRID_SIDE, :MAX_GRID_SIDE])
    assert grids[6] is None
    assert np.array_equal(grids[7], drawn("https://a.example/", 2))
    assert np.array_equal(grids[8], drawn("https://b.example/", 5))


def test_a_turned_picture_has_the_grid_of_the_upright_one(project: Path) -> None:
    images = project / "data/images"
    draw_qr(images / "a.png", "https://a.example/", version=3)
    Image.open(images / "a.png").convert("L").rotate(90).save(images / "turned.png")
    Image.open(images / "a.png").convert("L").resize((300, 300)).convert("RGB").save(images / "a.jpg")
    for grid in grids_of(["turned.png", "a.jpg"]):
        assert np.array_equal(grid, drawn("https://a.example/", 3))


def test_no_pictures_have_no_grids(project: Path) -> None:
    assert grids_of([]).empty


@pytest.mark.parametrize("content", [b"no picture", None])
def test_a_picture_that_has_changed_is_an_error_with_its_name(project: Path, content: bytes | None) -> None:
    draw_qr(project / "data/images/a.png", "https://a.example/")
    if content is not None:
        (project / "data/images/changed.png").write_bytes(content)
    with pytest.raises(StageError, match=r"changed\.png has changed since it was scanned .* `dvc repro`"):
        grids_of(["a.png", "changed.png"])


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="where there are no alarms, the bound is looser")
def test_a_picture_that_takes_too_long_is_an_error_with_its_name(project: Path) -> None:
    set_params(project, {"scan.timeout": 0.01})
    (project / "data/images").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (4000, 4000), dtype=np.uint8)
    Image.fromarray(noise).save(project / "data/images/slow.png", compress_level=0)
    with pytest.raises(StageError, match=r"slow\.png: the decoder did not answer within 0\.01 s"):
        grids_of(["slow.png"])


def test_grids_of_all_sizes_are_one_array() -> None:
    small, large = np.array([[True, False], [False, True]]), np.ones((4, 4), dtype=bool)
    stacked = stack(pd.Series([small, None, large], dtype="object"), side=3)
    assert stacked.dtype == np.int8
    assert stacked[0].tolist() == [[1, 0, -1], [0, 1, -1], [-1, -1, -1]]
    assert (stacked[1] == -1).all()
    assert (stacked[2] == 1).all()


def test_the_largest_grid_counts() -> None:
    grids = [None, np.ones((25, 25), dtype=bool), np.ones((29, 29), dtype=bool)]
    assert largest(pd.Series(grids, dtype="object")) == 29
    assert largest(pd.Series([None], dtype="object")) == 21
