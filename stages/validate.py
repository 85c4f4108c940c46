"""The gate: no training on data that is broken. Reads only data/scan.parquet.

Collects everything that is wrong, shows it as a table, writes reports/data.json either way, and
exits with status 1 on any finding, so that `dvc repro` stops here.
"""

from pathlib import Path

import pandas as pd
from rich.table import Table
from rich.text import Text

from stages import scan
from stages.common.cli import StageError, printable, run, stdout
from stages.common.files import write_json
from stages.common.settings import load
from stages.gate.rules import RULES, Finding, findings

REPORT = Path("reports/data.json")
EXAMPLES = 3


def main() -> None:
    """Apply every rule, report, and stop the pipeline if one does not hold."""
    params = load()
    table = scan.read_table()
    found = findings(table, params.validate_)
    write_json(REPORT, summary(table, found))
    if found:
        stdout.print(as_table(found, len(table)))
        raise StageError(f"the data is not fit for training: {len(found)} of {len(RULES)} checks failed, see above")
    stdout.print(f"{len(table):,} images passed {len(RULES)} checks")


def summary(table: pd.DataFrame, found: list[Finding]) -> dict:
    """What `dvc metrics show` prints of the data: counts, shares and how many checks failed."""
    loaded = table["width"].notna()
    labels = table["label"].value_counts()
    return {
        "images": len(table),
        "loaded": int(loaded.sum()),
        "decode_rate": float(table["decoded"][loaded].mean()) if loaded.any() else 0.0,
        "malicious_share": float(labels.get("malicious", 0) / max(len(table), 1)),
        "failed_checks": len(found),
    }


def as_table(found: list[Finding], total: int) -> Table:
    """What a person can act on: one line a finding. File names come from strangers, so no markup is read in them."""
    table = Table("check", "found", "for example", "what to do", title="What is wrong with the data", show_lines=True)
    for finding in found:
        examples = [
            f"{row.path}{': ' if row.error else ''}{row.error}" for row in finding.rows.head(EXAMPLES).itertuples()
        ]
        share = f"{len(finding.rows):,} of {total:,} files" if len(finding.rows) else "the dataset as a whole"
        table.add_row(
            Text(finding.rule.name.replace("_", " "), style="bold red"),
            Text(share),
            Text(printable("\n".join(examples))),
            Text(f"{finding.rule.why[0].upper()}{finding.rule.why[1:]}: {finding.rule.do}."),
        )
    return table


if __name__ == "__main__":
    run(main)
