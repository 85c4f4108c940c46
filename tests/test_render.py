import resource
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pyzbar import pyzbar

from stages import render, scan
from stages.common.cli import StageError
from stages.dataset.storage import list_images
from stages.qr.read import read_symbol
from tests.helpers import draw_classes, new_project, run_stage, set_params

ROWS = [
    ("https://a.example/", "benign"),
    ("https://login.b.test/verify?id=1,2", "malicious"),
    ('text with "quotes",\nand a new line', "benign"),
    ("https://c.invalid/" + "x" * 3000, "malicious"),
    ("https://d.example/" + "y" * 150, "phish"),
    ("12345", "malicious"),
    ("=HYPERLINK(1)", "benign"),
]


def write_table(folder: Path, rows: list[tuple[str, str]], name: str = "urls.csv") -> None:
    pd.DataFrame(rows, columns=["url", "label"]).to_csv(folder / name, index=False)
    set_params(folder, {"data.urls": name, "data.classes": {"benign": "benign", "malicious": "malicious"}})
    set_params(folder, {"data.classes.phish": "malicious"})


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = new_project(tmp_path_factory.mktemp("render"))
    write_table(folder, ROWS)
    with chdir(folder):
        render.main()
    return folder / "data/images"


def images(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def test_pyzbar_reads_back_what_the_table_says(drawn: Path) -> None:
    classes = {"phish": "malicious"}
    read_back = {}
    for name in images(drawn):
        [symbol] = pyzbar.decode(Image.open(drawn / name))
        read_back[symbol.data.decode()] = Path(name).parts[0]
    assert read_back == {url: classes.get(label, label) for url, label in ROWS if len(url) < 3000}


def test_both_classes_are_drawn_alike(drawn: Path) -> None:
    readings = [read_symbol(pixels) for pixels in map(grey_pixels, sorted(drawn.rglob("*.png")))]
    assert {reading.ec_level for reading in readings} == {"M"}
    assert {round(reading.module_px or 0) for reading in readings} == {10}
    assert {round(reading.quiet_zone or 0) for reading in readings} == {4}
    assert {Image.open(path).mode for path in drawn.rglob("*.png")} == {"1"}


def grey_pixels(path: Path) -> np.ndarray:
    return np.array(Image.open(path).convert("L"))


def test_drawing_again_replaces_the_images_with_the_same_bytes(drawn: Path, project: Path) -> None:
    write_table(project, ROWS)
    stale = project / "data/images/benign/stale.png"
    stale.parent.mkdir(parents=True)
    stale.write_text("from an earlier table")
    render.main()
    assert images(project / "data/images") == images(drawn)


def test_settings_change_the_drawing_and_what_is_too_long_is_reported(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(project, [("https://a.example/", "benign"), ("\x1b[31m[red]" + "x" * 3000, "malicious")])
    set_params(project, {"render.error_correction": "H", "render.scale": 3, "render.quiet_zone": 2})
    render.main()
    [path] = (project / "data/images").rglob("*.png")
    reading = read_symbol(grey_pixels(path))
    assert (reading.ec_level, round(reading.module_px or 0), round(reading.quiet_zone or 0)) == ("H", 3, 2)
    said = capsys.readouterr().out
    assert "row 2" in said
    assert "[red]" in said
    assert "\x1b" not in said
    assert "1 QR codes drawn, 1 rows left out" in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"urls\.csv is empty"),
        ("url,label\n", r"urls\.csv has no rows"),
        ("url\nhttps://a.example/\n", r"urls\.csv has no column label; it has url"),
        (
            "address,class\nhttps://a.example/,benign\n",
            r"no column url; it has address, class: rename one, or set",
        ),
        ("https://a.example/,benign\n", r"no column url; it has hxxps://a\.example/, benign"),
        ("url,label\nhttps://a.example/,benign\nhttps://b.example/,bad\n", r"urls\.csv: row 2 has the label 'bad'"),
        ("url,label\nhttps://a.example/,benign\n,benign\n,malicious\n", r"urls\.csv: row 2 has no url"),
        ("url,label\nhttps://a.example/,\n", r"urls\.csv: row 1 has the label ''"),
        (b"url,label\nhttps://\xff.example/,benign\n", r"urls\.csv is not a table in UTF-8: line 2"),
        ('url,label\n"https://a.example/,benign\n', r"urls\.csv is not a CSV table: line 2: unexpected end"),
        ("url,label\nhttps://a.example/?a,b,benign\n", r"urls\.csv: row 1 has 3 fields, header names 2"),
        ("url,label\na,left out\nb,Left Out\n", r"urls\.csv: data\.classes ignores the labels of all 2 rows; map one"),
        ("url,label,source\nhttps://a.example/,benign,../up\n", r"row 1 has the source '\.\./up', which no folder"),
    ],
)
def test_a_table_that_cannot_be_drawn_is_named(project: Path, content: str | bytes, message: str) -> None:
    (project / "urls.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    set_params(project, {"data.urls": "urls.csv", "data.classes": {"left out": "ignore"}})
    with pytest.raises(StageError, match=message):
        render.main()
    assert not (project / "data/images").exists()


def test_labels_are_matched_as_folders_are_and_ignored_ones_are_not_drawn(project: Path) -> None:
    lines = [
        "URL;Type;rank",
        "https://a.example/; Benign ;1",
        "https://b.example/;0;2",
        "https://c.example/;tampered;3",
    ]
    (project / "urls.csv").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    set_params(project, {"data.urls": "urls.csv"})
    set_params(project, {"data.classes": {"benign": "benign", 0: "malicious", "tampered": "ignore"}})
    render.main()
    assert list(images(project / "data/images")) == ["benign/0000001.png", "malicious/0000002.png"]


def test_a_source_is_the_folder_above_the_class_where_the_scan_finds_it(project: Path) -> None:
    (project / "urls.csv").write_text("url,label,source\nhttps://a.example/,benign,tranco 1M\nb,malicious,\n")
    set_params(project, {"data.urls": "urls.csv"})
    render.main()
    assert list(images(project / "data/images")) == ["malicious/0000002.png", "tranco 1M/benign/0000001.png"]
    scan.main()
    assert pd.read_parquet("data/scan.parquet")["source"].tolist() == ["", "tranco 1M"]


def test_with_images_of_ones_own_nothing_is_drawn(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_table(project, ROWS)
    render.main()
    assert images(project / "data/images")
    draw_classes(project / "qr", 1, 1)
    set_params(project, {"data.images": "qr"})
    render.main()
    assert images(project / "data/images") == {}
    assert list((project / "data/images").iterdir())  # DVC warns of an empty folder
    assert list_images(project / "data/images") == []
    assert len(images(project / "qr")) == 2
    assert "nothing drawn, as data.images is qr" in capsys.readouterr().out


def test_a_missing_table_is_named(project: Path) -> None:
    set_params(project, {"data.urls": "nowhere.csv"})
    with pytest.raises(StageError, match=r"nowhere\.csv is not there; set data\.urls"):
        render.main()


def test_a_table_of_which_nothing_fits_is_an_error(project: Path) -> None:
    write_table(project, [("x" * 3000, "benign"), ("y" * 3000, "malicious")])
    with pytest.raises(StageError, match=r"urls\.csv: every URL is too long"):
        render.main()
    assert not (project / "data/images").exists()


def test_a_failure_in_the_middle_leaves_no_images(project: Path) -> None:
    write_table(project, [*[(f"https://{i}.example/", "benign") for i in range(70)], ("x" * 2000, "malicious")])
    # Files may have 1,000 bytes at most, so that the last picture cannot be written.
    ended = run_stage("render", project, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
    assert ended.returncode != 0
    assert "File too large" in ended.stderr
    assert [path.name for path in (project / "data").iterdir()] == [".render.lock"]
