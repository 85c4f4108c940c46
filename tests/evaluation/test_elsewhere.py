"""A collection that nothing was learned from: planted cases, from pictures to the figures of evaluate."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from stages import evaluate, scan, split
from stages.common.artefacts import EVALUATION, MODEL, SCAN, SPLITS, TEST_FIGURES, VALID
from stages.evaluation.elsewhere import LEAST_SITES, describe
from tests.helpers import draw_qr, set_params, write_model

Url = Callable[[int], str]


def longer(number: int) -> str:
    return f"https://b{number}.example/{'account/' * 6}"


def short(number: int) -> str:
    return f"https://a{number}.example/"


def collect(folder: Path, benign: Url, malicious: Url, numbers: range) -> None:
    """Draw a URL of either class for each number."""
    for number in numbers:
        draw_qr(folder / f"benign/{number:03}.png", benign(number), scale=2)
        draw_qr(folder / f"malicious/{number:03}.png", malicious(number), scale=2)


@pytest.fixture
def evaluated(project: Path) -> Callable[[Url, Url, range], pd.DataFrame]:
    """Score a network that learned nothing, and the baselines, on codes drawn so: the metrics by rows and model."""

    def run(benign: Url, malicious: Url, numbers: range) -> pd.DataFrame:
        collect(project / "data/images", short, longer, range(60))
        collect(project / "data/images/there", benign, malicious, numbers)
        given = {"there": "elsewhere"} if numbers else {}
        set_params(project, {"split.given": given, "split.val": 0.3, "split.test": 0.35, "evaluate.samples": 200})
        scan.main()
        shutil.copy(SCAN, VALID)
        split.main()
        write_model(MODEL)
        evaluate.main()
        return pd.read_csv(EVALUATION / "metrics.csv").set_index(["rows", "model", "metric"])

    return run


def described() -> dict:
    return json.loads((EVALUATION / "summary.json").read_text())["elsewhere"]


def test_the_same_distribution_gives_no_drop_beyond_the_interval(evaluated: Callable) -> None:
    found = evaluated(short, longer, range(100, 130))
    assert found["value"]["elsewhere", "best_rule", "auc"] == 1.0
    drops = pd.read_csv(EVALUATION / "drops.csv").set_index(["model", "metric"])
    assert drops["drop"]["best_rule", "auc"] == 0
    low, high = drops.loc[("network", "auc"), ["low", "high"]]
    assert low <= 0 <= high
    assert described() == {"named": 60, "left_out": 0, "images": 60, "unjudged": 0, "sites": 60, "problem": ""}
    network = found["value"]["elsewhere", "network", "auc"]
    assert json.loads(TEST_FIGURES.read_text())["auc_elsewhere"] == pytest.approx(network, abs=0.51e-4)
    parts = pd.read_parquet(SPLITS)
    assert not parts.loc[parts["part"] != "elsewhere", "path"].str.startswith("there/").any()


def test_a_shortcut_turned_round_is_below_chance_and_named(evaluated: Callable) -> None:
    found = evaluated(longer, short, range(100, 130))
    assert found["value"]["test", "best_rule", "auc"] == 1.0
    assert found["value"]["elsewhere", "best_rule", "auc"] == 0.0
    drops = pd.read_csv(EVALUATION / "drops.csv").set_index(["model", "metric"])
    assert drops.loc[("best_rule", "auc"), ["drop", "low"]].tolist() == [1.0, 1.0]


def test_what_moved_is_named(evaluated: Callable) -> None:
    evaluated(lambda n: f"http://c{n}.example/", lambda n: f"http://d{n}.example/{'account/' * 6}", range(100, 130))
    drift = pd.read_csv(EVALUATION / "drift.csv")
    assert drift[drift["rows"] == "elsewhere"]["feature"].iloc[0] == "https"
    assert (drift[drift["rows"] == "test"]["feature"] == "https").any()


def test_codes_that_train_knows_are_left_out_and_counted(evaluated: Callable) -> None:
    evaluated(short, longer, range(40, 40 + 2 * LEAST_SITES + 10))
    train = pd.read_parquet(SPLITS).query("part == 'train'")
    own = {url(number) for url in (short, longer) for number in range(40, 60)}
    known = len(own & set(train["payload"]))
    assert known > 0
    assert described()["left_out"] == known
    assert described()["images"] + known == described()["named"] == 4 * LEAST_SITES + 20


def test_codes_that_the_network_cannot_judge_are_not_taken_for_known() -> None:
    paths = [f"there/{number}.png" for number in range(100)]
    rows = pd.DataFrame({"path": paths, "part": "elsewhere", "group": paths, "label": ["benign", "malicious"] * 50})
    new, given = rows.iloc[:90], {"there": "elsewhere"}
    found = describe(new, new.iloc[:60], rows, given)
    assert found == {"named": 100, "left_out": 10, "images": 60, "unjudged": 30, "sites": 60, "problem": ""}
    assert describe(new, new.iloc[:0], rows, given)["problem"] == (
        "the network can judge none of the 90 codes from elsewhere"
    )


@pytest.mark.parametrize(
    ("numbers", "problem"),
    [(range(100, 105), "5 sites, too few to tell"), (range(0), "no collection from elsewhere was named")],
)
def test_what_cannot_be_told_is_said_and_gets_no_figure(
    evaluated: Callable, capsys: pytest.CaptureFixture[str], numbers: range, problem: str
) -> None:
    found = evaluated(short, longer, numbers)
    assert problem in described()["problem"]
    assert "elsewhere" not in found.index.get_level_values("rows")
    assert "auc_elsewhere" not in json.loads(TEST_FIGURES.read_text())
    assert problem in capsys.readouterr().out
