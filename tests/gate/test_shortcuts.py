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
from stages.gate import shortcuts
from stages.gate.audit import prepared
from stages.gate.shortcuts import CHECKS
from tests.gate.helpers import table_of
from tests.helpers import PARAMS, draw_qr, looked_at, urls

COUNT = 40  # rows a class
PAYLOADS = urls("benign", COUNT), urls("malicious", COUNT)


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(PARAMS)


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
    found = shortcuts.picture_shortcut(prepared(looked_at(tmp_path, params), params), params)
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
    table = prepared(looked_at(tmp_path, params), params)
    assert not shortcuts.payload_shortcut(table, params).holds  # length, version
    assert shortcuts.picture_across_versions(table, params).holds
    for check in (shortcuts.picture_shortcut, shortcuts.picture_features_together):
        assert check(table, params).holds is not False, check(table, params).text


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
    assert (found.holds, found.text) == (
        False,
        "all together: AUC 1.000 (1.000 to 1.000), at most 0.65; compared within versions, for 100% of the codes",
    )


def test_below_five_sites_a_class_nothing_is_judged(params: Params) -> None:
    told = "brightness: AUC 1.000 (1.000 to 1.000), at most 0.65; compared within versions, for 100% of the codes"
    for sites, text in ((4, "too few sites"), (5, told)):
        table = table_of(
            [f"https://b.example/{i}" for i in range(COUNT)] + urls("benign", sites - 1),
            urls("malicious", sites + 1),
            brightness=[100.0] * (COUNT + sites - 1) + [101.0] * (sites + 1),
        )
        found = shortcuts.picture_shortcut(table, params)
        assert (found.text, found.holds) == (text, None if sites == 4 else False)


def test_features_that_nobody_measured_are_left_out(params: Params) -> None:
    """As where pyzbar alone reads the codes: no version, no module size, no margin."""
    columns = ("version", "mask", "module_px", "quiet_zone", "ec_level")
    unknown: dict[str, Any] = dict.fromkeys(columns, [None] * 2 * COUNT)
    table = table_of(*PAYLOADS, brightness=[100.0] * COUNT + [101.0] * COUNT, **unknown)
    for check in CHECKS:
        assert isinstance(check.judge(table, params).text, str)
    assert not shortcuts.versions_overlap(table, params).holds
    found = shortcuts.picture_shortcut(table, params)
    assert found.details is not None
    assert not {"version", "module_px", "quiet_zone"} & set(found.details["feature"])
    assert not found.holds  # by the brightness


def test_where_no_version_is_in_both_classes_nothing_is_judged_within_versions(params: Params) -> None:
    table = table_of(*PAYLOADS, version=[2] * COUNT + [5] * COUNT)
    overlap = shortcuts.versions_overlap(table, params)
    assert (overlap.holds, overlap.text) == (
        False,
        "the other class has codes of the same version for 0% of benign, 0% of malicious",
    )
    for check in (shortcuts.picture_shortcut, shortcuts.picture_features_together):
        found = check(table.assign(brightness=np.arange(2.0 * COUNT)), params)
        assert found.holds is None, found.text
    assert found.text.endswith("for 0% of the codes")


@pytest.mark.parametrize(
    ("columns", "feature"),
    [
        ({"module_px": 4.0, "width": [116] * COUNT + [164] * COUNT}, None),  # same scale: larger symbols
        ({"module_px": [4.0] * COUNT + [2.5] * COUNT, "width": 148}, None),  # same size: smaller modules
        ({"module_px": [4.0] * COUNT + [8.0] * COUNT, "width": [116] * COUNT + [328] * COUNT}, "scale"),
        ({"quiet_zone": [4.0] * COUNT + [2.0] * COUNT}, "margin"),
        ({"quiet_zone": [4.0] * COUNT + [2.0] * COUNT, "module_px": [4.0] * COUNT + [8.0] * COUNT}, None),
        ({"format": ["PNG"] * COUNT + ["JPEG"] * COUNT}, "format"),
    ],
)
def test_what_does_not_follow_from_the_version_is_compared_across_versions(
    columns: dict[str, Any], feature: str | None, params: Params
) -> None:
    table = table_of(*PAYLOADS, **{"version": [2] * COUNT + [5] * COUNT} | columns)
    found = shortcuts.picture_across_versions(table, params)
    names = {"scale": ("module_px", "side"), "margin": ("quiet_zone", "margin_px"), "format": ("format",)}
    assert found.holds is (feature is None), found.text
    assert feature is None or found.text.split(" ")[0].rstrip(":") in names[feature]


def test_one_version_against_all_others_is_seen(params: Params) -> None:
    """No order of the versions predicts the label, the middle one does."""
    rng = np.random.default_rng(0)
    benign, malicious = rng.choice([3, 4, 8, 9], 4 * COUNT), rng.choice([6, 6, 6, 9], 4 * COUNT)
    table = table_of(urls("benign", 4 * COUNT), urls("malicious", 4 * COUNT), version=[*benign, *malicious])
    found = shortcuts.payload_shortcut(table, params)
    assert not found.holds
    assert found.text.startswith("version by range: AUC 0.954")


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
