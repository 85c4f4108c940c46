from hashlib import sha256
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.network.data import Batches, Images
from tests.helpers import draw_qr, set_params


@pytest.fixture
def rows(project: Path) -> pd.DataFrame:
    folder = project / "data/images"
    draw_qr(folder / "grey.png", "https://a.example/")
    Image.new("RGB", (300, 100), (255, 0, 0)).save(folder / "red.png")
    hashes = [sha256((folder / name).read_bytes()).hexdigest() for name in ("grey.png", "red.png")]
    return pd.DataFrame({"path": ["grey.png", "red.png"], "label": ["benign", "malicious"], "sha256": hashes})


def test_an_item_is_an_image_and_its_class(rows: pd.DataFrame) -> None:
    images = Images(rows, load_params())
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
    images = Images(rows, load_params())
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
        Images(rows, load_params())[0]


def shares(rows: int, size: int, processes: int, shuffle: bool) -> list[list[list[int]]]:
    """The batches of each process."""
    found = []
    for rank in range(processes):
        fabric: Any = SimpleNamespace(world_size=processes, global_rank=rank, broadcast=lambda seed: seed)
        torch.manual_seed(5)  # what rank 0 draws is broadcast to all
        found.append(list(Batches(rows, size, fabric, shuffle)))
    return found


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("rows", "size"), [(10, 4), (12, 4), (9, 4), (3, 8)])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_deal_every_batch_among_them(rows: int, size: int, processes: int, shuffle: bool) -> None:
    (alone,), several = shares(rows, size, 1, shuffle), shares(rows, size, processes, shuffle)
    assert sorted(chain(*alone)) == list(range(rows))
    assert len({len(batches) for batches in several}) == 1
    together = [[i for share in batch for i in share] for batch in zip(*several, strict=True)]
    assert sorted(chain(*together)) == list(range(rows))
    assert all(batch for batches in several for batch in batches)
    if rows % size == 0 or rows % size >= processes:
        assert [sorted(batch) for batch in together] == [sorted(batch) for batch in alone]


def test_alone_it_is_the_order_of_a_shuffling_loader() -> None:
    fabric: Any = SimpleNamespace(world_size=1, global_rank=0, broadcast=lambda seed: seed)
    numbers: Any = range(100)
    ours: Any = DataLoader(numbers, batch_sampler=Batches(100, 8, fabric, shuffle=True))
    theirs: Any = DataLoader(numbers, 8, shuffle=True)
    orders = []
    for loader in (ours, theirs):
        torch.manual_seed(3)
        orders.append([batch.tolist() for _ in range(2) for batch in loader])
    assert orders[0] == orders[1]
