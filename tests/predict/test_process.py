"""The command as a process of its own: what it reads and loads, and how it goes on where something ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers import (
    DEADLY_DECODER,
    HANGS,
    IMPORTING,
    draw_qr,
    heed_ctrl_c,
    run_python,
)
from tests.predict.asking import URL, mail, png, said


def test_bytes_on_stdin_are_one_file(tmp_path: Path, model: Path) -> None:
    content = mail(("image/png", "a.png", png())).as_bytes()
    command = [sys.executable, "-m", "stages.predict", "--model", str(model), "--json", "--stdin", "x.eml"]
    ended = subprocess.run(command, cwd=tmp_path, env=IMPORTING, capture_output=True, input=content)
    (row,) = [json.loads(line) for line in ended.stdout.splitlines()]
    assert said([row]) == [("x.eml", "part 2 (a.png)", URL)]


def test_a_list_need_not_end(tmp_path: Path, model: Path) -> None:
    draw_qr(tmp_path / "code.png", "https://a.example/")
    command = [sys.executable, "-m", "stages.predict", "--model", str(model), "--json", "--threshold", "1", "-"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=IMPORTING, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        for text in (b"\xef\xbb\xbfcode.png\n", b"code.png\r\n"):
            process.stdin.write(text)
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["verdict"] == "benign"
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait() == 0


def test_a_list_on_stdin_needs_no_project(tmp_path: Path, model: Path) -> None:
    draw_qr(tmp_path / "a b.png", "https://a.example/")
    (tmp_path / "list").write_text("a b.png\n\ngone.png\n")
    with (tmp_path / "list").open() as listed:
        ended = run_python(
            "-m", "stages.predict", "--model", str(model), "--threshold", "1", "-", folder=tmp_path, stdin=listed
        )
    assert ended.returncode == 1
    assert "hxxps://a[.]example/" in ended.stdout
    assert ended.stderr.endswith("error: gone.png: there is no such file or folder\n")


def test_a_reader_that_goes_ends_it_quietly(tmp_path: Path, model: Path) -> None:
    for i in range(60):
        draw_qr(tmp_path / f"images/{i:02}.png", f"https://a{i}.example/")
    command = [sys.executable, "-m", "stages.predict", "--model", str(model), "--json", "images"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=IMPORTING, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait() == 1


def test_nothing_in_the_current_folder_is_run(tmp_path: Path, model: Path) -> None:
    for name in ("cv2", "PIL", "pickle", "numpy", "onnxruntime"):
        (tmp_path / f"{name}.py").write_text("open('was-run', 'w')")
    draw_qr(tmp_path / "code.png", "https://a.example/")
    arguments = ("--model", str(model), "--json", "--threshold", "1", "code.png")
    ended = run_python("-P", "-m", "stages.predict", *arguments, folder=tmp_path)
    assert (ended.returncode, ended.stderr.count("\n")) == (0, 1)
    ended = run_python("-m", "stages.predict", *arguments, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert not (tmp_path / "was-run").exists()


def test_torch_is_not_loaded(tmp_path: Path, model: Path) -> None:
    draw_qr(tmp_path / "code.png", "https://a.example/")
    script = (
        "import sys; from stages.predict.__main__ import main\n"
        "if __name__ == '__main__':\n"
        f"  try: main(['--model', {str(model)!r}, 'code.png'])\n"
        "  except SystemExit: print({'torch', 'lightning_fabric', 'pandas'} & sys.modules.keys())"
    )
    (tmp_path / "ask.py").write_text(script)
    ended = run_python("ask.py", folder=tmp_path)
    assert ended.stdout.splitlines()[-1] == "set()", ended.stderr


@pytest.mark.slow
def test_a_decoder_that_dies_or_hangs_costs_one_line(tmp_path: Path, model: Path) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY_DECODER.format("predict.__main__"))
    for i in range(4):
        draw_qr(tmp_path / f"images/{i}.png", f"https://a{i}.example/")
    Image.new("L", (101, 50)).save(tmp_path / "images/1dies.png")
    Image.new("L", (103, 50)).save(tmp_path / "images/2hangs.png")
    attached = [("image/png", f"{name}.png", png(f"https://{name}.example/")) for name in ("before", "after")]
    attached.insert(1, ("image/png", "dies.png", (tmp_path / "images/1dies.png").read_bytes()))
    (tmp_path / "images/3mail.eml").write_bytes(mail(*attached).as_bytes())
    arguments = ("--model", str(model), "--json", "--timeout", "20", "--threshold", "1", "images")
    ended = run_python("deadly.py", *arguments, folder=tmp_path)
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.returncode == 4, ended.stderr
    assert [(row["file"][7:], row["part"], row["reason"] or row["verdict"]) for row in rows] == [
        ("0.png", "", "benign"), ("1.png", "", "benign"), ("1dies.png", "", "kills_decoder"),
        ("2.png", "", "benign"), ("2hangs.png", "", "kills_decoder"), ("3.png", "", "benign"),
        ("3mail.eml", "part 2 (before.png)", "benign"), ("3mail.eml", "part 3 (dies.png)", "kills_decoder"),
        ("3mail.eml", "part 4 (after.png)", "benign"),
    ]  # fmt: skip
    assert "SIGABRT" in rows[2]["detail"]
    assert "within 20 s" in rows[4]["detail"]


def test_after_ctrl_c_the_lines_printed_so_far_stay(tmp_path: Path, model: Path) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY_DECODER.format("predict.__main__"))
    for i in range(16):
        draw_qr(tmp_path / f"images/{i:02}.png", f"https://a{i}.example/")
    Image.new("L", (103, 50)).save(tmp_path / "images/hangs.png")
    command = [sys.executable, "deadly.py", "--model", str(model), "--json", "--timeout", "600", "images"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=IMPORTING,
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
