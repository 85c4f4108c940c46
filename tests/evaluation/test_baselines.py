from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest
import segno
from sklearn.metrics import roc_auc_score

from stages.dataset.parts import is_malicious
from stages.evaluation import baselines, rules
from stages.evaluation.baselines import BASELINES

EQUAL = [f"https://{name}.example/{page}" for name in ("alpha", "bravo", "gamma", "delta") for page in "abcdefgh"]


def table(benign: Iterable[str], malicious: Iterable[str], **columns: object) -> pd.DataFrame:
    """Rows with these payloads, whose pictures and symbols say nothing but what `columns` and the modules say."""
    payloads = {"benign": list(benign), "malicious": list(malicious)}
    rows = pd.DataFrame(
        [(label, text) for label, texts in payloads.items() for text in texts], columns=["label", "payload"]
    )
    symbols = [segno.make_qr(text, error="M", boost_error=False, mask=0) for text in rows["payload"]]
    facts = {
        "path": [f"{i}.png" for i in rows.index],
        "version": [int(symbol.version) for symbol in symbols],
        "mask": 0,
        "grid": [np.array(symbol.matrix, dtype=bool) for symbol in symbols],
        "bytes": 400,
        "width": 290,
        "height": 290,
        "channels": 1,
        "brightness": 128.0,
        "module_px": 10.0,
        "quiet_zone": 4.0,
        "format": "PNG",
        "ec_level": "M",
    }
    return rows.assign(**facts | columns)


def alike() -> pd.DataFrame:
    """Both classes with the same payloads and pictures."""
    return table(EQUAL, EQUAL)


def telling(pages: str = "") -> pd.DataFrame:
    """Malicious payloads that have "login" where the benign ones have "about"; with other `pages`, other URLs."""
    return table([url + pages + "about" for url in EQUAL], [url + pages + "login" for url in EQUAL])


def auc(name: str, train: pd.DataFrame, rows: pd.DataFrame) -> float:
    return float(roc_auc_score(is_malicious(rows), BASELINES[name](train, rows)))


def test_the_baselines_are_in_the_order_of_what_they_look_at() -> None:
    assert list(BASELINES) == [
        "majority",
        "best_rule",
        "picture_features",
        "payload_features",
        "module_grid",
        "payload_characters",
    ]


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_gives_probabilities_and_the_same_ones_again(name: str) -> None:
    train, rows = telling(), telling().iloc[::-3]
    rows.loc[rows.index[0], ["format", "ec_level", "module_px", "mask"]] = None
    rows.loc[rows.index[1], "format"] = "a format that the train part lacks"
    rows.at[rows.index[2], "grid"] = None
    before = train.copy()
    first, second = BASELINES[name](train, rows), BASELINES[name](train, rows)
    assert first.dtype == np.float64
    assert first.shape == (len(rows),)
    assert (first >= 0).all()
    assert (first <= 1).all()
    assert np.array_equal(first, second)
    pd.testing.assert_frame_equal(train, before)


@pytest.mark.parametrize("name", BASELINES)
def test_a_row_is_judged_alone_and_without_its_label(name: str) -> None:
    train, rows = telling(), telling().iloc[::3]
    other = {"benign": "malicious", "malicious": "benign"}
    together = BASELINES[name](train, rows.assign(label=rows["label"].map(other)))
    assert np.allclose(together[[1]], BASELINES[name](train, rows.iloc[[1]]))


@pytest.mark.parametrize("name", BASELINES)
def test_where_the_classes_are_alike_nothing_scores(name: str) -> None:
    assert auc(name, alike(), alike()) == pytest.approx(0.5)


def test_the_majority_is_the_share_of_the_train_part() -> None:
    train = table(EQUAL[:6], EQUAL[:2])
    assert BASELINES["majority"](train, alike()).tolist() == [0.25] * len(alike())


@pytest.mark.parametrize("longer", [True, False])
def test_the_best_rule_gives_the_share_of_malicious_rows_at_its_value(longer: bool) -> None:
    short, long = [f"https://{c}.example/" for c in "abcd"], [f"https://{c}.example/{'x' * 9}" for c in "abcd"]
    mostly_benign, mostly_malicious = (short, long) if longer else (long, short)
    train = table(mostly_benign[:4] + mostly_malicious[:1], mostly_benign[:1] + mostly_malicious[:4])
    rows = table(["https://n.example/", "https://n.example/" + "x" * 9, "h", "https://n.example/" + "x" * 40], [])
    assert rules.best(train).feature == "length"
    expected = [0.2, 0.8, 0.2, 0.8] if longer else [0.8, 0.2, 0.8, 0.2]  # beyond the train part: as at its ends
    assert BASELINES["best_rule"](train, rows) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("column", "benign", "malicious_"),
    [("bytes", 400, 500), ("quiet_zone", 4.0, np.nan), ("format", "PNG", "JPEG"), ("ec_level", "M", None)],
)
def test_only_the_picture_features_see_how_the_picture_was_made(
    column: str, benign: object, malicious_: object
) -> None:
    rows = alike()
    values = [malicious_ if label == "malicious" else benign for label in rows["label"]]
    rows = rows.assign(**{column: values})
    assert auc("picture_features", rows, rows) == 1.0
    assert all(auc(name, rows, rows) == pytest.approx(0.5) for name in BASELINES if name != "picture_features")


def test_the_payload_features_see_the_top_level_domain_and_the_mask() -> None:
    swapped = [url.replace(".example", ".invalid") for url in EQUAL]
    rows = table(EQUAL, swapped)
    assert auc("payload_features", rows, rows) == 1.0
    masked = alike().assign(mask=is_malicious(alike()))
    assert auc("payload_features", masked, masked) == 1.0


def test_more_top_level_domains_than_the_trees_can_hold() -> None:
    rare = [
        f"https://alpha.{first}{second}{third}/" for first in "abcdefg" for second in "hijklmn" for third in "opqrst"
    ]
    rows = table([*rare, *(["https://alpha.one/"] * 300)], [*rare, *(["https://alpha.two/"] * 300)])
    assert auc("payload_features", rows, rows) > 0.7


def test_characters_and_modules_see_a_word_that_no_feature_counts() -> None:
    train, test = telling("old"), telling("new")
    assert auc("payload_features", train, test) == pytest.approx(0.5)
    assert auc("payload_characters", train, test) == 1.0
    assert auc("module_grid", train, test) == 1.0


def test_capitals_count() -> None:
    rows = table([url + "about" for url in EQUAL], [url + "ABOUT" for url in EQUAL])
    assert auc("payload_characters", rows, rows) == 1.0


def test_grids_larger_than_those_of_the_train_part_are_cut() -> None:
    train, rows = telling(), telling()
    rows["grid"] = [np.pad(grid, ((0, 12), (0, 12))) for grid in rows["grid"]]
    assert np.array_equal(BASELINES["module_grid"](train, rows), BASELINES["module_grid"](train, telling()))


def test_no_grid_at_all_is_a_guess() -> None:
    rows = telling().assign(grid=None)
    assert BASELINES["module_grid"](rows, rows) == pytest.approx(0.5)


def test_large_tables_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = telling()
    whole = BASELINES["module_grid"](rows, rows)
    monkeypatch.setattr(baselines, "BATCH", 7)
    assert np.array_equal(BASELINES["module_grid"](rows, rows), whole)
    monkeypatch.setattr(baselines, "MOST_GRIDS", 50)
    fewer = BASELINES["module_grid"](rows, rows)
    assert np.array_equal(BASELINES["module_grid"](rows, rows), fewer)
    assert roc_auc_score(is_malicious(rows), fewer) == 1.0
