"""Compare networks, or leave each source of the data out in turn, by DVC experiments of the pipeline up to `evaluate`.

    python -m stages.commands.compare architectures     # every one in stages/network/architectures, with 3 seeds
    python -m stages.commands.compare sources           # learn from the others; the one left out is elsewhere
    dvc queue start                                     # runs them in the background, each in a folder of its own
    python -m stages.commands.compare sources --show    # a table of those that are finished

Sources are those of data/valid.parquet: run `dvc repro validate` first. An experiment that the gate stops has
no row; `dvc queue logs NAME` says why.
"""

import re
from argparse import ArgumentParser
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from rich.box import SIMPLE
from rich.table import Column, Table
from ruamel.yaml import YAML

from stages.commands.experiments import add_settings, file_of, finished, queue, settings_of
from stages.common.artefacts import EVALUATION, MODEL, VALID, read_table
from stages.common.cli import StageError, command_parser, run, stdout
from stages.common.files import replacing
from stages.common.settings import Model, load_params
from stages.network.architecture import names

FOLDER = Path("reports/compare")
FIGURES = {  # a column of the table: rows, model and metric of reports/evaluate/metrics.csv
    "accuracy": ("test", "network", "accuracy"),
    "AUC": ("test", "network", "auc"),
    "matched": ("matched", "network", "auc"),
    "elsewhere": ("elsewhere", "network", "auc"),
    "characters elsewhere": ("elsewhere", "payload_characters", "auc"),
}


def main() -> None:
    """Queue the experiments, or show those that are finished."""
    asked = arguments().parse_args()
    if asked.show:
        show(asked.what, finished(asked.rev))
        return
    params = load_params()
    found = architectures(params.model) if asked.what == "architectures" else sources()
    for name, values in found.items():
        for seed in asked.seeds:
            queue(f"{asked.what}-{name}-{seed}", values | {"train.seed": seed} | settings_of(asked.set), "evaluate")
    stdout.print(f"{len(found) * len(asked.seeds)} experiments are queued; `dvc queue start` runs them")


def arguments() -> ArgumentParser:
    """What the command takes."""
    parser = command_parser("commands.compare", __doc__)
    parser.add_argument("what", choices=["architectures", "sources"])
    parser.add_argument("--show", action="store_true", help="the table of the finished ones, also as a file")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9], help="of the training (default: 7 8 9)")
    parser.add_argument("--rev", default="HEAD", help="with --show: the commit they were queued from (default: HEAD)")
    add_settings(parser)
    return parser


def architectures(model: Model) -> dict[str, dict[str, Any]]:
    """The settings of an experiment for each network: its defaults; those of params.yaml for the one named there."""
    own = {f"~model.{key}": None for key in model.model_extra or {}}
    return {name: {"model.architecture": name} | (own if name != model.architecture else {}) for name in names()}


def sources() -> dict[str, dict[str, Any]]:
    """The settings of an experiment for each source of the data, by its number and the letters of its name.

    Raises StageError if there are fewer than two.
    """
    table = read_table(VALID)
    found = sorted(set(table["source"].dropna()) - {""}) if "source" in table else []
    if len(found) < 2:
        raise StageError(
            f"{VALID} names {len(found)} source{'s' * (len(found) != 1)}, and two are needed: a column `source` in the "
            "table of URLs or in labels.csv, or a folder above those of the classes"
        )
    return {
        f"{number}-{plain(name)}": {"~split.given": None, "+split.given": f"{{{escaped(name)}: elsewhere}}"}
        for number, name in enumerate(found, 1)
    }


def plain(name: str) -> str:
    """`name` as part of the name of an experiment, which is a name for git: letters and digits."""
    return re.sub("[^A-Za-z0-9]+", "-", name).strip("-")


def escaped(name: str) -> str:
    """`name` as a key of a dictionary in Hydra's grammar."""
    return re.sub(r"([\\()\[\]{}:=, \t])", r"\\\1", name)


def show(what: str, commits: dict[str, str]) -> None:
    """Print and write what the experiments found, whose `commits` are given by name.

    Raises StageError if none of them is of the comparison `what`.
    """
    runs = pd.DataFrame([row for name, rev in sorted(commits.items()) if (row := figures(what, name, rev))])
    if runs.empty:
        raise StageError(
            f"no experiment named {what}-... is finished: `python -m stages.commands.compare {what}` queues them, "
            "`dvc queue status` shows their progress, --rev names the commit they were queued from"
        )
    path = FOLDER / f"{what}.csv"
    with replacing(path) as temporary:
        runs.round(6).to_csv(temporary, index=False)
    stdout.print(as_table(what, runs))
    stdout.print(f"one row for each experiment: {path}")


def figures(what: str, name: str, rev: str) -> dict[str, Any]:
    """A row of the comparison `what`: name, seed, FIGURES and the model's size in MB; {} if the experiment has none."""
    parts = re.fullmatch(rf"{what}-(.+?)-(-?\d+)", name)
    text = file_of(rev, EVALUATION / "metrics.csv")
    if not (parts and text):
        return {}
    scores = pd.read_csv(StringIO(text)).set_index(["rows", "model", "metric"])["value"]
    outs = YAML(typ="safe").load(file_of(rev, Path("dvc.lock")))["stages"]["train"]["outs"]
    size = next(out["size"] for out in outs if out["path"] == MODEL.as_posix())
    found = {title: scores.get(place, float("nan")) for title, place in FIGURES.items()}
    return {"name": parts[1], "seed": int(parts[2])} | found | {"MB": size / 1e6}


def as_table(what: str, runs: pd.DataFrame) -> Table:
    """Mean, lowest and highest over the seeds, for each of the things compared; 80 columns wide."""
    titles = [*FIGURES, "MB"]
    head = "left out" if what == "sources" else "network"
    title = "Mean, lowest and highest over the seeds"
    first = Column(head, overflow="fold")  # a name is shown whole
    table = Table(first, "runs", *titles, title=title, box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for name, own in runs.groupby("name"):
        table.add_row(str(name), str(len(own)), *(spread(own[title]) for title in titles))
    return table


def spread(values: pd.Series) -> str:
    """Mean, and below it the lowest and the highest if they differ; "" if nothing was measured."""
    if values.isna().all():
        return ""
    mean, low, high = (f"{value:.3f}" for value in (values.mean(), values.min(), values.max()))
    return mean if low == high else f"{mean}\n{low}\n{high}"


if __name__ == "__main__":
    run(main)
