"""The command, on files such as a security team would give it."""

import csv
import io
import json
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import cv2
import pytest
from PIL import Image, ImageOps

from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.network.trained import load_trained
from stages.network.view import view
from stages.predict import __main__
from stages.predict.sources.item import Limits
from stages.qr.image import decode
from tests.helpers import (
    DEADLY_DECODER,
    ENV,
    HANGS,
    PARAMS,
    REPO,
    draw_qr,
    heed_ctrl_c,
    run_python,
    truncate,
    write_model,
)
from tests.predict.asking import URL, answers, mail, picture, png, said

HOSTILE = "=http://evil.example/\x1b[31m\u202e[bold]x"


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


def test_the_probability_is_that_of_evaluation(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [draw_qr(tmp_path / f"{i}.png", f"https://a{i}.example/", scale=3 + i) for i in range(4)]
    files.append(tilted(tmp_path / "tilted.png"))
    _, rows = answers(capsys, model, *files)
    trained = load_trained(model.with_suffix(".safetensors"))
    expected = trained.probability_of([view(decode(file.read_bytes(), 10**9).pixels) for file in files])
    assert [row["file"] for row in rows] == [str(file) for file in files]
    assert [row["probability"] for row in rows] == pytest.approx(expected.tolist(), abs=1e-4)
    assert {row["threshold"] for row in rows} == {0.4}
    assert rows[-1]["payload"] == "https://tilted.example/"
    _, (alone,) = answers(capsys, model, files[2])
    assert alone == rows[2]
    _, with_torch = answers(capsys, model.with_suffix(".safetensors"), *files)
    assert [row["probability"] for row in with_torch] == pytest.approx([row["probability"] for row in rows], abs=1e-4)


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
        row["file"] = row["file"].replace("mess.tar/", "mess/")
    assert packed == loose


def test_every_file_has_an_answer_in_order(mess: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, rows = answers(capsys, model, mess, "--threshold", 1, "--max-pixels", 500_000)
    assert [(Path(row["file"]).name, row["code"], row["verdict"], row["reason"]) for row in rows] == [
        ("code.png", 1, "benign", ""), ("b.png", 1, "benign", ""), ("b.png", 2, "benign", ""),
        ("e.png", None, "not judged", "empty"), ("f.png", None, "not judged", "truncated"),
        ("g.png", None, "not judged", "no_code"), ("h.png", None, "not judged", "too_large"),
    ]  # fmt: skip
    assert {row["payload"] for row in rows[1:3]} == {"https://first.example/", "https://second.example/"}
    assert all((row["probability"] is None) == (row["code"] is None) for row in rows)
    assert "--max-pixels = 500,000" in rows[-1]["detail"]
    assert status == 4


def test_what_holds_no_pictures_is_skipped_in_a_folder_and_answered_where_it_is_named(
    mess: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b.png", "e.png", "f.png", "g.png", "h.png"):
        (mess / name).unlink()
    with pytest.raises(SystemExit, match="0"):
        __main__.main(["--model", str(model), "--threshold", "1", str(mess)])
    assert "2 files in folders hold no pictures and were skipped" in capsys.readouterr().err
    status, rows = answers(capsys, model, mess / "c.txt", mess / "d.zip")
    assert [row["reason"] for row in rows] == ["not_an_image"] * 2
    assert status == 4


def test_each_of_several_codes_is_judged_like_a_picture_of_its_own(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    payloads = ["https://first.example/", "https://second.example/a/longer/path?that=needs&another=version"]
    sheet = beside(tmp_path / "sheet.png", *payloads)
    alone = [draw_qr(tmp_path / f"{i}.png", payload) for i, payload in enumerate(payloads)]
    _, rows = answers(capsys, model, sheet, *alone)
    together = {row["payload"]: row["probability"] for row in rows[:2]}
    assert together == pytest.approx({row["payload"]: row["probability"] for row in rows[2:]}, abs=0.02)


def test_the_exit_status_says_what_was_found(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, gone = draw_qr(tmp_path / "code.png", "https://a.example/"), tmp_path / "gone.png"
    text = draw_qr(tmp_path / "text.png", "see you at seven")
    assert answers(capsys, model, code, "--threshold", 1)[0] == 0
    assert answers(capsys, model, code, "--threshold", 0)[0] == 3
    assert answers(capsys, model, code, text, "--threshold", 1)[0] == 4
    assert answers(capsys, model, code, text, "--threshold", 0)[0] == 3
    assert answers(capsys, model, code, text, "--threshold", 1, "--allow-unjudged")[0] == 0
    status, rows = answers(capsys, model, gone, code, "--threshold", 1)
    assert (status, said(rows)) == (1, [("gone.png", "", "missing"), ("code.png", "", "https://a.example/")])
    assert answers(capsys, model, gone, code, "--threshold", 0)[0] == 3


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ("javascript:alert(1)", "script or file"),
        ("bitcoin:1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "payment"),
        ("otpauth://totp/a:b?secret=JBSWY3DPEHPK3PXP", "one-time password"),
        ("WIFI:T:WPA;S:net;P:secret;;", "wifi"),
        ("BEGIN:VCARD\nN:A\nEND:VCARD", "contact"),
        ("see you at seven", "text"),
    ],
)
def test_what_is_no_url_is_not_judged(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], payload: str, kind: str
) -> None:
    status, (row,) = answers(capsys, model, draw_qr(tmp_path / "code.png", payload))
    assert (status, row["verdict"], row["reason"], row["kind"]) == (4, "not judged", "not_url", kind)
    assert row["probability"] is None
    assert row["payload"] == payload


def test_one_path_that_cannot_be_opened_costs_one_line(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = draw_qr(tmp_path / "code.png", "https://a.example/")
    status, rows = answers(capsys, model, "x" * 300, f"{code}/below.png", code, "--threshold", 1)
    assert [row["reason"] for row in rows] == ["unreadable", "unreadable", ""]
    assert "name too long" in rows[0]["detail"]
    assert status == 4


def test_verdict_payload_and_corners_are_those_of_one_symbol(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = Image.new("L", (700, 320), 255)
    normal, inverted = picture("https://normal.example/"), ImageOps.invert(picture("https://inverted.example/"))
    sheet.paste(normal, (40, 60))
    sheet.paste(inverted, (400, 60))
    sheet.save(tmp_path / "both.png")
    _, rows = answers(capsys, model, tmp_path / "both.png")
    at = {row["payload"]: row["corners"][0][0] for row in rows if row["verdict"] != "not judged"}
    assert at["https://normal.example/"] < 200
    assert at.get("https://inverted.example/", 500) > 400
    assert {row["payload"] for row in rows} == {"https://normal.example/", "https://inverted.example/"}


def test_bytes_on_stdin_are_one_file(tmp_path: Path, model: Path) -> None:
    content = mail(("image/png", "a.png", png())).as_bytes()
    command = [sys.executable, "-m", "stages.predict", "--model", str(model), "--json", "--stdin", "x.eml"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=ENV | {"PYTHONPATH": str(REPO)}, capture_output=True, input=content
    )
    (row,) = [json.loads(line) for line in ended.stdout.splitlines()]
    assert said([row]) == [("x.eml", "part 2 (a.png)", URL)]


def test_a_list_need_not_end(tmp_path: Path, model: Path) -> None:
    draw_qr(tmp_path / "code.png", "https://a.example/")
    command = [sys.executable, "-m", "stages.predict", "--model", str(model), "--json", "--threshold", "1", "-"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENV | {"PYTHONPATH": str(REPO)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
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


def test_a_reader_that_goes_ends_it_quietly(tmp_path: Path, model: Path) -> None:
    for i in range(60):
        draw_qr(tmp_path / f"images/{i:02}.png", f"https://a{i}.example/")
    command = [sys.executable, "-m", "stages.predict", "--model", str(model), "--json", "images"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENV | {"PYTHONPATH": str(REPO)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
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
        "  except SystemExit: print({'torch', 'lightning', 'pandas'} & sys.modules.keys())"
    )
    (tmp_path / "ask.py").write_text(script)
    ended = run_python("ask.py", folder=tmp_path)
    assert ended.stdout.splitlines()[-1] == "set()", ended.stderr


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
    assert json.loads(f'"{row["payload"]}"') == "=1+1"
    assert row["payload_defanged"] == "'=1+1"
    assert row["file"] == str(path)
    assert (row["verdict"], row["probability"]) == ("not judged", "")


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


@pytest.mark.parametrize(
    ("suffix", "damage", "words"),
    [
        ("safetensors", lambda path: path.unlink(), "is not there yet"),
        ("safetensors", lambda path: path.write_bytes(path.read_bytes()[:-100]), "is damaged"),
        ("safetensors", lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\1"), "checksum"),
        ("safetensors", lambda path: path.write_text("foreign"), "is damaged or not a model"),
        ("onnx", lambda path: path.unlink(), "is not there yet"),
        ("onnx", lambda path: path.write_bytes(path.read_bytes()[:-100]), "is damaged"),
        ("onnx", lambda path: path.write_text("foreign"), "is damaged or not a model"),
    ],
)
def test_an_unusable_model_is_named(
    tmp_path: Path, model: Path, suffix: str, damage: Callable[[Path], object], words: str
) -> None:
    copy = tmp_path / f"copy.{suffix}"
    copy.write_bytes(model.with_suffix(f".{suffix}").read_bytes())
    damage(copy)
    with pytest.raises(StageError, match=f"copy.{suffix}.*{words}"):
        __main__.main(["--model", str(copy), str(tmp_path)])


def test_a_network_without_numbers_gives_no_verdict(tmp_path: Path) -> None:
    write_model(tmp_path / "nan.safetensors", weights=float("nan"))
    code = draw_qr(tmp_path / "code.png", "https://a.example/")
    with pytest.raises(StageError, match="returned NaN"):
        __main__.main(["--model", str(tmp_path / "nan.safetensors"), str(code)])


@pytest.mark.parametrize(
    "wrong", [["--threshold", "2"], ["--max-parts", "0"], ["--json", "--csv"], ["--stdin", "name"], []]
)
def test_a_wrong_command_line_is_status_2(wrong: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        __main__.main([*wrong, *(["x.png"] if wrong else [])])


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
    assert (
        asdict(Limits()).items()
        >= load_params(PARAMS).scan.model_dump(include={"max_bytes", "max_pixels", "timeout"}).items()
    )
