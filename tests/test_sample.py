from collections.abc import Callable
from contextlib import chdir
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
import segno
from sklearn.metrics import roc_auc_score

from stages import sample
from stages.payload.site import group_key
from tests.helpers import new_project, set_params


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table that the stage makes with the repository's settings."""
    folder = new_project(tmp_path_factory.mktemp("sample"))
    with chdir(folder):
        sample.main()
    return folder / "data/sample_urls.csv"


@pytest.fixture(scope="module")
def table(made: Path) -> pd.DataFrame:
    """The collection to learn from."""
    return all_rows(made).query("source == ''").reset_index(drop=True)


@pytest.fixture(scope="module")
def elsewhere(made: Path) -> pd.DataFrame:
    """The other collection."""
    return all_rows(made).query("source == 'elsewhere'")


def all_rows(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False)


def test_the_table_is_the_same_on_every_machine(made: Path) -> None:
    assert sha256(made.read_bytes()).hexdigest() == "42784e3630c46831afb36ab9a102da7a0c5509195259f6f5bfc05e0bc6ab8b63"


def test_another_seed_makes_another_table(made: Path, project: Path) -> None:
    set_params(project, {"sample.seed": 8})
    sample.main()
    assert (project / "data/sample_urls.csv").read_bytes() != made.read_bytes()


def test_the_classes_are_equal_and_no_url_comes_twice(table: pd.DataFrame, project: Path) -> None:
    assert table["label"].value_counts().to_dict() == {"benign": 1000, "malicious": 1000}
    assert table["url"].is_unique
    set_params(project, {"sample.per_class": 3, "sample.elsewhere_per_class": 0})
    sample.main()
    assert pd.read_csv("data/sample_urls.csv")["label"].value_counts().to_dict() == {"benign": 3, "malicious": 3}


def test_the_other_collection_is_smaller_and_knows_no_site_of_the_first(
    table: pd.DataFrame, elsewhere: pd.DataFrame
) -> None:
    assert elsewhere["label"].value_counts().to_dict() == {"benign": 150, "malicious": 150}
    malicious = [frame[frame["label"] == "malicious"]["url"] for frame in (table, elsewhere)]
    assert not set(malicious[0].map(group_key)) & set(malicious[1].map(group_key))


def test_habits_of_the_first_collection_point_the_other_way_in_the_second(elsewhere: pd.DataFrame) -> None:
    truth = elsewhere["label"] == "malicious"
    assert roc_auc_score(truth, -elsewhere["url"].map(FEATURES["www"])) < 0.5  # in the first, www. is benign
    assert roc_auc_score(truth, elsewhere["url"].str.len()) < 0.1  # and long is malicious


def test_the_labels_are_mixed(table: pd.DataFrame) -> None:
    assert 0.4 < (table["label"][:200] == "malicious").mean() < 0.6


def test_nobody_who_scans_a_code_lands_anywhere(made: Path) -> None:
    for url in all_rows(made)["url"]:
        parts = urlsplit(url)
        assert parts.scheme in ("http", "https")
        assert (parts.hostname or "").rpartition(".")[2] in ("example", "test", "invalid"), url
        assert (parts.username, parts.port) == (None, None)
        assert url.isascii()
        assert url.isprintable()


def host(url: str) -> str:
    return urlsplit(url).hostname or ""


FEATURES: dict[str, Callable[[str], float]] = {
    "length": len,
    "https": lambda url: url.startswith("https://"),
    "www": lambda url: "://www." in url,
    "https and www": lambda url: url.startswith("https://www."),
    "digits": lambda url: sum(c.isdigit() for c in url),
    "letters": lambda url: sum(c.isalpha() for c in url),
    "hyphens": lambda url: url.count("-"),
    "dots": lambda url: url.count("."),
    "slashes": lambda url: url.count("/"),
    "host length": lambda url: len(host(url)),
    "host digits": lambda url: sum(c.isdigit() for c in host(url)),
    "host hyphens": lambda url: host(url).count("-"),
    "host labels": lambda url: host(url).count("."),
    "top-level domain": lambda url: len(host(url).rpartition(".")[2]),
    "path length": lambda url: len(urlsplit(url).path),
    "path depth": lambda url: len([part for part in urlsplit(url).path.split("/") if part]),
    "query": lambda url: "?" in url,
    "trailing slash": lambda url: url.endswith("/"),
    "php": lambda url: ".php" in url,
    "html": lambda url: ".html" in url,
    "version": lambda url: int(segno.make_qr(url, error="M", boost_error=False, mask=0).version),
    "mask": lambda url: int(segno.make_qr(url, error="M", boost_error=False).mask),
}


@pytest.mark.parametrize("name", FEATURES)
def test_no_single_feature_gives_the_label_away(table: pd.DataFrame, name: str) -> None:
    rows = table[:500] if name == "mask" else table  # choosing a mask takes its time
    auc = roc_auc_score(rows["label"] == "malicious", np.array([FEATURES[name](url) for url in rows["url"]], float))
    assert max(auc, 1 - auc) <= 0.8


@pytest.mark.parametrize(
    ("name", "label", "published"),
    [  # means over 10,000 real URLs a class
        ("https", "benign", 0.97), ("https", "malicious", 0.57), ("www", "malicious", 0.13),
        ("query", "benign", 0.00), ("query", "malicious", 0.23), ("php", "malicious", 0.19),
        ("html", "benign", 0.11), ("html", "malicious", 0.13), ("trailing slash", "benign", 0.50),
        ("trailing slash", "malicious", 0.26),
    ],
)  # fmt: skip
def test_shares_are_near_the_published_ones(table: pd.DataFrame, name: str, label: str, published: float) -> None:
    share = table["url"][table["label"] == label].map(FEATURES[name]).mean()
    assert share == pytest.approx(published, abs=0.1)


@pytest.mark.parametrize(("label", "published"), [("benign", 0.95), ("malicious", 0.50)])
def test_malicious_urls_share_domains(table: pd.DataFrame, label: str, published: float) -> None:
    urls = table["url"][table["label"] == label]
    assert urls.map(group_key).nunique() / len(urls) == pytest.approx(published, abs=0.2)
