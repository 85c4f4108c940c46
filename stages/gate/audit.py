"""Make every check, and put bad rows into quarantine where params.yaml says so."""

from dataclasses import replace

import pandas as pd

from stages.common.settings import CLASSES, Level, Params, refuse_unknown
from stages.dataset.labels import IGNORED
from stages.dataset.parts import ELSEWHERE, given_parts, require_given
from stages.gate import doubts, files, given_split, labels, shortcuts, size
from stages.gate.check import HELPERS, Audit, Check, Finding, Result
from stages.payload.site import group_key
from stages.qr.problem import Problem

CHECKS = [
    *files.CHECKS, *labels.CHECKS, *doubts.CHECKS, *size.CHECKS, *given_split.CHECKS, *shortcuts.CHECKS
]  # fmt: skip
NO_PICTURES = [Problem.SIDE_FILE, Problem.NOT_AN_IMAGE, Problem.EMPTY]


def levels_of_checks(params: Params) -> dict[str, Level]:
    """The level of every check by its name: that of validate.levels, else the default.

    Raises StageError where validate.levels has a name that no check has.
    """
    names = [check.name for check in CHECKS]
    refuse_unknown(params.validate_.levels, names, "validate.levels")
    return {check.name: params.validate_.levels.get(check.name, check.level) for check in CHECKS}


def audit(table: pd.DataFrame, params: Params) -> Audit:
    """All checks on the scan table; with `bad_rows: quarantine`, again on what is left without the bad rows.

    Quarantine takes rows that a per-row check of level error found, if they are at most
    `max_bad_rows` of all; more than that means that something else is wrong with the dataset.
    Files of a class that data.classes ignores are counted and in no check.
    """
    require_given(table, params.split.given)
    ignored = table["label"] == IGNORED
    table, count = prepared(table[~ignored], params), int(ignored.sum())
    results = make_checks(table, params)
    if params.validate_.bad_rows == "stop":
        return Audit(table, results, ignored=count)
    bad = [r for r in results if r.failed and r.check.per_row and r.found.rows is not None]
    reasons = pd.DataFrame({r.check.name: r.found.rows for r in bad}, index=table.index)
    out = reasons.any(axis=1)
    if not out.any() or out.mean() > params.validate_.max_bad_rows:
        return Audit(table, results, ignored=count)
    named = reasons[out].apply(lambda row: ", ".join(row.index[row]), axis=1)
    quarantined = table.loc[out, ["path", "label", "error", "label_problem", "payload"]].assign(check=named)
    kept = table[~out]
    return Audit(kept, make_checks(kept, params), quarantined, count)


def prepared(table: pd.DataFrame, params: Params) -> pd.DataFrame:
    """The scan table and the columns HELPERS that the checks get, which takes longer than most of them."""
    sites = table["payload"].map(group_key, na_action="ignore").astype("category")
    return table.assign(site=sites, given=given_parts(table, params.split.given))


def make_checks(table: pd.DataFrame, params: Params) -> list[Result]:
    """The result of every check that is not off on a `prepared` table, in the order of CHECKS.

    No failure hides another.
    """
    levels = levels_of_checks(params)
    made = [check for check in CHECKS if levels[check.name] != "off"]
    return [Result(check, levels[check.name], _judge(check, table, params)) for check in made]


def _judge(check: Check, table: pd.DataFrame, params: Params) -> Finding:
    """The check on the rows that it is about, with `rows` in the index of `table`.

    What is not a picture is for the checks of files only.
    """
    rows = pd.Series(True, table.index)
    if check.section != "files":
        rows &= ~table["problem"].isin(NO_PICTURES)
    if check.split_only:
        rows &= table["given"] != ELSEWHERE
    found = check.judge(table[rows], params)
    return found if found.rows is None else replace(found, rows=found.rows.reindex(table.index, fill_value=False))


def usable(audit: Audit) -> pd.DataFrame:
    """The rows that are split into parts, as they were scanned: readable, labelled, not in quarantine."""
    rows = audit.table["decoded"] & audit.table["label"].isin(CLASSES)
    return audit.table[rows].drop(columns=HELPERS)
