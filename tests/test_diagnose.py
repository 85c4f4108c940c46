"""Stage diagnose: what it says of a good training and of planted faults."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from stages import diagnose, train
from stages.common.cli import StageError
from stages.common.tables import SPLITS
from tests.helpers import draw_qr, set_params


@pytest.fixture
def copy(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(shutil.copytree(trained, tmp_path / "copy"))
    monkeypatch.chdir(folder)
    set_params(folder, {"diagnose.steps": 12, "diagnose.batch_size": 8})
    return folder


def verdicts() -> dict[str, str]:
    diagnose.main()
    written = json.loads(diagnose.REPORT.read_text())
    found = {symptom["name"]: symptom["verdict"] for symptom in written["symptoms"]}
    assert written["failed"] == list(found.values()).count("fail")
    return found


def test_every_symptom_is_judged_and_shown(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = verdicts()
    assert len(found) == 16
    assert found["diverged"] == found["pictures_differ"] == found["initial_loss"] == found["one_batch"] == "pass"
    shown = capsys.readouterr().out
    assert "Did it learn?" in shown
    assert "overfitting" in shown


def test_strict_makes_a_failure_an_error(copy: Path) -> None:
    report = json.loads(train.REPORT.read_text()) | {"initial_loss": 148.0}
    train.REPORT.write_text(json.dumps(report))
    diagnose.main()
    set_params(copy, {"diagnose.strict": True})
    with pytest.raises(StageError, match="initial_loss"):
        diagnose.main()


def test_constant_images_are_named(copy: Path) -> None:
    for image in (copy / "data/images").rglob("*.png"):
        draw_qr(image, "https://same.example/")
    train.main()
    found = verdicts()
    assert found["pictures_differ"] == found["one_batch"] == found["constant_output"] == "fail"
    assert found["validation_accuracy"] == "fail"


def test_inverted_validation_labels_are_named(copy: Path) -> None:
    rows = pd.read_parquet(SPLITS)
    val = rows["part"] == "val"
    rows.loc[val, "label"] = rows.loc[val, "label"].map({"benign": "malicious", "malicious": "benign"})
    rows.to_parquet(SPLITS)
    set_params(copy, {"train.epochs": 4})
    train.main()
    assert verdicts()["labels_inverted"] == "fail"


def test_kaiming_on_a_large_layer_is_named(copy: Path) -> None:
    set_params(copy, {"model.init": "kaiming", "model.hidden": [64], "train.epochs": 1})
    train.main()
    found = verdicts()
    assert found["initial_loss"] == found["initial_activations"] == "fail"


def test_a_learning_rate_of_ten_is_named(copy: Path) -> None:
    set_params(copy, {"train.learning_rate": 10.0, "train.gradient_clip": None})
    train.main()
    found = verdicts()
    assert "fail" in (found["one_batch"], found["diverged"])
    assert found["diverged"] == "fail" or found["validation_loss"] == "fail"


def test_without_a_training_the_user_learns_what_to_run(copy: Path) -> None:
    train.REPORT.unlink()
    with pytest.raises(StageError, match="dvc repro"):
        diagnose.main()
