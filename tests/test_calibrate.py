import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import calibrate
from stages.common.artefacts import CALIBRATION, MODEL, SPLITS, VAL_FIGURES
from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.evaluation.metrics import HEADLINE
from stages.network.data import Images
from stages.network.trained import load_trained
from tests.helpers import set_params, trained_on_these, write_model


@pytest.fixture
def copy(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(shutil.copytree(trained, tmp_path / "copy"))
    monkeypatch.chdir(folder)
    return folder


def test_the_same_weights_give_the_same_bytes(trained: Path, copy: Path) -> None:
    CALIBRATION.unlink()
    calibrate.main()
    for path in (CALIBRATION, VAL_FIGURES):
        assert path.read_bytes() == (trained / path).read_bytes()
    assert CALIBRATION.stat().st_size < 1000


def test_the_scores_on_val_are_those_of_the_calibrated_network(copy: Path) -> None:
    network = load_trained(MODEL)
    rows = pd.read_parquet(SPLITS)
    images = Images(rows[rows["part"] == "val"], load_params(), network.architecture.input)
    probability = network.probability_of([images[i][0][0].numpy() for i in range(len(images))])
    called, truth = probability >= network.threshold, np.array(images.labels)
    report = json.loads(VAL_FIGURES.read_text())
    assert report.keys() == HEADLINE.keys()  # those of reports/test.json
    assert report["accuracy"] == pytest.approx((called == truth).mean())
    assert report["recall"] == pytest.approx(called[truth == 1].mean())
    assert report["false_positives"] == pytest.approx(called[truth == 0].mean())


def test_fewer_false_positives_are_a_higher_threshold_of_the_same_weights(copy: Path) -> None:
    rows = pd.read_parquet(SPLITS)
    in_val = rows.index[(rows["part"] == "val") & (rows["label"] == "malicious")]
    rows.loc[in_val[0], "label"] = "benign"  # so that it is called malicious with all of its kind, or some are missed
    rows.to_parquet(SPLITS)
    trained_on_these(MODEL, SPLITS)
    calibrate.main()
    before = json.loads(CALIBRATION.read_text())
    set_params(copy, {"calibrate.max_false_positives": 0.0})
    calibrate.main()
    after = json.loads(CALIBRATION.read_text())
    assert after["threshold"] > before["threshold"]
    assert {name for name in before if before[name] != after[name]} == {"threshold", "seal"}
    assert json.loads(VAL_FIGURES.read_text())["false_positives"] == 0


def test_a_network_that_answers_nan_is_not_calibrated(copy: Path) -> None:
    write_model(MODEL, weights=float("nan"))
    before = CALIBRATION.read_bytes()
    with pytest.raises(StageError, match=r"model\.safetensors answers NaN for images of the val part"):
        calibrate.main()
    assert CALIBRATION.read_bytes() == before


def test_without_a_model_the_user_learns_what_to_run(copy: Path) -> None:
    MODEL.unlink()
    with pytest.raises(StageError, match=r"model\.safetensors is not there yet: run `dvc repro`"):
        calibrate.main()
