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


def test_without_a_class_or_a_readable_code_nothing_is_judged() -> None:
    assert result_of("few_sites", table_of(urls("benign", 60), [])).found.holds is None
    assert result_of("small_test", table_of(urls("benign", 1), []).iloc[:0]).found.holds is None
