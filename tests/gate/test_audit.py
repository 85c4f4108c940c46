"""What follows from the checks: stop, quarantine, reports, exit status."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages import split, validate
from stages.common.artefacts import SPLITS, read_table
from stages.common.cli import StageError, run
from stages.common.settings import Params, load_params
from stages.gate import audit as gate
from stages.gate.audit import audit, levels_of_checks, make_checks, prepared, usable
from stages.gate.check import Finding, Result
from tests.gate.helpers import GOOD, NAMES, with_params
from tests.helpers import QUICK_LEVELS, draw_classes, draw_qr, looked_at, set_params

OUTPUTS = ("reports/data.html", "reports/data_findings.csv", "reports/data.json")


@pytest.fixture
def table(good: pd.DataFrame, good_images: Path, project: Path) -> pd.DataFrame:
    """Sixty good rows, and a project whose images they are."""
    set_params(project, {"data.images": str(good_images), "validate.levels": QUICK_LEVELS})
    return good


def spoil(table: pd.DataFrame, count: int, problem: str = "truncated") -> pd.DataFrame:
    bad = {"problem": problem, "error": "cut off", "decoded": False, "payload": None, "width": None}
    table.loc[: count - 1, list(bad)] = list(bad.values())
    return table


def with_settings(values: dict[str, Any]) -> Params:
    set_params(Path.cwd(), {f"validate.{name}": value for name, value in values.items()})
    return load_params()


def checked(table: pd.DataFrame, params: Params) -> list[Result]:
    return make_checks(prepared(table, params), params)


def save(table: pd.DataFrame) -> None:
    Path("data").mkdir(exist_ok=True)
    table.to_parquet("data/scan.parquet", index=False)


@pytest.mark.parametrize(
    ("bad", "share", "taken"), [(0, 0.1, False), (1, 0.1, True), (6, 0.1, True), (7, 0.1, False), (7, 0.12, True)]
)
def test_quarantine_takes_bad_rows_if_they_are_few(table: pd.DataFrame, bad: int, share: float, taken: bool) -> None:
    settings = {"bad_rows": "quarantine", "max_bad_rows": share, "balance_tolerance": 0.1}
    result = audit(spoil(table, bad), with_settings(settings))
    names = table["path"].head(bad).tolist()
    assert (result.quarantined["path"].tolist() if taken else len(result.quarantined)) == (names if taken else 0)
    assert len(result.table) == 2 * GOOD - (bad if taken else 0)
    assert result.passed == (bad == 0 or taken)
    assert usable(result)["path"].tolist() == table["path"].tolist()[bad:]


def test_quarantine_gives_every_reason(table: pd.DataFrame) -> None:
    table.loc[1, "label"] = "phishing"
    table.loc[table.index[-1], "payload"] = table.loc[2, "payload"]
    params = with_settings({"bad_rows": "quarantine", "max_bad_rows": 0.1})
    quarantined = audit(spoil(table, 2), params).quarantined.set_index("path")
    assert quarantined["check"].to_dict() == {
        "benign/000.png": "truncated",
        "benign/001.png": "truncated, unknown_label",
        "benign/002.png": "payload_in_both_classes",
        "malicious/029.png": "payload_in_both_classes",
    }
    assert quarantined["error"].tolist() == ["cut off", "cut off", "", ""]


def test_quarantine_keeps_what_the_findings_show(table: pd.DataFrame, project: Path) -> None:
    table.loc[0, "label_problem"] = "contradicting"
    save(table)
    set_params(project, {"validate.bad_rows": "quarantine", "validate.max_bad_rows": 0.1})
    validate.main()
    findings = pd.read_csv(project / OUTPUTS[1], keep_default_na=False).set_index("level").loc["quarantine"]
    assert findings["error"] == "contradicting"
    assert findings["payload"] == "hxxps://shop000[.]example/"


def test_a_given_part_that_is_all_in_quarantine_is_missing_and_its_name_not_wrong(table: pd.DataFrame) -> None:
    table["source"] = ["test", "test", *["train"] * (2 * GOOD - 2)]
    set_params(Path.cwd(), {"split.given": {"train": "train", "test": "test"}})
    result = audit(spoil(table, 2), with_settings({"bad_rows": "quarantine", "max_bad_rows": 0.1}))
    assert len(result.quarantined) == 2
    assert usable(result).columns.tolist() == table.columns.tolist()


def test_quarantine_leaves_warnings_and_the_dataset_as_a_whole_alone(table: pd.DataFrame) -> None:
    params = with_settings({"bad_rows": "quarantine", "max_bad_rows": 0.5, "min_decode_rate": 0.9})
    assert audit(spoil(table, 2, "no_code"), params).quarantined.empty  # of level warn
    fewer = spoil(table.iloc[: GOOD + 10].copy(), 1)
    result = audit(fewer, params)
    assert len(result.quarantined) == 1
    assert [r.check.name for r in result.results if r.failed] == ["classes_near_half"]


def test_stop_takes_nothing(table: pd.DataFrame) -> None:
    result = audit(spoil(table, 1), with_settings({"bad_rows": "stop", "max_bad_rows": 0.5}))
    assert not result.passed
    assert result.quarantined.empty


def test_per_class_makes_an_unbalanced_dataset_pass_and_the_split_equal(table: pd.DataFrame, project: Path) -> None:
    save(table.iloc[: GOOD + 20])
    with pytest.raises(StageError, match="1 of"):
        validate.main()
    set_params(project, {"split.per_class": 20, "split.val": 0.2, "split.test": 0.2})
    validate.main()
    split.main()
    parts = read_table(SPLITS)
    assert parts["label"].value_counts().to_dict() == {"benign": 20, "malicious": 20}
    counts = parts.groupby("part", observed=True)["label"].value_counts().unstack()
    assert (counts["benign"] == counts["malicious"]).all()


def test_per_class_beyond_the_smaller_class_does_not_pass(table: pd.DataFrame, project: Path) -> None:
    save(table.iloc[: GOOD + 20])
    set_params(project, {"split.per_class": 21})
    with pytest.raises(StageError, match="1 of"):
        validate.main()


@pytest.mark.parametrize("bad", [0, 1])
def test_reports_are_written_whether_the_gate_opens_or_not(table: pd.DataFrame, project: Path, bad: int) -> None:
    save(spoil(table, bad))
    assert status_of(validate.main) == bad
    assert all((project / name).stat().st_size for name in OUTPUTS)
    findings = pd.read_csv(project / OUTPUTS[1], keep_default_na=False)
    assert findings["path"].tolist().count("benign/000.png") == bad
    figures = json.loads((project / OUTPUTS[2]).read_text())
    assert (figures["images"], figures["failed"]) == (60, bad)
    assert (project / "data/valid.parquet").exists() == (bad == 0)


def status_of(main: Callable[[], None]) -> int | str | None:
    """The exit status of a stage."""
    try:
        run(main)
        return 0
    except SystemExit as end:
        return end.code


def test_without_a_scan_the_status_is_one(project: Path) -> None:
    assert status_of(validate.main) == 1


def test_a_gate_that_closes_leaves_no_rows_of_an_earlier_run(table: pd.DataFrame, project: Path) -> None:
    save(table)
    validate.main()
    save(spoil(table, 1))
    with pytest.raises(StageError):
        validate.main()
    assert not (project / "data/valid.parquet").exists()
    with pytest.raises(StageError, match="if the data passes the gate"):
        split.main()


def every_check_fails(table: pd.DataFrame, params: Params) -> gate.Audit:
    rows = pd.Series(True, index=table.index)
    found = Finding(False, rows, "60 of 60 files")
    return gate.Audit(prepared(table, params), [gate.Result(check, "error", found) for check in gate.CHECKS])


@pytest.mark.parametrize("name", ["benign/{:03}.png", "benign/" + "long" * 50 + "{:03}.png"], ids=["short", "long"])
def test_the_terminal_output_fits_a_screen(
    table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    save(table.assign(path=[name.format(i) for i in range(2 * GOOD)], error="truncated or damaged image data"))
    monkeypatch.setattr(validate, "audit", every_check_fails)
    monkeypatch.setattr(validate.stdout, "width", 100)
    with pytest.raises(StageError):
        validate.main()
    lines = capsys.readouterr().out.splitlines()
    assert 20 < len(lines) <= 45
    assert max(map(len, lines)) <= 100


def has_images(table: pd.DataFrame, params: Params) -> Finding:
    raise ZeroDivisionError("a defect of ours")


def test_a_check_that_raises_is_a_defect_and_no_finding(
    table: pd.DataFrame, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(table)
    monkeypatch.setattr(gate, "CHECKS", [replace(gate.CHECKS[0], judge=has_images), *gate.CHECKS[1:]])
    with pytest.raises(Exception, match="a defect of ours") as defect:
        run(validate.main)  # which ends with one line where a StageError is raised
    assert not isinstance(defect.value, StageError)
    assert not (project / "data/valid.parquet").exists()


def test_every_check_holds_on_good_data(good: pd.DataFrame) -> None:
    results = checked(good, with_params({"validate.max_interval": 0.5}))
    assert [result.check.name for result in results] == NAMES
    assert {result.check.name: result.found.text for result in results if result.verdict != "pass"} == {
        "payload_differs": "no labels.csv gives the URL of a readable code"
    }
    assert not any(result.found.rows.any() for result in results if result.found.rows is not None)


def test_names_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("level", ["off", "warn", "error"])
def test_a_level_says_whether_a_check_is_made_and_can_fail(level: str, table: pd.DataFrame) -> None:
    results = checked(spoil(table, 2), with_params({"validate.max_interval": 0.5}, level=level))
    broken = {result.check.name for result in results if result.found.holds is False}
    assert [result.check.name for result in results] == ([] if level == "off" else NAMES)
    assert broken == (set() if level == "off" else {"truncated"})
    assert {result.check.name for result in results if result.failed} == (broken if level == "error" else set())


def test_a_check_has_its_own_level_unless_the_settings_give_it_another(project: Path) -> None:
    defaults = {check.name: check.level for check in gate.CHECKS}
    set_params(project, {"validate.levels": {}})
    assert levels_of_checks(load_params()) == defaults
    set_params(project, {"validate.levels": {"duplicates": "error", "inverted": "off"}})
    assert levels_of_checks(load_params()) == defaults | {"duplicates": "error", "inverted": "off"}


def test_a_level_for_a_check_that_is_not_there_is_an_error(table: pd.DataFrame, project: Path) -> None:
    save(table)
    set_params(project, {"validate.levels": {"duplicate": "off", "xyz": "off"}})
    with pytest.raises(StageError) as error:
        validate.main()
    first, second = str(error.value).splitlines()
    assert first == "params.yaml: unknown key validate.levels.duplicate; did you mean validate.levels.duplicates?"
    assert second.startswith("params.yaml: unknown key validate.levels.xyz; one of: has_images, not_an_image,")


def test_a_table_of_another_version_is_an_error(table: pd.DataFrame, project: Path) -> None:
    save(table.drop(columns="mirrored"))
    with pytest.raises(StageError, match=r"mirrored.*delete it and run `dvc repro`"):
        validate.main()


def test_what_is_not_a_picture_is_in_no_check_of_pictures_and_labels(project: Path) -> None:
    draw_classes(project / "qr", 20, 20)
    for name in ("Thumbs.db", "benign/desktop.ini", "README", "urls.csv", "strange/notes.txt", "strange/.gitkeep"):
        (project / "qr" / name).parent.mkdir(exist_ok=True)
        (project / "qr" / name).write_text("" if name == "README" else "no picture")
    set_params(project, {"data.images": "qr"})
    params = load_params()
    table = looked_at(project / "qr", params)
    results = {result.check.name: result for result in checked(table, params) if result.found.holds is False}
    del results["small_test"]
    assert {name: result.found.text for name, result in results.items()} == {"side_file": "5 of 45 files"}


def test_another_collection_is_gated_and_not_balanced_against_the_first(table: pd.DataFrame) -> None:
    set_params(Path.cwd(), {"split.given": {"there": "elsewhere"}})
    there = table[table["label"] == "benign"].head(20).assign(source="there")
    both = pd.concat([table, there.assign(path="there/" + there["path"])], ignore_index=True)
    spoiled = spoil(both.iloc[::-1].reset_index(drop=True), 2)  # two of the other collection
    results = {result.check.name: result.found for result in checked(spoiled, load_params())}
    assert results["classes_near_half"].holds and "60" not in results["classes_near_half"].text
    assert results["truncated"].rows is not None and results["truncated"].rows.sum() == 2
    save(spoiled)
    set_params(Path.cwd(), {"validate.levels": {"truncated": "warn", "decode_rate": "warn", "few_sites": "warn"}})
    run(validate.main)
    figures = json.loads(Path("reports/data.json").read_text())["elsewhere"]
    assert figures == {"images": 20, "decode_rate": 1.0, "malicious_share": 0.0}


def test_a_folder_called_ignore_is_unknown_unless_data_classes_ignores_it(project: Path) -> None:
    draw_classes(project / "qr", 20, 20)
    draw_qr(project / "qr/ignore/a.png", "https://a.example/")
    set_params(project, {"data.images": "qr"})
    params = load_params()
    found = {result.check.name: result.found for result in checked(looked_at(project / "qr", params), params)}
    assert found["unknown_label"].text == "1 of 41 files (ignore: 1)"
    set_params(project, {"data.classes": {"ignore": "ignore"}})
    params = load_params()
    result = audit(looked_at(project / "qr", params), params)
    assert (result.ignored, len(result.table)) == (1, 40)


def test_a_dataset_whose_codes_nobody_measured_ends_in_findings(table: pd.DataFrame, project: Path) -> None:
    unknown = ("version", "ec_level", "mask", "module_px", "quiet_zone")
    save(table.assign(**dict.fromkeys(unknown)))
    validate.main()  # of level warn in the tests' settings
    figures = json.loads((project / OUTPUTS[2]).read_text())
    assert figures["not_judged"] > 4
    findings = pd.read_csv(project / OUTPUTS[1], keep_default_na=False).set_index("check")["level"]
    assert findings["small_modules"] == findings["mirrored"] == "not judged"
    assert findings["versions_overlap"] == "warn"
