"""Show the results of the ablation: a table and a picture of every setting with its spread, from `dvc exp show`.

    python -m stages.commands.ablation.show                    # the experiments queued from this commit
    python -m stages.commands.ablation.show --name real --rev HEAD~3

Writes reports/ablation/NAME.csv (one row for each run) and NAME.svg, and prints the effect of each fix: alone, and
beside the other six. A run has learned if the accuracy of the epoch it kept is above chance (p < 0.01).
"""

import json
import re
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from rich.box import SIMPLE
from rich.table import Column, Table

from stages.commands.ablation.fixes import BEFORE, name_of, variants
from stages.commands.experiments import file_of, finished
from stages.common.artefacts import TRAIN_FIGURES
from stages.common.cli import StageError, command_parser, run, stdout
from stages.common.files import replacing
from stages.diagnosis.evidence import CHANCE_LOSS, p_value

FOLDER = Path("reports/ablation")
FIGURES = ["initial_loss", "epoch", "val_loss", "val_accuracy", "val_auc", "best_val_accuracy"]


def main() -> None:
    """Collect, show and write."""
    parser = command_parser("commands.ablation.show", __doc__)
    parser.add_argument("--name", default="sample", help="prefix of the experiments' names (default: sample)")
    parser.add_argument("--rev", default="HEAD", help="the commit they were queued from (default: HEAD)")
    asked = parser.parse_args()
    runs = collect(asked.name, experiments(asked.rev))
    if runs.empty:
        raise StageError(
            f"no finished experiment of {asked.rev} is named {asked.name}-...: `make ablation` queues them, "
            "`dvc queue status` shows their progress, --rev names the commit they were queued from"
        )
    with replacing(FOLDER / f"{asked.name}.csv") as temporary:
        runs.round(6).to_csv(temporary, index=False)
    draw(runs, FOLDER / f"{asked.name}.svg")
    stdout.print(by_variant(runs))
    stdout.print(by_fix(runs))


def experiments(rev: str) -> pd.DataFrame:
    """The finished experiments of commit `rev`, one row each: column Experiment, its name, and reports/train.json."""
    found = [
        {"Experiment": name} | json.loads(file_of(at, TRAIN_FIGURES) or "{}") for name, at in finished(rev).items()
    ]
    return pd.DataFrame(found, columns=None if found else ["Experiment"])


def collect(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The finished runs of ablation `name`: columns variant, seed, FIGURES and learned, in the variants' order."""
    names = list(variants(BEFORE))
    parts = table["Experiment"].astype(str).str.extract(rf"^{name}-(?P<variant>{'|'.join(names)})-(?P<seed>-?\d+)$")
    figures = table.reindex(columns=[*FIGURES, "val_images", "val_majority"]).apply(pd.to_numeric, errors="coerce")
    runs = parts.join(figures).dropna(subset=["variant", "val_loss"])
    p = [p_value(*row) for row in runs[["val_accuracy", "val_images", "val_majority"]].itertuples(index=False)]
    runs = runs.assign(learned=[value < 0.01 for value in p], variant=pd.Categorical(runs["variant"], names))
    return runs.sort_values(["variant", "seed"]).drop(columns=["val_images", "val_majority"])


def by_variant(runs: pd.DataFrame) -> Table:
    """Mean and range over the seeds, for each setting."""
    title = "Epoch with the lowest validation loss: mean and range over the seeds"
    table = Table(Column("settings", no_wrap=True), "learned", "first loss", "val loss", "val accuracy",
                  title=title, box=SIMPLE, padding=(0, 1, 0, 0))  # fmt: skip
    for variant, own in runs.groupby("variant", observed=True):
        figures = [own["val_loss"], own["val_accuracy"]]
        spread = [f"{one.mean():.3f} {short(one.min())}-{short(one.max())}" for one in figures]
        start = f"{own['initial_loss'].min():.3g}-{own['initial_loss'].max():.3g}"
        table.add_row(spoken(str(variant)), f"{own['learned'].sum()} of {len(own)}", start, *spread)
    return table


def by_fix(runs: pd.DataFrame) -> Table:
    """Each fix's effect, per seed: added to the old settings, and to the other six fixes."""
    title = "Effect of each fix per seed: mean and range"
    table = Table(Column("fix", no_wrap=True), "added to", "val loss", "val accuracy",
                  title=title, box=SIMPLE, padding=(0, 1, 0, 0))  # fmt: skip
    by_seed = runs.set_index(["variant", "seed"])
    for key in BEFORE:
        pairs = {"old": (f"old-with-{name_of(key)}", "old"), "others": ("fixed", f"fixed-without-{name_of(key)}")}
        for base, (with_fix, without) in pairs.items():
            cells = []
            for figure in ("val_loss", "val_accuracy"):
                change = pd.Series(dtype=float)
                if {with_fix, without} <= set(runs["variant"]):
                    change = (by_seed.loc[with_fix, figure] - by_seed.loc[without, figure]).dropna()
                mean, low, high = change.mean(), change.min(), change.max()
                cells.append(f"{mean:+.3f} ({short(low, '+')} to {short(high, '+')})" if len(change) else "")
            table.add_row(spoken(name_of(key)), base, *cells)
    return table


def short(value: float, sign: str = "") -> str:
    """`value` with two decimals and, so that tables fit a terminal, no 0 before the point."""
    return re.sub(r"^([+-]?)0\.", r"\1.", f"{value:{sign}.2f}")


def spoken(name: str) -> str:
    """A variant or a setting as a reader likes it: ``old-with-weight_decay`` -> ``old + weight decay``."""
    return name.replace("-with-", " + ").replace("-without-", " - ").replace("_", " ")


def draw(runs: pd.DataFrame, path: Path) -> None:
    """Draw a dot for each run and a line at each setting's mean: lowest validation loss, and accuracy in that epoch."""
    names = [name for name in runs["variant"].cat.categories if name in set(runs["variant"])]
    figure = Figure(figsize=(9, 1.2 + 0.32 * len(names)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    looks = (
        ("val_loss", "lowest validation loss", CHANCE_LOSS),
        ("val_accuracy", "validation accuracy in that epoch", 0.5),
    )
    for axes, (name, title, guess) in zip(panels, looks, strict=True):
        axes.axvline(guess, color="0.4", linestyle="--", linewidth=1)
        axes.annotate("chance", (guess, -0.7), ha="center", color="0.4", annotation_clip=False)
        for place, variant in enumerate(names):
            own = runs[runs["variant"] == variant]
            for learned, mark in ((True, "o"), (False, "x")):
                values = own.loc[own["learned"] == learned, name]
                axes.plot(values, [place] * len(values), mark, color="#0060a0" if learned else "#a33b00", markersize=6)
            axes.plot([own[name].mean()] * 2, [place - 0.3, place + 0.3], color="black", linewidth=1.5)
        axes.set_xlabel(title)
        axes.grid(axis="x", color="0.9")
        axes.set_axisbelow(True)
    panels[0].set_yticks(range(len(names)), [spoken(name) for name in names])
    panels[0].invert_yaxis()
    panels[1].plot([], [], "o", color="#0060a0", label="learned")
    panels[1].plot([], [], "x", color="#a33b00", label="no better than chance")
    figure.legend(loc="outside lower right", ncols=2, fontsize="small")
    with replacing(path) as temporary, mpl.rc_context({"svg.hashsalt": "qr-gate"}):
        figure.savefig(temporary, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    run(main)
