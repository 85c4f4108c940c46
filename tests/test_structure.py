"""The rules of the house: imports point down, and the dependencies in dvc.yaml are the true ones."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages import LAYERS
from tests.helpers import REPO
from tests.imports import content, imports, library_files, needed, stage_files

DVC = YAML(typ="safe").load(REPO / "dvc.yaml")


def package(file: str) -> str:
    return file.split("/")[1] if file.count("/") > 1 else "stages"


@pytest.mark.parametrize("file", [*stage_files(), *library_files()])
def test_imports_point_down(file: str) -> None:
    own = LAYERS.index(package(file)) if file != "stages/__init__.py" else 0
    for other in imports(file) - {"stages/__init__.py"}:
        assert other not in stage_files(), f"{other} is a stage, which nothing imports"
        assert LAYERS.index(package(other)) >= own, f"{file} imports {other}, which stands above it"


def test_every_package_has_its_layer() -> None:
    assert {package(file) for file in [*stage_files(), *library_files()]} == set(LAYERS)


def test_every_stage_is_one_file() -> None:
    assert {f"stages/{name}.py" for name in DVC["stages"]} == set(stage_files())


@pytest.mark.parametrize("name", DVC["stages"])
def test_a_stage_depends_on_all_that_it_imports_and_on_nothing_else(name: str) -> None:
    deps = [dep for dep in DVC["stages"][name]["deps"] if dep.startswith("stages/")]
    named = [content(REPO / dep) if (REPO / dep).is_dir() else {dep} for dep in deps]
    assert set().union(*named) == needed(f"stages/{name}.py"), f"python -m tests.imports {name}"
    assert len(deps) == len(set(deps))


@pytest.mark.parametrize("file", [*stage_files(), *library_files()])
def test_every_module_has_a_file_of_tests_in_the_same_place(file: str) -> None:
    path = Path(file)
    if path.name == "__init__.py":
        return
    mirrored = REPO / "tests" / path.parent.relative_to("stages") / f"test_{path.stem.strip('_')}.py"
    assert mirrored.is_file(), f"{mirrored.relative_to(REPO)} is not there"


def ancestors(name: str) -> set[str]:
    made = {
        next(iter(out)) if isinstance(out, dict) else out: stage
        for stage, of in DVC["stages"].items()
        for out in [*of.get("outs", []), *of.get("metrics", [])]
    }
    before = {made[dep] for dep in DVC["stages"][name]["deps"] if dep in made}
    return before | set[str]().union(*map(ancestors, before))


@pytest.mark.parametrize("name", ["calibrate", "diagnose", "evaluate", "robustness", "export"])
def test_what_reads_the_split_comes_after_it_though_it_depends_on_what_carries_its_hash(name: str) -> None:
    assert {"validate", "split", "train"} <= ancestors(name)


def test_the_report_comes_last() -> None:
    # What scan and render read is named by data.images and data.urls.
    assert ancestors("report") | {"sample", "render", "report"} == set(DVC["stages"])
