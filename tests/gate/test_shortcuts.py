"""Shortcuts: planted ones are found, and what is none is left alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from stages.common.settings import Params, load_params
from stages.dataset.row import content_row
from stages.gate import shortcuts
from stages.gate.audit import with_sites
from stages.gate.shortcuts import CHECKS, stratified_auc
from tests.helpers import PARAMS, draw_qr, looked_at, urls

COUNT = 40  # rows a class
PAYLOADS = urls("benign", COUNT), urls("malicious", COUNT)


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(PARAMS)


def table_of(benign: list[str], malicious: list[str], **columns: Any) -> pd.DataFrame:
    """A scan table of readable codes that differ in nothing but their payloads and `columns`."""
    facts = {"bytes": 500, "width": 148, "height": 148, "channels": 1, "format": "PNG", "version": 3, "ec_level": "M"}
    facts |= {
        "mask": 1,
        "module_px": 4.0,
        "quiet_zone": 4.0,
        "brightness": 150.0,
        "decoded": True,
        "symbols": 1,
        "source": "",
    }
    rows = [content_row(path=f"{i}.png", payload=payload, **facts) for i, payload in enumerate([*benign, *malicious])]
    labels = ["benign"] * len(benign) + ["malicious"] * len(malicious)
    return with_sites(pd.DataFrame(rows).assign(label=labels, **columns))


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


def as_jpeg(path: Path, payload: str) -> None:
    Image.open(draw_qr(path, payload)).convert("L").save(path, "JPEG")


def dark_grey(path: Path, payload: str) -> None:
    Image.open(draw_qr(path, payload)).convert("L").point(lambda value: max(value, 40)).save(path)


# How the malicious ones are drawn, the benign ones being drawn as `draw_qr` does.
ARTEFACTS: dict[str, tuple[Callable[[Path, str], Any], str]] = {
    "none": (draw_qr, ""),
    "narrow margin": (lambda path, payload: draw_qr(path, payload, border=2), "width"),
    "JPEG": (as_jpeg, "format"),
    "grey": (dark_grey, "brightness"),
    "larger": (lambda path, payload: draw_qr(path, payload, scale=5), "module_px"),
    "other level": (lambda path, payload: draw_qr(path, payload, error="L", version=3), "ec_level"),
}


@pytest.mark.parametrize("name", ARTEFACTS)
def test_a_trace_of_how_the_pictures_were_made_is_found(name: str, tmp_path: Path, params: Params) -> None:
    draw, feature = ARTEFACTS[name]
    for label, make, payloads in zip(("benign", "malicious"), (draw_qr, draw), PAYLOADS, strict=True):
        for i, payload in enumerate(payloads):
            make(tmp_path / label / f"{i:02}.png", payload)
    found = shortcuts.picture_shortcut(with_sites(looked_at(tmp_path, params)), params)
    assert found.details is not None
    perfect = set(found.details["feature"][found.details["auc"] == 1])
    assert found.holds == (name == "none"), found.text
    assert feature in perfect or name == "none"


def test_longer_payloads_make_larger_symbols_and_no_picture_shortcut(tmp_path: Path, params: Params) -> None:
    rng = np.random.default_rng(3)
    for label, longest in (("benign", 60), ("malicious", 300)):
        for i, url in enumerate(urls(label, COUNT)):
            text = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), rng.integers(5, longest)))
            draw_qr(tmp_path / label / f"{i}.png", f"{url}#{text}")
    table = with_sites(looked_at(tmp_path, params))
    assert not shortcuts.payload_shortcut(table, params).holds  # length, version
    for check in (shortcuts.picture_shortcut, shortcuts.picture_features_together):
        assert check(table, params).holds, check(table, params).text


def test_a_rule_on_the_payload_is_found_and_warned_of(params: Params) -> None:
    benign, malicious = PAYLOADS
    planted = table_of([url.replace("https://", "https://www.") for url in benign], malicious)
    for check in (shortcuts.payload_shortcut, shortcuts.payload_features_together):
        assert check(table_of(benign, malicious), params).holds
        assert not check(planted, params).holds
    found = shortcuts.payload_shortcut(planted, params)
    assert found.details is not None
    assert {"www", "https_www"} <= set(found.details["feature"][found.details["auc"] == 1])
    assert next(check.level for check in CHECKS if check.name == "payload_shortcut") == "warn"


def test_weak_traces_are_found_together(params: Params) -> None:
    """Each of two features marks another half of the malicious rows: too little to be found by itself."""
    half, bad = np.arange(2 * COUNT) % 2, np.repeat([0, 1], COUNT)
    table = table_of(*PAYLOADS, width=148 + half * bad, height=148 + (1 - half) * bad)
    table = pd.concat([table] * 2, ignore_index=True)  # as many rows as the trees need
    assert shortcuts.picture_shortcut(table, params).holds
    found = shortcuts.picture_features_together(table, params)
    assert (found.holds, found.text) == (False, "all together: AUC 1.000 (1.000 to 1.000), at most 0.65")


@pytest.mark.parametrize("rows_a_site", [1, 4])
def test_the_interval_covers_the_truth(rows_a_site: int) -> None:
    shift, truth = 0.954, 0.75  # the area between two normal distributions so far apart
    table = table_of(*PAYLOADS)
    table = table.loc[table.index.repeat(rows_a_site)].reset_index(drop=True)
    data = shortcuts._Labelled(table)
    hits, width = 0, 0.0
    for seed in range(200):
        score = data.each(pd.DataFrame({"figure": np.repeat(normal(shift, seed), rows_a_site)})).iloc[0]
        hits += score["low"] <= truth <= score["high"]
        width += (score["high"] - score["low"]) / 200
    assert hits >= 0.92 * 200
    assert width < 0.25  # and is no empty phrase


def test_below_five_sites_a_class_nothing_is_said(params: Params) -> None:
    told = "brightness: AUC 1.000 (1.000 to 1.000), at most 0.65; compared within versions, for 100% of the codes"
    for sites, text in ((4, "too few sites to tell"), (5, told)):
        table = table_of(
            [f"https://b.example/{i}" for i in range(COUNT)] + urls("benign", sites - 1),
            urls("malicious", sites + 1),
            brightness=[100.0] * (COUNT + sites - 1) + [101.0] * (sites + 1),
        )
        assert shortcuts.picture_shortcut(table, params).text == text
        assert all(check.judge(table, params).holds for check in CHECKS) == (sites == 4)


def test_one_rule_that_tells_nearly_all_stands_above_weaker_ones(params: Params) -> None:
    """As in lists of real addresses: most benign ones have www in front, most malicious ones are longer."""
    benign = [url.replace("//", "//www.") if i < 90 else url for i, url in enumerate(urls("benign", 100))]
    malicious = [url.replace("//", "//www.") if i < 3 else url for i, url in enumerate(urls("malicious", 100))]
    malicious = [f"{url}?user={i:08}" if i % 2 else url for i, url in enumerate(malicious)]
    table = table_of(benign, malicious)
    found = shortcuts.payload_shortcut(table, params)
    assert found.details is not None
    auc = found.details.set_index("feature")["auc"]
    assert not found.holds
    assert auc["https_www"] == auc.max() == pytest.approx((1 + 0.90 - 0.03) / 2, abs=0.001)
    length = roc_auc_score([0] * 100 + [1] * 100, [len(url) for url in [*benign, *malicious]])
    assert auc["length"] == pytest.approx(length, abs=0.001)
    assert 0.6 < length < 0.9
    assert shortcuts.picture_shortcut(table, params).holds


def test_a_source_that_has_one_class_is_a_shortcut(params: Params) -> None:
    sources = ["tranco"] * COUNT + ["openphish"] * COUNT
    found = shortcuts.source_is_label(table_of(*PAYLOADS, source=sources), params)
    assert not found.holds
    assert found.text.startswith("source: AUC 1.000 (")
    assert found.details is not None
    assert found.details.to_numpy().tolist() == [["tranco", COUNT, 0], ["openphish", 0, COUNT]]


@pytest.mark.parametrize("sources", [[""] * 2 * COUNT, ["a", "b"] * COUNT, ["a"] * 2 * COUNT])
def test_sources_that_have_both_classes_alike_are_none(sources: list[str], params: Params) -> None:
    assert shortcuts.source_is_label(table_of(*PAYLOADS, source=sources), params).holds
