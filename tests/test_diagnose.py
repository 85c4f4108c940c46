"""Stage diagnose: what it says of a good training and of planted faults."""

import json
import shutil
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image
from rich.console import Console

from stages import diagnose, train
from stages.common.artefacts import DIAGNOSIS, SPLITS, TRAIN_FIGURES
from stages.common.cli import StageError
from stages.diagnosis.evidence import Symptom
from stages.network.data import Images
from stages.training.batches import Loader
from tests.helpers import draw_qr, set_params


@pytest.fixture
def copy(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(shutil.copytree(trained, tmp_path / "copy"))
    monkeypatch.chdir(folder)
    # To overfit one batch takes most of the time, and is asked for where it matters.
    set_params(folder, {"diagnose.steps": 0, "diagnose.batch_size": 8, "train.cache_mib": 0})
    return folder


@pytest.fixture
def overfitting(copy: Path) -> Path:
    """The same, with a stage that overfits one batch."""
    set_params(copy, {"diagnose.steps": 12})
    return copy


def verdicts() -> dict[str, str]:
    diagnose.main()
    written = json.loads(DIAGNOSIS.read_text())
    found = {symptom["name"]: symptom["verdict"] for symptom in written["symptoms"]}
    assert written["failed"] == list(found.values()).count("fail")
    return found


def test_every_symptom_is_judged_and_shown(overfitting: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = verdicts()
    assert len(found) == 18
    assert found["diverged"] == found["pictures_differ"] == found["initial_loss"] == found["one_batch"] == "pass"
    shown = capsys.readouterr().out
    assert "Did it learn?" in shown
    assert "overfitting" in shown


def test_the_table_fits_a_terminal_of_80_columns_and_has_all_of_it() -> None:
    cause, check = "the initialisation does not fit the sizes of the layers", "reports/data.html: shortcuts"
    long = Symptom("initial_activations", "fail", "deviations 0.37 to 263", "deviations 0.0001 to 10", cause, check)
    passed = Symptom("one_batch", "pass", "loss 0.000", "below 0.1")
    console = Console(width=80, record=True, file=StringIO())
    console.print(diagnose.as_table([passed, long]))
    lines = console.export_text().splitlines()
    text = " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= 80
    assert "The initialisation does not fit the sizes of the layers. Check: reports/data.html: shortcuts." in text
    assert text.index("initial activations") < text.index("one batch pass loss 0.000, expected: below 0.1")


def test_strict_makes_a_failure_an_error(copy: Path) -> None:
    report = json.loads(TRAIN_FIGURES.read_text()) | {"initial_loss": 148.0}
    TRAIN_FIGURES.write_text(json.dumps(report))
    diagnose.main()
    set_params(copy, {"diagnose.strict": True})
    with pytest.raises(StageError, match="initial_loss"):
        diagnose.main()


def as_scanned(folder: Path) -> None:
    """Take the images as they are now into the table of the parts, which the gate would refuse."""
    rows = pd.read_parquet(SPLITS)
    contents = [(folder / "data/images" / path).read_bytes() for path in rows["path"]]
    rows.assign(
        sha256=[sha256(data).hexdigest() for data in contents], bytes=[len(data) for data in contents]
    ).to_parquet(SPLITS)


@pytest.mark.slow
def test_constant_images_are_named(overfitting: Path) -> None:
    for image in (overfitting / "data/images").rglob("*.png"):
        draw_qr(image, "https://same.example/")
    as_scanned(overfitting)
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


@pytest.mark.slow
def test_a_learning_rate_of_ten_is_named(overfitting: Path) -> None:
    set_params(overfitting, {"train.learning_rate": 10.0, "train.gradient_clip": None})
    train.main()
    found = verdicts()
    assert (
        found["one_batch"] == found["training_loss"] == found["validation_loss"] == found["constant_output"] == "fail"
    )


def test_shuffled_labels_are_named(copy: Path) -> None:
    rows = pd.read_parquet(SPLITS)
    for _, part in rows.groupby("part", observed=True):  # every other row of each class changes sides
        for _, same in part.groupby("label"):
            other = {"benign": "malicious", "malicious": "benign"}[same["label"].iloc[0]]
            rows.loc[same.index[::2], "label"] = other
    rows.to_parquet(SPLITS)
    train.main()
    assert verdicts()["validation_accuracy"] == "fail"


def test_a_label_painted_into_the_picture_is_too_good_to_be_true(copy: Path) -> None:
    for image in (copy / "data/images").rglob("*.png"):
        code = Image.open(draw_qr(image, "https://same.example/")).convert("L")
        code.paste(0 if image.parent.name == "malicious" else 255, (0, 0, code.width, code.height // 2))
        code.save(image)
    as_scanned(copy)
    set_params(copy, {"train.epochs": 3})
    train.main()
    found = verdicts()
    assert found["target_band"] == "warn"
    assert found["validation_accuracy"] == "pass"


def test_batches_of_one_class_are_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sorted_by_class = pd.read_parquet(SPLITS).sort_values("label", ignore_index=True)
    sorted_by_class.to_parquet(SPLITS)
    monkeypatch.setattr(train, "Loader", lambda images, size, fabric, shuffle=False: Loader(images, size, fabric))
    train.main()
    assert verdicts()["batches_mixed"] == "fail"


def test_an_image_that_is_no_number_is_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Images.batch

    def broken(images: Images, ats: list[tuple[int, int]]) -> list[torch.Tensor]:
        seen, labels = whole(images, ats)
        return [torch.full(seen.shape, float("nan")), labels]

    with monkeypatch.context() as patch:
        patch.setattr(Images, "__getitems__", broken)
        train.main()
    found = verdicts()
    assert found["diverged"] == "fail"
    assert "validation_loss" not in found  # there was no epoch to speak of


def test_a_training_without_one_good_epoch_is_diagnosed_as_diverged(copy: Path) -> None:
    # The only step of the only epoch begins with a finite loss, and leaves weights that have none.
    set_params(copy, {"train.learning_rate": 1e30, "train.gradient_clip": None, "train.batch_size": 64})
    set_params(copy, {"train.epochs": 1})
    train.main()
    report = json.loads(TRAIN_FIGURES.read_text())
    assert (report["epoch"], report["epochs"]) == (0, 1) and "diverged" not in report
    found = verdicts()
    assert found["diverged"] == "fail"
    assert "initial_activations" in found and "validation_loss" not in found


def test_without_a_training_the_user_learns_what_to_run(copy: Path) -> None:
    TRAIN_FIGURES.unlink()
    with pytest.raises(StageError, match="dvc repro"):
        diagnose.main()
