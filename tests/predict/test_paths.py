import functools
import os
from pathlib import Path
from threading import Thread

import pytest

from stages.predict.codes import Progress, codes_in
from stages.predict.paths import MAX_NAME, lines, sources
from stages.predict.sources.item import Limits
from tests.helpers import draw_classes, draw_qr, pack


def through_a_pipe(content: bytes) -> int:
    ours, theirs = os.pipe()
    os.write(theirs, content)
    os.close(theirs)
    return ours


def test_a_folder_gives_its_files_in_order_and_no_dot_files(tmp_path: Path) -> None:
    for name in ("b/1.png", "a.png", "b/2.png", ".hidden/3.png", ".4.png", "c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = list(sources([str(tmp_path)]))
    assert [os.path.relpath(one.path, tmp_path) for one in found] == ["a.png", "b/1.png", "b/2.png", "c.txt"]
    assert not any(one.named for one in found)


def reasons(path: Path) -> dict[str, str]:
    """Why what `path` stands for cannot be judged, "" where a code was read, by its name below the folder of `path`."""
    read = functools.partial(codes_in, limits=Limits(), progress=Progress(), see=lambda pixels, _: pixels)
    found = [(source, read(source)) for source in sources([str(path)])]
    return {os.path.relpath(source.path, path.parent): codes[0].reason for source, codes in found}


def test_the_end_of_a_tar_files_name_may_be_in_capitals_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    draw_classes(tmp_path / "images", 1, 1)
    pack(tmp_path)
    shard = (tmp_path / "shards/images-00000.tar").rename(tmp_path / "A.TAR")
    codes = {"A.TAR/benign/000.png": "", "A.TAR/malicious/000.png": ""}
    assert reasons(shard) == codes
    shard.write_bytes(shard.read_bytes().rstrip(b"\0"))
    assert reasons(shard) == codes | {"A.TAR": "truncated"}
    (tmp_path / "folder").mkdir()
    shard.rename(tmp_path / "folder/A.TAR")
    (tmp_path / "folder/gone.tar").symlink_to("nowhere")
    (tmp_path / "folder/other.tar").symlink_to(tmp_path / "images")
    others = {"folder/gone.tar": "unreadable", "folder/other.tar": "unreadable"}
    assert reasons(tmp_path / "folder") == others | {
        f"folder/{name}": reason for name, reason in (codes | {"A.TAR": "truncated"}).items()
    }


def test_names_that_nobody_could_open_are_answers(tmp_path: Path) -> None:
    found = list(sources([str(tmp_path / "gone"), "x" * 300, "nul\0l", str(tmp_path / "closed.tar")]))
    assert [one.reason for one in found] == ["missing", "unreadable", "unreadable", "missing"]


@pytest.mark.skipif(os.getuid() == 0, reason="root may read every folder")
def test_a_forbidden_folder_is_an_answer(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    draw_qr(tmp_path / "code.png", "https://a.example/")
    assert [one.reason for one in sources([str(tmp_path)])] == ["unreadable", ""]


def test_a_list_may_have_a_byte_order_mark_and_any_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(b"")
    name = os.fsencode(tmp_path / "a b.png")
    listed = through_a_pipe(b"\xef\xbb\xbf" + name + b"\r\n\n" + name)
    assert [one.reason for one in sources(["-"], listed)] == ["", ""]
    assert list(sources(["-"], through_a_pipe(b""))) == []


def test_a_line_without_end_is_bounded() -> None:
    ours, theirs = os.pipe()

    def write() -> None:  # in a thread, as a pipe holds less
        with os.fdopen(theirs, "wb") as stream:
            stream.write(b"x" * 10 * MAX_NAME)

    Thread(target=write).start()
    (line,) = lines(ours)
    assert len(line) <= MAX_NAME + 2**16
