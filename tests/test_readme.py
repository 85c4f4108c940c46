"""The documents: every command and every path that they name exists, and the first page stays short."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages.common.artefacts import VIEW_CACHE
from stages.common.settings import Params
from stages.gate.audit import CHECKS
from tests.helpers import REPO

README = (REPO / "README.md").read_text()
DOCUMENTS = (
    "README.md", "stages/README.md", "reports/README.md", "reports/ablation/README.md", "tests/benchmarks/README.md",
)  # fmt: skip
WORDS = 1_300


def outputs() -> set[str]:
    """The files and folders that the stages write, and the cache that DVC does not know."""
    stages = YAML(typ="safe").load(REPO / "dvc.yaml")["stages"].values()
    listed = [out for stage in stages for kind in ("outs", "metrics") for out in stage.get(kind, [])]
    return {out if isinstance(out, str) else next(iter(out)) for out in listed} | {VIEW_CACHE.as_posix()}


def named_paths(text: str) -> set[str]:
    """What stands in backticks and looks like a path in this repository."""
    top = "|".join(("stages", "tests", "reports", "models", "data"))
    return set(re.findall(rf"`((?:{top})/[\w./*-]*)`", text))


def exists(path: str, folder: Path) -> bool:
    return any(folder.glob(path)) if "*" in path else (folder / path).exists()


def test_the_readme_is_short() -> None:
    assert len(README.split()) <= WORDS


def test_the_readme_counts_the_checks_of_the_gate() -> None:
    assert re.findall(r"(\d+) of (\d+) checks failed", README) == [("4", str(len(CHECKS)))]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_in_the_documents_exists(document: str) -> None:
    text = (REPO / document).read_text()
    targets = set(re.findall(r"^([a-z-]+):", (REPO / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    for module in re.findall(r"python -m ([a-z_.]+\b)(?![.]?[A-Z])", text):
        found = find_spec(module)
        assert found, module
        assert not found.submodule_search_locations or find_spec(f"{module}.__main__"), f"{module} cannot be run"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_in_the_documents_exists(document: str) -> None:
    text, written = (REPO / document).read_text(), outputs()
    for path in named_paths(text):
        made = any(path.rstrip("/") == out or path.startswith(f"{out}/") for out in written)
        assert made or exists(path, REPO), path
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert ((REPO / document).parent / link).exists(), link


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_setting_in_the_documents_exists(document: str) -> None:
    sections: dict[str, Any] = {field.alias or name: field.annotation for name, field in Params.model_fields.items()}
    named = re.findall(rf"(?:`|-S )({'|'.join(sections)})\.(?!json|csv)([a-z_]+)", (REPO / document).read_text())
    for section, key in named:
        assert key in sections[section].model_fields, f"{section}.{key}"
