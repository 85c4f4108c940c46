"""Networks compared, and sources left out in turn: what is queued, and the table."""

import json
from contextlib import chdir
from pathlib import Path

import pandas as pd
import pytest
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from stages.commands import compare
from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.network.architecture import names
from tests.clones import clone, dvc, needs_repository
from tests.helpers import run_stage


def settings(folder: Path, values: dict[str, object]) -> dict[str, dict[str, object]]:
    """params.yaml of `folder` as DVC changes it for an experiment with `values`."""
    lines = [key if key.startswith("~") else f"{key}={value}" for key, value in values.items()]
    apply_overrides(folder / "params.yaml", lines)
    return YAML(typ="safe").load(folder / "params.yaml")


@pytest.mark.parametrize("name", names())
def test_each_network_has_the_settings_that_it_takes(project: Path, name: str) -> None:
    mine = load_params().model
    found = settings(project, compare.architectures(mine)[name])["model"]
    assert found == (dict(mine) if name == mine.architecture else {"architecture": name})
    load_params()


@pytest.mark.parametrize("name", ["feed", "my feed, (new): a=b", "phish.example/list", "back\\slash"])
def test_each_source_is_elsewhere_once(project: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame({"source": ["zoo", name, "", name]})
    monkeypatch.setattr(compare, "read_table", lambda path: table)
    found = compare.sources()
    assert len(found) == 2
    given = [settings(project, values)["split"]["given"] for values in found.values()]
    assert sorted(given, key=str) == sorted([{"zoo": "elsewhere"}, {name: "elsewhere"}], key=str)


def test_one_source_cannot_be_left_out(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "read_table", lambda path: pd.DataFrame({"source": ["", "only"]}))
    with pytest.raises(StageError, match=r"names 1 source, and two are needed: a column `source`"):
        compare.sources()


@needs_repository
@pytest.mark.slow
def test_the_experiments_are_queued_with_their_settings(tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    clone(folder)
    arguments = ["architectures", "--seeds", "7", "-S", "split.per_class=50"]
    with chdir(folder):
        done = run_stage("commands.compare", folder, arguments=arguments)
    assert done.returncode == 0, done.stderr
    assert f"{len(names())} experiments are queued" in done.stdout
    shown = json.loads(dvc(folder, "exp", "show", "--json").stdout)
    queued = [one for rev in shown for each in rev["experiments"] or [] for one in each["revs"]]
    params = {one["name"]: one["data"]["params"]["params.yaml"]["data"] for one in queued}
    assert params.keys() == {f"architectures-{name}-7" for name in names()}
    assert params["architectures-symbol-7"]["model"] == {"architecture": "symbol"}
    assert {one["split"]["per_class"] for one in params.values()} == {50}

    done = run_stage("commands.compare", folder, arguments=["architectures", "--show"])
    assert done.returncode == 1
    assert "no experiment named architectures-... is finished: " in done.stderr


def test_the_table_has_mean_and_range_of_the_finished_ones(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def file_of(rev: str, path: Path) -> str:
        if path.name == "dvc.lock":
            out = {"path": "models/model.safetensors", "size": 2_500_000}
            return json.dumps({"stages": {"train": {"outs": [{"path": "reports/train"}, out]}}})
        scores = [(*place, 0.5 if rev == "a" else 0.75) for place in compare.FIGURES.values()]
        table = pd.DataFrame(scores, columns=["rows", "model", "metric", "value"])
        return "" if rev == "stopped" else table.to_csv(index=False)

    monkeypatch.setattr(compare, "file_of", file_of)
    commits = {"sources-1-feed-7": "a", "sources-1-feed-8": "b", "sources-2-x-7": "stopped", "architectures-cnn-7": "b"}
    compare.show("sources", commits)
    runs = pd.read_csv("reports/compare/sources.csv")
    assert runs[["name", "seed", "AUC", "elsewhere", "MB"]].to_numpy().tolist() == [
        ["1-feed", 7, 0.5, 0.5, 2.5],
        ["1-feed", 8, 0.75, 0.75, 2.5],
    ]
    cells = [list(column.cells) for column in compare.as_table("sources", runs).columns]
    assert cells == [["1-feed"], ["2"], *[["0.625\n0.500\n0.750"]] * 5, ["2.500"]]
    with pytest.raises(StageError, match="no experiment named networks-"):
        compare.show("networks", commits)
