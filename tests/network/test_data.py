from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.network.data import Images, stacked, visible
from stages.network.modules import MODULES
from stages.network.view import PICTURE
from tests.helpers import draw_qr, set_params


@pytest.fixture
def rows(project: Path) -> pd.DataFrame:
    folder = project / "data/images"
    draw_qr(folder / "grey.png", "https://a.example/")
    Image.new("RGB", (300, 100), (255, 0, 0)).save(folder / "red.png")
    hashes = [sha256((folder / name).read_bytes()).hexdigest() for name in ("grey.png", "red.png")]
    return pd.DataFrame({"path": ["grey.png", "red.png"], "label": ["benign", "malicious"], "sha256": hashes})


def test_an_item_is_an_image_and_its_class(rows: pd.DataFrame) -> None:
    images = Images(rows, load_params(), PICTURE)
    assert len(images) == 2
    (grey, benign), (red, malicious) = images[0], images[1]
    assert (benign, malicious) == (0, 1)
    for item in (grey, red):
        assert (item.shape, item.dtype) == ((3, 224, 224), torch.uint8)
    assert torch.equal(grey[0], grey[2])
    assert red[:, 112, 112].tolist() == [255, 0, 0]
    assert red[:, 0, 0].tolist() == [255, 255, 255]  # what makes it square is white


def test_a_batch_of_grey_pictures_has_one_channel_and_any_other_three(rows: pd.DataFrame) -> None:
    images = Images(rows, load_params(), PICTURE)
    (grey, labels), (mixed, _) = images.batch([0, 0]), images.batch([0, (1, 5)])
    assert (grey.shape, grey.dtype, labels.tolist()) == ((2, 1, 224, 224), torch.uint8, [0, 0])
    assert torch.equal(grey.expand(-1, 3, -1, -1), torch.stack([images[0][0]] * 2))
    assert torch.equal(mixed, torch.stack([images[0][0], images[1][0]]))
    assert stacked([np.ones(MODULES.shape, np.int8)] * 2, MODULES).shape == (2, *MODULES.shape)


@pytest.mark.parametrize("mebibytes", [0, 1])
def test_the_cache_changes_no_pixel(rows: pd.DataFrame, project: Path, mebibytes: int) -> None:
    set_params(project, {"train.cache_mib": mebibytes})
    images = Images(rows, load_params(), PICTURE)
    first = [images[i][0].clone() for i in range(2)]
    assert all(torch.equal(first[i], images[i][0]) for i in range(2))
    (project / "data/images/red.png").unlink()
    if mebibytes:
        assert torch.equal(images[1][0], first[1])
    else:
        with pytest.raises(StageError, match=r"red\.png"):
            images[1]


@pytest.mark.parametrize("mebibytes", [0, 1])
def test_a_picture_that_is_another_one_since_the_scan_is_named_and_not_kept(
    rows: pd.DataFrame, project: Path, mebibytes: int
) -> None:
    set_params(project, {"train.cache_mib": mebibytes})
    draw_qr(project / "data/images/grey.png", "https://other.example/")
    for _ in range(2):
        with pytest.raises(StageError, match=r"grey\.png has changed since it was scanned \(its bytes are others\)"):
            Images(rows, load_params(), PICTURE)[0]


def test_a_file_that_changed_since_the_scan_is_named(rows: pd.DataFrame, project: Path) -> None:
    (project / "data/images/grey.png").write_text("no image any more")
    with pytest.raises(StageError, match=r"grey\.png has changed since it was scanned"):
        Images(rows, load_params(), PICTURE)[0]


def test_visible_rows_have_what_the_network_needs() -> None:
    table = pd.DataFrame({"path": ["a", "b", "c"], "version": [3, np.nan, 2], "mask": [np.nan, 1, 0]})
    assert visible(table, PICTURE).equals(table)
    assert visible(table, MODULES)["path"].tolist() == ["c"]


def test_a_picture_that_does_not_show_what_the_network_takes_is_named(rows: pd.DataFrame) -> None:
    takes = replace(PICTURE, name="modules", see=lambda pixels, rectified: None)
    with pytest.raises(StageError, match=r"red\.png shows no modules any more; run `dvc repro`"):
        Images(rows, load_params(), takes)[1]
