"""Assign the images to train, val and test so that no payload and no registrable domain is on two sides.

A split that the dataset comes with stays as it is where split.given names its folders. Every part is near 50/50,
and the result is checked by a schema of its own before it is written.
"""

import pandas as pd

from stages.common.artefacts import SPLITS, VALID, read_table, write_table
from stages.common.cli import run_stage, stdout
from stages.common.settings import CLASSES, load_params
from stages.dataset.parts import (
    ELSEWHERE,
    PARTS,
    SPLIT_COLUMNS,
    assign_parts,
    check_parts,
    given_parts,
    sample_per_class,
    without_known,
)
from stages.payload.site import group_key


def main() -> None:
    """Assign the rows that the gate lets through, check the result and write it."""
    params = load_params().split
    rows = read_table(VALID)
    rows = rows.assign(given=given_parts(rows, params.given), group=rows["payload"].map(group_key))
    other = rows[rows["given"] == ELSEWHERE]
    rows = sample_per_class(rows.drop(other.index), params)
    # Row by row, a group of its own for each: what leaks then can be seen in the figures.
    units = rows if params.by == "site" else rows.assign(group=rows["path"])
    rows = rows.assign(part=assign_parts(units, params))[SPLIT_COLUMNS]
    check_parts(rows, params)
    if len(other):
        kept = without_known(other, rows[rows["part"] == "train"]).assign(part=ELSEWHERE)[SPLIT_COLUMNS]
        names = pd.CategoricalDtype([*PARTS, ELSEWHERE])
        rows = pd.concat([part.astype({"part": names}) for part in (rows, kept)]).sort_index()
        stdout.print(f"{ELSEWHERE}: {len(other) - len(kept):,} rows left out, whose payload or site train has")
    write_table(SPLITS, rows)
    if params.by == "row":
        stdout.print("split.by is row: sites stand on both sides, so the figures of this run will be too good")
    counts = pd.crosstab(rows["part"], rows["label"]).reindex(columns=list(CLASSES), fill_value=0)
    for part, benign, malicious in counts.itertuples():
        stdout.print(f"{part:5s} {benign:7,} benign {malicious:7,} malicious")


if __name__ == "__main__":
    run_stage(main)
