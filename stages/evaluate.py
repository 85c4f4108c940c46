"""Score the test part once: the network beside what needs no network, with intervals, and where its score comes from.

Every model is scored on the same rows, those that the network can judge, with a threshold from the val part:

- test: the test part.
- matched: pairs of a malicious and a benign row of it with the same scheme, `www.` and symbol version. The drop
  is what these three features contributed.
- elsewhere: the collection that split.given names so, nothing of which was learned from. The drop from test to it
  is what the models owe to the habits of their own collection.
- random: the baselines on a split by row instead of by site. The gain is the leak. For the network, that is a
  training of its own: `dvc exp run -S split.by=row`.

Writes reports/test.json (what `dvc metrics` compares), reports/evaluate/ (summary.json, tables and curves) and
reports/predictions.parquet (every model's probability for every row of the test part).
"""

import numpy as np
import pandas as pd
from rich.box import SIMPLE
from rich.table import Column, Table

from stages.common.artefacts import EVALUATION, MODEL, PREDICTIONS, SPLITS, TEST_FIGURES, VALID, read_table, write_table
from stages.common.cli import progress, run_stage, stdout
from stages.common.files import replacing, write_json
from stages.common.settings import CLASSES, Params, load_params
from stages.dataset import storage
from stages.dataset.identity import require_same_data
from stages.dataset.parts import ELSEWHERE, PARTS, assign_parts, is_malicious, part
from stages.dataset.row import PICTURE
from stages.evaluation import bootstrap, plots
from stages.evaluation.baselines import BASELINES
from stages.evaluation.drift import drift
from stages.evaluation.elsewhere import LEAST_SITES, describe, drops
from stages.evaluation.grids import read_grids
from stages.evaluation.matched import pairs
from stages.evaluation.metrics import headline
from stages.evaluation.slices import slices
from stages.network.allocator import keep_freed_memory
from stages.network.calibration import threshold
from stages.network.data import visible
from stages.network.device import choose_device
from stages.network.trained import Trained, load_trained, logits_of, probability


def main() -> None:
    """Score, show and write."""
    params = load_params()
    keep_freed_memory()
    trained = load_trained(MODEL, choose_device(params.train.device))
    valid = read_table(VALID)
    everything = with_pictures(read_table(SPLITS), valid)
    rows = visible(everything, trained.architecture.input)
    parts = [part(rows, name) for name in PARTS]
    require_same_data(everything, trained.about, MODEL)
    rows = rows.assign(grid=read_grids(rows, params))
    there = describe(everything, rows, valid, params.split.given)
    other = rows[rows["part"] == ELSEWHERE] if not there["problem"] else rows.iloc[:0]
    val, test, other = baselines([*(rows.loc[own.index] for own in parts), other], "baselines")
    test = test.assign(network=probabilities(trained, test, params))

    thresholds = {"network": trained.threshold} | thresholds_of(val, params)
    matched = pairs(test, params.evaluate.seed)
    found = {
        name: score_models(part, thresholds, params) for name, part in (("test", test), ("matched", test.iloc[matched]))
    }
    if len(other):
        other = other.assign(network=probabilities(trained, other, params))
        found["elsewhere"] = score_models(other, thresholds, params, draw=1)  # independent of those of test
        alike = other.iloc[pairs(other, params.evaluate.seed)]
        if len(alike) >= 2 * LEAST_SITES:
            found["elsewhere, matched"] = score_models(alike, thresholds, params, draw=1)
    if params.split.by == "site":
        found["random"] = at_random(rows, params)

    scores = pd.concat([bootstrap.table(one).assign(rows=name) for name, one in found.items()])
    over = pd.concat([bootstrap.differences(found[name]).assign(rows=name) for name in found if name != "random"])
    where = slices(test, test["network"].to_numpy(), trained.threshold, params.evaluate)
    tables = {"metrics": scores, "differences": over, "slices": where} | curves(test, trained.threshold)
    tables["drops"] = drops(found["test"], found.get("elsewhere"))
    away = {"elsewhere": other, "test": test}
    tables["drift"] = pd.concat([drift(parts[0], one).assign(rows=name) for name, one in away.items()])
    unjudged = int((everything["part"] == "test").sum()) - len(test)
    with replacing(EVALUATION) as folder:
        folder.mkdir()
        for name, table in tables.items():
            table.round(6).to_csv(folder / f"{name}.csv", index=False)
        write_json(
            folder / "summary.json",
            summary(test, len(matched), scores, over) | {"unjudged": unjudged, "elsewhere": there},
        )
    names = list(thresholds)
    kept = test[[*storage.STORAGE_COLUMNS, "label", "group", "payload", "version", *names]]
    write_table(PREDICTIONS, kept.assign(matched=np.isin(np.arange(len(test)), matched)))
    value = value_of(scores)
    elsewhere = value["elsewhere", "network", "auc"] if len(other) else None
    write_json(TEST_FIGURES, headline(value["test", "network"], elsewhere))
    stdout.print(as_table(scores, names))
    if there["problem"]:
        stdout.print(f"not scored elsewhere: {there['problem']}", markup=False)


def with_pictures(rows: pd.DataFrame, valid: pd.DataFrame) -> pd.DataFrame:
    """The rows of the split table with the picture's columns of `valid`, the rows that the gate let through."""
    columns = [name for name in PICTURE if name not in rows.columns]
    return rows.merge(valid[["path", *columns]], on="path", how="left", validate="one_to_one")


def probabilities(trained: Trained, rows: pd.DataFrame, params: Params) -> np.ndarray:
    """Of being malicious, by the network, for the images of `rows`: float64 (n,) in 0..1."""
    logits = logits_of(trained, rows, params, params.evaluate.batch_size, "network")
    return probability(logits, trained.about["temperature"])


def baselines(parts: list[pd.DataFrame], title: str) -> list[pd.DataFrame]:
    """The parts after the first with a column for each baseline: its probability, learned on the first, train."""
    train, *rest = parts
    others = pd.concat(rest)
    with progress() as bar:
        models = bar.track(BASELINES.items(), description=title)
        scored = others.assign(**{name: learn(train, others) for name, learn in models})
    ends = np.cumsum([len(one) for one in rest])
    return [scored.iloc[end - len(one) : end] for one, end in zip(rest, ends, strict=True)]


def thresholds_of(val: pd.DataFrame, params: Params) -> dict[str, float]:
    """The threshold of every baseline by its probabilities on the val part, by the same rule as the network's."""
    truth, most = is_malicious(val), params.calibrate.max_false_positives
    return {name: threshold(truth, val[name].to_numpy(), most) for name in BASELINES}


def score_models(rows: pd.DataFrame, thresholds: dict[str, float], params: Params, draw: int = 0) -> pd.DataFrame:
    """The metrics of the models named in `thresholds` on `rows` and on bootstrap draws of their sites.

    Another `draw` gives draws that are independent of those of draw 0.
    """
    models = {name: (rows[name].to_numpy(), threshold) for name, threshold in thresholds.items()}
    settings = params.evaluate.model_copy(update={"seed": params.evaluate.seed + draw})
    return bootstrap.replicates(is_malicious(rows), rows["group"], models, settings)


def at_random(rows: pd.DataFrame, params: Params) -> pd.DataFrame:
    """The scores of the baselines where the same rows are assigned one by one, with sites on both sides."""
    own = rows[rows["part"].isin(PARTS)]
    assigned = own.assign(part=assign_parts(own.assign(group=own["path"]), params.split))
    val, test = baselines([assigned[assigned["part"] == name] for name in PARTS], "the same, random split")
    return score_models(test, thresholds_of(val, params), params)


def value_of(scores: pd.DataFrame) -> pd.Series:
    """The values of the table of metrics, by rows, model and metric."""
    return scores.set_index(["rows", "model", "metric"])["value"].sort_index()


def summary(test: pd.DataFrame, matched: int, scores: pd.DataFrame, over: pd.DataFrame) -> dict[str, float | str]:
    """How much was scored, and how far the network is above the best of the others."""
    on_test = over[(over["rows"] == "test") & (over["metric"] == "auc")]
    closest = on_test.loc[on_test["difference"].idxmin()]
    return {
        "images": len(test),
        "sites": int(test["group"].nunique()),
        "matched_images": matched,
        "matched_auc": value_of(scores)["matched", "network", "auc"],
        "closest_baseline": closest["model"],
        "auc_over_closest": closest["difference"],
    }


def curves(test: pd.DataFrame, threshold: float) -> dict[str, pd.DataFrame]:
    """The network's curves and its confusion matrix by name, as `dvc plots` wants them."""
    truth, probability = is_malicious(test), test["network"].to_numpy()
    names = np.array(CLASSES)
    return {
        "roc": plots.roc(truth, probability),
        "precision_recall": plots.precision_recall(truth, probability),
        "reliability": plots.reliability(truth, probability),
        "confusion": pd.DataFrame({"actual": names[truth], "predicted": names[(probability >= threshold).astype(int)]}),
    }


def as_table(scores: pd.DataFrame, names: list[str]) -> Table:
    """Accuracy on the test part, and AUC on every set of rows, for every model; with its 95 % interval on test."""
    kinds = [kind for kind in scores["rows"].unique() if kind != "elsewhere, matched"]
    title = "Accuracy on test, AUC on each set of rows (95 % interval on test)"
    head = ["AUC test" if kind == "test" else str(kind) for kind in kinds]
    first = Column("model", no_wrap=True)
    table = Table(first, "accuracy", *head, title=title, box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    of = scores.set_index(["model", "rows", "metric"])[["value", "low", "high"]].sort_index()
    for model in names:
        cells = [f"{of.value[(model, 'test', 'accuracy')]:.3f}"]
        for kind in kinds:
            value, low, high = of.loc[(model, kind, "auc")] if (model, kind, "auc") in of.index else (np.nan,) * 3
            spread = f" {low:.2f}-{high:.2f}" if kind == "test" else ""  # all of them are in metrics.csv
            cells.append("" if np.isnan(value) else f"{value:.3f}{spread}")
        table.add_row(model.replace("_", " "), *cells)
    return table


if __name__ == "__main__":
    run_stage(main)
