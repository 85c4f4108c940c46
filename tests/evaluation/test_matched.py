"""The matched subset: what it is matched by says nothing there, and nothing more is lost than must be."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from stages.dataset.parts import is_malicious
from stages.evaluation.matched import pairs
from stages.payload.features import payload_features


def rows_of(*kinds: tuple[str, str, int | None, int]) -> pd.DataFrame:
    """Rows of (label, start of the payload, version, how many)."""
    rows = [(label, f"{start}{i}.example/", version) for label, start, version, count in kinds for i in range(count)]
    return pd.DataFrame(rows, columns=["label", "payload", "version"])


def unlike(count: int, seed: int) -> pd.DataFrame:
    """Rows whose class can be guessed from scheme, `www.` and version, in mixed order, with an index of no order."""
    rng = np.random.default_rng(seed)
    bad = rng.random(count) < 0.4
    scheme = np.where(rng.random(count) < np.where(bad, 0.5, 0.9), "https://", "http://")
    www = np.where(rng.random(count) < np.where(bad, 0.1, 0.6), "www.", "")
    names = pd.Series(scheme) + www + pd.Series(range(count)).astype(str) + ".example/"
    version = rng.integers(2, 6, count) + bad
    table = pd.DataFrame({"label": np.where(bad, "malicious", "benign"), "payload": names, "version": version})
    return table.set_axis(rng.permutation(count) + 1000)


@pytest.mark.parametrize("seed", range(5))
def test_scheme_www_and_version_say_nothing(seed: int) -> None:
    rows = unlike(400, seed)
    matched = rows.iloc[pairs(rows, seed)]
    assert all(abs(auc - 0.5) > 0.1 for auc in aucs(rows))
    assert aucs(matched) == pytest.approx([0.5, 0.5, 0.5], abs=1e-12)
    together = [matched["payload"].str.split("://").str[0], matched["payload"].str.contains("www"), matched["version"]]
    assert (matched["label"].eq("malicious").groupby(together).mean() == 0.5).all()


def aucs(rows: pd.DataFrame) -> list[float]:
    """AUC of scheme, `www.` and version alone."""
    facts = payload_features(rows["payload"])[["https", "www"]].assign(version=rows["version"])
    return [roc_auc_score(is_malicious(rows), facts[name]) for name in facts]


def test_each_stratum_gives_what_its_smaller_class_has() -> None:
    rows = rows_of(
        ("benign", "https://a", 3, 5),
        ("malicious", "https://b", 3, 2),
        ("benign", "https://www.c", 3, 4),
        ("malicious", "http://www.d", 3, 4),
        ("malicious", "https://e", 4, 6),
        ("benign", "https://f", 4, 3),
        ("benign", "https://g", None, 1),
        ("malicious", "https://h", None, 2),
    )
    chosen = pairs(rows, 7)
    assert chosen.dtype == np.int64 and (np.diff(chosen) > 0).all()
    found = rows.iloc[chosen].assign(version=rows["version"].fillna(0)).groupby(["version", "label"]).size()
    assert found.to_dict() == {(v, label): n for v, n in ((3, 2), (4, 3), (0, 1)) for label in ("benign", "malicious")}
    assert not rows.iloc[chosen]["payload"].str.contains("www").any()


def test_the_seed_draws() -> None:
    rows = unlike(200, 0)
    assert pairs(rows, 1).tolist() == pairs(rows, 1).tolist()
    assert pairs(rows, 1).tolist() != pairs(rows, 2).tolist()


@pytest.mark.parametrize(
    "rows",
    [
        rows_of(),
        rows_of(("benign", "https://a", 3, 4)),
        rows_of(("benign", "https://a", 3, 4), ("malicious", "http://b", 3, 4)),
    ],
    ids=["no rows", "one class", "nothing alike"],
)
def test_where_nobody_has_a_partner_it_is_empty(rows: pd.DataFrame) -> None:
    assert pairs(rows, 7).tolist() == []
