from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stages.common.artefacts import SCAN
from stages.common.cli import progress
from stages.common.settings import load_params
from stages.dataset import scan_table
from stages.dataset.row import SCHEMA
from stages.dataset.storage import list_images
from tests.helpers import draw_classes, truncate


def test_rows_come_in_groups_in_the_order_of_the_files(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truncate(draw_classes(project / "data/images", 6, 5) / "benign/002.png")
    monkeypatch.setattr(scan_table, "ROW_GROUP", 4)
    params = load_params()
    images = list_images(params.data.images)
    groups = list(scan_table.scan_images(images, params, progress()))
    assert [len(group) for group in groups] == [4, 4, 3, 0]  # the last is of files that are listed and missing
    assert all(group.schema.equals(SCHEMA) for group in groups)
    assert [path for group in groups for path in group["path"].to_pylist()] == [stored.path for stored in images]
    scan_table.write_scan_table(iter(groups), params)
    written = pq.ParquetFile(SCAN)
    assert written.num_row_groups >= 3
    assert written.read()["decoded"].to_pylist() == [i != 2 for i in range(11)]


def test_what_was_scanned_before_is_taken_over_in_place(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of known files and of new ones alternate; each stands where its file does."""
    images, params = draw_classes(project / "data/images", 8, 0), load_params()
    for i in range(0, 8, 2):
        (images / f"benign/00{i}.png").rename(images / f"benign/00{i}.later")
    scan_table.write_scan_table(scan_table.scan_images(list_images(images), params, progress()), params)
    for i in range(0, 8, 2):
        (images / f"benign/00{i}.later").rename(images / f"benign/00{i}.png")
    mixed = [group.to_pylist() for group in scan_table.scan_images(list_images(images), params, progress())]
    SCAN.unlink()
    assert mixed == [group.to_pylist() for group in scan_table.scan_images(list_images(images), params, progress())]


def test_a_listed_file_that_is_missing_is_a_row_at_the_end(project: Path) -> None:
    images = draw_classes(project / "data/images", 1, 1)
    (images / "labels.csv").write_text("file,label\nbenign/000.png,benign\nmalicious/000.png,malicious\nx.png,benign\n")
    params = load_params()
    rows = [
        row for group in scan_table.scan_images(list_images(images), params, progress()) for row in group.to_pylist()
    ]
    assert [(row["path"], row["label"], row["label_problem"]) for row in rows] == [
        ("benign/000.png", "benign", ""), ("malicious/000.png", "malicious", ""), ("x.png", "benign", "no_file")
    ]  # fmt: skip
    assert "there is no such file" in rows[-1]["error"]
