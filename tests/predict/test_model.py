from pathlib import Path
from shutil import copy

import numpy as np
import onnx
import pytest

from stages.common.cli import StageError
from stages.predict.model import BATCH, open_model

PIXELS = [np.random.default_rng(i).integers(0, 256, (224, 224), np.uint8) for i in range(BATCH)]


def test_onnx_is_taken_where_it_is_there(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match=r"model.safetensors is not there"):
        open_model(None)
    (tmp_path / "models").mkdir()
    copy(model, "models")
    assert open_model(None).path == Path("models/model.onnx")
    with pytest.raises(StageError, match=r"--device cuda needs the model file"):
        open_model(Path("models/model.onnx"), "cuda")


def test_both_files_give_the_same_figures(model: Path) -> None:
    exported, torch = open_model(model), open_model(model.with_suffix(".safetensors"))
    assert exported.probability(PIXELS) == pytest.approx(torch.probability(PIXELS), abs=1e-4)
    assert (exported.threshold, torch.threshold) == (0.4, 0.4)
    assert exported.about["weights_sha256"] == torch.about["weights_sha256"]


@pytest.mark.slow
def test_a_picture_has_the_same_figure_alone_and_among_others(model: Path) -> None:
    for scorer in (open_model(model), open_model(model.with_suffix(".safetensors"))):
        together = scorer.probability(PIXELS)
        for i in (0, 1, *range(2, BATCH - 2, 4), BATCH - 2, BATCH - 1):
            assert scorer.probability([PIXELS[i]]) == together[i : i + 1], i


def test_grey_and_colour_are_the_same_picture(model: Path) -> None:
    scorer = open_model(model)
    assert scorer.probability([np.repeat(PIXELS[0][:, :, None], 3, 2)]) == scorer.probability(PIXELS[:1])


def test_a_weight_that_was_changed_is_damage(model: Path, tmp_path: Path) -> None:
    path = Path(copy(model, tmp_path))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)
    with pytest.raises(StageError, match=r"model\.onnx is damaged: .* or run `dvc repro export`"):
        open_model(path)


def test_one_without_a_checksum_is_taken_and_a_line_says_so(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.onnx"
    older = onnx.load(model)
    del older.metadata_props[1]
    onnx.save(older, path)
    assert open_model(path).threshold == 0.4
    assert "model.onnx has no checksum in it, so damage would go unnoticed" in capsys.readouterr().err
