"""Deal the images to train, val and test so that no payload and no registrable domain is on two sides.

Every part is near 50/50, and the result is checked by a schema of its own before it is written.
"""

import numpy as np
import pandas as pd
import pandera.pandas as pa

from stages.common.cli import StageError, run, stdout
from stages.common.files import replacing
from stages.common.settings import CLASSES, Split, load
from stages.common.tables import SPLITS, VALID, read
from stages.qr.url import group_key

PARTS = ("train", "val", "test")
COLUMNS = ["path", "shard", "offset", "bytes", "label", "part", "group", "payload", "version", "mask", "sha256"]


def main() -> None:
    """Deal the readable images of the scan table, check the result and write it."""
    params = load().split
    rows = draw_per_class(read(VALID), params)
    rows = rows.assign(group=rows["payload"].map(group_key))
    # Row by row, a group of its own for each: what leaks then can be seen in the figures.
    units = rows if params.by == "site" else rows.assign(group=rows["path"])
    rows = rows.assign(part=deal(units, params))[COLUMNS]
    check(rows, params)
    with replacing(SPLITS) as temporary:
        rows.to_parquet(temporary, index=False)
    if params.by == "row":
        stdout.print("split.by is row: sites stand on both sides, so the figures of this run will be too good")
    for part, counts in (
        rows.groupby("part", observed=True)["label"].value_counts().unstack().loc[list(PARTS)].iterrows()
    ):
        stdout.print(f"{part:5s} {counts['benign']:7,} benign {counts['malicious']:7,} malicious")


def draw_per_class(table: pd.DataFrame, settings: Split) -> pd.DataFrame:
    """`split.per_class` rows of each class drawn at random, in the table's order; all where it is null."""
    if settings.per_class is None:
        return table
    fewest = int(table["label"].value_counts().reindex(CLASSES, fill_value=0).min())
    if fewest < settings.per_class:
        raise StageError(
            f"split.per_class is {settings.per_class:,}, but the smaller class has {fewest:,} readable images"
        )
    return table.groupby("label").sample(settings.per_class, random_state=settings.seed).sort_index()


def deal(table: pd.DataFrame, settings: Split) -> pd.Series:
    """A part for every row, as a Series of PARTS in the table's index; `table` has columns label and group.

    Groups are dealt whole, the largest first and equals in random order, each to the part that
    would be the least full with it, measured in the class it would fill most. As most groups are
    small, the last ones even the parts out.
    """
    targets = np.array([1 - settings.val - settings.test, settings.val, settings.test])
    number, names = pd.factorize(table["group"], sort=True)
    sizes = pd.DataFrame({name: np.bincount(number[table["label"] == name], minlength=len(names)) for name in CLASSES})
    wanted = np.outer(targets, sizes.sum().clip(lower=1)).tolist()
    sizes = sizes.sample(frac=1, random_state=settings.seed)
    sizes = sizes.iloc[np.argsort(-sizes.sum(axis=1).to_numpy(), kind="stable")]
    have = [(0, 0) for _ in PARTS]
    dealt = []
    for good, bad in sizes.to_numpy().tolist():  # plain numbers: there may be a million groups
        fill = [
            max(good and (benign + good) / most_benign, bad and (malicious + bad) / most_malicious)
            for (benign, malicious), (most_benign, most_malicious) in zip(have, wanted, strict=True)
        ]
        best = fill.index(min(fill))
        have[best] = (have[best][0] + good, have[best][1] + bad)
        dealt.append(best)
    part_of = np.empty(len(names), np.int8)
    part_of[sizes.index] = dealt
    parts = pd.Categorical.from_codes(part_of[number], dtype=pd.CategoricalDtype(list(PARTS)))
    return pd.Series(parts, index=table.index)


def check(rows: pd.DataFrame, settings: Split) -> None:
    """Raise StageError unless every part has both classes near 50/50 and no payload or group is in two parts."""
    by_part = rows.groupby("part", observed=False)["label"]

    def both_classes(_: pd.DataFrame) -> bool:
        return bool((by_part.nunique() == len(CLASSES)).all())

    def each_in_one_part(column: str) -> pa.Check:
        def holds(table: pd.DataFrame) -> bool:
            return bool(table[[column, "part"]].drop_duplicates()[column].is_unique)

        return pa.Check(holds, name=f"{column}_in_one_part", error=f"a {column} is in two parts")

    def near_half(_: pd.DataFrame) -> bool:
        shares = by_part.agg(lambda labels: (labels == "malicious").mean())
        return bool((shares.sub(0.5).abs() <= settings.balance_tolerance).all())

    hint = "more images, other shares in split.val and split.test, or fewer images of one dominating site would do it"
    uneven = f"a part is further from 50/50 than split.balance_tolerance = {settings.balance_tolerance}; {hint}"
    lacking = f"a part lacks a class or is empty; {hint}"
    schema = pa.DataFrameSchema(
        {"path": pa.Column(str, unique=True), "label": pa.Column(str, pa.Check.isin(CLASSES))},
        checks=[
            pa.Check(both_classes, name="both_classes_in_every_part", error=lacking),
            pa.Check(near_half, name="parts_near_half", error=uneven),
            *([each_in_one_part("payload"), each_in_one_part("group")] if settings.by == "site" else []),
        ],
    )
    try:
        schema.validate(rows, lazy=True)
    except pa.errors.SchemaErrors as errors:
        counts = rows.groupby(["part", "label"], observed=False).size().to_dict()
        shown = ", ".join(f"{part} {label} {count}" for (part, label), count in counts.items())
        raise StageError(f"no fair split: {errors.schema_errors[0].check.error} ({shown})") from None


if __name__ == "__main__":
    run(main)
