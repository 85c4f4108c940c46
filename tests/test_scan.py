import os
import re
from contextlib import chdir
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages import scan
from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.dataset import scan_table
from stages.dataset.row import examine
from stages.dataset.storage import Stored, list_images
from tests.helpers import draw_classes, draw_qr, new_project, set_params, truncate

URL = "https://a.example/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose images are a mess, scanned."""
    project = new_project(tmp_path_factory.mktemp("scan"))
    set_params(project, {"scan.max_bytes": 4000, "data.classes": {"good": "benign", "malicious": "malicious"}})
    images = project / "data/images"
    draw_qr(images / "good/b.png", URL, scale=5, border=3, version=2, mask=6, error="Q")
    draw_qr(images / "good/a.png", URL)
    draw_qr(images / "malicious/2021/may/deep.png", URL)
    draw_qr(images / "strange/x.png", URL)
    draw_qr(images / "top.png", URL)
    draw_qr(images / ".thumbnails/x.png", URL)
    truncate(draw_qr(images / "malicious/cut.png", URL))
    (images / "malicious/text.png").write_text("no picture")
    (images / "malicious/empty.png").write_bytes(b"")
    (images / "malicious/large.png").write_bytes(draw_qr(images / "good/a.png", URL).read_bytes() + b"\0" * 4000)
    (images / "malicious/.DS_Store").write_bytes(b"Finder")
    (images / "malicious/dangling.png").symlink_to("nowhere.png")
    draw_qr(project / "elsewhere.png", URL)
    (images / "malicious/link.png").symlink_to(project / "elsewhere.png")
    Path(os.fsdecode(bytes(images) + b"/good/\xff\xfe.png")).write_bytes((images / "good/a.png").read_bytes())
    with chdir(project):
        scan.main()
    return project


@pytest.fixture(scope="module")
def table(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "data/scan.parquet").set_index("path")


def test_every_file_but_dot_files_is_one_row_in_order(table: pd.DataFrame) -> None:
    assert table.index.tolist() == [
        "good/\\xff\\xfe.png" if name == "good/?" else name
        for name in ("good/a.png", "good/b.png", "good/?", "malicious/2021/may/deep.png", "malicious/cut.png",
                     "malicious/dangling.png", "malicious/empty.png", "malicious/large.png", "malicious/link.png",
                     "malicious/text.png", "strange/x.png", "top.png")
    ]  # fmt: skip


def test_a_good_file_is_described_in_full(table: pd.DataFrame, folder: Path) -> None:
    row = table.loc["good/b.png"]
    side = (25 + 2 * 3) * 5
    assert (row["width"], row["height"], row["channels"], row["format"]) == (side, side, 1, "PNG")
    assert row["bytes"] == (folder / "data/images/good/b.png").stat().st_size
    assert len(row["sha256"]) == 64
    assert (row["decoded"], row["symbols"], row["payload"], row["error"]) == (True, 1, URL, "")
    assert (row["version"], row["ec_level"], row["mask"]) == (2, "Q", 6)
    assert row["module_px"] == pytest.approx(5, rel=0.03)
    assert row["quiet_zone"] == pytest.approx(3, abs=0.3)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("malicious/cut.png", "truncated"),
        ("malicious/dangling.png", "."),
        ("malicious/empty.png", "empty"),
        ("malicious/large.png", r"scan\.max_bytes"),
        ("malicious/link.png", "link"),
        ("malicious/text.png", "not an image"),
        ("good/\\xff\\xfe.png", "not valid UTF-8"),
    ],
)
def test_a_bad_file_is_a_row_with_an_error(table: pd.DataFrame, path: str, error: str) -> None:
    row = table.loc[path]
    assert not row["decoded"]
    assert pd.Series([row["error"]]).str.contains(error).all(), row["error"]


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("good/a.png", "benign"),
        ("malicious/2021/may/deep.png", "malicious"),
        ("malicious/empty.png", "malicious"),
        ("strange/x.png", "strange"),
        ("top.png", ""),
    ],
)
def test_the_label_is_the_nearest_known_folder(table: pd.DataFrame, path: str, label: str) -> None:
    assert table.loc[path, "label"] == label


def test_the_number_of_workers_changes_nothing(folder: Path, project: Path) -> None:
    set_params(project, {"data.images": str(folder / "data/images"), "scan.workers": 2, "scan.max_bytes": 4000})
    set_params(project, {"data.classes": {"good": "benign", "malicious": "malicious"}})
    scan.main()
    assert (project / "data/scan.parquet").read_bytes() == (folder / "data/scan.parquet").read_bytes()


def test_a_labels_file_stands_above_the_folders(project: Path) -> None:
    for name in ("a", "b", "c"):
        draw_qr(project / f"data/images/benign/{name}.png", URL)
    lines = ["file,label,url", f"benign/a.png,malicious,{URL}", "benign/b.png,benign,", "benign/gone.png,benign,"]
    (project / "data/images/labels.csv").write_text("\n".join(lines))
    scan.main()
    table = pd.read_parquet("data/scan.parquet").set_index("path")
    assert table["label"].to_dict() == {
        "benign/a.png": "malicious", "benign/b.png": "benign", "benign/c.png": "", "benign/gone.png": "benign"
    }  # fmt: skip
    assert table["label_problem"].to_dict() == {
        "benign/a.png": "", "benign/b.png": "", "benign/c.png": "no_row", "benign/gone.png": "no_file"
    }  # fmt: skip
    assert table.loc["benign/a.png", "url"] == URL


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "mine is not there; set data.images"),
        (b"no folder", "mine is neither a folder nor a tar file; set data.images"),
        (b"PK\x03\x04", "mine is a zip archive: unzip it, and name the folder; set data.images"),
        (b"\x1f\x8b\x08", "mine is compressed with gzip, as a .tar.gz is: unpack it"),
    ],
)
def test_a_folder_that_is_none_is_named(project: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (project / "mine").write_bytes(content)
    set_params(project, {"data.images": "mine"})
    with pytest.raises(StageError, match=re.escape(said)):
        scan.main()
    assert not (project / "data/scan.parquet").exists()


def test_an_empty_folder_is_an_empty_table(project: Path) -> None:
    (project / "data/images").mkdir(parents=True)
    scan.main()
    assert len(pd.read_parquet("data/scan.parquet")) == 0


def test_a_folder_that_may_not_be_read_is_one_row(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stand-in for os.scandir, since an administrator may read everything."""
    draw_classes(project / "data/images", 1, 1)
    list_folder = os.scandir

    def refuse(path: str) -> Any:
        if Path(path).name == "malicious":
            raise PermissionError(13, "Permission denied", str(path))
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", refuse)
    images = list_images(Path("data/images"))
    assert [stored.path for stored in images] == ["benign/000.png", "malicious"]
    row = examine(images[1], "data/images", load_params().scan)
    assert row["problem"] == "unreadable"


@pytest.fixture
def looked(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A project of 12 images; the names of those that scans look at, and not only take over."""
    draw_classes(project / "data/images", 6, 6)
    names: list[str] = []
    look_at_all = scan_table.examine_all

    def recorded(images: list[Stored], *others: Any) -> Any:
        names.extend(stored.path for stored in images)
        return look_at_all(images, *others)

    monkeypatch.setattr(scan_table, "examine_all", recorded)
    return names


def test_only_files_with_new_bytes_are_looked_at_again(project: Path, looked: list[str]) -> None:
    images, table = project / "data/images", project / "data/scan.parquet"
    scan.main()
    assert len(looked) == 12
    first = table.read_bytes()
    looked.clear()
    for path in images.rglob("*.png"):
        path.touch()
    scan.main()
    assert looked == []
    assert table.read_bytes() == first
    draw_qr(images / "benign/000.png", "https://other.example/")
    (images / "benign/001.png").rename(images / "malicious/moved.png")
    (images / "benign/003.png").unlink()
    truncate(images / "malicious/002.png")
    scan.main()
    assert looked == ["benign/000.png", "malicious/002.png"]
    taken_over = table.read_bytes()
    table.unlink()
    scan.main()
    assert table.read_bytes() == taken_over
    assert "malicious/moved.png" in pd.read_parquet(table)["path"].tolist()


def test_what_another_bound_or_version_has_seen_is_looked_at_anew(project: Path, looked: list[str]) -> None:
    scan.main()
    looked.clear()
    set_params(project, {"scan.max_pixels": 10**6})
    scan.main()
    assert len(looked) == 12
    (project / "data/scan.parquet").write_bytes(b"PAR1 damaged")
    scan.main()
    assert len(looked) == 24


def test_a_file_that_killed_its_decoder_is_tried_again(project: Path, looked: list[str]) -> None:
    set_params(project, {"scan.timeout": 0.0001})
    scan.main()
    assert (pd.read_parquet("data/scan.parquet")["problem"] == "kills_decoder").all()
    set_params(project, {"scan.timeout": 20.0})
    scan.main()
    assert pd.read_parquet("data/scan.parquet")["decoded"].all()


def test_a_scan_goes_on_after_ctrl_c(project: Path, looked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    scan.main()
    expected = Path("data/scan.parquet").read_bytes()
    Path("data/scan.parquet").unlink()
    monkeypatch.setattr(scan_table, "ROW_GROUP", 4)
    named = scan_table.named

    def interrupted(images: list[Stored], *rest: Any) -> Any:
        if images[0].path == "malicious/002.png":
            raise KeyboardInterrupt
        return named(images, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(scan_table, "named", interrupted)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                scan.main()
            assert not Path("data/scan.parquet").exists()
    looked.clear()
    monkeypatch.setattr(scan_table, "ROW_GROUP", 16_384)
    scan.main()
    assert looked == [f"malicious/{i:03}.png" for i in range(2, 6)]
    assert Path("data/scan.parquet").read_bytes() == expected
    assert [path.name for path in Path("data").iterdir() if path.name.startswith(".")] == []
