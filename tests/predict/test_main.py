"""The command, on files such as a security team would give it: every file has its answer, and the status says what."""

import tarfile
from dataclasses import asdict
from pathlib import Path

import cv2
import pytest
from PIL import Image, ImageOps

from stages.common.settings import load_params
from stages.network.trained import load_trained
from stages.network.view import view
from stages.predict import __main__
from stages.predict.sources.item import Limits
from stages.qr.image import decode
from tests.helpers import (
    PARAMS,
    draw_qr,
    truncate,
)
from tests.predict.asking import answers, picture, said


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
    assert at.keys() == {"https://normal.example/", "https://inverted.example/"}
    assert at["https://normal.example/"] < 200 and at["https://inverted.example/"] > 400
    assert len(rows) == 2


@pytest.mark.parametrize(
    "wrong", [["--threshold", "2"], ["--max-parts", "0"], ["--json", "--csv"], ["--stdin", "name"], []]
)
def test_a_wrong_command_line_is_status_2(wrong: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        __main__.main([*wrong, *(["x.png"] if wrong else [])])


def test_the_bounds_are_those_of_the_pipeline() -> None:
    assert (
        asdict(Limits()).items()
        >= load_params(PARAMS).scan.model_dump(include={"max_bytes", "max_pixels", "timeout"}).items()
    )
