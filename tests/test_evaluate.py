import json
import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import evaluate
from stages.common.cli import StageError
from stages.evaluate import length_rule, majority, score
from tests.helpers import set_params


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


def test_the_metrics_are_written_beside_the_baselines(evaluated: Path) -> None:
    report = json.loads((evaluated / "reports/test.json").read_text())
    parts = pd.read_parquet(evaluated / "data/splits.parquet")["part"]
    assert report["images"] == (parts == "test").sum()
    keys = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "auc", "log_loss")
    assert all(isinstance(report[key], float) for key in keys)
    assert report["majority"]["accuracy"] == pytest.approx(0.5, abs=0.1)
    assert report["length_rule"] == {"accuracy": 1.0, "auc": 1.0}  # the malicious payloads here are longer


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
    assert second["log_loss"] == pytest.approx(first["log_loss"], abs=1e-4)


@pytest.mark.parametrize("keep", ["benign", None])
def test_a_test_part_that_lacks_a_class_is_an_error(copy: Path, keep: str | None) -> None:
    table = pd.read_parquet("data/splits.parquet")
    table[(table["part"] != "test") | (table["label"] == keep)].to_parquet("data/splits.parquet")
    with pytest.raises(StageError, match="the test part lacks a class"):
        evaluate.main()


def test_a_damaged_model_is_an_error(copy: Path) -> None:
    model = copy / "models/model.safetensors"
    model.write_bytes(model.read_bytes()[:5000])
    with pytest.raises(StageError, match=r"model\.safetensors is damaged"):
        evaluate.main()


def test_the_scores_are_those_computed_by_hand() -> None:
    truth = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    probability = np.array([0.9, 0.5, 0.2, 0.6, 0.4, 0.3, 0.1, 0.1])
    # Called malicious: 0.9, 0.5 and 0.6; two rightly. Of the 15 pairs, 5 + 4 + 2 are in order.
    scores = score(truth, probability, 0.5)
    expected = {
        "accuracy": 6 / 8,
        "balanced_accuracy": (2 / 3 + 4 / 5) / 2,
        "precision": 2 / 3,
        "recall": 2 / 3,
        "f1": 2 / 3,
        "auc": 11 / 15,
        "log_loss": -np.log(np.where(truth == 1, probability, 1 - probability)).mean(),
    }
    assert {name: scores[name] for name in expected} == pytest.approx(expected)


def test_the_threshold_counts() -> None:
    truth, probability = np.array([1, 0]), np.array([0.8, 0.6])
    assert score(truth, probability, 0.7)["accuracy"] == 1.0
    assert score(truth, probability, 0.5)["accuracy"] == 0.5
    assert score(truth, probability, 0.9)["precision"] == 0.0


def rows(benign: list[int], malicious: list[int]) -> pd.DataFrame:
    """Rows with payloads of these lengths."""
    labels = ["benign"] * len(benign) + ["malicious"] * len(malicious)
    return pd.DataFrame({"label": labels, "payload": ["x" * length for length in benign + malicious]})


@pytest.mark.parametrize(
    ("train", "test", "accuracy"),
    [
        (rows([1, 1], [1, 1, 1]), rows([1, 1, 1], [1]), 0.25),
        (rows([1, 1, 1], [1, 1]), rows([1, 1, 1], [1]), 0.75),
    ],
)
def test_the_majority_is_that_of_the_train_part(train: pd.DataFrame, test: pd.DataFrame, accuracy: float) -> None:
    assert majority(train, test)["accuracy"] == accuracy


@pytest.mark.parametrize(
    ("train", "test", "accuracy", "auc"),
    [
        pytest.param(rows([10, 12], [20, 22]), rows([8, 11], [25, 30]), 1.0, 1.0, id="malicious is longer"),
        pytest.param(rows([20, 22], [10, 12]), rows([25, 30], [8, 11]), 1.0, 1.0, id="malicious is shorter"),
        pytest.param(rows([10, 12], [20, 22]), rows([8, 25], [30, 11]), 0.5, 0.75, id="one wrong of each"),
        pytest.param(rows([10, 12], [20, 22]), rows([25, 30], [8, 11]), 0.0, 0.0, id="the other way round"),
        pytest.param(rows([10, 10], [10, 10]), rows([10], [10]), 0.5, 0.5, id="length says nothing"),
    ],
)
def test_the_length_rule_is_learned_on_the_train_part(
    train: pd.DataFrame, test: pd.DataFrame, accuracy: float, auc: float
) -> None:
    assert length_rule(train, test) == pytest.approx({"accuracy": accuracy, "auc": auc})
