"""Model files that the command must not believe."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stages.common.cli import StageError
from stages.predict import __main__
from tests.helpers import (
    draw_qr,
    write_model,
)


@pytest.mark.parametrize(
    ("suffix", "damage", "words"),
    [
        ("safetensors", lambda path: path.unlink(), "is not there yet"),
        ("safetensors", lambda path: path.write_bytes(path.read_bytes()[:-100]), "is damaged"),
        ("safetensors", lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\1"), "checksum"),
        ("safetensors", lambda path: path.write_text("foreign"), "is damaged or not a model"),
        ("onnx", lambda path: path.unlink(), "is not there yet"),
        ("onnx", lambda path: path.write_bytes(path.read_bytes()[:-100]), "is damaged"),
        ("onnx", lambda path: path.write_text("foreign"), "is damaged or not a model"),
    ],
)
def test_an_unusable_model_is_named(
    tmp_path: Path, model: Path, suffix: str, damage: Callable[[Path], object], words: str
) -> None:
    copy = tmp_path / f"copy.{suffix}"
    copy.write_bytes(model.with_suffix(f".{suffix}").read_bytes())
    damage(copy)
    with pytest.raises(StageError, match=f"copy.{suffix}.*{words}"):
        __main__.main(["--model", str(copy), str(tmp_path)])


def test_a_network_without_numbers_gives_no_verdict(tmp_path: Path) -> None:
    write_model(tmp_path / "nan.safetensors", weights=float("nan"))
    code = draw_qr(tmp_path / "code.png", "https://a.example/")
    with pytest.raises(StageError, match="returned NaN"):
        __main__.main(["--model", str(tmp_path / "nan.safetensors"), str(code)])
