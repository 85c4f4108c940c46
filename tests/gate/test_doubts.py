"""Swapped labels are found among the sample's URLs, and few others with them."""

import random
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from stages.sample import benign_url, malicious_url
from tests.gate.helpers import result_of, table_of


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """300 synthetic URLs a class."""
    rng = random.Random(3)
    hosts: list[str] = []
    draw: list[Callable[[], str]] = [lambda: benign_url(rng), lambda: malicious_url(rng, hosts)]
    benign, malicious = (list(dict.fromkeys(one() for _ in range(400)))[:300] for one in draw)
    return table_of(benign, malicious)


def test_swapped_labels_are_doubted_and_the_others_hardly(table: pd.DataFrame) -> None:
    assert result_of("doubtful_labels", table).found.holds
    swapped = np.zeros(len(table), bool)
    swapped[np.random.default_rng(0).choice(len(table), 18, replace=False)] = True
    other = table["label"].map({"benign": "malicious", "malicious": "benign"})
    found = result_of("doubtful_labels", table.assign(label=table["label"].mask(swapped, other))).found
    assert found.holds is False
    assert found.rows is not None and found.rank is not None
    assert (found.rows & swapped).sum() >= 6
    assert (found.rows & ~swapped).sum() <= 6
    first = found.rank.sort_values(ascending=False).index[:4]
    assert swapped[first].sum() >= 3  # the most doubtful ones are the swapped ones


def test_of_a_collection_elsewhere_no_label_is_learned_or_judged(table: pd.DataFrame) -> None:
    """Its labels are all swapped: learned from, they would make the others doubtful."""
    other = table["label"].map({"benign": "malicious", "malicious": "benign"})
    there = table.assign(path="there/" + table["path"], source="elsewhere", label=other)
    found = result_of("doubtful_labels", pd.concat([table, there], ignore_index=True)).found
    alone = result_of("doubtful_labels", table).found
    assert found.text == alone.text
    assert found.rows is not None and alone.rows is not None
    assert found.rows.tolist() == alone.rows.tolist() + [False] * len(there)


def test_with_few_sites_no_label_is_judged() -> None:
    few = table_of([f"https://a.example/{i}" for i in range(20)], [f"https://b.example/{i}" for i in range(20)])
    assert result_of("doubtful_labels", few).found.holds is None
