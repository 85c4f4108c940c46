"""Deal the images to train, val and test so that no payload and no registrable domain is on two sides.

Every part is near 50/50, and the result is checked by a schema of its own before it is written.
"""

from stages.common.artefacts import SPLITS, VALID, read_table
from stages.common.cli import run_stage, stdout
from stages.common.files import replacing
from stages.common.settings import load_params
from stages.dataset.parts import PARTS, SPLIT_COLUMNS, assign_parts, check_parts, sample_per_class
from stages.payload.site import group_key


def main() -> None:
    """Deal the readable images of the scan table, check the result and write it."""
    params = load_params().split
    rows = sample_per_class(read_table(VALID), params)
    rows = rows.assign(group=rows["payload"].map(group_key))
    # Row by row, a group of its own for each: what leaks then can be seen in the figures.
    units = rows if params.by == "site" else rows.assign(group=rows["path"])
    rows = rows.assign(part=assign_parts(units, params))[SPLIT_COLUMNS]
    check_parts(rows, params)
    with replacing(SPLITS) as temporary:
        rows.to_parquet(temporary, index=False)
    if params.by == "row":
        stdout.print("split.by is row: sites stand on both sides, so the figures of this run will be too good")
    for part, counts in (
        rows.groupby("part", observed=True)["label"].value_counts().unstack().loc[list(PARTS)].iterrows()
    ):
        stdout.print(f"{part:5s} {counts['benign']:7,} benign {counts['malicious']:7,} malicious")


if __name__ == "__main__":
    run_stage(main)
