from pathlib import Path
from shutil import copy

import numpy as np
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
    onnx, torch = open_model(model), open_model(model.with_suffix(".safetensors"))
    assert onnx.probability(PIXELS) == pytest.approx(torch.probability(PIXELS), abs=1e-4)
    assert (onnx.threshold, torch.threshold) == (0.4, 0.4)
    assert onnx.about["weights_sha256"] == torch.about["weights_sha256"]


def test_a_picture_has_the_same_figure_alone_and_among_others(model: Path) -> None:
    for scorer in (open_model(model), open_model(model.with_suffix(".safetensors"))):
        together = scorer.probability(PIXELS)
        assert [scorer.probability([one])[0] for one in PIXELS] == together


def test_grey_and_colour_are_the_same_picture(model: Path) -> None:
    scorer = open_model(model)
    assert scorer.probability([np.repeat(PIXELS[0][:, :, None], 3, 2)]) == scorer.probability(PIXELS[:1])
