"""What strangers wrote, through the command: harmless in every form."""

import csv
import io
import json
from pathlib import Path

import pytest

from stages.predict import __main__
from tests.helpers import (
    draw_qr,
)

HOSTILE = "=http://evil.example/\x1b[31m\u202e[bold]x"


def printed(capsys: pytest.CaptureFixture[str], model: Path, *arguments: object) -> str:
    with pytest.raises(SystemExit):
        __main__.main(["--model", str(model), *map(str, arguments)])
    return capsys.readouterr().out


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_hostile_texts_come_out_harmless(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    name = "=\x1b[2J[red]\n\udcff.png"
    (tmp_path / "a").mkdir()
    draw_qr(tmp_path / "code.png", HOSTILE).rename(tmp_path / "a" / name)
    text = printed(capsys, model, tmp_path / "a", *form)
    assert "http:" not in text
    assert "evil.example" not in text
    assert not {"\x1b", "\u202e", "\udcff"} & set(text)
    assert "[bold]x" in text  # no markup


def test_a_cell_is_no_formula(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = draw_qr(tmp_path / "code.png", "=1+1")
    (row,) = csv.DictReader(io.StringIO(printed(capsys, model, path, "--csv")))
    assert json.loads(f'"{row["payload"]}"') == "=1+1"
    assert row["payload_defanged"] == "'=1+1"
    assert row["file"] == str(path)
    assert (row["verdict"], row["probability"]) == ("not judged", "")
