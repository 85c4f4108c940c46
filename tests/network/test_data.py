from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image

from stages.common.cli import StageError
from stages.common.settings import load
from stages.network.data import Images
from tests.helpers import draw_qr, set_params


@pytest.fixture
def rows(project: Path) -> pd.DataFrame:
    folder = project / "data/images"
    draw_qr(folder / "grey.png", "https://a.example/")
    Image.new("RGB", (300, 100), (255, 0, 0)).save(folder / "red.png")
    return pd.DataFrame({"path": ["grey.png", "red.png"], "label": ["benign", "malicious"]})


def test_an_item_is_an_image_and_its_class(rows: pd.DataFrame) -> None:
    images = Images(rows, load())
    assert len(images) == 2
    (grey, benign), (red, malicious) = images[0], images[1]
    assert (benign, malicious) == (0, 1)
    for item in (grey, red):
        assert (item.shape, item.dtype) == ((3, 224, 224), torch.uint8)
    assert torch.equal(grey[0], grey[2])
    assert red[:, 112, 112].tolist() == [255, 0, 0]
    assert red[:, 0, 0].tolist() == [255, 255, 255]  # what makes it square is white


@pytest.mark.parametrize("mebibytes", [0, 1])
def test_the_cache_changes_no_pixel(rows: pd.DataFrame, project: Path, mebibytes: int) -> None:
    set_params(project, {"train.cache_mib": mebibytes})
    images = Images(rows, load())
    first = [images[i][0].clone() for i in range(2)]
    assert all(torch.equal(first[i], images[i][0]) for i in range(2))
    (project / "data/images/red.png").unlink()
    if mebibytes:
        assert torch.equal(images[1][0], first[1])
    else:
        with pytest.raises(StageError, match=r"red\.png"):
            images[1]


def test_a_file_that_changed_since_the_scan_is_named(rows: pd.DataFrame, project: Path) -> None:
    (project / "data/images/grey.png").write_text("no image any more")
    with pytest.raises(StageError, match=r"grey\.png has changed since it was scanned"):
        Images(rows, load())[0]
