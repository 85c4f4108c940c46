"""AUC, its interval, and how features are scored."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from stages.gate.scores import auc_interval, labelled, score_each, score_together, stratified_auc
from tests.gate.helpers import table_of
from tests.helpers import urls

COUNT = 40  # rows a class
PAYLOADS = urls("benign", COUNT), urls("malicious", COUNT)


def normal(shift: float, seed: int = 0, count: int = COUNT) -> np.ndarray:
    """Figures of 2 x count rows, those of the malicious ones `shift` standard deviations higher."""
    return np.random.default_rng(seed).normal(size=2 * count) + np.repeat([0, shift], count)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("values", [3, 1000])
def test_in_one_stratum_it_is_the_area_under_the_roc_curve(seed: int, values: int) -> None:
    rng = np.random.default_rng(seed)
    score, truth = rng.integers(values, size=200), rng.random(200) < 0.3
    assert stratified_auc(pd.Series(score), truth) == pytest.approx(roc_auc_score(truth, score), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_in_several_strata_only_pairs_of_one_stratum_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score, truth, strata = rng.integers(6, size=90), rng.random(90) < 0.4, rng.integers(5, size=90)
    pairs = [(b, g) for b in np.flatnonzero(truth) for g in np.flatnonzero(~truth) if strata[b] == strata[g]]
    wins = sum((score[b] > score[g]) + (score[b] == score[g]) / 2 for b, g in pairs)
    index = rng.permutation(90)  # whatever the index is
    result = stratified_auc(pd.Series(score, index), truth, pd.Series(strata, index))
    assert result == pytest.approx(wins / len(pairs), abs=1e-12)


@pytest.mark.parametrize(
    ("score", "truth", "strata", "expected"),
    [
        ([1, 2, 1, 0, 5, 9], [1, 1, 0, 0, 1, 0], "aaaabb", 3.5 / 5),  # one tie and three wins, then one defeat
        ([1, 2, 3, 4], [0, 0, 1, 1], "aabb", 0.5),  # no pair
        ([], [], "", 0.5),
    ],
)
def test_ties_count_half_and_no_pair_is_chance(
    score: list[int], truth: list[int], strata: str, expected: float
) -> None:
    strata_ = pd.Series(list(strata), dtype=object)
    assert stratified_auc(pd.Series(score, dtype=float), np.array(truth, dtype=bool), strata_) == expected


@pytest.mark.parametrize("seeds", [range(200)])
def test_the_interval_covers_the_truth(seeds: range) -> None:
    shift, truth = 0.954, 0.75  # the area between two normal distributions so far apart
    malicious = np.repeat([False, True], COUNT)
    intervals = [
        auc_interval(stratified_auc(pd.Series(normal(shift, seed)), malicious), COUNT, COUNT) for seed in seeds
    ]
    assert np.mean([low <= truth <= high for _, low, high in intervals]) >= 0.92
    assert np.mean([high - low for _, low, high in intervals]) < 0.25  # and says something


def test_a_middle_value_that_gives_the_label_away_is_seen() -> None:
    data = labelled(table_of(*PAYLOADS))
    middle = np.where(data.truth, 5, np.where(np.arange(2 * COUNT) % 2, 1, 9))
    score = score_each(data, pd.DataFrame({"figure": middle}, index=data.rows.index)).iloc[0]
    assert (score["auc"], score["by"]) == (1, "range")


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_not_taken_for_a_feature(seed: int) -> None:
    data = labelled(table_of(*PAYLOADS))
    noise = pd.DataFrame({"figure": normal(0, seed)}, index=data.rows.index)
    assert score_each(data, noise).iloc[0]["low"] < 0.65


def test_columns_without_a_value_have_no_score() -> None:
    data = labelled(table_of(*PAYLOADS))
    nothing = pd.DataFrame({"a": [None] * 2 * COUNT, "b": [np.nan] * 2 * COUNT}, index=data.rows.index)
    assert score_each(data, nothing).empty
    assert score_together(data, nothing).empty
    some = nothing.assign(c=data.truth.astype(float))
    assert score_each(data, some)["feature"].tolist() == ["c"]
    assert score_together(data, some)["auc"].item() > 0.9
