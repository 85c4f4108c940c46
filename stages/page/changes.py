"""What changed since the run before, as git knows it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages.common.artefacts import TEST_FIGURES, VAL_FIGURES
from stages.page.captions import figure
from stages.page.revision import git

PARAMS = Path("params.yaml")
PATHS = ("data.urls", "data.images")
FIGURES = {"val": VAL_FIGURES, "test": TEST_FIGURES}


def changes(figures: Mapping[str, Mapping[str, float]]) -> dict[str, Any] | None:
    """What differs from the last run in git that came to other figures; None where git has no such run.

    `figures`: those of now, by the names in FIGURES. ``since``: commit and date of that run. ``settings`` and
    ``figures``: tuples (name, then, now) of those that differ.
    """
    for commit in git("log", "--format=%h of %cs", "--", *map(str, FIGURES.values())).splitlines():
        rev = commit.split()[0]
        before = {name: json.loads(_file(rev, path) or "{}") for name, path in FIGURES.items()}
        found = _differences(_rounded(before), _rounded(figures), only_both=True)
        if found:
            then, now = _settings(_file(rev, PARAMS)), _settings(PARAMS.read_text(encoding="utf-8"))
            return {"since": commit, "settings": _differences(then, now), "figures": found}
    return None


def _rounded(figures: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    return {f"{part} {name}": figure(value) for part in FIGURES for name, value in figures[part].items()}


def _settings(text: str) -> dict[str, str]:
    """The settings in the text of a params.yaml; of paths only the last name, as the rest is nobody's business."""
    found = _flat(YAML(typ="safe").load(text) or {})
    return found | {key: json.dumps(Path(json.loads(found[key])).name) for key in PATHS if key in found}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """{"train.epochs": "20"} of {"train": {"epochs": 20}}; empty sections have no entry."""
    found: dict[str, str] = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        found |= _flat(value, f"{key}.") if isinstance(value, dict) else {key: json.dumps(value, default=str)}
    return found


def _differences(
    then: Mapping[str, str], now: Mapping[str, str], only_both: bool = False
) -> list[tuple[str, str, str]]:
    names = [name for name in now if name in then] if only_both else [*now, *sorted(then.keys() - now.keys())]
    pairs = ((name, then.get(name, "-"), now.get(name, "-")) for name in names)
    return [row for row in pairs if row[1] != row[2]]


def _file(rev: str, path: Path) -> str:
    return git("show", f"{rev}:./{path.as_posix()}")
