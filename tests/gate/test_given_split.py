"""A split that the dataset comes with: what it leaks, and whether it is kept."""

import pandas as pd
import pytest

from stages.gate.given_split import CHECKS
from tests.gate.helpers import GOOD, offending, result_of

ALL = {"train": "train", "val": "val", "test": "test"}


def in_parts(good: pd.DataFrame, names: tuple[str, str, str] = ("train", "val", "test")) -> pd.DataFrame:
    """The good images, in turn in the folders of a split, four of six in the first."""
    parts = [names[max(i % 6 - 3, 0)] for i in range(len(good))]
    paths = [f"{part}/{path}" for part, path in zip(parts, good["path"], strict=True)]
    return good.assign(path=paths, source=parts)


def test_every_check_is_tested() -> None:
    assert {"given_split_leaks", "split_ignored"} == {check.name for check in CHECKS}


def test_a_split_without_leaks_holds(good: pd.DataFrame) -> None:
    result = result_of("given_split_leaks", in_parts(good), **{"split.given": ALL})
    assert result.found.holds
    assert result.found.text.startswith(f"0 of {2 * GOOD // 3} val and test rows share with train")


@pytest.mark.parametrize(
    ("column", "value", "counts"),
    [
        ("payload", "https://shop000.example/", "1 by payload, 0 by picture, 1 by site"),
        ("payload", "https://www.shop000.example/other", "0 by payload, 0 by picture, 1 by site"),
        ("sha256", None, "0 by payload, 1 by picture, 0 by site"),
    ],
)
def test_what_test_shares_with_train_is_found(good: pd.DataFrame, column: str, value: str | None, counts: str) -> None:
    table = in_parts(good)
    table.loc[4, column] = table.loc[0, column] if value is None else value
    result = result_of("given_split_leaks", table, **{"split.given": ALL})
    assert not result.found.holds
    assert offending(result, table) == ["val/benign/004.png"]
    assert result.found.text == f"1 of 20 val and test rows share with train: {counts}"


def test_what_lies_elsewhere_or_is_not_given_leaks_nothing(good: pd.DataFrame) -> None:
    table = in_parts(good)
    table.loc[4, "payload"] = table.loc[0, "payload"]
    for given in ({"train": "train", "val": "elsewhere", "test": "test"}, {"train": "train", "test": "test"}):
        assert result_of("given_split_leaks", table, **{"split.given": given}).found.holds


def test_folders_of_a_split_are_not_ignored_in_silence(good: pd.DataFrame) -> None:
    table = in_parts(good, ("Training", "valid", "TEST"))
    found = result_of("split_ignored", table).found
    assert not found.holds
    proposal = "split.given: {TEST: test, Training: train, valid: val} keeps them"
    assert found.text == f"TEST, Training, valid are there, and split anew; {proposal}"
    assert result_of("split_ignored", table, **{"split.given": {"Training": "train"}}).found.holds
    assert result_of("split_ignored", good.assign(path=[f"train/{path}" for path in good["path"]])).found.holds


def test_a_collection_elsewhere_is_not_balanced_against_the_others(good: pd.DataFrame) -> None:
    other = good.iloc[:20].assign(path=[f"feed/{path}" for path in good["path"].iloc[:20]], source="feed")
    table = pd.concat([good, other], ignore_index=True)
    assert not result_of("classes_near_half", table).found.holds
    assert result_of("classes_near_half", table, **{"split.given": {"feed": "elsewhere"}}).found.holds
