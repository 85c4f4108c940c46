from pathlib import Path

import pytest

from stages.common.cli import StageError
from stages.common.seal import BLANK, MARK, require_sealed, seal


def test_a_sealed_file_is_taken_without_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.json"
    path.write_text(f'{{"a": 1, "seal": "{BLANK}", "b": 2}}')
    seal(path)
    require_sealed(path, "make it again")
    assert capsys.readouterr().err == ""
    assert BLANK not in path.read_text() and MARK.decode() in path.read_text()


def test_no_bit_of_it_may_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.json"
    path.write_text(f'{{"a": 1, "seal": "{BLANK}", "b": 2}}')
    seal(path)
    whole = path.read_bytes()
    mark = range(whole.index(MARK), whole.index(MARK) + len(MARK))
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        if place in mark:
            require_sealed(path, "make it again")
            assert "a.json has no checksum in it" in capsys.readouterr().err
            continue
        with pytest.raises(StageError, match=r"a\.json is damaged: .*; make it again"):
            require_sealed(path, "make it again")


def test_what_has_no_place_for_it_cannot_be_sealed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not found"):
        seal(tmp_path / "a")
