"""Each network through all stages; the fixed one goes through them in tests/test_pipeline.py."""

import json
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages import calibrate, diagnose, evaluate, export, robustness, train
from stages.common.artefacts import DIAGNOSIS, EXPORT_FIGURES, MODEL, ONNX, PREDICTIONS, SPLITS
from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.network.architecture import names
from stages.network.trained import load_network, load_trained
from stages.predict.__main__ import main as predict
from tests.helpers import set_params


def choose(folder: Path, name: str) -> None:
    """Make section `model` of `folder`'s settings that of architecture `name`, with its defaults."""
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    params["model"] = {"architecture": name}
    yaml.dump(params, folder / "params.yaml")


SLOW = {"resnet18": pytest.mark.slow}  # half a minute
OTHERS = [pytest.param(name, marks=SLOW.get(name, ())) for name in names() if name != "cnn"]


@pytest.fixture(scope="module", params=OTHERS)
def project(request: pytest.FixtureRequest, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp(request.param) / "project"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("models", "reports", ".views*"))
    choose(folder, request.param)
    set_params(folder, {"train.epochs": 1, "diagnose.steps": 1, "evaluate.samples": 20, "robustness.images": 2})
    with chdir(folder):
        for stage in (train, diagnose, calibrate, evaluate, robustness, export):
            stage.main()
        yield folder


def test_the_stages_agree_on_every_test_image(project: Path) -> None:
    assert load_trained(MODEL).about["model"]["architecture"] == load_params().model.architecture
    assert len(pd.read_parquet(PREDICTIONS)) == (pd.read_parquet(SPLITS)["part"] == "test").sum()
    assert json.loads(EXPORT_FIGURES.read_text())["largest_difference"] < 1e-4


@pytest.mark.parametrize("model", [MODEL, ONNX])
def test_predict_gives_the_probabilities_of_evaluate(
    project: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = pd.read_parquet(PREDICTIONS)
    with pytest.raises(SystemExit):
        predict(["--json", "--model", str(model), *("data/images/" + predictions["path"])])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["probability"] for row in rows] == pytest.approx(predictions["network"].tolist(), abs=2e-4)


def test_its_file_is_not_taken_for_that_of_another_network(project: Path, trained: Path, tmp_path: Path) -> None:
    about = load_network(MODEL).about
    data = (trained / MODEL).read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    fixed = json.loads(header["__metadata__"]["about"])
    header["__metadata__"]["about"] = json.dumps(fixed | {key: about[key] for key in ("model", "input")})
    text = json.dumps(header).encode()
    (tmp_path / MODEL.name).write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])
    with pytest.raises(StageError, match=r"is damaged or not a model of this project"):
        load_network(tmp_path / MODEL.name)


def test_pictures_without_readable_modules_are_left_out_and_counted(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(trained, tmp_path / "copy", ignore=shutil.ignore_patterns("models", "reports")))
    monkeypatch.chdir(folder)
    choose(folder, "symbol")
    set_params(folder, {"train.epochs": 1, "diagnose.steps": 0, "evaluate.samples": 20})
    rows = pd.read_parquet(SPLITS)
    for part in ("train", "val", "test"):
        rows.loc[rows.index[rows["part"] == part][0], ["version", "mask"]] = float("nan")
    rows.to_parquet(SPLITS)
    for stage in (train, diagnose, calibrate, evaluate):
        stage.main()
    assert "3 of 40 images do not show modules, and are left out" in capsys.readouterr().out
    symptoms = {symptom["name"]: symptom["figure"] for symptom in json.loads(DIAGNOSIS.read_text())["symptoms"]}
    assert f"of {(rows['part'] == 'val').sum() - 1} rows" in symptoms["validation_accuracy"]
    assert json.loads(Path("reports/evaluate/summary.json").read_text())["unjudged"] == 1
    assert len(pd.read_parquet(PREDICTIONS)) == (rows["part"] == "test").sum() - 1
