"""Make every check, as one pandera schema, and put bad rows into quarantine where params.yaml says so."""

import pandas as pd
import pandera.pandas as pa

from stages.common.settings import CLASSES, IGNORE, Params
from stages.gate import files, labels, shortcuts
from stages.gate.check import Audit, Finder, Finding, Level, Result
from stages.payload.site import group_key

CHECKS = [*files.CHECKS, *labels.CHECKS, *shortcuts.CHECKS]


def audit(table: pd.DataFrame, params: Params) -> Audit:
    """All checks on the scan table; with `bad_rows: quarantine`, again on what is left without the bad rows.

    Quarantine takes rows that a per-row check of level error found, if they are at most
    `max_bad_rows` of all; more than that means that something else is wrong with the dataset.
    Files of a class that data.classes ignores are counted and in no check.
    """
    ignored = table["label"] == IGNORE
    table, count = table[~ignored], int(ignored.sum())
    results = make_checks(table, params)
    if params.validate_.bad_rows == "stop":
        return Audit(table, results, ignored=count)
    bad = [r for r in results if r.failed and r.check.per_row and r.found.rows is not None]
    reasons = pd.DataFrame({r.check.name: r.found.rows for r in bad}, index=table.index)
    out = reasons.any(axis=1)
    if not out.any() or out.mean() > params.validate_.max_bad_rows:
        return Audit(table, results, ignored=count)
    named = reasons[out].apply(lambda row: ", ".join(row.index[row]), axis=1)
    quarantined = table.loc[out, ["path", "label", "error"]].assign(check=named)
    kept = table[~out]
    return Audit(kept, make_checks(kept, params), quarantined, count)


def with_sites(table: pd.DataFrame) -> pd.DataFrame:
    """`table` and the column ``site`` that the checks look at (see `Check`), which takes longer than most of them."""
    return table.assign(site=table["payload"].map(group_key, na_action="ignore").astype("category"))


def make_checks(table: pd.DataFrame, params: Params) -> list[Result]:
    """The result of every check that is not off, in the order of CHECKS; no failure hides another."""
    levels: dict[str, Level] = params.validate_.levels.model_dump()
    seen: dict[str, Finding] = {}

    def as_pandera(name: str, find: Finder) -> pa.Check:
        def holds(frame: pd.DataFrame) -> bool:
            seen[name] = find(frame, params)
            return seen[name].holds

        return pa.Check(holds, name=name)

    made = [check for check in CHECKS if levels[check.name] != "off"]
    columns = {"path": pa.Column(unique=True), "label": pa.Column(), "decoded": pa.Column(bool)}
    schema = pa.DataFrameSchema(columns, checks=[as_pandera(check.name, check.find) for check in made])
    try:
        schema.validate(with_sites(table), lazy=True)
    except pa.errors.SchemaErrors as errors:
        for error in errors.schema_errors:
            if getattr(error.check, "name", None) not in seen:
                raise  # the table is not what scan writes, or a check is broken: a defect, not a finding
    return [Result(check, levels[check.name], seen[check.name]) for check in made]


def usable(audit: Audit) -> pd.DataFrame:
    """The rows that the parts are dealt from: readable, labelled, not in quarantine."""
    return audit.table[audit.table["decoded"] & audit.table["label"].isin(CLASSES)]
