"""Shards as the command writes them; that they are read like the folder is in tests/dataset/test_storage.py."""

import shutil
from pathlib import Path

import pytest

from stages.dataset.storage import list_images
from tests.helpers import draw_classes, draw_qr, pack, run_stage


@pytest.fixture
def images(project: Path) -> Path:
    return draw_classes(project / "images", 3, 3)


def test_the_same_folder_gives_the_same_bytes_and_shards_of_the_size_asked_for(images: Path, project: Path) -> None:
    for path in (images / "benign").iterdir():
        path.touch()  # another time, and below other permissions
        path.chmod(0o600)
    one = pack(project)
    shutil.copytree(images, project / "copy")
    shutil.rmtree(images)
    (project / "copy").rename(images)
    other = pack(project, target="again")
    assert [path.read_bytes() for path in sorted(one.iterdir())] == [
        path.read_bytes() for path in sorted(other.iterdir())
    ]
    (images / "benign/large.png").write_bytes(bytes(3 * 2**20))
    several = pack(project, "--shard-mib", "1", target="several")
    assert len(list(several.glob("*.tar"))) == 3  # before, with and after the large one
    assert len(list_images(several)) == len(list_images(images))


def test_links_out_of_the_folder_are_left_out_and_said(images: Path, project: Path) -> None:
    draw_qr(project / "elsewhere.png", "https://x.example/")
    (images / "benign/link.png").symlink_to(project / "elsewhere.png")
    ended = run_stage("commands.pack", project, ["images", "shards"])
    assert ended.returncode == 0
    assert "left out: benign/link.png: a link out of the folder" in ended.stderr
    assert "6 files in 1 shards, 1 left out" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["images", "images"], "images already exists"),
        (["images", "images/shards"], "images/shards is inside images"),
        (["gone", "shards"], "gone is not there; set data.images"),
    ],
)
def test_what_cannot_be_packed_is_said(images: Path, project: Path, arguments: list[str], message: str) -> None:
    ended = run_stage("commands.pack", project, arguments)
    assert ended.returncode == 1
    assert message in ended.stderr and "Traceback" not in ended.stderr
    assert not (project / "shards").exists()
