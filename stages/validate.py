"""The gate: no training on data that is broken. Reads data/scan.parquet, and pictures only to show them.

Makes every check, shows what does not hold, and writes, whether the gate opens or not,

    reports/data.html           the whole audit with pictures of the offending images
    reports/data_findings.csv   one row for every finding and file
    reports/data.json           the figures, for `dvc metrics show`

Then it exits with status 1 on any failed check of level error, so that `dvc repro` stops here, or
writes the rows to train on to data/valid.parquet.
"""

from collections import Counter

import pandas as pd
from rich.table import Table
from rich.text import Text

from stages.common.artefacts import DATA_FIGURES, DATA_FINDINGS, DATA_PAGE, SCAN, VALID, read_table, write_table
from stages.common.cli import StageError, run_stage, stdout
from stages.common.files import remove, write_json
from stages.common.settings import load_params
from stages.dataset.parts import ELSEWHERE
from stages.gate.audit import audit, usable
from stages.gate.check import Audit, Result, offenders
from stages.gate.schema import require_scan_table
from stages.page.data_page import write_csv, write_html
from stages.payload.safe import clean

PASTED = 8  # lines for params.yaml that the terminal shows


def main() -> None:
    """Audit the scan table, report, and raise StageError if a check of level error fails."""
    params = load_params()
    remove(VALID)  # nobody goes on with the rows of an earlier, better day
    table = read_table(SCAN)
    require_scan_table(table)
    result = audit(table, params)
    write_json(DATA_FIGURES, figures(result) | {"elsewhere": elsewhere(result)})
    write_csv(DATA_FINDINGS, result)
    write_html(DATA_PAGE, result, params)
    broken = [r for r in result.results if r.verdict in ("FAIL", "warn")]
    if broken:
        stdout.print(as_table(broken, result.table))
    unjudged: dict[str, list[str]] = {}
    for r in result.results:
        if r.verdict == "not judged":
            unjudged.setdefault(r.found.text, []).append(spoken(r))
    for reason, names in unjudged.items():
        stdout.print(clean(f"not judged ({reason}): {', '.join(names)}"), markup=False)
    if len(result.quarantined):
        stdout.print(f"quarantine: {len(result.quarantined):,} files, listed in {DATA_PAGE}")
    if result.ignored:
        stdout.print(f"ignored: {result.ignored:,} files of the classes that data.classes ignores")
    if there := elsewhere(result):
        stdout.print(
            f"elsewhere: {there['images']:,} files, {there['malicious_share']:.1%} malicious, "
            f"pyzbar reads {there['decode_rate']:.2%} of the pictures; nothing is learned from them"
        )
    count = Counter(r.verdict for r in result.results)
    if not result.passed:
        raise StageError(
            f"the data is not fit for training: {count['FAIL']} of {len(result.results)} checks failed. "
            f"The pictures are in {DATA_PAGE}, every file in {DATA_FINDINGS}"
        )
    rows = usable(result)
    write_table(VALID, rows)
    warned = f", {count['warn']} gave a warning" if count["warn"] else ""
    open_ = f", {count['not judged']} could not be judged" if unjudged else ""
    stdout.print(f"{len(rows):,} images passed {count['pass']} checks{warned}{open_}; see {DATA_PAGE}")


def figures(result: Audit) -> dict:
    """reports/data.json: counts, shares and how many checks did not hold."""
    count = Counter(r.verdict for r in result.results)
    return shares(result.table) | {
        "quarantined": len(result.quarantined),
        "ignored": result.ignored,
        "failed": count["FAIL"],
        "warnings": count["warn"],
        "not_judged": count["not judged"],
    }


def elsewhere(result: Audit) -> dict[str, float]:
    """The same shares for the rows of another collection; empty where there are none."""
    rows = result.table[result.table["given"] == ELSEWHERE]
    return shares(rows) if len(rows) else {}


def shares(table: pd.DataFrame) -> dict[str, float]:
    """How many files there are, the share of the pictures that can be read, and that of malicious files, 0..1."""
    loaded = table["width"].notna()
    return {
        "images": len(table),
        "decode_rate": float(table["decoded"][loaded].mean()) if loaded.any() else 0.0,
        "malicious_share": float((table["label"] == "malicious").mean()) if len(table) else 0.0,
    }


def spoken(result: Result) -> str:
    """The name of its check in words."""
    return result.check.name.replace("_", " ")


def as_table(broken: list[Result], scanned: pd.DataFrame, rows: int = 8) -> Table:
    """What a person can act on, failures first, on one screen. File names are strangers' words: no markup in them."""
    ordered = sorted(broken, key=lambda result: not result.failed)
    title = "What is wrong with the data" if ordered[0].failed else "What to know about the data"
    table = Table("check", "what was found, and what to do", title=title, show_lines=True)
    for result in ordered[:rows]:
        paste = result.found.paste[:PASTED] + (f"    # and more, see {DATA_PAGE}",) * (len(result.found.paste) > PASTED)
        lines = [result.found.text, *paste, *examples(result, scanned, 3 if len(ordered) <= 4 else 1)]
        advice = Text(f"{result.check.remedy[0].upper()}{result.check.remedy[1:]}.", "italic")
        cell = Text("\n").join([*(Text(clean(line)) for line in lines), advice])
        name, style = ("fails", "bold red") if result.failed else ("warns", "yellow")
        table.add_row(Text.assemble((spoken(result), style), f"\n{name}"), cell)
    if len(ordered) > rows:
        table.add_row("...", f"{len(ordered) - rows} more in {DATA_PAGE}")
    return table


def examples(result: Result, scanned: pd.DataFrame, count: int) -> list[str]:
    """The first offending files, each with its error, shortened to a line."""
    offending = offenders(result, scanned)[["path", "error"]].head(count)
    lines = [f"{path}: {error}" if error else path for path, error in offending.itertuples(index=False)]
    return [line if len(line) <= 60 else f"{line[:59]}\N{HORIZONTAL ELLIPSIS}" for line in lines]


if __name__ == "__main__":
    run_stage(main)
