"""The one shape of every check: what it examines, why it matters, what to do, and the function that judges."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from stages.common.settings import CLASSES, Level, Params


@dataclass(frozen=True)
class Finding:
    """What a check saw.

    `holds` is the verdict, None where nothing can be said. `rows` marks the offending rows, a boolean
    Series in the scan table's index, or is None where the dataset as a whole is judged; `rank` (float,
    same index) has the highest value for the one to show first. `text` gives the figures in a few words,
    or the reason why nothing can be said. `details` is a small table for the report (hosts, features and
    the like), `chart` a histogram: one row a bin, one column a class. `paste` has lines of YAML for
    params.yaml that would mend it.
    """

    holds: bool | None
    rows: pd.Series | None = None
    text: str = ""
    details: pd.DataFrame | None = None
    chart: pd.DataFrame | None = None
    rank: pd.Series | None = None
    paste: tuple[str, ...] = ()


Verdict = Literal["pass", "FAIL", "warn", "not judged"]
Judge = Callable[[pd.DataFrame, Params], Finding]


# What the checks get beside the columns of the scan table: ``site``, the payload's `group_key`, category, missing
# where there is no payload; and ``given``, the part that split.given names, "" where it names none.
HELPERS = ["site", "given"]


@dataclass(frozen=True)
class Check:
    """A rule of the gate. To add one, write its function and its row in CHECKS of the same file, and a test.

    `judge(table, params)` gets the rows of the scan table (one a file, see stages/dataset/row.py) that the
    check is about, with the columns HELPERS beside.
    The other texts are phrases without a full stop.
    """

    name: str  # in validate.levels and in the reports
    section: str  # files, reading, labels, size, balance, leakage, shortcuts
    level: Level  # unless validate.levels gives it another
    judge: Judge
    examines: str
    why: str
    remedy: str
    per_row: bool = False  # an offending row can be put into quarantine
    split_only: bool = False  # gets the rows that are split into parts, and none of a collection that is kept elsewhere


@dataclass(frozen=True)
class Result:
    """A check that was made, at the level that params.yaml gives it ("error" or "warn")."""

    check: Check
    level: Level
    found: Finding

    @property
    def verdict(self) -> Verdict:
        """FAIL closes the gate; what could not be judged is neither good nor bad."""
        if self.found.holds is None:
            return "not judged"
        return "pass" if self.found.holds else "FAIL" if self.level == "error" else "warn"

    @property
    def failed(self) -> bool:
        """The check does not hold, and its level is error."""
        return self.verdict == "FAIL"


@dataclass(frozen=True)
class Audit:
    """Everything validate has to show: the table, the results in the order of the checks, what went into quarantine."""

    table: pd.DataFrame  # what was scanned and not left out, with the columns HELPERS
    results: list[Result]
    quarantined: pd.DataFrame = field(default_factory=pd.DataFrame)  # path, label, error, label_problem, payload, check
    ignored: int = 0  # files of a class that data.classes ignores, in no check and not in `table`

    @property
    def passed(self) -> bool:
        """No check of level error failed."""
        return not any(result.failed for result in self.results)


def offenders(result: Result, table: pd.DataFrame) -> pd.DataFrame:
    """What a check objects to, in the order to show it; no row where it holds or judges the whole dataset.

    By rank where the finding has one, else same payloads side by side.
    """
    found = result.found
    if found.rows is None or found.holds is not False:
        return table.iloc[:0]
    rows = table[found.rows.fillna(False).astype(bool)]
    if found.rank is None:
        return rows.sort_values("payload", kind="stable")
    return rows.loc[found.rank[rows.index].sort_values(ascending=False, kind="stable").index]


def no_row_has(column: str, value: str) -> Judge:
    """The judge of a check that `value` is in no row's `column`."""
    return lambda table, params: marked(table[column] == value)


def marked(rows: pd.Series, known: pd.Series | None = None, chart: pd.DataFrame | None = None) -> Finding:
    """What was found where `rows` marks the offenders, one by one; only `known` rows, bool, could be judged."""
    text = f"{rows.sum():,} of {len(rows):,} files"
    if known is not None and len(rows) and not known.any():
        return Finding(None, text="measured in no file")
    if known is not None and not known.all():
        text += f"; {(~known).sum():,} could not be measured"
    return Finding(not rows.any(), rows, text, chart=chart)


def histogram(values: pd.Series, labels: pd.Series, name: str, bins: int = 12) -> pd.DataFrame | None:
    """Counts by bin (index, "from - to", called `name`) and class (columns); None where there is nothing to count."""
    values = values.astype("float64").dropna()
    if values.empty:
        return None
    binned = pd.cut(values, bins, precision=2) if values.nunique() > bins else values.round(2).astype("category")
    counts = pd.crosstab(binned, labels[values.index], dropna=False).reindex(binned.cat.categories, fill_value=0)
    counts = counts.reindex(columns=list(CLASSES), fill_value=0)
    ticks = [f"{i.left:g} - {i.right:g}" if isinstance(i, pd.Interval) else f"{i:g}" for i in counts.index]
    return counts.set_axis(pd.Index(ticks, name=name))
