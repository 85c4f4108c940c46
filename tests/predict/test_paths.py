import os
from pathlib import Path
from threading import Thread

import pytest

from stages.predict.paths import MAX_NAME, lines, sources
from tests.helpers import draw_qr


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
