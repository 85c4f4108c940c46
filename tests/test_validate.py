import json
import re
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from stages import scan, split, validate
from stages.common.cli import StageError
from tests.benchmarks.million import million
from tests.helpers import draw_classes, draw_qr, run_stage, set_params, truncate


def gate(project: Path) -> tuple[bool, str]:
    """Whether the gate opens for `project`, and all that it says, the lines of the table's cells joined."""
    output = StringIO()
    failure = ""
    with chdir(project):
        scan.main()
        with redirect_stdout(output):
            try:
                validate.main()
            except StageError as error:
                failure = str(error)
    said = output.getvalue() + failure
    assert "\x1b" not in said
    return not failure, " ".join(said.replace("│", " ").split())


def figures(project: Path) -> dict[str, float]:
    return json.loads((project / "reports/data.json").read_text())


def test_good_data_passes(project: Path) -> None:
    draw_classes(project / "data/images", 20, 20)
    opened, said = gate(project)
    assert opened, said
    assert "40 images passed" in said
    assert figures(project)["images"] == 40
    assert figures(project)["failed"] == 0
    valid = pd.read_parquet(project / "data/valid.parquet")
    assert valid["label"].value_counts().to_dict() == {"benign": 20, "malicious": 20}


def no_images(images: Path) -> None:
    (images / "benign").mkdir(parents=True)


def one_class(images: Path) -> None:
    draw_classes(images, 6, 0)


def sixty_to_forty(images: Path) -> None:
    draw_classes(images, 12, 8)


def no_codes(images: Path) -> None:
    draw_classes(images, 6, 6)
    for i in range(3):
        Image.new("L", (148, 148), "white").save(images / f"benign/blank{i}.png")
        Image.new("L", (148, 148), "white").save(images / f"malicious/blank{i}.png")


def nothing_readable(images: Path) -> None:
    for name in ("benign/a", "benign/b", "malicious/a", "malicious/b"):
        draw_qr(images / f"{name}.png", "https://a.example/")
        Image.new("L", (148, 148), "white").save(images / f"{name}.png")


def broken_file(images: Path) -> None:
    draw_classes(images, 6, 6)
    truncate(images / "malicious/002.png")


def other_folder(images: Path) -> None:
    draw_classes(images, 6, 6)
    (images / "malicious").rename(images / "phishing")


def same_code_in_both(images: Path) -> None:
    draw_classes(images, 6, 6)
    draw_qr(images / "malicious/000.png", "https://shop000.example/")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (no_images, ["has images", "Set data.images in params.yaml"]),
        (one_class, ["missing class", "6 benign, 0 malicious", "Add the missing class"]),
        (sixty_to_forty, ["classes near half", "12 benign, 8 malicious", "split.per_class"]),
        (no_codes, ["decode rate", "66.67%", "benign/blank0.png", "validate.min_decode_rate"]),
        (nothing_readable, ["decode rate", "0.00%"]),
        (broken_file, ["truncated", "malicious/002.png", "download the file again"]),
        (other_folder, ["unknown label", "phishing/000.png", "data.classes in params.yaml"]),
        (same_code_in_both, ["payload in both classes", "benign/000.png", "malicious/000.png"]),
    ],
)
def test_bad_data_is_stopped_with_what_to_do(project: Path, make: Callable[[Path], None], words: list[str]) -> None:
    make(project / "data/images")
    opened, said = gate(project)
    assert not opened
    assert "the data is not fit for training" in said
    for word in words:
        assert word in said
    assert figures(project)["failed"] >= 1
    assert (project / "reports/data.html").exists()
    assert not (project / "data/valid.parquet").exists()


def test_every_problem_is_told_at_once(project: Path) -> None:
    draw_classes(project / "data/images", 12, 6)
    truncate(project / "data/images/malicious/002.png")
    draw_qr(project / "data/images/unknown/x.png", "https://x.example/")
    _, said = gate(project)
    assert figures(project)["failed"] == 3
    assert all(word in said for word in ("truncated", "unknown label", "classes near half"))
    assert len(re.findall(r"\bfails\b", said)) == 3  # and not by colour alone
    rows = pd.read_csv(project / "reports/data_findings.csv", keep_default_na=False)
    listed = set(zip(rows["check"], rows["path"], strict=True))
    assert {("truncated", "malicious/002.png"), ("unknown_label", "unknown/x.png")} <= listed


def test_what_the_settings_allow_passes(project: Path) -> None:
    sixty_to_forty(project / "data/images")
    set_params(project, {"validate.balance_tolerance": 0.11})
    assert gate(project)[0]


def test_names_of_strangers_are_harmless(project: Path) -> None:
    few = dict.fromkeys(("few_sites", "small_test", "versions_overlap"), "off")  # fewer findings, more names of each
    set_params(project, {"validate.levels": few})
    images = project / "data/images"
    draw_classes(images, 6, 4)
    for name in ("malicious/\x1b[31mred\x1b[2J.png", "malicious/\u202egnp.exe", "[red]x/<script>alert(1)<script>.png"):
        (images / name).parent.mkdir(exist_ok=True)
        (images / name).write_text("no image")
    (images / "[bold]\x1b[7mevil").mkdir()
    draw_qr(images / "[bold]\x1b[7mevil/=1+1.png", "https://x.example/")
    scan.main()
    ended = run_stage("validate", project)
    assert ended.returncode == 1
    said, page, findings = ended.stdout + ended.stderr, *map(Path.read_text, map(Path, OUTPUTS))
    for text in (said, page, findings):
        assert not {"\x1b", "\u202e"} & set(text)
        assert "[31mred" in text
        assert "[red]x/<script>" in text.replace("&lt;", "<").replace("&gt;", ">")
    assert "<script>alert" not in page
    assert "error: the data is not fit for training" in ended.stderr


def test_an_ignored_class_is_counted_and_in_no_check(project: Path) -> None:
    draw_classes(project / "data/images", 6, 6)
    for i in range(3):
        draw_qr(project / f"data/images/Tampered/{i}.png", "https://shop000.example/")
    set_params(project, {"data.classes": {"benign": "benign", "malicious": "malicious", "tampered": "ignore"}})
    opened, said = gate(project)
    assert opened, said
    assert "ignored: 3 files of the classes that data.classes ignores" in said
    assert (figures(project)["images"], figures(project)["ignored"]) == (12, 3)
    assert set(pd.read_parquet(project / "data/valid.parquet")["label"]) == {"benign", "malicious"}


OUTPUTS = ("reports/data.html", "reports/data_findings.csv")


@pytest.mark.slow
def test_what_the_benchmarks_are_made_on_passes(project: Path) -> None:
    (project / "data").mkdir()
    table = million(1000, seed=3)
    table.to_parquet("data/scan.parquet", index=False)
    validate.main()
    split.main()
    assert pd.read_parquet("data/splits.parquet")["path"].tolist() == table["path"].tolist()
    pd.testing.assert_frame_equal(table, million(1000, seed=3))


def test_without_a_scan_the_user_learns_what_to_run(project: Path) -> None:
    with pytest.raises(StageError, match="run `dvc repro`"):
        validate.main()
