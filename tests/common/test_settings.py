from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages.common.cli import StageError
from stages.common.settings import load_params, refuse_unknown
from tests.helpers import PARAMS, REPO, rename_param, set_params


def test_the_repositorys_settings_load() -> None:
    load_params(REPO / "params.yaml")


OPEN = ("data.classes", "validate.levels", "augment")  # whose keys are for the user to choose


def keys(section: dict[str, Any], prefix: str = "") -> set[str]:
    """The dotted names of all keys in `section`."""
    found = {prefix + name for name in section}
    for name, value in section.items():
        if isinstance(value, dict) and prefix + name not in OPEN:
            found |= keys(value, f"{prefix}{name}.")
    return found


def test_the_settings_of_the_tests_have_the_keys_of_the_repositorys() -> None:
    own, repositorys = (keys(YAML(typ="safe").load(path)) for path in (PARAMS, REPO / "params.yaml"))
    assert own == repositorys


def test_every_section_of_the_file_is_checked() -> None:
    raw = YAML(typ="safe").load(PARAMS)
    sections = {right.partition(".")[0] for right, _ in TYPOS if "." in right}
    # The keys of the others are known to stages/network/corruption.py and to stages/network/architectures/.
    assert sections | {"augment", "model"} == set(raw)


TYPOS = [
    ("data.images", "data.image"),
    ("sample.per_class", "sample.perclass"),
    ("render.quiet_zone", "render.quietzone"),
    ("scan.max_pixels", "scan.max_pixel"),
    ("validate.min_decode_rate", "validate.min_decoding_rate"),
    ("split.seed", "split.sed"),
    ("train.learning_rate", "train.learningrate"),
    ("diagnose.strict", "diagnose.strickt"),
    ("calibrate.max_false_positives", "calibrate.max_false_positive"),
    ("evaluate.prevalence", "evaluate.prevalance"),
    ("robustness.images", "robustness.image"),
    ("export.tolerance", "export.tolerence"),
    ("train", "trian"),
]


@pytest.mark.parametrize(("right", "typed"), TYPOS)
def test_a_mistyped_key_is_named_with_the_right_one(project: Path, right: str, typed: str) -> None:
    rename_param(project, right, typed)
    with pytest.raises(StageError) as error:
        load_params()
    assert str(error.value) == f"params.yaml: unknown key {typed}; did you mean {right}?"


def test_a_second_spelling_beside_the_right_key_is_an_error(project: Path) -> None:
    set_params(project, {"train.learning_rates": 0.1})
    with pytest.raises(StageError, match=r"unknown key train\.learning_rates; did you mean train\.learning_rate\?"):
        load_params()


def test_all_problems_are_reported_at_once(project: Path) -> None:
    rename_param(project, "split.seed", "split.sead")
    set_params(project, {"train.epochs": 0, "export.tolerance": -1})
    with pytest.raises(StageError) as error:
        load_params()
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith("params.yaml: ") for line in lines)


@pytest.mark.parametrize("key", ["data.urls", "scan.timeout", "train.seed", "evaluate"])
def test_a_missing_key_is_named(project: Path, key: str) -> None:
    params = YAML(typ="safe").load(project / "params.yaml")
    section, _, name = key.partition(".")
    if name:
        del params[section][name]
    else:
        del params[section]
    YAML().dump(params, project / "params.yaml")
    with pytest.raises(StageError, match=rf"^params\.yaml: key {key} is missing$"):
        load_params()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.classes", {"good": "bening"}),
        ("data.classes", {"Benign": "benign", "benign": "malicious"}),
        ("data.classes", {0: "benign", "0": "malicious"}),
        ("split.given", {"train": "training"}),
        ("sample.seed", -1),
        ("split.seed", 10**23),
        ("train.seed", -1),
        ("train.batch_size", 1_000_000),
        ("evaluate.batch_size", 1_000_000),
        ("render.scale", 100_000),
        ("scan.workers", 1_000_000),
        ("split.given", {"Test": "test", "test": "val"}),
        ("sample.per_class", 0),
        ("render.error_correction", "X"),
        ("render.quiet_zone", -1),
        ("scan.timeout", 0),
        ("scan.timeout", float("inf")),
        ("validate.min_decode_rate", 1.01),
        ("validate.balance_tolerance", 0.6),
        ("validate.bad_rows", "delete"),
        ("validate.levels", {"truncated": "fatal"}),
        ("validate.levels", ["truncated"]),
        ("split.val", 0),
        ("split.per_class", 0),
        ("train.learning_rate", -1),
        ("train.learning_rate", float("nan")),
        ("train.learning_rate", float("inf")),
        ("train.learning_rate", "fast"),
        ("train.gradient_clip", 0),
        ("train.epochs", 0),
        ("train.epochs", 1.5),
        ("train.precision", "64"),
        ("train.device", "gpu7"),
        ("calibrate.max_false_positives", 1.5),
        ("split.by", "column"),
        ("augment.angle", "steep"),
        ("augment.angle", float("nan")),
        ("evaluate.prevalence", 1),
        ("robustness.images", 0),
        ("export.tolerance", 0),
    ],
)
def test_an_impossible_value_is_named(project: Path, key: str, value: object) -> None:
    set_params(project, {key: value})
    with pytest.raises(StageError, match=rf"^params\.yaml: {key}\S* \S"):
        load_params()


@pytest.mark.parametrize("text", ["given:\n    #train: train", "levels:\n", "augment:\n    # blur: 0.5\n"])
def test_a_key_whose_values_are_all_commented_out_is_empty(project: Path, text: str) -> None:
    key = text.partition(":")[0]
    lines = (project / "params.yaml").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
    indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
    rest = start + 1
    while rest < len(lines) and lines[rest].startswith(f"{indent} "):
        rest += 1
    lines[start:rest] = [indent + line for line in text.splitlines()]
    (project / "params.yaml").write_text("\n".join(lines))
    params = load_params()
    assert {"given": params.split.given, "levels": params.validate_.levels, "augment": params.augment}[key] == {}


def test_names_of_classes_may_be_numbers_and_truth_values(project: Path) -> None:
    set_params(project, {"data.classes": {0: "benign", 1: "malicious"}})
    assert load_params().data.classes == {"0": "benign", "1": "malicious"}
    set_params(project, {"data.classes": {False: "benign", True: "malicious"}})
    assert load_params().data.classes == {"false": "benign", "true": "malicious"}


def test_parts_that_leave_nothing_for_training_are_refused(project: Path) -> None:
    set_params(project, {"split.val": 0.5, "split.test": 0.5})
    with pytest.raises(StageError, match=r"params\.yaml: split.*val \+ test"):
        load_params()


def test_a_level_named_off_is_no_boolean(project: Path) -> None:
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("few_sites: warn", "few_sites: off"))
    assert load_params().validate_.levels["few_sites"] == "off"


def test_precision_may_be_written_as_a_number(project: Path) -> None:
    set_params(project, {"train.precision": 32})  # what `dvc exp run -S train.precision=32` writes, too
    assert load_params().train.precision == "32"


@pytest.mark.parametrize(
    "text", ["train: [1, 2", "\tdata: 1", "a: b: c", "", "- a\n- b\n", "data: 5\n", "\0"], ids=repr
)
def test_a_file_that_is_no_settings_is_named(project: Path, text: str) -> None:
    (project / "params.yaml").write_text(text)
    with pytest.raises(StageError, match=r"^params\.yaml"):
        load_params()


def test_a_syntax_error_comes_with_its_line(project: Path) -> None:
    (project / "params.yaml").write_text("data:\n  urls: x\ntrain: [1, 2\n")
    with pytest.raises(StageError, match=r"line [34]"):
        load_params()


def test_without_the_file_the_user_learns_where_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match=r"params\.yaml is not here: run from the top folder"):
        load_params()


def test_unknown_names_are_refused_with_the_nearest_known_one() -> None:
    refuse_unknown(["blur"], ["blur", "noise"], "augment")
    refuse_unknown([], [], "augment")
    with pytest.raises(StageError) as error:
        refuse_unknown(["blur", "nois", "xyz"], ["blur", "noise"], "augment")
    assert str(error.value).splitlines() == [
        "params.yaml: unknown key augment.nois; did you mean augment.noise?",
        "params.yaml: unknown key augment.xyz; one of: blur, noise",
    ]
