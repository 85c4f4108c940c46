import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest

from stages.common.seal import BLANK, seal
from stages.network.model_file import read_model_file
from stages.predict.standing import standing
from tests.helpers import IMPORTING, draw_qr, on_a_terminal, write_model
from tests.predict.asking import answers

FIGURES = {"auc": 0.8236, "recall": 0.81, "false_positives": 0.28}


@pytest.fixture
def beside(model: Path, tmp_path: Path) -> Path:
    """The model in a folder of its own, with a card that is for deploying it."""
    folder = tmp_path / "models"
    folder.mkdir()
    copy(model, folder)
    write_card(folder, model)
    return folder / model.name


def write_card(folder: Path, model: Path, **other: object) -> None:
    about, _ = read_model_file(model.with_suffix(".safetensors"))
    card = {"weights_sha256": about["weights_sha256"], "deploy": "yes", "test": FIGURES,
            "trained_on": {"images": 1400, "data": "my.csv"}, "seal": BLANK}  # fmt: skip
    (folder / "card.json").write_text(json.dumps(card | other))
    seal(folder / "card.json")


def colours(model: Path, code: Path) -> str:
    """What the command shows on a terminal."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "stages.predict", "--model", str(model), "--threshold", "1", str(code)]
    env = IMPORTING | {"TERM": "xterm-256color"}
    subprocess.run(command, cwd=code.parent, env=env, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    return os.read(ours, 2**16).decode()


def test_benign_is_green_only_where_the_report_is_for_deploying_the_model(beside: Path, tmp_path: Path) -> None:
    code = draw_qr(tmp_path / "code.png", "https://a.example/")
    shown = colours(beside, code)
    assert "\x1b[32mbenign" in shown
    (beside.parent / "card.json").unlink()
    shown = colours(beside, code)
    assert "benign" in shown
    assert "\x1b[32m" not in shown


def test_the_figures_stand_on_stderr(
    beside: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about, _ = read_model_file(model.with_suffix(".safetensors"))
    said = standing(beside, about).sentence
    assert "trained on 1,400 codes of my.csv; on its test part it calls 28% of benign" in said
    assert "AUC 0.824" in said
    assert "elsewhere not measured" in said
    write_card(beside.parent, model, deploy="no", test=FIGURES | {"auc_elsewhere": 0.6})
    assert "elsewhere AUC 0.600; the report says: do not deploy it" in standing(beside, about).sentence
    write_card(beside.parent, model, deploy="no", test=FIGURES | {"auc_elsewhere": 0.0})
    assert "elsewhere AUC 0.000; the report says: do not deploy it" in standing(beside, about).sentence


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_no_word_is_broken(beside: Path, tmp_path: Path, columns: int) -> None:
    code = draw_qr(tmp_path / "photo.png", "https://shop.example/")
    lines = on_a_terminal(
        [sys.executable, "-m", "stages.predict", "--model", str(beside), code.name], tmp_path, columns
    )
    assert max(map(len, lines)) <= columns
    heading, answer = lines[-2:]
    assert ("host" in heading) == (columns > 100)
    assert {"photo.png", "hxxps://shop[.]example/"} <= set(answer.split())


def test_a_figure_of_the_card_that_was_changed_is_not_said(beside: Path, model: Path) -> None:
    about, _ = read_model_file(model.with_suffix(".safetensors"))
    write_card(beside.parent, model)
    card = beside.parent / "card.json"
    card.write_text(card.read_text().replace("0.8236", "0.9236"))
    stands = standing(beside, about)
    assert stands.deploy == "unknown"
    assert "card.json beside it is damaged: not proven" in stands.sentence and "0.924" not in stands.sentence


def test_a_card_of_another_model_says_nothing(beside: Path, model: Path) -> None:
    about, _ = read_model_file(model.with_suffix(".safetensors"))
    write_card(beside.parent, model, weights_sha256="0")
    assert standing(beside, about).deploy == "unknown"
    (beside.parent / "card.json").write_text("{")
    stands = standing(beside, about)
    assert (stands.deploy, stands.versions) == ("unknown", None)
    assert "false alarms unknown; card.json beside it is damaged: not proven" in stands.sentence
    assert "which symbol versions it has seen is unknown" in stands.sentence


def test_a_version_that_the_network_has_not_seen_is_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = write_model(tmp_path / "model.safetensors", facts={"versions": [1, 2, 3]})
    short = draw_qr(tmp_path / "short.png", "https://a.example/")
    long = draw_qr(tmp_path / "long.png", f"https://a.example/{'long/' * 30}")
    status, rows = answers(capsys, trained, short, long, "--threshold", 1)
    assert [row["reason"] for row in rows] == ["", "unseen_version"]
    assert "trained with 1 to 3" in rows[1]["detail"]
    assert status == 4
