import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import robustness
from stages.common.cli import StageError
from stages.common.settings import Robustness, load_params
from stages.dataset.parts import is_malicious
from stages.dataset.storage import Stored
from stages.network.corruption import CORRUPTIONS
from stages.network.trained import load_trained
from stages.network.view import view
from stages.qr.image import decode
from stages.robustness import CASES, examine, sample_rows, score, tabulate
from tests.helpers import draw_qr, set_params, truncate

REPORT = Path("reports/robustness")
IMAGES = 4


@pytest.fixture(scope="module")
def tried(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("robustness") / "project"
    shutil.copytree(trained, copy)
    set_params(copy, {"robustness.images": IMAGES})
    with chdir(copy):
        robustness.main()
    return copy


@pytest.fixture
def copy(tried: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(tried, folder)
    monkeypatch.chdir(folder)
    return folder


def test_every_corruption_has_its_rows(tried: Path) -> None:
    table = pd.read_csv(tried / REPORT / "robustness.csv", keep_default_na=False)
    columns = [
        "corruption",
        "title",
        "severity",
        "unit",
        "rectified",
        "images",
        "unjudged",
        "accuracy",
        "auc",
        "decode_rate",
    ]
    assert table.columns.tolist() == columns
    expected = [("none", "none", 0.0, "")]
    expected += [
        (name, row.title, severity, row.unit) for name, row in CORRUPTIONS.items() for severity in row.severities
    ]
    for rectified in (True, False):
        rows = table.loc[table["rectified"] == rectified, ["corruption", "title", "severity", "unit"]]
        assert [tuple(row) for row in rows.to_numpy()] == expected
    assert (table["images"] == IMAGES).all()
    assert (table.groupby(["corruption", "severity"])["decode_rate"].nunique() == 1).all()
    assert table.loc[table["corruption"] == "none", "decode_rate"].tolist() == [1.0, 1.0]


def test_the_figures_without_corruption_are_the_network_s_own(tried: Path) -> None:
    with chdir(tried):
        params = load_params()
        rows = sample_rows(pd.read_parquet("data/splits.parquet"), params.robustness)
        trained = load_trained(Path("models/model.safetensors"))
        pictures = [decode((params.data.images / path).read_bytes(), 10**6).pixels for path in rows["path"]]
        called = trained.probability_of([view(pixels) for pixels in pictures]) >= trained.threshold
        table = pd.read_csv(REPORT / "robustness.csv")
    assert table["accuracy"][0] == pytest.approx((called == is_malicious(rows)).mean())


def test_every_case_is_scored_in_its_place(tried: Path) -> None:
    with chdir(tried):
        params = load_params()
        path = sample_rows(pd.read_parquet("data/splits.parquet"), params.robustness)["path"].iloc[0]
        trained = load_trained(Path("models/model.safetensors"))
        probability, decoded = score(trained, [Stored(path)], params)
        squares, readable = examine((0, Stored(path)), view, params.data.images, params.robustness.seed, 10**6)
    alone = [trained.probability_of([pixels]).item() for pixels in squares if pixels is not None]
    assert len(set(alone)) > len(CASES)
    np.testing.assert_allclose(probability.ravel(), alone, atol=1e-4)
    np.testing.assert_array_equal(decoded[0], readable)


def test_the_plots_of_dvc_have_a_file_for_each_corruption_with_the_figures_of_the_table(tried: Path) -> None:
    table = pd.read_csv(tried / REPORT / "robustness.csv")
    assert {file.stem for file in (tried / REPORT / "curves").iterdir()} == set(CORRUPTIONS)
    for name, row in CORRUPTIONS.items():
        plot = pd.read_csv(tried / REPORT / f"curves/{name}.csv")
        assert plot["severity"].tolist() == [0, *row.severities]
        own = table[table["corruption"].isin(["none", name])]
        rectified, plain = own[own["rectified"]], own[~own["rectified"]]
        assert plot["accuracy, rectified"].tolist() == rectified["accuracy"].tolist()
        assert plot["accuracy, as they are"].tolist() == plain["accuracy"].tolist()
        assert plot["share decoded"].tolist() == rectified["decode_rate"].tolist()


def test_the_number_of_workers_changes_nothing(tried: Path, copy: Path) -> None:
    set_params(copy, {"scan.workers": 2})
    robustness.main()
    for file in ("robustness.csv", "curves/noise.csv"):
        assert (copy / REPORT / file).read_bytes() == (tried / REPORT / file).read_bytes()


def test_an_image_that_has_changed_is_an_error(copy: Path) -> None:
    for image in (copy / "data/images").rglob("*.png"):
        truncate(image)
    with pytest.raises(StageError, match=r"\.png has changed since it was scanned .*dvc repro"):
        robustness.main()
    assert (copy / REPORT / "robustness.csv").exists()


def test_a_missing_model_is_an_error(copy: Path) -> None:
    (copy / "models/model.safetensors").unlink()
    with pytest.raises(StageError, match="which trains it"):
        robustness.main()


def part(benign: int, malicious: int) -> pd.DataFrame:
    labels = ["benign"] * benign + ["malicious"] * malicious
    return pd.DataFrame({"path": [f"{i}.png" for i in range(len(labels))], "label": labels, "part": "test"})


@pytest.mark.parametrize(("images", "each"), [(4, 2), (5, 2), (1, 1), (1000, 6)])
def test_both_classes_are_drawn_alike(images: int, each: int) -> None:
    rows = pd.concat([part(9, 6), part(50, 50).assign(part="train")], ignore_index=True)
    drawn = sample_rows(rows, Robustness(images=images, seed=7))
    assert drawn["label"].value_counts().to_dict() == {"benign": each, "malicious": each}
    assert (drawn["part"] == "test").all()
    assert drawn.equals(sample_rows(rows, Robustness(images=images, seed=7)))


@pytest.mark.parametrize("rows", [part(5, 0), part(0, 0)])
def test_a_test_part_that_lacks_a_class_is_an_error(rows: pd.DataFrame) -> None:
    with pytest.raises(StageError, match=r"the test part in data/splits\.parquet has \d+ rows and no "):
        sample_rows(rows, Robustness(images=4, seed=7))


def test_rectification_undoes_a_turn_and_a_severe_blur_cannot_be_read(tmp_path: Path) -> None:
    image = draw_qr(tmp_path / "code.png", "https://a.example/news/", scale=8)
    squares, decoded = examine((0, Stored(image.name)), view, image.parent, 7, 10**6)
    views = dict(zip(CASES, np.array(squares).reshape(-1, 2, 224, 224), strict=True))
    read = dict(zip(CASES, decoded, strict=True))
    rectified, turned = (np.abs(view.astype(int) - views["none", 0][1]).mean() for view in views["rotate", 45])
    assert rectified < turned / 4
    assert read["none", 0]
    assert read["rotate", 45]
    assert not read["blur", 4]


def test_every_image_is_corrupted_in_its_own_way(tmp_path: Path) -> None:
    image = draw_qr(tmp_path / "code.png", "https://a.example/news/")
    (first, _), (again, _), (second, _) = (
        examine((position, Stored(image.name)), view, image.parent, 7, 10**6) for position in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    noisy = [2 * i for i, (name, _) in enumerate(CASES) if name == "noise"]
    assert all(np.mean(np.array(first)[noisy] != np.array(second)[noisy], axis=(1, 2)) > 0.1)


def test_another_corruption_and_another_severity_change_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = draw_qr(tmp_path / "code.png", "https://a.example/news/")
    before, _ = examine((3, Stored(image.name)), view, image.parent, 7, 10**6)
    at = [i for i, case in enumerate(CASES) if case in (("noise", 25), ("rotate", 45), ("angle", 40))]
    monkeypatch.setattr(robustness, "CASES", [("blur", 1.0), *(CASES[i] for i in reversed(at))])
    after, _ = examine((3, Stored(image.name)), view, image.parent, 7, 10**6)
    pairs = np.reshape(np.array(before), (-1, 2, 224, 224))[at[::-1]]
    np.testing.assert_array_equal(np.reshape(np.array(after), (-1, 2, 224, 224))[1:], pairs)


def test_accuracy_auc_and_decode_rate_count_what_they_say() -> None:
    truth = np.array([1, 1, 0, 0])
    probability = np.full((4, len(CASES), 2), 0.5)
    probability[:, 0, 0] = [0.9, 0.3, 0.6, 0.1]  # at 0.55: two right, and 3 of 4 pairs in order
    decoded = np.ones((4, len(CASES)), bool)
    decoded[0, 0] = False
    row = tabulate(truth, probability, decoded, 0.55).iloc[0]
    assert (row["accuracy"], row["auc"], row["decode_rate"]) == (0.5, 0.75, 0.75)


def test_pictures_without_what_the_network_takes_are_counted_and_not_guessed() -> None:
    truth = np.array([1, 1, 0, 0])
    probability = np.full((4, len(CASES), 2), 0.5)
    probability[:, 0, 0] = [np.nan, 0.9, 0.1, 0.6]
    probability[:, 1, 0] = np.nan
    table = tabulate(truth, probability, np.ones((4, len(CASES)), bool), 0.55)
    some, none = table.iloc[0], table.iloc[2]
    assert (some["images"], some["unjudged"], some["accuracy"], some["auc"]) == (4, 1, pytest.approx(2 / 3), 1.0)
    assert none["unjudged"] == 4
    assert none[["accuracy", "auc"]].isna().all()
