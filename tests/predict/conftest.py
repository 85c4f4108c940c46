"""A small network with random weights, as the model file and as ONNX."""

from pathlib import Path

import pytest

from tests.helpers import write_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/model.onnx of a folder that has the model file beside it."""
    from stages.export import export
    from stages.network.trained import load_trained

    path = write_model(tmp_path_factory.mktemp("model") / "model.safetensors", temperature=1.5, threshold=0.4)
    export(load_trained(path), path.with_suffix(".onnx"))
    return path.with_suffix(".onnx")
