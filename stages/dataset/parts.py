"""The parts of a dataset: train, val and test, split by site, near 50/50 in each, or as they were given."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pandera.pandas as pa

from stages.common.artefacts import SPLITS
from stages.common.cli import StageError
from stages.common.settings import CLASSES, Split, folded

PARTS = ("train", "val", "test")
ELSEWHERE = "elsewhere"  # of another collection: in none of them, to be scored beside test
SPLIT_COLUMNS = ["path", "shard", "offset", "bytes", "label", "part", "group", "payload", "version", "mask", "sha256"]


def sample_per_class(table: pd.DataFrame, settings: Split) -> pd.DataFrame:
    """`split.per_class` rows of each class drawn at random, in the table's order; all where it is null."""
    if settings.per_class is None:
        return table
    fewest = int(table["label"].value_counts().reindex(CLASSES, fill_value=0).min())
    if fewest < settings.per_class:
        raise StageError(
            f"split.per_class is {settings.per_class:,}, but the smaller class has {fewest:,} readable images"
        )
    return table.groupby("label").sample(settings.per_class, random_state=settings.seed).sort_index()


def given_parts(table: pd.DataFrame, given: Mapping[str, str]) -> pd.Series:
    """The part that split.given names for each row of the scan table, "" where it names none: str, in its index.

    A row's names are its source and then its folders, the nearest first; the first that is in `given` counts.
    """
    if not given:
        return pd.Series("", index=table.index, dtype=str)
    known = {folded(name): part for name, part in given.items()}

    @cache
    def part_of(source: str, folder: str) -> str:
        return next((known[name] for name in _names(source, folder) if name in known), "")

    parts = [part_of(*place) for place in _places(table)]
    return pd.Series(parts, index=table.index, dtype=str)


def require_given(table: pd.DataFrame, given: Mapping[str, str]) -> None:
    """Raise StageError where a name in split.given is neither a folder nor a source of the scan table.

    Ask this of all that was scanned: what is left after quarantine may lack a name that is right.
    """
    # The part's own name may be there for a collection to come: params.yaml is shipped with it.
    asked = [name for name in given if folded(name) != ELSEWHERE]
    seen = {name for place in set(_places(table)) for name in _names(*place)} if asked else set()
    if lost := [name for name in asked if folded(name) not in seen]:
        there = ", ".join(sorted(filter(None, seen))[:12]) or "none"
        raise StageError(
            f"split.given names {', '.join(lost)}, but no folder or source is called so; there are: {there}"
        )


def _places(table: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """The source ("" if unknown) and the folder of each row."""
    sources = table["source"].fillna("") if "source" in table else [""] * len(table)
    return zip(sources, (path.rpartition("/")[0] for path in table["path"]), strict=True)


def _names(source: str, folder: str) -> list[str]:
    return [folded(name) for name in (source, *PurePosixPath(folder).parts[::-1])]


def assign_parts(table: pd.DataFrame, settings: Split) -> pd.Series:
    """A part for every row, as a Series of PARTS in the table's index; `table` has columns label and group.

    Groups are assigned whole, the largest first and equals in random order, each to the part that
    would be the least full with it, measured in the class it would fill most. As most groups are
    small, the last ones even the parts out.

    Where `table` has a column ``given`` (see `given_parts`), what it names stays there. Rows without
    go to the part that their site was given to (the first of PARTS, if several were), else they
    are assigned among the parts that were not given, or among all where all were.
    """
    targets = np.array([1 - settings.val - settings.test, settings.val, settings.test])
    number, names = pd.factorize(table["group"], sort=True)
    sizes = pd.DataFrame({name: np.bincount(number[table["label"] == name], minlength=len(names)) for name in CLASSES})
    wanted = np.outer(targets, sizes.sum().clip(lower=1)).tolist()
    part_of = np.full(len(names), -1, np.int8)
    fixed = np.full(len(table), -1, np.int8)
    if "given" in table:
        fixed = table["given"].map({name: i for i, name in enumerate(PARTS)}).fillna(-1).to_numpy(np.int8)
        for place in reversed(range(len(PARTS))):
            part_of[number[fixed == place]] = place
    taken = np.where(fixed >= 0, fixed, part_of[number])
    truth = table["label"].to_numpy()
    have = [tuple(int(((taken == place) & (truth == name)).sum()) for name in CLASSES) for place in range(len(PARTS))]
    free = [place for place in range(len(PARTS)) if not (fixed == place).any()] or list(range(len(PARTS)))
    sizes = sizes[part_of < 0].sample(frac=1, random_state=settings.seed)
    sizes = sizes.iloc[np.argsort(-sizes.sum(axis=1).to_numpy(), kind="stable")]
    assigned = []
    for good, bad in sizes.to_numpy().tolist():  # plain numbers: there may be a million groups
        fill = [
            max(
                good and (have[place][0] + good) / wanted[place][0],
                bad and (have[place][1] + bad) / wanted[place][1],
            )
            for place in free
        ]
        best = free[fill.index(min(fill))]
        have[best] = (have[best][0] + good, have[best][1] + bad)
        assigned.append(best)
    part_of[sizes.index] = assigned
    codes = np.where(fixed >= 0, fixed, part_of[number])
    parts = pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(PARTS)))
    return pd.Series(parts, index=table.index)


def without_known(rows: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """`rows` whose payload and group (columns of both) the rows `train` do not have."""
    return rows[~rows["payload"].isin(train["payload"]) & ~rows["group"].isin(train["group"])]


def near_half(labels: pd.Series, tolerance: float) -> bool:
    """Whether the share of malicious rows among `labels` is within `tolerance` of one half; no row is not.

    Rounded, because 0.55 - 0.5 is above 0.05 in floating point.
    """
    return bool(round(abs((labels == CLASSES[1]).mean() - 0.5), 9) <= tolerance)


def check_parts(rows: pd.DataFrame, settings: Split) -> None:
    """Raise StageError unless every part has both classes near 50/50 and no payload or group is in two parts.

    A split that was given may have them in two: that is for the gate to judge (given_split_leaks).
    """
    leaks_allowed = settings.by == "row" or settings.gives_parts
    by_part = rows.groupby("part", observed=False)["label"]

    def both_classes(_: pd.DataFrame) -> bool:
        return bool((by_part.nunique() == len(CLASSES)).all())

    def each_in_one_part(column: str) -> pa.Check:
        def holds(table: pd.DataFrame) -> bool:
            return bool(table[[column, "part"]].drop_duplicates()[column].is_unique)

        return pa.Check(holds, name=f"{column}_in_one_part", error=f"a {column} is in two parts")

    def each_near_half(_: pd.DataFrame) -> bool:
        return all(near_half(labels, settings.balance_tolerance) for _, labels in by_part)

    hint = "more images, other shares in split.val and split.test, or fewer images of one dominating site would do it"
    uneven = f"a part is further from 50/50 than split.balance_tolerance = {settings.balance_tolerance}; {hint}"
    lacking = f"a part lacks a class or is empty; {hint}"
    schema = pa.DataFrameSchema(
        {"path": pa.Column(str, unique=True), "label": pa.Column(str, pa.Check.isin(CLASSES))},
        checks=[
            pa.Check(both_classes, name="both_classes_in_every_part", error=lacking),
            pa.Check(each_near_half, name="parts_near_half", error=uneven),
            *([] if leaks_allowed else [each_in_one_part("payload"), each_in_one_part("group")]),
        ],
    )
    try:
        schema.validate(rows, lazy=True)
    except pa.errors.SchemaErrors as errors:
        counts = rows.groupby(["part", "label"], observed=False).size().to_dict()
        shown = ", ".join(f"{part} {label} {count}" for (part, label), count in counts.items())
        raise StageError(f"no fair split: {errors.schema_errors[0].check.error} ({shown})") from None


def part(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of part `name` (train, val, test) of the split table.

    Raises StageError where it is empty or lacks a class: nothing can be said of such a one.
    """
    found = rows[rows["part"] == name]
    if missing := [label for label in CLASSES if not (found["label"] == label).any()]:
        raise StageError(
            f"the {name} part in {SPLITS} has {len(found):,} rows and no {' and no '.join(missing)} one: "
            "add images, or raise split.val and split.test"
        )
    return found


def is_malicious(rows: pd.DataFrame) -> np.ndarray:
    """Labels as 1 (malicious) and 0 (benign), int64 (n,)."""
    return (rows["label"] == CLASSES[1]).to_numpy(dtype=np.int64)
