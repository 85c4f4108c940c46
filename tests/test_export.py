import json
from contextlib import chdir
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch

from stages import export
from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.network.data import Images
from stages.network.trained import Trained, load_trained
from stages.network.view import PICTURE
from tests.helpers import draw_classes, new_project, set_params, write_model

FACTS: dict[str, Any] = {"temperature": 2.5, "threshold": 0.3}


def split_project(folder: Path) -> Path:
    """A project with a model that has learned nothing and six images, four of which are the test part."""
    new_project(folder)
    draw_classes(folder / "data/images", 3, 3)
    paths = [f"{label}/{i:03}.png" for i in range(3) for label in ("benign", "malicious")]
    parts = ["train", "val", *["test"] * 4]
    hashes = [sha256((folder / "data/images" / path).read_bytes()).hexdigest() for path in paths]
    labels = [path.split("/")[0] for path in paths]
    rows = pd.DataFrame({"path": paths, "label": labels, "part": parts, "sha256": hashes})
    rows = rows.assign(shard=None, offset=None, bytes=500, payload=paths, group=paths, version=3, mask=1)
    rows.to_parquet(folder / "data/splits.parquet")
    write_model(folder / "models/model.safetensors", **FACTS, batch_norm=True)
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = split_project(tmp_path_factory.mktemp("export") / "project")
    with chdir(folder):
        export.main()
    return folder


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = split_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def test_the_exported_network_answers_as_the_trained_one_in_batches_of_any_size(exported: Path) -> None:
    session = onnxruntime.InferenceSession(exported / "models/model.onnx")
    (pixels,), (probability,) = session.get_inputs(), session.get_outputs()
    assert (pixels.name, pixels.type, pixels.shape[1:]) == ("pixels", "tensor(uint8)", [3, 224, 224])
    assert (probability.name, probability.type) == ("probability", "tensor(float)")
    trained = load_trained(exported / "models/model.safetensors")
    batch = torch.randint(0, 256, (5, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for count in (1, 5):
        (answer,) = session.run(None, {"pixels": batch[:count].numpy()})
        assert answer.shape == (count,)
        assert answer.dtype == np.float32
        assert answer == pytest.approx(trained.probability(batch[:count]), abs=1e-5)


def test_the_file_says_how_it_is_to_be_used(exported: Path) -> None:
    metadata = onnxruntime.InferenceSession(exported / "models/model.onnx").get_modelmeta().custom_metadata_map
    about = json.loads(metadata["about"])
    assert about["threshold"] == FACTS["threshold"]
    assert about["classes"] == ["benign", "malicious"]
    assert about["input"] == PICTURE.note


def test_the_report_describes_the_file(exported: Path) -> None:
    report = json.loads((exported / "reports/export.json").read_text())
    file = exported / "models/model.onnx"
    assert (report["images"], report["bytes"]) == (4, file.stat().st_size)
    assert 0 <= report["largest_difference"] <= load_params(exported / "params.yaml").export.tolerance
    assert report["opset"] == max(entry.version for entry in onnx.load(file).opset_import if not entry.domain)


def test_the_same_model_gives_the_same_bytes(exported: Path, fresh: Path) -> None:
    export.main()
    for name in ("models/model.onnx", "reports/export.json"):
        assert (fresh / name).read_bytes() == (exported / name).read_bytes()


def test_a_file_that_answers_otherwise_is_not_kept(fresh: Path) -> None:
    set_params(fresh, {"export.tolerance": 1e-30})
    with pytest.raises(StageError, match=r"not kept: .* more than export\.tolerance = 1e-30"):
        export.main()
    assert not (fresh / "models/model.onnx").exists()
    assert not list((fresh / "models").glob(".*"))
    assert not (fresh / "reports/export.json").exists()


def test_the_difference_is_found_where_there_is_one(exported: Path) -> None:
    with chdir(exported):
        trained, params = load_trained(Path("models/model.safetensors")), load_params()
        rows = pd.read_parquet("data/splits.parquet")
        hotter = Trained(trained.net, trained.architecture, trained.about | {"temperature": 0.1})
        images = Images(rows, params, PICTURE)
        difference, _ = export.compare(hotter, Path("models/model.onnx"), images, 2)
        pixels = torch.stack([images[i][0] for i in range(len(images))])
    assert difference == pytest.approx(np.abs(hotter.probability(pixels) - trained.probability(pixels)).max(), abs=1e-5)
    assert difference > 0.01


def test_a_network_without_numbers_is_not_kept(fresh: Path) -> None:
    write_model(Path("models/model.safetensors"), weights=float("nan"))
    with pytest.raises(StageError, match="not kept"):
        export.main()
    assert not Path("models/model.onnx").exists()


def test_an_empty_test_part_is_an_error(fresh: Path) -> None:
    rows = pd.read_parquet("data/splits.parquet")
    rows[rows["part"] != "test"].to_parquet("data/splits.parquet")
    with pytest.raises(StageError, match=r"the test part in data/splits\.parquet has 0 rows"):
        export.main()
