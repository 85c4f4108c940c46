import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
import torch
from ruamel.yaml import YAML

from stages import scan, split, train, validate
from stages.common import settings
from stages.common.artefacts import CHECKPOINT, SPLITS
from stages.common.cli import StageError
from stages.dataset.identity import data_sha256
from stages.network.data import Images
from stages.network.trained import load_network, load_trained
from stages.network.view import PICTURE
from stages.training import checkpoint
from stages.training.figures import Figures
from tests.helpers import HANGS, IMPORTING, REPO, draw_qr, heed_ctrl_c, run_stage, set_params

MODEL = Path("models/model.safetensors")


@pytest.fixture
def again(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the trained project without what training has written, to train in."""
    copy = tmp_path / "again"
    shutil.copytree(trained, copy, ignore=shutil.ignore_patterns("models", "reports", ".views*"))
    monkeypatch.chdir(copy)
    return copy


def curve(folder: Path, name: str) -> pd.Series:
    return pd.read_csv(folder / f"reports/train/plots/metrics/{name}.tsv", sep="\t").set_index("step").iloc[:, -1]


def test_model_curves_and_figures_are_written(trained: Path) -> None:
    report = json.loads((trained / "reports/train.json").read_text())
    assert (trained / MODEL).stat().st_size > 100_352 * 8 * 4
    for name in ("train/loss", "val/loss", "val/accuracy", "val/auc", "learning_rate"):
        assert curve(trained, name).index.tolist() == [1, 2], name
    losses = curve(trained, "val/loss")
    assert report["epoch"] == losses.idxmin()
    assert report["val_loss"] == pytest.approx(losses.min(), abs=1e-5)
    assert report["initial_loss"] == pytest.approx(math.log(2), abs=0.5)
    assert (curve(trained, "learning_rate") == 0.0005).all()


def test_what_is_easily_told_apart_is_learned(trained: Path) -> None:
    assert curve(trained, "train/loss")[2] < curve(trained, "train/loss")[1]
    assert curve(trained, "val/auc").max() > 0.9


def test_nothing_half_written_is_left(trained: Path) -> None:
    assert sorted(path.name for path in (trained / "models").iterdir()) == ["calibration.json", MODEL.name]
    assert not list(trained.rglob("*.partial"))


def test_the_same_seed_is_the_same_network(trained: Path, again: Path) -> None:
    train.main()
    assert (again / MODEL).read_bytes() == (trained / MODEL).read_bytes()
    assert (again / "reports/train.json").read_bytes() == (trained / "reports/train.json").read_bytes()


def test_an_interrupted_training_goes_on_to_the_same_network(
    trained: Path, again: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step, epochs = train.train_epoch, iter([False, True])

    def interrupted(*arguments, **options):
        if next(epochs):
            raise KeyboardInterrupt
        return step(*arguments, **options)

    monkeypatch.setattr(train, "train_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train.main()
    assert not (again / MODEL).exists()
    monkeypatch.undo()
    monkeypatch.chdir(again)
    train.main()
    assert "going on after epoch 1" in capsys.readouterr().out
    assert (again / MODEL).read_bytes() == (trained / MODEL).read_bytes()
    assert curve(again, "val/loss").equals(curve(trained, "val/loss"))


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_network(
    trained: Path, again: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "stages.train"]
    process = subprocess.Popen(command, cwd=again, env=IMPORTING, stdout=subprocess.DEVNULL)
    while not (again / CHECKPOINT).exists():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert not (again / MODEL).exists()
    train.main()
    assert "going on after epoch 1" in capsys.readouterr().out
    assert (again / MODEL).read_bytes() == (trained / MODEL).read_bytes()


def test_another_seed_is_another_network(trained: Path, again: Path) -> None:
    set_params(again, {"train.seed": 8, "train.epochs": 1})
    train.main()
    assert (again / MODEL).read_bytes() != (trained / MODEL).read_bytes()


def test_a_training_that_diverges_ends_and_says_where(again: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_params(again, {"train.learning_rate": 1e30, "train.gradient_clip": None})
    train.main()
    assert "the training diverged: epoch 1, batch 2: the loss became" in capsys.readouterr().out
    report = json.loads((again / "reports/train.json").read_text())
    assert report["epochs"] == 0
    assert report["diverged"].startswith("epoch 1, batch 2")
    net = load_network(again / MODEL).net
    assert all(weights.isfinite().all() for weights in net.state_dict().values())
    assert not (again / "models/checkpoint.pt").exists()


def test_training_ends_early_where_it_is_asked_to(again: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([0.6, 0.7, 0.8, 0.9])
    scores = {"val/accuracy": 0.5, "val/auc": 0.5, "val/called_malicious": 0.5}
    monkeypatch.setattr(train, "validate_epoch", lambda *_: {"val/loss": next(losses)} | scores)
    set_params(again, {"train.epochs": 4, "train.early_stopping": 2})
    train.main()
    report = json.loads((again / "reports/train.json").read_text())
    assert (report["epoch"], report["epochs"]) == (1, 3)


def test_a_device_that_is_not_here_is_an_error(again: Path) -> None:
    name = "cuda" if torch.backends.mps.is_available() else "mps"  # no machine has both
    set_params(again, {"train.device": name})
    with pytest.raises(StageError, match=rf"train\.device is {name}, which is not here"):
        train.main()


def test_an_image_that_is_gone_is_named(again: Path) -> None:
    shutil.rmtree(again / "data/images/benign")
    with pytest.raises(StageError, match=r"benign/\d+\.png has changed since it was scanned"):
        train.main()
    assert not (again / MODEL).exists()


def test_without_a_split_the_user_learns_what_to_run(project: Path) -> None:
    with pytest.raises(StageError, match=r"splits\.parquet is not there yet: run `dvc repro`"):
        train.main()


def test_a_training_that_diverges_with_its_last_batch_keeps_no_broken_weights(again: Path) -> None:
    set_params(again, {"train.learning_rate": 1e30, "train.gradient_clip": None, "train.batch_size": 64})
    train.main()  # the only batch of an epoch has a finite loss, and what it leaves has none
    json.loads((again / "reports/train.json").read_text(), parse_constant=pytest.fail)  # NaN is no JSON
    net = load_network(again / MODEL).net
    assert all(weights.isfinite().all() for weights in net.state_dict().values())


def test_a_checkpoint_of_other_pictures_is_left_alone(again: Path) -> None:
    params = settings.load_params()
    before = checkpoint.fingerprint(params, SPLITS)
    image = next((again / "data/images/benign").glob("*.png"))
    draw_qr(image, f"https://a{image.stem}.example/", scale=7)  # the same payload, label and part
    for stage in (scan, validate, split):
        stage.main()
    assert checkpoint.fingerprint(params, SPLITS) != before


def test_the_model_file_says_what_it_is_of(trained: Path) -> None:
    about = load_trained(trained / MODEL).about
    report = json.loads((trained / "reports/train.json").read_text())
    assert about["params"]["train"]["epochs"] == report["epochs"]
    assert about["metrics"]["val_loss"] == pytest.approx(report["val_loss"], abs=1e-6)
    assert about["data_sha256"] == data_sha256(pd.read_parquet(trained / SPLITS))


def test_augmentation_is_off_until_it_is_asked_for(again: Path) -> None:
    rows = pd.read_parquet(SPLITS)
    plain = Images(rows, settings.load_params(), PICTURE, augmented=True)
    assert torch.equal(plain[0][0], Images(rows, settings.load_params(), PICTURE)[0][0])
    set_params(again, {"augment.noise": 30.0, "augment.rotate": 10.0})
    corrupted = Images(rows, settings.load_params(), PICTURE, augmented=True)
    first = corrupted[0, 1][0].clone()
    assert torch.equal(corrupted[0, 1][0], first)  # the same epoch, so that a resumed training sees the same
    assert not torch.equal(corrupted[0, 2][0], first)
    assert torch.equal(Images(rows, settings.load_params(), PICTURE)[0][0], plain[0][0])  # val and test never
    set_params(again, {"augment": {"nois": 30.0}})
    with pytest.raises(StageError, match=r"unknown key augment\.nois; did you mean augment\.noise\?"):
        train.main()


def test_shards_train_the_same_network(trained: Path, again: Path) -> None:
    ended = run_stage("commands.pack", again, ["data/images", "shards"])
    assert ended.returncode == 0, ended.stderr
    shutil.rmtree(again / "data")
    set_params(again, {"data.images": "shards"})
    for stage in (scan, validate, split, train):
        stage.main()
    assert (again / "reports/train.json").read_bytes() == (trained / "reports/train.json").read_bytes()


@pytest.mark.parametrize("mebibytes", [0, 1])
def test_the_cache_changes_nothing(trained: Path, again: Path, mebibytes: int) -> None:
    set_params(again, {"train.cache_mib": mebibytes})
    train.main()
    assert (again / "reports/train.json").read_bytes() == (trained / "reports/train.json").read_bytes()
    assert (again / "data/.views.sqlite").exists() == bool(mebibytes)


@pytest.fixture
def together(again: Path) -> Path:
    """A project to train in two processes, without the dropout that each of them draws for itself."""
    set_params(again, {"train.devices": 2, "model.dropout": 0.0, "train.batch_size": 7})
    return again


@pytest.mark.slow
def test_two_processes_of_which_one_dies_train_the_network_of_one(together: Path) -> None:
    set_params(together, {"train.epochs": 3})
    command, pipe = [sys.executable, "-m", "stages.train"], subprocess.PIPE
    process = subprocess.Popen(command, cwd=together, env=IMPORTING, stdout=pipe, stderr=pipe, text=True)
    while not (together / CHECKPOINT).exists():
        assert process.poll() is None, "it ended before one of it could be killed"
        time.sleep(0.01)
    psutil.Process(process.pid).children()[-1].kill()
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "training on 2 processes" in output and "going on after epoch" in output
    assert errors.count("train loss") == 2  # one of them shows the figures, and again after the other start
    two = {name: curve(together, name) for name in ("train/loss", "val/loss", "val/accuracy", "val/auc")}
    two |= {name: curve(together, name) for name in ("train/one_class_batches", "gradient/norm", "train/first_loss")}
    report = json.loads((together / "reports/train.json").read_text())
    shutil.rmtree(together / "reports")
    set_params(together, {"train.devices": 1})
    train.main()
    assert two["val/loss"].index.tolist() == [1, 2, 3]
    for name, values in two.items():
        assert values.to_numpy() == pytest.approx(curve(together, name).to_numpy(), rel=1e-3, abs=1e-4), name
    alone = json.loads((together / "reports/train.json").read_text())
    assert report == pytest.approx(alone, rel=1e-3, abs=1e-3)


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_with_one_line(together: Path) -> None:
    set_params(together, {"train.epochs": 50})
    command = [sys.executable, "-m", "stages.train"]
    process = subprocess.Popen(
        command,
        cwd=together,
        env=IMPORTING,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        preexec_fn=heed_ctrl_c,
    )
    while not (together / CHECKPOINT).exists():
        assert process.poll() is None, "it ended before it could be interrupted"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=HANGS)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert errors.strip().splitlines()[-1].startswith("error: interrupted")
    assert not list(together.rglob("*.partial"))


def test_the_pipeline_lists_the_settings_that_decide_the_weights() -> None:
    listed = YAML(typ="safe").load(REPO / "dvc.yaml")["stages"]["train"]["params"]
    params = settings.load_params(REPO / "params.yaml")
    assert set(listed) == {"model", "augment", "split.by"} | {
        f"train.{key}" for key in checkpoint.recipe(params)["train"]
    }


def test_a_checkpoint_is_of_one_preprocessing(monkeypatch: pytest.MonkeyPatch, again: Path) -> None:
    def start_with(file: str) -> str:
        read = Path.read_bytes
        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path == REPO / file))
            return checkpoint.fingerprint(settings.load_params(), SPLITS)

    unchanged = start_with("no such file")
    for file in ("network/corruption.py", "network/architectures/cnn.py", "qr/locate.py", "training/passes.py"):
        assert start_with(f"stages/{file}") != unchanged, file
    for file in ("payload/safe.py", "page/charts.py"):
        assert start_with(f"stages/{file}") == unchanged, file
    set_params(again, {"train.cache_mib": 0, "train.device": "auto", "calibrate.max_false_positives": 0.1})
    assert start_with("no such file") == unchanged


def test_the_figures_are_those_that_are_listed(trained: Path) -> None:
    report = json.loads((trained / "reports/train.json").read_text())
    assert list(report) == [key for key in Figures.__annotations__ if key != "diverged"]
