import json
import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import evaluate, robustness, scan, split, validate
from stages.common.cli import StageError
from stages.evaluation.baselines import BASELINES
from tests.helpers import run_stage, set_params


@pytest.fixture(scope="module")
def evaluated(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("evaluate") / "project"
    shutil.copytree(trained, copy)
    with chdir(copy):
        evaluate.main()
    return copy


@pytest.fixture
def copy(evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(evaluated, folder)
    monkeypatch.chdir(folder)
    return folder


def test_the_network_is_shown_beside_every_baseline(evaluated: Path) -> None:
    report = json.loads((evaluated / "reports/test.json").read_text())
    parts = pd.read_parquet(evaluated / "data/splits.parquet")["part"]
    assert report["images"] == (parts == "test").sum()
    found = pd.read_csv(evaluated / "reports/evaluate/metrics.csv").set_index(["rows", "model", "metric"])["value"]
    assert set(found.index.get_level_values("model")) == {"network", *BASELINES}
    assert found["test", "majority", "accuracy"] == pytest.approx(0.5, abs=0.1)
    assert found["test", "best_rule", "auc"] == 1.0  # the malicious payloads here are longer
    assert ("random", "network", "auc") not in found.index  # a training of its own
    assert found["test", "network", "auc"] == pytest.approx(report["auc"], abs=1e-6)


def test_the_intervals_hold_the_values(evaluated: Path) -> None:
    found = pd.read_csv(evaluated / "reports/evaluate/metrics.csv").dropna()
    accuracy = found[found["metric"] == "accuracy"]
    assert (accuracy["low"] <= accuracy["value"]).all()
    assert (accuracy["value"] <= accuracy["high"]).all()


def test_every_probability_is_kept_with_its_row(evaluated: Path) -> None:
    kept = pd.read_parquet(evaluated / "reports/predictions.parquet")
    report = json.loads((evaluated / "reports/test.json").read_text())
    assert len(kept) == report["images"]
    assert kept["matched"].sum() == report["matched_images"]
    assert kept[["network", *BASELINES]].stack().between(0, 1).all()


def test_the_plots_agree_with_the_metrics(evaluated: Path) -> None:
    report = json.loads((evaluated / "reports/test.json").read_text())
    roc = pd.read_csv(evaluated / "reports/evaluate/roc.csv")
    assert np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"]) == pytest.approx(report["auc"], abs=1e-4)
    confusion = pd.read_csv(evaluated / "reports/evaluate/confusion.csv")
    assert len(confusion) == report["images"]
    assert (confusion["actual"] == confusion["predicted"]).mean() == pytest.approx(report["accuracy"], abs=1e-6)


def test_the_batch_size_changes_nothing(evaluated: Path, copy: Path) -> None:
    set_params(copy, {"evaluate.batch_size": 3})
    evaluate.main()
    first, second = (json.loads((folder / "reports/test.json").read_text()) for folder in (evaluated, copy))
    assert second["auc"] == first["auc"]
    assert second["calibration_error"] == pytest.approx(first["calibration_error"], abs=1e-4)


@pytest.mark.parametrize(
    ("keep", "words"), [("benign", r"has \d+ rows and no malicious one"), (None, "has 0 rows and no benign and no mal")]
)
def test_a_test_part_that_lacks_a_class_is_an_error(copy: Path, keep: str | None, words: str) -> None:
    table = pd.read_parquet("data/splits.parquet")
    table[(table["part"] != "test") | (table["label"] == keep)].to_parquet("data/splits.parquet")
    with pytest.raises(StageError, match=rf"the test part in data/splits\.parquet {words}"):
        evaluate.main()


def test_a_damaged_model_is_an_error(copy: Path) -> None:
    model = copy / "models/model.safetensors"
    model.write_bytes(model.read_bytes()[:5000])
    with pytest.raises(StageError, match=r"model\.safetensors is damaged"):
        evaluate.main()


def test_a_random_split_is_not_split_again(copy: Path) -> None:
    set_params(copy, {"split.by": "row"})
    evaluate.main()
    assert "random" not in set(pd.read_csv("reports/evaluate/metrics.csv")["rows"])


def test_shards_are_evaluated_as_the_folder_is(copy: Path) -> None:
    reports = [Path("reports/test.json"), Path("reports/evaluate/metrics.csv")]
    before = [report.read_bytes() for report in reports]
    assert run_stage("commands.pack", copy, ["data/images", "shards"]).returncode == 0
    set_params(copy, {"data.images": "shards", "robustness.images": 2})
    shutil.rmtree(copy / "data")
    for stage in (scan, validate, split, evaluate, robustness):
        stage.main()
    assert [report.read_bytes() for report in reports] == before
