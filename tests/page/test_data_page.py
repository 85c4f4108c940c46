import csv
import re
import subprocess
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from stages.common.settings import Params, load_params
from stages.gate.check import Audit, Check, Finding, Level, Result
from stages.page import data_page, html
from stages.page.data_page import FINDING_COLUMNS, PICTURES, SAMPLES, write_csv, write_html
from stages.page.html import THUMBNAIL_SIDE
from stages.payload.safe import inert
from tests.helpers import PARAMS, draw_qr, truncate
from tests.pages import HOSTILE, Page

SCAN = {"label": "benign", "format": "PNG", "width": 132, "bytes": 500, "decoded": False, "error": ""}
SCAN |= {"payload": "https://a.example/"}
STRANGE_NAMES = ["benign/a #1 50% ?x&y.png", 'benign/"><img src=x onerror=alert(1)>.png', "benign/ü=1'.png"]


@pytest.fixture
def params(tmp_path: Path) -> Params:
    settings = load_params(PARAMS)
    return settings.model_copy(update={"data": settings.data.model_copy(update={"images": tmp_path / "data/images"})})


def a_table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([{"path": f"benign/{place}.png"} | SCAN | row for place, row in enumerate(rows)])


def a_result(holds: bool | None = False, level: Level = "error", name: str = "a_rule", **found: Any) -> Result:
    def judge(table: pd.DataFrame, params: Params) -> Finding:
        raise AssertionError("a report makes no check")

    check = Check(name, "files", "error", judge, "each file", "bad data teaches bad things", "mend it")
    return Result(check, level, Finding(holds, **found))


def all_rows(table: pd.DataFrame, **options: Any) -> Audit:
    """An audit in which one check objects to every row."""
    return Audit(table, [a_result(rows=pd.Series(True, table.index), **options)])


def page_of(audit: Audit, params: Params, tmp_path: Path) -> Page:
    write_html(tmp_path / "reports/data.html", audit, params)
    return Page(tmp_path / "reports/data.html")


def cells_of(audit: Audit, tmp_path: Path) -> list[dict[str, str]]:
    write_csv(tmp_path / "findings.csv", audit)
    with (tmp_path / "findings.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def assert_harmless(page: Page) -> None:
    tags = {tag for tag, _ in page.elements}
    assert tags.isdisjoint({"script", "link", "iframe", "object", "embed", "form", "base", "svg"})
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert all(source.startswith("data:image/webp;base64,") for source in page.all("img", "src"))
    assert all(link.startswith(("#", "../data/images/", "data_findings.csv")) for link in page.all("a", "href"))
    assert not re.search(r"https?://", page.source, re.IGNORECASE)
    assert "@import" not in page.source and "url(" not in page.source
    assert not [character for character in page.source if not character.isprintable() and character != "\n"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_harmless_wherever_it_stands(text: str, params: Params, tmp_path: Path):
    table = a_table({"path": text, "label": text, "error": text, "payload": text, "format": text})
    details = pd.DataFrame({text: [text]})
    chart = pd.DataFrame({text: [3]}, index=pd.Index([text], name=text))
    audit = all_rows(table, text=text, details=details, chart=chart)
    quarantined = pd.DataFrame([{"path": text, "label": text, "check": text, "error": text}])
    audit = Audit(table, [*audit.results, a_result(text=text, name="as_a_whole")], quarantined)
    page = page_of(audit, params, tmp_path)
    assert_harmless(page)
    assert "1337" not in page.text
    for row in cells_of(audit, tmp_path):
        for cell in row.values():
            assert all(character.isprintable() for character in cell)
            assert not re.search(r"(^|;)[=+\-@\t\r]", cell)
            assert not re.search(r"https?://", cell, re.IGNORECASE)


def test_payloads_are_defanged_and_long_ones_shortened(params: Params, tmp_path: Path):
    payload = "https://www.evil.example/" + "a" * 3000
    page = page_of(all_rows(a_table({"payload": payload})), params, tmp_path)
    full = "hxxps://www[.]evil[.]example/" + "a" * 3000
    assert full in page.all("bdi", "title")
    assert full not in page.text and full[:60] in page.text
    assert cells_of(all_rows(a_table({"payload": payload})), tmp_path)[0]["payload"] == full


def test_addresses_in_details_are_defanged_and_numbers_are_not(params: Params, tmp_path: Path):
    details = pd.DataFrame(
        {"site": ["evil.example", "10.0.0.1", "same[.]test", "98.5 %"], "auc": [0.98765, 1, 2, None]}
    )
    text = page_of(Audit(a_table({}), [a_result(details=details)]), params, tmp_path).text
    for shown in ("evil[.]example", "10[.]0[.]0[.]1", "same[.]test", "98.5 %", "0.988"):
        assert shown in text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1", "'=1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@A", "'@A"),
        ("\uff1d1", "'\uff1d1"),
        ("\t=1", "'\ufffd=1"),
        ("\r1", "'\ufffd1"),
        (' "=1"', '\' "=1"'),
        ("a;=1;-2", "a;'=1;'-2"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
def test_no_cell_is_a_formula(text: str, cell: str):
    assert inert(text) == cell


@pytest.mark.parametrize("at_once", [1, 1000])
def test_the_csv_has_every_finding(at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(data_page, "AT_ONCE", at_once)
    table = a_table({}, {"payload": None, "error": "truncated"}, {"label_problem": "no_row"})
    some = pd.Series([False, True, True], table.index)
    results = [
        a_result(rows=some, name="some"),
        a_result(level="warn", text="9 of 10", name="as_a_whole"),
        a_result(holds=True, rows=some, name="fine"),
    ]
    quarantined = pd.DataFrame([{"path": "x.png", "label": "benign", "check": "empty", "error": "empty file"}])
    rows = [list(row.values()) for row in cells_of(Audit(table, results, quarantined), tmp_path)]
    assert rows == [
        ["empty", "quarantine", "x.png", "benign", "empty file", ""],
        ["some", "error", "benign/2.png", "benign", "no row", "hxxps://a[.]example/"],
        ["some", "error", "benign/1.png", "benign", "truncated", ""],
        ["as_a_whole", "warn", "", "", "9 of 10", ""],
    ]


def test_without_findings_the_csv_has_its_header(tmp_path: Path):
    assert cells_of(Audit(a_table({}), [a_result(holds=True)]), tmp_path) == []
    assert (tmp_path / "findings.csv").read_text() == ",".join(FINDING_COLUMNS) + "\n"


def test_links_lead_to_the_files_whatever_their_names(params: Params, tmp_path: Path):
    files = [draw_qr(params.data.images / name, "a") for name in STRANGE_NAMES]
    page = page_of(all_rows(a_table(*({"path": name} for name in STRANGE_NAMES))), params, tmp_path)
    assert [file.resolve() for file in page.linked_files] == files
    assert_harmless(page)
    assert len(page.all("img", "src")) == len(files)


NO_PICTURES = ["x.html", "x.svg", "x", "../x.png", "/etc/x.png", "gone.png", "n" * 3000 + ".png", "\0.png"]


@pytest.mark.parametrize("name", NO_PICTURES, ids=[name[:12] for name in NO_PICTURES])
def test_what_is_no_picture_below_the_images_is_not_linked(name: str, params: Params, tmp_path: Path):
    params.data.images.mkdir(parents=True)
    for there in ("x.html", "x.svg", "x", "../x.png"):
        (params.data.images / there).write_text("<script>alert(1)</script>")
    page = page_of(all_rows(a_table({"path": name, "width": None})), params, tmp_path)
    assert page.linked_files == []


def test_a_picture_that_cannot_be_shown_costs_itself_only(params: Params, tmp_path: Path):
    truncate(draw_qr(params.data.images / "benign/0.png", "a"))
    draw_qr(params.data.images / "benign/1.png", "a")
    (params.data.images / "benign/2.png").mkdir()
    table = a_table({}, {}, {}, {"path": "benign/gone.png"}, {"width": None, "error": "the decoder died on this file"})
    page = page_of(all_rows(table), params, tmp_path)
    reasons = [
        "truncated or damaged",
        "a folder that may not be listed",
        "no such file",
        "the decoder died on this file",
    ]
    assert all(f"no picture: {reason}" in page.text.casefold() for reason in reasons)
    assert page.text.count("no picture") == 4
    assert len(page.all("img", "src")) == 1


@pytest.mark.parametrize(("bound", "reason"), [("max_pixels", "pixels, more than"), ("max_bytes", "bytes, more than")])
def test_the_bounds_of_the_scan_hold_for_pictures(bound: str, reason: str, params: Params, tmp_path: Path):
    draw_qr(params.data.images / "benign/0.png", "a")
    params = params.model_copy(update={"scan": params.scan.model_copy(update={bound: 10})})
    page = page_of(all_rows(a_table({})), params, tmp_path)
    assert reason in page.text and not page.all("img", "src")


def test_what_scan_could_not_load_is_not_decoded(params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    draw_qr(params.data.images / "benign/0.png", "a")
    monkeypatch.setattr(html, "decode", lambda *_: pytest.fail("decoded"))
    assert "no picture: not loaded" in page_of(all_rows(a_table({"width": None})), params, tmp_path).text


@pytest.mark.parametrize("size", [(600, 400), (20_000, 1), (1, 1)])
def test_thumbnails_are_small(size: tuple[int, int], params: Params, tmp_path: Path):
    (params.data.images / "benign").mkdir(parents=True)
    Image.new("RGB", size).save(params.data.images / "benign/0.png")
    (source,) = page_of(all_rows(a_table({})), params, tmp_path).all("img", "src")
    thumbnail = Image.open(BytesIO(b64decode(source.partition(",")[2])))
    assert max(thumbnail.size) <= THUMBNAIL_SIDE


def test_not_more_than_so_many_pictures(params: Params, tmp_path: Path):
    draw_qr(params.data.images / "benign/0.png", "a")
    page = page_of(all_rows(a_table(*[{"path": "benign/0.png"}] * (PICTURES + 5))), params, tmp_path)
    assert len(page.all("img", "src")) == PICTURES
    assert "and 5 more, see data_findings.csv" in page.text


def test_the_page_says_what_holds_and_what_does_not(params: Params, tmp_path: Path):
    results = [
        a_result(holds=True, name="good_rule"),
        a_result(level="warn", name="soft_rule"),
        a_result(text="7 of 9 files", name="hard_rule"),
    ]
    page = page_of(Audit(a_table({}), results), params, tmp_path)
    assert "not fit for training: 1 of 3 checks failed" in page.text
    assert "7 of 9 files" in page.text and "Mend it." in page.text and "Bad data teaches bad things." in page.text
    sections = {attributes["id"]: attributes for tag, attributes in page.elements if "id" in attributes}
    assert [name for name, attributes in sections.items() if "open" in attributes] == ["soft_rule", "hard_rule"]
    assert {link.removeprefix("#") for link in page.all("a", "href") if link.startswith("#")} == set(sections)
    for name in params.validate_.model_dump():
        assert name == "levels" or name in page.text


def test_what_passed_is_folded_away_and_what_cannot_be_judged_is_said(params: Params, tmp_path: Path):
    results = [
        a_result(holds=True, name="good_rule"),
        a_result(holds=None, name="no_rule", text="too few sites"),
        a_result(holds=False, name="bad_rule"),
    ]
    page = page_of(Audit(a_table({}), results), params, tmp_path)
    assert "1 of 3 checks failed" in page.text
    assert "1 passed, 1 could not be judged" in page.text
    assert "?\xa0not judged" in page.text
    assert "too few sites" in page.text
    folded = page.source.rpartition('<details class="passed">')[2]
    assert 'id="good_rule"' in folded
    assert 'id="no_rule"' not in folded and 'id="bad_rule"' not in folded
    rows = cells_of(Audit(a_table({}), results), tmp_path)
    assert [(row["check"], row["level"], row["error"]) for row in rows] == [
        ("no_rule", "not judged", "too few sites"),
        ("bad_rule", "error", ""),
    ]


def test_lines_to_paste_stand_on_lines_of_their_own(params: Params, tmp_path: Path):
    lines = ("    evil malicious: malicious", '    "<b>benign": benign')
    page = page_of(Audit(a_table({}), [a_result(paste=lines)]), params, tmp_path)
    assert "\n".join(lines) in page.text
    assert_harmless(page)


def test_the_most_doubtful_files_come_first(params: Params, tmp_path: Path):
    table = a_table({"payload": "c"}, {"payload": "b"}, {"payload": "a"})
    rank = pd.Series([0.5, 0.9, 0.7], table.index)
    rows = pd.Series(True, table.index)
    audit = Audit(table, [a_result(rows=rows, rank=rank)])
    assert [row["payload"] for row in cells_of(audit, tmp_path)] == ["b", "a", "c"]
    text = page_of(audit, params, tmp_path).text
    assert text.index("benign/1.png") < text.index("benign/2.png") < text.index("benign/0.png")


def test_pictures_of_each_class_are_shown(params: Params, tmp_path: Path):
    rows: list[dict[str, Any]] = []
    for label in ("benign", "malicious"):
        for i in range(20):
            draw_qr(params.data.images / f"{label}/{i}.png", "a")
            rows.append({"path": f"{label}/{i}.png", "label": label, "decoded": True})
    page = page_of(Audit(a_table(*rows), []), params, tmp_path)
    assert len(page.all("img", "src")) == 2 * SAMPLES
    assert page.all("img", "alt").count("picture of a code labelled malicious") == SAMPLES


def test_the_page_names_dataset_size_and_commit(
    params: Params, tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
):
    audit = Audit(a_table({"bytes": 1_500_000}, {"bytes": 800_000}), [])
    alone = page_of(audit, params, tmp_path)
    assert str(params.data.images)[-12:] in alone.text  # the page shortens a long one in its middle
    assert "2 (2.3 MB)" in alone.text
    assert "commit" not in alone.text
    who = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for name, value in (who | {"GIT_COMMITTER_DATE": "2020-02-29T12:00:00"}).items():
        monkeypatch.setenv(name, value)
    Path("dvc.yaml").write_text("a: 1\n")
    for command in (["init", "-q"], ["add", "dvc.yaml"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *command], check=True)
    assert re.search(r"at commit\s*[0-9a-f]{7,} of 2020-02-29", page_of(audit, params, tmp_path).text)


def test_a_check_that_holds_shows_no_files(params: Params, tmp_path: Path):
    page = page_of(all_rows(a_table({}), holds=True), params, tmp_path)
    assert "benign/0.png" not in page.text


def test_a_warning_does_not_make_the_data_unfit(params: Params, tmp_path: Path):
    page = page_of(Audit(a_table({}), [a_result(level="warn")]), params, tmp_path)
    assert "The data is fit for training" in page.text and "not fit" not in page.text


def test_an_empty_table_has_a_page(params: Params, tmp_path: Path):
    assert "no picture could be loaded" in page_of(Audit(a_table({}).iloc[:0], [a_result()]), params, tmp_path).text


def test_the_quarantine_is_listed_up_to_a_number(params: Params, tmp_path: Path):
    draw_qr(params.data.images / "x0.png", "a")
    rows = [{"path": f"x{place}.png", "label": "benign", "check": "empty", "error": "why"} for place in range(203)]
    page = page_of(Audit(a_table({}), [], pd.DataFrame(rows)), params, tmp_path)
    assert page.text.count("why") == 200 and "and 3 more, see data_findings.csv" in page.text
    assert page.linked_files[0].resolve() == params.data.images / "x0.png"


def test_a_histogram_has_bars_legend_and_axes(params: Params, tmp_path: Path):
    bins = pd.Index([f"{place} - {place + 1}" for place in range(12)], name="pixels a module")
    chart = pd.DataFrame({"benign": range(12), "malicious": [6] * 12}, index=bins)
    page = page_of(Audit(a_table({}), [a_result(chart=chart)]), params, tmp_path)
    heights = page.all("i", "style")
    assert len(heights) == 24 and heights[-2:] == ["height: 100.0%", "height: 54.55%"]
    assert "10 - 11: benign 10, malicious 6" in page.all("div", "title")
    assert "pixels a module" in page.text
    assert page.all("div", "aria-label") == [
        "Histogram of pixels a module. benign: 66 images, most of them (11) at 11 - 12; "
        "malicious: 72 images, most of them (6) at 0 - 1."
    ]


def test_the_same_data_makes_the_same_bytes(params: Params, tmp_path: Path):
    draw_qr(params.data.images / "benign/0.png", "a")
    audit = all_rows(a_table({}, {"label": "malicious"}), details=pd.DataFrame({"a": [1.0]}))
    pages = [page_of(audit, params, tmp_path).source for _ in range(2)]
    assert pages[0] == pages[1]


def test_the_page_forbids_itself_to_load_anything(params: Params, tmp_path: Path):
    page = page_of(all_rows(a_table({})), params, tmp_path)
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page.all("meta", "content")
