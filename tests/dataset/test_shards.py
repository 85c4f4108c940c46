"""Shards that lost something or lie about it: every cut is noticed, and no header makes anybody read beyond the end."""

import errno
import io
import os
import random
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from stages.commands.pack import pack
from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.dataset.row import examine
from stages.dataset.shards import MANIFEST, members, read_manifest, write_manifest
from stages.dataset.storage import Stored, list_images
from tests.helpers import draw_classes


def tar_of(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def shards(project: Path) -> Path:
    """A folder with one shard of 12 images and its manifest."""
    draw_classes(project / "images", 6, 6)
    (project / "shards").mkdir()
    write_manifest(project / "shards", pack(project / "images", project / "shards", 2**26, []))
    return project / "shards"


def errors(folder: Path) -> dict[str, str]:
    """What the scan says of the files that it cannot use."""
    rows = {stored.path: examine(stored, str(folder), load_params().scan) for stored in list_images(folder)}
    return {path: row["error"] for path, row in rows.items() if row["error"]}


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    rng = random.Random(1)
    whole = tar_of(tmp_path / "a.tar", {f"{i}.png": rng.randbytes(rng.randrange(9000)) for i in range(40)})
    data, names = whole.read_bytes(), [member.name for member in members(whole) if member]
    content = max(member.offset + member.size for member in members(whole) if member and member.offset)
    cuts = [*range(0, content, 4096), *range(512, content, 8192)]
    cuts += [rng.randrange(content) for _ in range(200 - len(cuts))]
    assert len(cuts) >= 200
    for cut in cuts:
        whole.write_bytes(data[:cut])
        found = list(members(whole))
        assert found[-1] is None, cut
        assert [member.name for member in found if member] == names[: len(found) - 1]
    whole.write_bytes(data)
    assert None not in list(members(whole))


def test_the_zeros_at_the_end_alone_are_no_whole_shard(tmp_path: Path) -> None:
    """They are a tar file with nothing in it: what is left where the beginning of a shard is cut off."""
    shard = tar_of(tmp_path / "a.tar", {"a.png": b"x"})
    shard.write_bytes(shard.read_bytes()[-1024:])
    assert list(members(shard)) == [None]


def test_blocks_of_zeros_beyond_the_end_are_no_damage_and_others_are(tmp_path: Path) -> None:
    shard = tar_of(tmp_path / "a.tar", {"a.png": b"x"})
    data = shard.read_bytes()
    shard.write_bytes(data + bytes(200 * 512))
    assert None not in list(members(shard))
    shard.write_bytes(data + bytes(200 * 512 - 5))  # something was cut out of a file that had whole blocks
    assert list(members(shard))[-1] is None
    shard.write_bytes(data + data)  # two files, one behind the other, of which readers see the first
    assert list(members(shard))[-1] is None


def header_of(size: bytes, kind: bytes = tarfile.REGTYPE, name: str = "b.png") -> bytes:
    """A header with `size`, 12 bytes, in its field and the checksum that belongs to it."""
    block = bytearray(tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT))
    block[124:136], block[156:157] = size, kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


NEGATIVE = (-4096).to_bytes(12, "big", signed=True)
ABSURD = b"\x80" + (2**80).to_bytes(11, "big")


@pytest.mark.parametrize("size", [NEGATIVE, ABSURD, b"77777777777\0"], ids=["negative", "2**80", "8 GB"])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.DIRTYPE])
def test_an_impossible_size_reads_nothing(
    project: Path, size: bytes, kind: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "shards").mkdir()
    shard = tar_of(project / "shards/a.tar", {"a.png": b"x" * 100})
    good = shard.read_bytes()[:1024]
    shard.write_bytes(good + header_of(size, kind) + bytes(3 * 2**20) + bytes(1024))
    found = list_images(project / "shards")
    assert [stored.path for stored in found if stored.path != "b.png"] == ["a.png", "a.tar"]
    assert "damaged tar file" in errors(project / "shards")["a.tar"]
    for stored in found:
        if stored.path == "b.png":
            monkeypatch.setattr("stages.dataset.storage.open", None, raising=False)  # nothing is even opened
            row = examine(stored, "shards", load_params().scan)
            assert (row["problem"], row["sha256"]) == ("truncated", None)


def test_a_damaged_shard_says_how_many_images_it_had(shards: Path) -> None:
    assert errors(shards) == {}
    shard = shards / "images-00000.tar"
    assert read_manifest(shards)[shard.name].files == 12
    size = shard.stat().st_size
    cut = list_images(shards)[7].offset or 0
    shard.write_bytes(shard.read_bytes()[: cut - 512])
    assert errors(shards) == {
        shard.name: f"a damaged tar file; {MANIFEST} says that it had 12 files in {size:,} bytes; "
        "what is left of it has rows of its own"
    }
    assert len(list_images(shards)) == 7 + 1
    shard.unlink()
    assert errors(shards)[shard.name].startswith(f"cannot be read: no such file; {MANIFEST} says that it had 12 files")


def test_one_flipped_bit_in_a_shard_is_noticed(shards: Path) -> None:
    shard = shards / "images-00000.tar"
    data = bytearray(shard.read_bytes())
    place = (list_images(shards)[3].offset or 0) + 60
    data[place] ^= 1
    shard.write_bytes(data)
    assert "damaged tar file" in errors(shards)[shard.name]


def test_the_manifest_is_no_image_and_a_broken_one_is_named(shards: Path) -> None:
    assert MANIFEST not in [stored.path for stored in list_images(shards)]
    (shards / MANIFEST).write_text("{}x")
    with pytest.raises(StageError, match=r"shards\.json is not what `pack` writes: delete it"):
        list_images(shards)


def test_a_single_tar_file_is_compared_with_the_manifest_beside_it(shards: Path) -> None:
    shard = shards / "images-00000.tar"
    assert len(list_images(shard)) == 12
    shard.write_bytes(shard.read_bytes()[:-9216])
    assert [stored for stored in list_images(shard) if stored.shard is None] == [Stored("images-00000.tar")]


def test_a_damaged_tar_file_that_is_the_dataset_is_said_to_be_damaged(shards: Path) -> None:
    shard = shards / "images-00000.tar"
    cut = list_images(shard)[7].offset or 0
    shard.write_bytes(shard.read_bytes()[: cut - 512])
    assert errors(shard)[shard.name].startswith(f"a damaged tar file; {MANIFEST} says that it had 12 files")
    (shards / MANIFEST).unlink()
    assert errors(shard) == {shard.name: "a damaged tar file; what is left of it has rows of its own"}
    assert errors(shards) == errors(shard)


@pytest.mark.parametrize("manifest", [True, False])
def test_a_shard_that_may_not_be_read_costs_one_row(
    shards: Path, manifest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a stand-in, as root may read every file."""
    shutil.copy(shards / "images-00000.tar", shards / "closed.tar")
    if not manifest:
        (shards / MANIFEST).unlink()
    really = io.open

    def closed(file: object, *arguments: Any, **options: Any) -> Any:
        if str(file).endswith("/images-00000.tar"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
        return really(file, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(io, "open", closed)  # which pathlib calls
    monkeypatch.setattr("builtins.open", closed)
    assert errors(shards) == {"images-00000.tar": "cannot be read: Permission denied"}
    assert len(list_images(shards)) == 12 + 1


def test_the_end_of_the_name_may_be_in_capitals(shards: Path) -> None:
    shutil.move(shards / "images-00000.tar", shards / "A.TAR")
    (shards / MANIFEST).unlink()
    assert {stored.shard for stored in list_images(shards)} == {"A.TAR"}
