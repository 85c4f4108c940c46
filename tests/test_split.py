from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import split
from stages.common.cli import StageError
from stages.payload.site import group_key
from tests.helpers import set_params


def rows(label: str, sizes: "np.ndarray | list[int]", host: str = "") -> list[tuple[str, str]]:
    """Payloads of as many hosts as there are `sizes`; some come twice."""
    name = host or label
    return [
        (label, f"https://{'www.' if i % 2 else ''}{name}{g}.example/{i - (i % 5 == 4)}")
        for g, size in enumerate(sizes)
        for i in range(size)
    ]


def write_valid(payloads: list[tuple[str, str]]) -> pd.DataFrame:
    """What the gate lets through, as far as split looks at it."""
    table = pd.DataFrame(payloads, columns=["label", "payload"], dtype="str")
    paths = pd.Series([f"{i:05}.png" for i in range(len(table))], dtype="str")
    place = {"shard": None, "offset": None, "bytes": 500}
    table = table.assign(path=paths, **place, decoded=True, version=3, mask=1, sha256=paths, error="")
    Path("data").mkdir(exist_ok=True)
    table.to_parquet("data/valid.parquet", index=False)
    return table


def skewed(seed: int) -> list[tuple[str, str]]:
    """300 benign rows of many hosts and 300 malicious ones of few, some hosts being in both classes."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum(rng.zipf(1.7, 400), 25)
    bad = sizes[: int(np.searchsorted(sizes.cumsum(), 280))]
    shared = [("malicious", f"https://both{i % 7}.example/m{i}") for i in range(300 - int(bad.sum()))]
    good = [*rows("benign", [1] * 200), *rows("benign", [2] * 40, "twice")]
    good += [("benign", f"https://both{i % 7}.example/b{i}") for i in range(20)]
    return [*good, *rows("malicious", bad), *shared]


def parts() -> pd.DataFrame:
    return pd.read_parquet("data/splits.parquet")


def assert_legal(tolerance: float = 0.05) -> None:
    table = parts()
    assert set(table["part"]) == {"train", "val", "test"}
    assert (table.groupby("payload")["part"].nunique() == 1).all()
    assert (table.groupby(table["payload"].map(group_key))["part"].nunique() == 1).all()
    malicious = (table["label"] == "malicious").groupby(table["part"].astype(str)).mean()
    assert (malicious - 0.5).abs().max() <= tolerance
    assert table["path"].is_unique


@pytest.mark.parametrize("seed", range(5))
def test_no_site_is_on_two_sides_and_every_part_is_near_half(project: Path, seed: int) -> None:
    set_params(project, {"split.seed": seed})
    table = write_valid(skewed(seed))
    split.main()
    assert_legal()
    assert len(parts()) == len(table)
    shares = parts()["part"].value_counts(normalize=True)
    assert shares["val"] == pytest.approx(0.15, abs=0.05)
    assert shares["test"] == pytest.approx(0.15, abs=0.05)


def test_other_shares_are_met(project: Path) -> None:
    set_params(project, {"split.val": 0.3, "split.test": 0.1})
    write_valid(skewed(1))
    split.main()
    shares = parts()["part"].value_counts(normalize=True)
    assert shares["val"] == pytest.approx(0.3, abs=0.05)
    assert shares["test"] == pytest.approx(0.1, abs=0.05)


def test_the_same_seed_is_the_same_split(project: Path) -> None:
    write_valid(skewed(0))
    results = []
    for seed in (7, 7, 8):
        set_params(project, {"split.seed": seed})
        split.main()
        results.append((project / "data/splits.parquet").read_bytes())
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_per_class_draws_equal_numbers(project: Path) -> None:
    set_params(project, {"split.per_class": 100})
    write_valid([*rows("benign", [1] * 300), *rows("malicious", [1] * 120)])
    split.main()
    assert parts()["label"].value_counts().to_dict() == {"benign": 100, "malicious": 100}
    assert_legal()


def test_per_class_beyond_the_smaller_class_is_an_error(project: Path) -> None:
    set_params(project, {"split.per_class": 121})
    write_valid([*rows("benign", [1] * 300), *rows("malicious", [1] * 120)])
    with pytest.raises(StageError, match=r"split\.per_class is 121, but the smaller class has 120"):
        split.main()
    assert not Path("data/splits.parquet").exists()


def test_a_site_with_most_of_a_class_goes_to_the_train_part(project: Path) -> None:
    write_valid([*rows("benign", [1] * 200), *rows("malicious", [120, *[1] * 80])])
    split.main()
    assert_legal()
    table = parts()
    largest = table["group"].value_counts().index[0]
    assert (table["group"] == largest).sum() == 120
    assert set(table["part"][table["group"] == largest]) == {"train"}


def test_a_site_too_large_for_any_part_is_refused_with_what_would_help(project: Path) -> None:
    write_valid([*rows("benign", [1] * 200), *rows("malicious", [190, *[1] * 10])])
    with pytest.raises(StageError, match=r"no fair split: .* fewer images of one dominating site"):
        split.main()


@pytest.mark.parametrize("per_class", [None, 10])
@pytest.mark.parametrize(
    "payloads",
    [
        pytest.param([*rows("benign", [1] * 100), *rows("malicious", [100])], id="one site is the class"),
        pytest.param(rows("benign", [1] * 100), id="one class"),
        pytest.param([*rows("benign", [1] * 2), *rows("malicious", [1] * 2)], id="too few"),
        pytest.param([], id="none"),
    ],
)
def test_what_cannot_be_dealt_is_refused(project: Path, payloads: list[tuple[str, str]], per_class: int | None) -> None:
    set_params(project, {"split.per_class": per_class})
    write_valid(payloads)
    with pytest.raises(StageError):
        split.main()
    assert not Path("data/splits.parquet").exists()


@pytest.mark.parametrize(("given", "refused"), [({"elsewhere": "elsewhere"}, True), ({"feed": "train"}, False)])
def test_a_leak_is_refused_unless_the_parts_were_given(
    project: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], refused: bool
) -> None:
    table = write_valid([*rows("benign", [4] * 20), *rows("malicious", [4] * 20)])
    table.assign(source="feed").to_parquet("data/valid.parquet", index=False)
    set_params(project, {"split.given": given})
    at_random = pd.Categorical.from_codes(np.arange(len(table)) % 3, ["train", "val", "test"])
    monkeypatch.setattr(split, "assign_parts", lambda table, settings: pd.Series(at_random, table.index))
    if refused:
        with pytest.raises(StageError, match="is in two parts"):
            split.main()
    else:
        split.main()


def test_without_the_gates_table_the_user_learns_what_to_run(project: Path) -> None:
    with pytest.raises(StageError, match="run `dvc repro`"):
        split.main()


def test_a_random_split_has_sites_on_both_sides_and_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_valid([*rows("benign", [10] * 20), *rows("malicious", [10] * 20)])
    set_params(project, {"split.by": "row"})
    split.main()
    table = parts()
    assert (table.groupby("group")["part"].nunique() > 1).mean() > 0.9
    assert table["part"].value_counts().to_dict() == {"train": 280, "val": 60, "test": 60}
    assert "too good" in capsys.readouterr().out


def test_a_split_that_is_given_stays_and_a_collection_can_be_kept_out(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_valid([*rows("benign", [2] * 60), *rows("malicious", [2] * 60)])
    source = np.tile(["train"] * 8 + ["val", "val", "test", "test"], 20)
    other = rows("benign", [1] * 10, "other") + rows("malicious", [1] * 3)  # those are on sites of train
    table = pd.concat([table.assign(source=source), write_valid(other).assign(source="phishtank")])
    table["path"] = [f"{name}/{i}.png" for i, name in enumerate(table["source"])]
    table.to_parquet("data/valid.parquet", index=False)
    names = {"train": "train", "val": "val", "test": "test"}
    set_params(project, {"split.given": names | {"phishtank": "elsewhere"}})
    split.main()
    part = parts().set_index("path")["part"]
    assert (part[table["path"][table["source"] != "phishtank"]].astype(str).to_numpy() == source).all()
    assert (part == "elsewhere").sum() == 10
    said = capsys.readouterr().out
    assert "elsewhere: 3 rows left out, whose payload or site train has" in said
    assert "elsewhere      10 benign       0 malicious" in said
