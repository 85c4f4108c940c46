"""The command, on files such as a security team would give it."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from PIL import Image

from stages.common.cli import StageError
from stages.common.settings import Model, load_params
from stages.network.data import as_tensor
from stages.network.model import QRNet
from stages.network.trained import load_trained, save_trained
from stages.network.view import view
from stages.predict import __main__
from stages.predict.codes import Limits
from stages.qr.image import decode
from tests.helpers import DEADLY_DECODER, ENV, HANGS, PARAMS, REPO, draw_qr, heed_ctrl_c, run_python, truncate

Rows = list[dict[str, Any]]
SHAPE = Model(batch_norm=False, hidden=[4], dropout=0.0, init="mixed")
HOSTILE = "=http://evil.example/\x1b[31m\u202e[bold]x"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_trained(path, QRNet(SHAPE), SHAPE, {"temperature": 1.5, "threshold": 0.4})
    return path


def tilted(path: Path) -> Path:
    """A photograph of a code: turned, small on its paper, and in colour."""
    code = cv2.imread(str(draw_qr(path, "https://tilted.example/")))
    assert code is not None
    height, width = code.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 25, 1)
    turn[:, 2] += 150
    cv2.imwrite(str(path), cv2.warpAffine(code, turn, (width + 300, height + 300), borderValue=(200, 230, 240)))
    return path


def beside(path: Path, *payloads: str) -> Path:
    """Several codes in one picture."""
    sheet = Image.new("L", (320 * len(payloads), 320), 255)
    for i, payload in enumerate(payloads):
        sheet.paste(Image.open(draw_qr(path, payload)), (320 * i + 20, 20))
    sheet.save(path)
    return path


def answers(capsys: pytest.CaptureFixture[str], model: Path, *arguments: object) -> tuple[int, Rows]:
    """Exit status and the JSON lines of the command."""
    with pytest.raises(SystemExit) as ended:
        __main__.main(["--model", str(model), "--json", *map(str, arguments)])
    return int(ended.value.code or 0), [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_probability_is_that_of_evaluation(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [draw_qr(tmp_path / f"{i}.png", f"https://a{i}.example/", scale=3 + i) for i in range(4)]
    files.append(tilted(tmp_path / "tilted.png"))
    _, rows = answers(capsys, model, *files, "--batch-size", 2)
    trained = load_trained(model)
    pixels = torch.stack([as_tensor(view(decode(file.read_bytes(), 10**9).pixels)) for file in files])
    assert [row["path"] for row in rows] == [str(file) for file in files]
    assert [row["probability"] for row in rows] == pytest.approx(trained.probability(pixels).tolist(), abs=1e-6)
    assert {row["threshold"] for row in rows} == {0.4}
    assert rows[-1]["payload"] == "hxxps://tilted[.]example/"


@pytest.fixture
def mess(tmp_path: Path) -> Path:
    folder = tmp_path / "mess"
    draw_qr(folder / "a/code.png", "https://a.example/")
    beside(folder / "b.png", "https://first.example/", "https://second.example/")
    (folder / "c.txt").write_text("no picture")
    (folder / "d.zip").write_bytes(b"PK\3\4" + bytes(1000))
    (folder / "e.png").write_bytes(b"")
    truncate(draw_qr(folder / "f.png", "https://a.example/"))
    Image.new("L", (300, 200), 255).save(folder / "g.png")
    Image.new("L", (900, 900), 255).save(folder / "h.png")
    draw_qr(folder / ".hidden.png", "https://hidden.example/")
    return folder


def test_a_tar_file_is_answered_as_the_folder_is(mess: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with tarfile.open(mess.parent / "mess.tar", "w") as tar:
        tar.add(mess, ".")
    loose, packed = answers(capsys, model, mess), answers(capsys, model, mess.parent / "mess.tar")
    for row in packed[1]:
        row["path"] = row["path"].replace("mess.tar/", "mess/")
    assert packed == loose


def test_every_file_has_an_answer_in_order(mess: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, rows = answers(capsys, model, mess, "--threshold", 1, "--max-pixels", 500_000)
    assert [(Path(row["path"]).name, row["code"], row["verdict"]) for row in rows] == [
        ("code.png", 1, "benign"), ("b.png", 1, "benign"), ("b.png", 2, "benign"), ("c.txt", None, "not an image"),
        ("d.zip", None, "not an image"), ("e.png", None, "empty"), ("f.png", None, "truncated"),
        ("g.png", None, "no QR code"), ("h.png", None, "too large"),
    ]  # fmt: skip
    assert {row["payload"] for row in rows[1:3]} == {"hxxps://first[.]example/", "hxxps://second[.]example/"}
    assert all((row["probability"] is None) == (row["code"] is None) for row in rows)
    assert "--max-pixels = 500,000" in rows[-1]["problem"]
    assert status == 0


def test_each_of_several_codes_is_judged_like_a_picture_of_its_own(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    payloads = ["https://first.example/", "https://second.example/a/longer/path?that=needs&another=version"]
    sheet = beside(tmp_path / "sheet.png", *payloads)
    alone = [draw_qr(tmp_path / f"{i}.png", payload) for i, payload in enumerate(payloads)]
    _, rows = answers(capsys, model, sheet, *alone)
    together = {row["payload"]: row["probability"] for row in rows[:2]}
    assert together == pytest.approx({row["payload"]: row["probability"] for row in rows[2:]}, abs=0.02)


def test_the_exit_status_says_whether_there_was_a_malicious_code(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, gone = draw_qr(tmp_path / "code.png", "https://a.example/"), tmp_path / "gone.png"
    assert answers(capsys, model, code, "--threshold", 1)[0] == 0
    assert answers(capsys, model, code, "--threshold", 0)[0] == 3
    status, rows = answers(capsys, model, gone, code, "--threshold", 1)
    assert (status, len(rows)) == (1, 1)
    assert answers(capsys, model, gone, code, "--threshold", 0)[0] == 3


def test_a_missing_path_is_named(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"):
        __main__.main(["--model", str(model), str(tmp_path / "gone\x1b.png")])
    assert "gone\N{REPLACEMENT CHARACTER}.png: there is no such file" in capsys.readouterr().err


def test_a_pipe_or_a_linked_folder_is_no_file_to_wait_for(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "linked").symlink_to(tmp_path)
    status, rows = answers(capsys, model, folder)
    assert [row["verdict"] for row in rows] == ["unreadable file"] * 2
    assert status == 1


def printed(capsys: pytest.CaptureFixture[str], model: Path, *arguments: object) -> str:
    with pytest.raises(SystemExit):
        __main__.main(["--model", str(model), *map(str, arguments)])
    return capsys.readouterr().out


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_hostile_texts_come_out_harmless(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    name = "=\x1b[2J[red]\n\udcff.png"
    (tmp_path / "a").mkdir()
    draw_qr(tmp_path / "code.png", HOSTILE).rename(tmp_path / "a" / name)
    text = printed(capsys, model, tmp_path / "a", *form)
    assert "http:" not in text
    assert "evil.example" not in text
    assert not {"\x1b", "\u202e", "\udcff"} & set(text)
    assert "[bold]x" in text  # no markup


def test_a_cell_is_no_formula(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = draw_qr(tmp_path / "code.png", "=1+1")
    (row,) = csv.DictReader(io.StringIO(printed(capsys, model, path, "--csv")))
    assert row["payload"] == "'=1+1"
    assert row["path"] == str(path)
    assert 0 <= float(row["probability"]) <= 1


def test_a_list_on_stdin_needs_no_project(tmp_path: Path, model: Path) -> None:
    draw_qr(tmp_path / "a b.png", "https://a.example/")
    (tmp_path / "list").write_text("a b.png\n\ngone.png\n")
    with (tmp_path / "list").open() as listed:
        ended = run_python(
            "-m", "stages.predict", "--model", str(model), "--threshold", "1", "-", folder=tmp_path, stdin=listed
        )
    assert ended.returncode == 1
    assert "hxxps://a[.]example/" in ended.stdout
    assert ended.stderr == "error: gone.png: there is no such file or folder\n"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.unlink(), "is not there yet"),
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "is damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\1"), "checksum"),
        (lambda path: path.write_text("foreign"), "is damaged or no model"),
    ],
)
def test_an_unusable_model_is_named(tmp_path: Path, model: Path, damage: Callable[[Path], object], words: str) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(model.read_bytes())
    damage(copy)
    with pytest.raises(StageError, match=f"copy.safetensors.*{words}"):
        __main__.main(["--model", str(copy), str(tmp_path)])


def test_a_network_without_numbers_gives_no_verdict(tmp_path: Path) -> None:
    net = QRNet(SHAPE)
    torch.nn.init.constant_(list(net.parameters())[-1], float("nan"))
    save_trained(tmp_path / "nan.safetensors", net, SHAPE, {"temperature": 1.0, "threshold": 0.5})
    code = draw_qr(tmp_path / "code.png", "https://a.example/")
    with pytest.raises(StageError, match="no number"):
        __main__.main(["--model", str(tmp_path / "nan.safetensors"), str(code)])


@pytest.mark.parametrize("wrong", [["--threshold", "2"], ["--batch-size", "0"], ["--json", "--csv"], []])
def test_a_wrong_command_line_is_status_2(wrong: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        __main__.main([*wrong, *(["x.png"] if wrong else [])])


def test_a_decoder_that_dies_or_hangs_costs_one_line(tmp_path: Path, model: Path) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY_DECODER.format("predict.__main__"))
    for i in range(4):
        draw_qr(tmp_path / f"images/{i}.png", f"https://a{i}.example/")
    Image.new("L", (101, 50)).save(tmp_path / "images/1dies.png")
    Image.new("L", (103, 50)).save(tmp_path / "images/2hangs.png")
    arguments = ("--model", str(model), "--json", "--timeout", "60", "--threshold", "1", "images")
    ended = run_python("deadly.py", *arguments, folder=tmp_path)
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.returncode == 0, ended.stderr
    assert [row["verdict"] for row in rows] == ["benign"] * 2 + [
        "kills decoder", "benign", "kills decoder", "benign"
    ]  # fmt: skip
    assert "SIGABRT" in rows[2]["problem"]
    assert "within 60 s" in rows[4]["problem"]


def test_after_ctrl_c_the_lines_printed_so_far_stay(tmp_path: Path, model: Path) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY_DECODER.format("predict.__main__"))
    for i in range(16):
        draw_qr(tmp_path / f"images/{i:02}.png", f"https://a{i}.example/")
    Image.new("L", (103, 50)).save(tmp_path / "images/hangs.png")
    command = [sys.executable, "deadly.py", "--model", str(model), "--json", "--batch-size", "8"]
    command += ["--timeout", "600", "images"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=ENV | {"PYTHONPATH": str(REPO)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_ctrl_c,
    ) as process:
        assert process.stdout
        assert process.stderr
        lines = [process.stdout.readline() for _ in range(16)]
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b""
        assert b"interrupted" in process.stderr.read()
        assert process.wait(HANGS) == 130
    assert [json.loads(line)["code"] for line in lines] == [1] * 16


def test_the_bounds_are_those_of_the_pipeline() -> None:
    assert asdict(Limits()) == load_params(PARAMS).scan.model_dump(include={"max_bytes", "max_pixels", "timeout"})
