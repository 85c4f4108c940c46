"""Slices: every row in one part of each, and a weak one is found."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from stages.common.settings import Evaluate
from stages.evaluation.bootstrap import replicates, table
from stages.evaluation.slices import slices, worst


def rows_of(versions: dict[int | None, int]) -> pd.DataFrame:
    """As many rows of each version, with payloads of lengths 20 to 59, all schemes, half with `www.`."""
    version = [number for number, count in versions.items() for _ in range(count)]
    starts = ("https://www.", "http://", "HTTPS://", "tel:", "http://www.", "www.")
    payloads = [starts[i % len(starts)].ljust(20 + i % 40, "x") for i in range(len(version))]
    return pd.DataFrame({"payload": payloads, "version": version}, index=np.arange(len(version))[::-1])


def scored(rows: pd.DataFrame, wrong: np.ndarray, samples: int = 50) -> pd.DataFrame:
    """The slices of a model that is wrong of the rows `wrong` alone; every second row is malicious, each a site."""
    truth = np.arange(len(rows)) % 2
    probability = np.where(wrong, 1 - truth, truth) * 0.8 + 0.1
    return slices(labelled(rows, truth), probability, 0.5, settings(samples))


def labelled(rows: pd.DataFrame, truth: np.ndarray, sites: Sequence[int] | None = None) -> pd.DataFrame:
    """`rows` with their labels and groups; without `sites`, each row is one."""
    return rows.assign(
        label=np.where(truth == 1, "malicious", "benign"), group=range(len(rows)) if sites is None else sites
    )


def settings(samples: int) -> Evaluate:
    return Evaluate(samples=samples, seed=7, prevalence=0.001, batch_size=1)


def values(found: pd.DataFrame, name: str) -> dict[str, int]:
    part = found[found["slice"] == name]
    return dict(zip(part["value"], part["rows"], strict=True))


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ({10: 30, 2: 25, 3: 40}, {"2": 25, "3": 40, "10": 30}),
        ({2: 5, 3: 10, 4: 5, 5: 20}, {"2 to 4": 20, "5": 20}),
        ({3: 20, 5: 19, 9: 30, 40: 3}, {"3": 20, "5 to 40": 52}),
        ({1: 30, 7: 19}, {"1 to 7": 49}),
        ({1: 3}, {"1": 3}),
        ({3: 20, None: 2}, {"3": 20, "unknown": 2}),
        ({None: 2}, {"unknown": 2}),
    ],
)
def test_rare_versions_are_joined_with_their_neighbours(versions: dict[int | None, int], expected: dict) -> None:
    rows = rows_of(versions)
    for kind in ("float64", "Int8"):  # with pandas' own missing values, too
        found = scored(rows.astype({"version": kind}), np.zeros(len(rows), dtype=bool))
        assert values(found, "version") == expected
        assert list(values(found, "version")) == list(expected)


def test_each_slice_divides_all_rows() -> None:
    rows = rows_of({3: 120})
    found = scored(rows, np.zeros(120, dtype=bool))
    assert (found.groupby("slice")["rows"].sum() == 120).all()
    assert values(found, "length") == {"20 to 29": 30, "30 to 39": 30, "40 to 49": 30, "50 to 59": 30}
    assert values(found, "scheme") == {"https": 40, "http": 40, "other": 40}
    assert values(found, "www") == {"yes": 60, "no": 60}
    assert found["accuracy"].eq(1).all()


def test_lengths_that_are_all_the_same_are_one_part() -> None:
    rows = rows_of({3: 30}).assign(payload="https://a.example/")
    assert values(scored(rows, np.zeros(30, dtype=bool)), "length") == {"18": 30}


def test_the_worst_slice_is_found() -> None:
    rows = rows_of({3: 40, 4: 40, 5: 40})
    wrong = (rows["version"] == 4).to_numpy() & (np.arange(120) % 4 < 2)
    found = scored(rows, wrong, 300)
    row = worst(found)
    assert row is not None
    assert (row["slice"], row["value"], row["rows"], row["accuracy"]) == ("version", "4", 40, 0.5)
    assert row["malicious"] == 0.5 and row["auc"] == 0.5
    half = 1.96 * (0.25 / 40) ** 0.5  # binomial, of the 40 rows
    assert (row["low"], row["high"]) == pytest.approx((0.5 - half, 0.5 + half), abs=0.05)


def test_small_slices_are_not_the_worst() -> None:
    rows = rows_of({3: 30, None: 4})
    wrong = rows["version"].isna().to_numpy()
    found = scored(rows, wrong)
    everything, large = worst(found, min_rows=1), worst(found, min_rows=20)
    assert everything is not None and everything["value"] == "unknown" and everything["accuracy"] == 0
    assert large is not None and large["rows"] >= 20
    assert worst(found, min_rows=35) is None


def test_a_slice_of_one_class_has_an_accuracy_and_no_auc() -> None:
    rows = rows_of({3: 40, 4: 40})
    truth = (rows["version"] == 4).to_numpy().astype(int)
    found = slices(labelled(rows, truth), np.full(80, 0.6), 0.5, settings(50))
    by_version = found[found["slice"] == "version"]
    assert by_version[["malicious", "accuracy", "low", "high"]].to_numpy().tolist() == [[0.0] * 4, [1.0] * 4]
    assert by_version["auc"].isna().all()


def test_the_draws_are_those_of_the_metrics() -> None:
    rows = rows_of({3: 90})
    rng = np.random.default_rng(0)
    truth, probability, sites = rng.integers(2, size=90), rng.random(90), rng.integers(25, size=90)
    found = slices(labelled(rows, truth, sites.tolist()), probability, 0.5, settings(200))
    models = {"network": (probability, 0.5)}
    whole = table(replicates(truth, pd.Series(sites), models, settings(200))).set_index("metric")
    expected = whole.loc["accuracy", ["value", "low", "high"]].tolist()
    assert found.iloc[0][["accuracy", "low", "high"]].tolist() == pytest.approx(expected, abs=1e-12)
