import json
import re
from pathlib import Path

import pytest

from stages.commands.ablation.fixes import BEFORE, fixed, variants
from stages.common.settings import load_params
from tests.clones import clone, dvc, needs_repository
from tests.helpers import PARAMS, REPO

NOW = fixed(load_params(PARAMS))


def test_each_variant_is_one_fix_away() -> None:
    found = variants(NOW)
    assert len(found) == 16
    assert all(NOW[key] != before for key, before in BEFORE.items())
    for name, values in found.items():
        own = {key for key in BEFORE if values[key] == NOW[key]}
        if name.startswith("old-with-"):
            assert {key.rpartition(".")[2] for key in own} == {name.removeprefix("old-with-")}
        elif name.startswith("fixed-without-"):
            assert {key.rpartition(".")[2] for key in set(BEFORE) - own} == {name.removeprefix("fixed-without-")}


@needs_repository
@pytest.mark.slow
def test_the_two_runs_that_the_readme_names_differ_in_the_seven_fixes(tmp_path: Path) -> None:
    text = (REPO / "README.md").read_text()
    named = re.search(r"^dvc params diff ([0-9a-f]{7,}) ([0-9a-f]{7,}) ", text, re.MULTILINE)
    assert named
    folder = tmp_path / "clone"
    clone(folder)
    shown = dvc(folder, "params", "diff", *named.groups(), "--json")
    assert shown.returncode == 0, shown.stderr
    changed = json.loads(shown.stdout)["params.yaml"]
    assert {key: str(one["old"]) for key, one in changed.items()} == {key: str(value) for key, value in BEFORE.items()}
    assert {key: str(one["new"]) for key, one in changed.items()} == {key: str(value) for key, value in NOW.items()}
    shown = dvc(folder, "metrics", "diff", *named.groups(), "--json")
    assert shown.returncode == 0, shown.stderr
    figures = json.loads(shown.stdout)
    assert figures.keys() == {"reports/val.json", "reports/test.json"}
    assert all({"old", "new"} <= one.keys() for part in figures.values() for one in part.values())
