"""The charts of the page, each a self-contained SVG as a data URI: the same figures make the same bytes.

They are told apart by marker and line style as well as by colour, for print in grey.
"""

from collections.abc import Callable
from functools import wraps
from io import BytesIO
from math import log
from typing import Any, Concatenate, ParamSpec

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.page.captions import BASELINES
from stages.page.html import data_uri

BLUE, ORANGE, GREY = "#0060a0", "#c2500a", "#6b7480"
FIRST: dict[str, Any] = {"color": BLUE, "linestyle": "-", "marker": "o", "markersize": 4}
SECOND: dict[str, Any] = {"color": ORANGE, "linestyle": "--", "marker": "s", "markersize": 4}
THIRD: dict[str, Any] = {"color": GREY, "linestyle": ":", "marker": "^", "markersize": 5}
REFERENCE: dict[str, Any] = {"color": GREY, "linestyle": "-.", "linewidth": 1}
WIDTH = 4.8  # inches; on a phone an SVG of this width is shrunk to about three quarters, and 11 points stay readable
STYLE = {
    "svg.hashsalt": "qr-gate",  # without it the ids in the file are random
    "svg.fonttype": "none",  # letters stay letters, which the browser draws
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e7ec",
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}

P = ParamSpec("P")


def chart(height: float = 3.6) -> Callable[[Callable[Concatenate[Axes, P], None]], Callable[P, str]]:
    """Makes of a function that draws into axes one that returns the drawing; `height` in inches."""

    def decorate(draw: Callable[Concatenate[Axes, P], None]) -> Callable[P, str]:
        @wraps(draw)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> str:
            # After a reset, so that nobody's own matplotlibrc changes the page.
            with style.context(STYLE, after_reset=True):
                canvas = Figure((WIDTH, height), layout="constrained")
                axes = canvas.subplots()
                draw(axes, *args, **kwargs)
                if named := len(axes.get_legend_handles_labels()[1]):
                    canvas.legend(loc="outside upper left", ncols=min(named, 2), columnspacing=1.2)
                stream = BytesIO()
                canvas.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
            return data_uri("image/svg+xml", stream.getvalue())

        return drawn

    return decorate


@chart()
def loss(axes: Axes, curves: pd.DataFrame, kept: int) -> None:
    """Training and validation loss by epoch, `curves` as stages.training.curves.read_curves returns them."""
    axes.plot(curves["train/loss"], label="training part", **FIRST)
    axes.plot(curves["val/loss"], label="validation part", **SECOND)
    axes.axhline(log(2), label="chance (ln 2 = 0.693)", **REFERENCE)
    axes.set(ylabel="loss (cross-entropy, nats)", ylim=(0, None))
    _epochs(axes, curves, kept)


@chart()
def accuracy(axes: Axes, curves: pd.DataFrame, kept: int, majority: float) -> None:
    """Accuracy and AUC on the validation part by epoch; `majority` is the share of its larger class, 0..1."""
    axes.plot(curves["val/accuracy"], label="accuracy", **FIRST)
    axes.plot(curves["val/auc"], label="AUC", **SECOND)
    axes.axhline(majority, label=f"larger class ({majority:.3f})", **REFERENCE)
    axes.set(ylabel="on the validation part (0 to 1)")
    _epochs(axes, curves, kept)


@chart(4.2)
def roc(axes: Axes, points: pd.DataFrame, at: tuple[float, float]) -> None:
    """The ROC curve; `at` is false positive rate and recall at the threshold in use."""
    axes.plot(points["false_positive_rate"], points["true_positive_rate"], color=BLUE, label="network")
    axes.plot(*at, color=ORANGE, marker="s", linestyle="", label="threshold in use")
    axes.plot([0, 1], [0, 1], label="guessing", **REFERENCE)
    axes.set(xlabel="false positive rate (share of benign codes)", ylabel="recall (share of malicious codes)")


@chart(4.2)
def precision_recall(axes: Axes, points: pd.DataFrame, at: tuple[float, float], share: float) -> None:
    """The precision-recall curve; `at` is recall and precision in use, `share` that of malicious codes, 0..1."""
    # The last point is precision 1 at recall 0 by definition, where nothing is called malicious.
    axes.plot(points["recall"], points["precision"], color=BLUE, label="network")
    axes.plot(*at, color=ORANGE, marker="s", linestyle="", label="threshold in use")
    axes.axhline(share, label="guessing", **REFERENCE)
    axes.set(xlabel="recall (share of malicious codes)", ylabel="precision (share of alarms)", ylim=(0, 1.05))


@chart(4.2)
def reliability(axes: Axes, bins: pd.DataFrame) -> None:
    """Predicted probability against what came true, with the number of codes in each bin."""
    axes.plot(bins["predicted"], bins["malicious"], label="network", **FIRST)
    axes.plot([0, 1], [0, 1], label="perfectly calibrated", **REFERENCE)
    for predicted, malicious, rows in bins[["predicted", "malicious", "rows"]].itertuples(index=False):
        axes.annotate(f"{rows:,}", (predicted, malicious), (5, -11), textcoords="offset points", fontsize=9)
    axes.set(xlabel="predicted probability of malicious", ylabel="share that is malicious")
    axes.set(xlim=(-0.02, 1.1), ylim=(-0.1, 1.05))


@chart(5.6)
def forest(axes: Axes, scores: pd.DataFrame) -> None:
    """AUC with its interval of every model, a line for each of the sets of rows in `scores` (as metrics.csv)."""
    auc = scores[scores["metric"] == "auc"]
    models = list(auc["model"].unique())
    for place, (rows, look) in enumerate(zip(("test", "matched", "random"), (FIRST, SECOND, THIRD), strict=True)):
        own = auc[auc["rows"] == rows].dropna(subset=["value"])
        if own.empty:
            continue
        y = [models.index(name) + 0.22 * (place - 1) for name in own["model"]]
        axes.hlines(y, own["low"], own["high"], color=look["color"], linewidth=1.4)
        axes.plot(own["value"], y, **look | {"linestyle": "", "markersize": 6}, label=rows)
    axes.axvline(0.5, **REFERENCE)
    axes.set_yticks(range(len(models)), [BASELINES[name][0] for name in models])
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.set(xlabel="AUC (0.5: guessing)")
    axes.grid(axis="y", visible=False)


@chart(3.6)
def drops(axes: Axes, scores: pd.DataFrame) -> None:
    """From test to elsewhere: the AUC of every model on both, joined by a line; `scores` as metrics.csv."""
    auc = scores[scores["metric"] == "auc"].set_index(["rows", "model"]).sort_index()
    models = list(scores["model"].unique())
    axes.hlines(range(len(models)), *(auc.loc[rows]["value"][models] for rows in ("elsewhere", "test")), color=GREY)
    for rows, look in (("test", FIRST), ("elsewhere", SECOND)):
        own = auc.loc[rows].loc[models]
        axes.plot(own["value"], range(len(models)), **look | {"linestyle": "", "markersize": 7}, label=rows)
    axes.axvline(0.5, **REFERENCE)
    axes.set_yticks(range(len(models)), [BASELINES[name][0] for name in models])
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.set(xlabel="AUC (0.5: guessing)")
    axes.grid(axis="y", visible=False)


@chart(3.2)
def corruption(axes: Axes, clean: pd.DataFrame, corrupted: pd.DataFrame) -> None:
    """Accuracy by severity with and without rectification, and the decode rate; both as robustness.csv."""
    table = pd.concat([clean, corrupted])
    rectified, plain = table[table["rectified"]], table[~table["rectified"]]
    place = np.arange(len(rectified))  # severities rise unevenly, so each has the same room
    axes.plot(place, rectified["accuracy"], label="accuracy, rectified", **FIRST)
    # Hollow, as the two are often the same.
    hollow = SECOND | {"markersize": 9, "markerfacecolor": "none"}
    axes.plot(place, plain["accuracy"], label="accuracy, as they are", **hollow)
    axes.plot(place, rectified["decode_rate"], label="share decoded", **THIRD)
    axes.set_xticks(place, ["none", *(f"{severity:g}" for severity in rectified["severity"].iloc[1:])])
    title, unit = corrupted[["title", "unit"]].iloc[0]
    axes.set(xlabel=f"{title} ({unit})", ylabel="share (0 to 1)", ylim=(0, 1.05))


def _epochs(axes: Axes, curves: pd.DataFrame, kept: int) -> None:
    """What the curves over epochs have in common: the epoch whose weights were kept, and reductions of the rate."""
    axes.axvline(kept, color="black", linewidth=1, label="epoch that was kept")
    reduced = curves.index[curves["learning_rate"].diff() < 0]
    for place, epoch in enumerate(reduced):
        axes.axvline(epoch, color=GREY, linestyle=":", label="" if place else "learning rate reduced")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
