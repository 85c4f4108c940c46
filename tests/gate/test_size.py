"""Enough to learn from, and enough to test on."""

import pytest

from tests.gate.helpers import result_of, table_of
from tests.helpers import urls


@pytest.mark.parametrize(
    ("sites", "test", "holds"), [(19, 0.15, False), (20, 0.15, True), (14, 0.2, False), (15, 0.2, True)]
)
def test_each_class_needs_three_sites_in_test(sites: int, test: float, holds: bool) -> None:
    table = table_of(urls("benign", 60), urls("malicious", sites))
    found = result_of("few_sites", table, **{"split.test": test}).found
    assert found.holds == holds
    assert found.text.startswith(f"60 benign sites, {sites} malicious sites; ")


def test_many_files_of_few_payloads_are_few() -> None:
    table = table_of(urls("benign", 13) * 31, urls("malicious", 13) * 31)
    found = result_of("few_sites", table).found
    assert (found.holds, found.text) == (
        False,
        "13 benign sites, 13 malicious sites; test needs 3 of each class, so a class needs 20",
    )


def test_where_rows_are_split_payloads_count() -> None:
    table = table_of([f"https://a.example/{i}" for i in range(20)], [f"https://b.example/{i}" for i in range(20)])
    assert result_of("few_sites", table).found.holds is False
    assert result_of("few_sites", table, **{"split.by": "row"}).found.holds is True


def test_a_small_test_part_is_told_with_the_interval_it_gives() -> None:
    small, large = (table_of(urls("benign", count), urls("malicious", count)) for count in (60, 400))
    found = result_of("small_test", small).found
    assert (found.holds, found.text) == (
        False,
        "test will have about 18 sites: an accuracy within \N{PLUS-MINUS SIGN}0.23, at most \N{PLUS-MINUS SIGN}0.1",
    )
    assert result_of("small_test", large).found.holds is True
    assert result_of("small_test", large, **{"split.per_class": 60}).found.text == found.text


def test_what_is_given_to_test_is_all_that_test_has() -> None:
    source = ["test"] * 2 + ["train"] * 58 + ["test"] * 10 + ["train"] * 50
    table = table_of(urls("benign", 60), urls("malicious", 60), source=source)
    given = {"split.given": {"train": "train", "test": "test"}}
    found = result_of("few_sites", table, **given).found
    told = "2 benign sites, 10 malicious sites for test, which needs 3 of each class"
    assert (found.holds, found.text) == (False, told)
    assert result_of("few_sites", table.assign(source=["test", *source[:-1]]), **given).found.holds is True
    assert result_of("small_test", table, **given).found.text.startswith("test will have about 12 sites: ")
    half = given | {"split.per_class": 30}  # half of each class, and so half of what is given
    assert result_of("small_test", table, **half).found.text.startswith("test will have about 6 sites: ")


def test_where_another_part_is_given_test_gets_its_share_of_the_rest() -> None:
    source = ["train"] * 40 + [""] * 20 + ["train"] * 20 + [""] * 40
    table = table_of(urls("benign", 60), urls("malicious", 60), source=source)
    found = result_of("few_sites", table, **{"split.given": {"train": "train"}}).found
    told = "20 benign sites, 40 malicious sites; test needs 3 of each class, so a class needs 6"
    assert (found.holds, found.text) == (True, told)
    both = table.assign(payload=[f"https://{i % 60}.example/{i}" for i in range(120)])  # 20 sites are in train as well
    found = result_of("few_sites", both, **{"split.given": {"train": "train"}}).found
    assert found.text.startswith("20 benign sites, 20 malicious sites; ")


def test_a_class_without_a_readable_code_or_no_code_at_all_is_too_small() -> None:
    found = result_of("few_sites", table_of(urls("benign", 60), [])).found
    assert found.holds is False and found.text.startswith("60 benign sites, 0 malicious sites; ")
    nothing = table_of(urls("benign", 1), []).iloc[:0]
    assert result_of("few_sites", nothing).found.holds is False
    found = result_of("small_test", nothing).found
    assert (found.holds, found.text) == (False, "test will have no sites")


def test_a_collection_elsewhere_makes_nothing_larger() -> None:
    table = table_of(urls("benign", 60), urls("malicious", 60), source=["elsewhere"] * 50 + [""] * 70)
    assert result_of("few_sites", table).found.text.startswith("10 benign sites, 60 malicious sites; ")
