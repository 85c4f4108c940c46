"""A split that the dataset comes with, and what is assigned beside it."""

import pandas as pd
import pytest

from stages.common.cli import StageError
from stages.common.settings import Split
from stages.dataset.parts import assign_parts, given_parts, near_half, require_given, without_known

ALL = {"train": "train", "val": "val", "test": "test"}


def split(given: dict[str, str]) -> Split:
    settings = {"val": 0.15, "test": 0.15, "by": "site", "per_class": None, "balance_tolerance": 0.05, "seed": 7}
    return Split.model_validate(settings | {"given": given})


def assigned(table: pd.DataFrame, given: dict[str, str]) -> pd.Series:
    return assign_parts(table.assign(given=given_parts(table, given)), split(given)).astype(str)


def of(*names: tuple[str, str, str]) -> pd.DataFrame:
    """Rows of (path, source, group), both classes in turn."""
    table = pd.DataFrame(names, columns=["path", "source", "group"])
    return table.assign(label=["benign", "malicious"] * (len(table) // 2) + ["benign"] * (len(table) % 2))


@pytest.mark.parametrize(
    ("path", "source", "part"),
    [
        ("train/benign/a.png", "train", "train"),
        ("benign/Test/a.png", "", "test"),
        ("train/x/test/benign/a.png", "", "test"),  # the nearest counts
        ("train/a.png", "feed", "elsewhere"),  # the table's column comes first
        ("benign/a.png", "", ""),
    ],
)
def test_a_source_or_folder_is_a_part(path: str, source: str, part: str) -> None:
    others = [(f"{name}/a.png", "", "") for name in (*ALL, "feed")]
    assert given_parts(of((path, source, ""), *others), ALL | {"feed": "elsewhere"})[0] == part


def test_a_name_that_nobody_has_is_an_error() -> None:
    with pytest.raises(StageError, match=r"names tset, but no folder or source is called so; there are: benign, train"):
        require_given(of(("train/benign/a.png", "train", "")), {"train": "train", "tset": "test"})
    require_given(of(("train/benign/a.png", "feed", "")), {"TRAIN": "train", "feed": "test", "elsewhere": "elsewhere"})


@pytest.mark.parametrize(("malicious", "within"), [(45, True), (55, True), (44, False), (56, False)])
def test_half_with_a_tolerance_has_its_ends(malicious: int, within: bool) -> None:
    labels = pd.Series(["malicious"] * malicious + ["benign"] * (100 - malicious))
    assert near_half(labels, 0.05) == within
    assert not near_half(labels.iloc[:0], 0.5)


def test_what_is_given_stays_and_its_sites_keep_together() -> None:
    rows = [(f"{name}/{i}.png", name, f"{name}{i}") for name in ALL for i in range(10)]
    rows += [(f"more/{i}.png", "more", f"val{i}") for i in range(4)]
    table = of(*rows, ("train/x.png", "train", "test0"), ("more/x.png", "more", "test0"))
    parts = assigned(table, ALL)
    given = table["source"].isin(list(ALL))
    assert (parts[given] == table["source"][given]).all()
    assert parts[~given].tolist() == ["val"] * 4 + ["train"]  # of a site that leaks, to the first


def test_what_is_not_given_is_assigned_to_the_parts_that_are_not() -> None:
    table = of(*[("test/x.png", "test", f"a{i}") for i in range(20)], *[("x.png", "", f"b{i}") for i in range(200)])
    parts = assigned(table.assign(path=[f"{name}{i}" for i, name in enumerate(table["path"])]), {"test": "test"})
    assert parts[:20].eq("test").all()
    counts = parts[20:].value_counts().to_dict()
    assert set(counts) == {"train", "val"}
    assert counts["val"] / 200 == pytest.approx(0.15 / 0.85, abs=0.03)


def test_rows_that_train_knows_are_left_out() -> None:
    train = pd.DataFrame({"payload": ["https://a.example/x"], "group": ["a.example"]})
    others = pd.DataFrame(
        {"payload": ["https://a.example/y", "https://a.example/x", "c"], "group": ["a.example", "", "c"]}
    )
    assert without_known(others, train)["payload"].tolist() == ["c"]
