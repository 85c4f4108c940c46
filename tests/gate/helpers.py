"""What the tests of the checks need: settings, and one check made on a table."""

from typing import Any

import pandas as pd

from stages.common.settings import Params, load_params
from stages.dataset.row import content_row
from stages.gate.audit import CHECKS, make_checks, prepared
from stages.gate.check import Result
from tests.helpers import PARAMS

NAMES = [check.name for check in CHECKS]
GOOD = 30  # good images a class


def with_params(values: dict[str, Any], made: list[str] = NAMES, level: str = "error") -> Params:
    """The tests' settings with some changed; only the checks in `made` are made."""
    raw = load_params(PARAMS).model_dump(by_alias=True)
    raw["validate"]["levels"] = {name: level if name in made else "off" for name in NAMES}
    for key, value in values.items():
        section, name = key.split(".")
        raw[section][name] = value
    return Params.model_validate(raw)


def result_of(name: str, table: pd.DataFrame, **values: Any) -> Result:
    """The result of the check `name`, the only one made."""
    params = with_params(values, [name])
    [result] = make_checks(prepared(table, params), params)
    assert result.check.name == name
    return result


def offending(result: Result, table: pd.DataFrame) -> list[str] | None:
    """The paths of the rows that the check objects to, sorted; None where it judges the dataset as a whole."""
    rows = result.found.rows
    return None if rows is None else sorted(table["path"][rows])


def table_of(benign: list[str], malicious: list[str], **columns: Any) -> pd.DataFrame:
    """A scan table of readable codes that differ in nothing but their payloads and `columns`."""
    facts = {"bytes": 500, "width": 148, "height": 148, "channels": 1, "format": "PNG", "version": 3, "ec_level": "M"}
    facts |= {
        "mask": 1,
        "module_px": 4.0,
        "quiet_zone": 4.0,
        "brightness": 150.0,
        "decoded": True,
        "symbols": 1,
        "source": "",
    }
    rows = [content_row(path=f"{i}.png", payload=payload, **facts) for i, payload in enumerate([*benign, *malicious])]
    labels = ["benign"] * len(benign) + ["malicious"] * len(malicious)
    return prepared(pd.DataFrame(rows).assign(label=labels, **columns), with_params({}))
