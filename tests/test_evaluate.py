import json
import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from stages import evaluate, robustness, scan, split, validate
from stages.common.artefacts import MODEL, SPLITS
from stages.common.cli import StageError
from stages.evaluation.baselines import BASELINES
from tests.helpers import run_stage, set_params, trained_on_these


@pytest.fixture(scope="module")
def evaluated(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("evaluate") / "project"
    shutil.copytree(trained, copy)
    set_params(copy, {"evaluate.samples": 100})
    with chdir(copy):
        swap_labels()
        evaluate.main()
    return copy


def swap_labels() -> None:
    """Give one code of each class in every part the other label, so that no model can be right about all."""
    table = pd.read_parquet(SPLITS)
    first = table.groupby(["part", "label"], observed=True).head(1).index
    swapped = table.loc[first, "label"].map({"benign": "malicious", "malicious": "benign"})
    table.assign(label=swapped.combine_first(table["label"])).to_parquet(SPLITS)
    trained_on_these(MODEL, SPLITS)


@pytest.fixture
def copy(evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(evaluated, folder)
    monkeypatch.chdir(folder)
    return folder


def reports(folder: Path) -> tuple[dict[str, float], dict[str, float], pd.DataFrame]:
    """test.json, summary.json and metrics.csv by rows, model and metric."""
    test, summary = (folder / "reports" / name for name in ("test.json", "evaluate/summary.json"))
    table = pd.read_csv(folder / "reports/evaluate/metrics.csv").set_index(["rows", "model", "metric"]).sort_index()
    return json.loads(test.read_text()), json.loads(summary.read_text()), table


def test_the_network_is_shown_beside_every_baseline(evaluated: Path) -> None:
    test, summary, table = reports(evaluated)
    parts = pd.read_parquet(evaluated / SPLITS)["part"]
    assert summary["images"] == (parts == "test").sum()
    for rows, models in (("test", {"network", *BASELINES}), ("random", set(BASELINES))):
        assert set(table.loc[rows].index.get_level_values("model")) == models  # the network's is another training
    assert table["value"]["test", "majority", "accuracy"] == 0.5
    assert test["auc"] == pytest.approx(table["value"]["test", "network", "auc"], abs=0.51e-4)
    assert test["loss"] == pytest.approx(table["value"]["test", "network", "log_loss"], abs=0.51e-4)
    assert all(value == round(value, 4) for value in test.values())  # what `dvc metrics show` prints


def test_the_figures_of_every_model_follow_from_the_predictions(evaluated: Path) -> None:
    _, _, table = reports(evaluated)
    kept = pd.read_parquet(evaluated / "reports/predictions.parquet")
    for name in ("network", *BASELINES):
        auc = roc_auc_score(kept["label"] == "malicious", kept[name])
        assert table["value"]["test", name, "auc"] == pytest.approx(auc, abs=1e-6)
    found = table.loc[("test", "network")].loc[["accuracy", "auc"]]
    assert found["value"].between(0.5, 1, inclusive="neither").all()  # else an interval would be a point
    assert (found["low"] < found["value"]).all() and (found["value"] < found["high"]).all()


def test_the_closest_baseline_is_the_one_with_the_highest_auc(evaluated: Path) -> None:
    _, summary, table = reports(evaluated)
    auc = table["value"].xs("auc", level="metric")["test"]
    others = auc.drop("network")
    assert others[summary["closest_baseline"]] == others.max()
    assert summary["auc_over_closest"] == pytest.approx(auc["network"] - others.max(), abs=1e-6)


def test_every_probability_is_kept_with_its_row(evaluated: Path) -> None:
    kept = pd.read_parquet(evaluated / "reports/predictions.parquet")
    _, summary, _ = reports(evaluated)
    assert len(kept) == summary["images"]
    assert kept["matched"].sum() == summary["matched_images"]
    assert kept[["network", *BASELINES]].stack().between(0, 1).all()


def test_the_plots_agree_with_the_metrics(evaluated: Path) -> None:
    test, summary, _ = reports(evaluated)
    roc = pd.read_csv(evaluated / "reports/evaluate/roc.csv")
    assert np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"]) == pytest.approx(test["auc"], abs=1e-4)
    confusion = pd.read_csv(evaluated / "reports/evaluate/confusion.csv")
    assert len(confusion) == summary["images"]
    assert (confusion["actual"] == confusion["predicted"]).mean() == pytest.approx(test["accuracy"], abs=1e-6)


def test_the_batch_size_changes_nothing(evaluated: Path, copy: Path) -> None:
    set_params(copy, {"evaluate.batch_size": 3})
    evaluate.main()
    (first, _, _), (second, _, _) = reports(evaluated), reports(copy)
    assert second["auc"] == first["auc"]
    assert second["loss"] == pytest.approx(first["loss"], abs=1e-4)


@pytest.mark.parametrize(
    ("keep", "words"), [("benign", r"has \d+ rows and no malicious one"), (None, "has 0 rows and no benign and no mal")]
)
def test_a_test_part_that_lacks_a_class_is_an_error(copy: Path, keep: str | None, words: str) -> None:
    table = pd.read_parquet(SPLITS)
    table[(table["part"] != "test") | (table["label"] == keep)].to_parquet(SPLITS)
    trained_on_these(MODEL, SPLITS)
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
    files = [Path("reports/test.json"), Path("reports/evaluate/metrics.csv")]
    before = [file.read_bytes() for file in files]
    assert run_stage("commands.pack", copy, ["data/images", "shards"]).returncode == 0
    set_params(copy, {"data.images": "shards", "robustness.images": 2})
    shutil.rmtree(copy / "data")
    for run in (scan.main, validate.main, split.main, swap_labels, evaluate.main, robustness.main):
        run()
    assert [file.read_bytes() for file in files] == before
