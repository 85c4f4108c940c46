"""Images in shards: the same rows as in files of their own, whatever a shard looks like."""

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from stages import scan
from stages.common.cli import StageError
from stages.dataset.storage import Stored, list_images, read_bytes, stored_in
from tests.helpers import draw_classes, draw_qr, pack, set_params, truncate


@pytest.fixture
def images(project: Path) -> Path:
    """Class folders, some of whose files are broken."""
    folder = draw_classes(project / "images", 4, 4)
    truncate(folder / "benign/001.png")
    (folder / "benign/empty.png").write_bytes(b"")
    (folder / "malicious/nested").mkdir()
    draw_qr(folder / "malicious/nested/\N{LATIN SMALL LETTER U WITH DIAERESIS}.png", "https://u.example/")
    (folder / "malicious/.hidden.png").write_bytes(b"hidden")
    return folder


def table_of(images: str) -> pd.DataFrame:
    set_params(Path(), {"data.images": images})
    scan.main()
    return pd.read_parquet("data/scan.parquet")


def test_a_packed_folder_has_the_rows_of_the_folder(images: Path, project: Path) -> None:
    shards = pack(project)
    loose, packed = table_of("images"), table_of("shards")
    assert packed["shard"].unique().tolist() == ["images-00000.tar"]
    assert loose["shard"].isna().all()
    named = ["shard", "offset"]
    pd.testing.assert_frame_equal(packed.drop(columns=named), loose.drop(columns=named))
    assert packed["path"].tolist() == sorted(packed["path"])
    for stored in list_images(shards):
        assert read_bytes(shards, stored, 10**6) == (images / stored.path).read_bytes()
    assert stored_in(packed) == list_images(shards)


def test_labels_lie_beside_the_shards(images: Path, project: Path) -> None:
    (images / "labels.csv").write_text("file,label\nbenign/000.png,malicious\n")
    pack(project)
    table = table_of("shards").set_index("path")
    assert table.loc["benign/000.png", "label"] == "malicious"
    assert "labels.csv" not in table.index


def test_what_tar_made_works_as_well_and_may_lie_in_a_class_folder(images: Path, project: Path) -> None:
    shutil.rmtree(images / "malicious/nested")
    loose = table_of("images").drop(columns=["shard", "offset"])
    for name in ("benign", "malicious"):
        subprocess.run(["tar", "cf", f"../../{name}.tar", "."], cwd=images / name, check=True)
        shutil.rmtree(images / name)
        (images / name).mkdir()
        (project / f"{name}.tar").rename(images / name / "all.tar")
    packed = table_of("images")
    assert packed["shard"].unique().tolist() == ["benign/all.tar", "malicious/all.tar"]
    pd.testing.assert_frame_equal(packed.drop(columns=["shard", "offset"]), loose)


def test_a_single_tar_file_is_a_dataset(images: Path, project: Path) -> None:
    shards = pack(project)
    table = table_of("shards/images-00000.tar")
    pd.testing.assert_frame_equal(table.drop(columns="shard"), table_of("shards").drop(columns="shard"))
    assert read_bytes(shards / "images-00000.tar", stored_in(table)[0], 10**6)


@pytest.mark.parametrize("damage", ["cut", "header", "text"])
def test_a_damaged_shard_is_a_row_and_what_is_left_of_it_too(images: Path, project: Path, damage: str) -> None:
    shard = pack(project) / "images-00000.tar"
    whole = list_images(shard)
    data = bytearray(shard.read_bytes())
    third = whole[3].offset or 0
    if damage == "cut":
        del data[third + 10 :]
    elif damage == "header":
        data[third - 512 : third - 400] = b"x" * 112
    else:
        data[:] = b"no tar file"
    shard.write_bytes(data)
    table = table_of("shards").set_index("path")
    assert "damaged tar file" in table.loc["images-00000.tar", "error"]
    left = {"cut": 4, "header": 3, "text": 0}[damage]
    assert len(table) == left + 1
    if damage == "cut":
        assert table.loc[whole[3].path, "problem"] == "truncated"


def test_a_name_that_comes_twice_is_an_error(images: Path, project: Path) -> None:
    pack(project)
    shutil.copy(project / "shards/images-00000.tar", project / "shards/copy.tar")
    with pytest.raises(StageError, match=r"benign/000\.png is in copy\.tar and images-00000\.tar"):
        list_images(project / "shards")


def test_a_tar_file_cannot_lead_out_of_itself(project: Path) -> None:
    (project / "shards").mkdir()
    (project / "secret.png").write_bytes(b"secret")
    with tarfile.open(project / "shards/evil.tar", "w") as tar:
        inside = tarfile.TarInfo("../secret.png")
        inside.size = 3
        tar.addfile(inside, io.BytesIO(b"own"))
        link = tarfile.TarInfo("benign/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, str(project / "secret.png")
        tar.addfile(link)
    table = table_of("shards").set_index("path")
    assert table.loc["../secret.png", "bytes"] == 3
    assert table.loc["benign/link.png", "problem"] == "link"


def test_a_link_to_a_folder_is_called_so(images: Path) -> None:
    (images / "benign/more").symlink_to("../malicious")
    with pytest.raises(OSError, match=r"a link to a folder"):
        read_bytes(images, Stored("benign/more"), 10**6)


def test_two_names_that_would_be_written_alike_are_an_error(project: Path) -> None:
    (project / "images").mkdir()
    Path(os.fsdecode(bytes(project) + b"/images/a\xff.png")).write_bytes(b"x")
    assert len(list_images(project / "images")) == 1
    (project / r"images/a\xff.png").write_bytes(b"x")
    with pytest.raises(StageError, match=r"a\\xff\.png is a file's name, and what another's .* rename one"):
        list_images(project / "images")
