"""What can be told of a model without PyTorch; damaged files are in test_trained.py."""

from pathlib import Path

import numpy as np
import pytest

from stages.common.cli import StageError
from stages.network.model_file import read_calibration, read_model_file, weights_sha256
from tests.helpers import run_python

MODEL = Path("models/model.safetensors")


def test_weights_and_what_it_says_of_itself_are_read_without_torch(trained: Path) -> None:
    about, weights = read_model_file(trained / MODEL)
    assert about["weights_sha256"] == weights_sha256(weights)
    assert about["model"]["architecture"] == "cnn"
    script = "import sys; from pathlib import Path; from stages.network.model_file import read_model_file as read; "
    script += f"read(Path({str(trained / MODEL)!r})); print('torch' in sys.modules)"
    ended = run_python("-c", script, folder=trained)
    assert ended.stdout.strip() == "False", ended.stderr


def test_the_checksum_is_of_names_and_values() -> None:
    one = {"a": np.arange(4.0, dtype=np.float32), "b": np.ones(2, np.float32)}
    assert weights_sha256(one) == weights_sha256(dict(reversed(one.items())))
    assert weights_sha256(one) != weights_sha256({"b": one["a"], "a": one["b"]})
    assert weights_sha256(one) != weights_sha256(one | {"b": one["b"] + 1e-6})


def test_a_missing_model_and_a_missing_calibration_are_named_with_what_makes_them(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"model\.safetensors is not there yet: run `dvc repro`"):
        read_model_file(tmp_path / MODEL)
    with pytest.raises(StageError, match=r"calibration\.json.* is not there: copy it, or run `dvc repro calibrate`"):
        read_calibration(tmp_path / MODEL, {})
