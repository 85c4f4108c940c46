"""Score the test part once: the network beside what needs no network, with intervals, and where its score comes from.

Every model is scored on the same rows, with a threshold from the val part:

- test: the test part.
- matched: pairs of a malicious and a benign row of it with the same scheme, `www.` and symbol version. What
  a model loses here it owed to these.
- random: the baselines on a split by row instead of by site. What they gain here is the leak. For the
  network, that is a training of its own: `dvc exp run -S split.by=row`.

Writes reports/test.json (a few figures, for `dvc metrics`), reports/evaluate/ (tables and curves) and
reports/predictions.parquet (every model's probability for every row of the test part).
"""

import numpy as np
import pandas as pd
import torch
from rich.box import SIMPLE
from rich.table import Table
from torch.utils.data import DataLoader

from stages.common.artefacts import EVALUATION, MODEL, PREDICTIONS, SPLITS, TEST_FIGURES, VALID, read_table
from stages.common.cli import progress, run_stage, stdout
from stages.common.files import replacing, write_json
from stages.common.settings import CLASSES, Params, load_params
from stages.dataset import storage
from stages.dataset.parts import PARTS, assign_parts, is_malicious, part
from stages.dataset.row import PICTURE
from stages.evaluation import metrics
from stages.evaluation.baselines import BASELINES
from stages.evaluation.grids import read_grids
from stages.evaluation.matched import pairs
from stages.evaluation.slices import slices
from stages.network.allocator import keep_freed_memory
from stages.network.calibration import threshold
from stages.network.data import Images
from stages.network.trained import Trained, choose_device, load_trained

Scored = dict[str, tuple[np.ndarray, float]]  # model -> probabilities of being malicious, threshold


def main() -> None:
    """Score, show and write."""
    params = load_params()
    settings = params.evaluate
    keep_freed_memory()
    trained = load_trained(MODEL, choose_device(params.train.device))
    rows = with_pictures(read_table(SPLITS))
    for name in PARTS:
        part(rows, name)
    rows["grid"] = read_grids(rows, params)
    seen = baselines(rows, "baselines")
    val, test = seen[seen["part"] == "val"], seen[seen["part"] == "test"]
    test = test.assign(network=probabilities(trained, test, params))

    names = ["network", *BASELINES]
    cuts = {"network": trained.threshold} | {name: threshold_of(val, name, params) for name in BASELINES}
    at = pairs(test, settings.seed)
    found = {"test": score_models(test, cuts, params), "matched": score_models(test.iloc[at], cuts, params)}
    if params.split.by == "site":
        found["random"] = at_random(rows, params)

    scores = pd.concat([metrics.table(one).assign(rows=name) for name, one in found.items()])
    better = pd.concat([metrics.differences(found[name]).assign(rows=name) for name in ("test", "matched")])
    answers = is_malicious(test), test["network"].to_numpy(), trained.threshold
    where = slices(test, *answers, test["group"], settings.samples, settings.seed)
    write_plots(test, trained.threshold, scores, better, where)
    kept = test[[*storage.STORAGE_COLUMNS, "label", "group", "payload", "version", *names]]
    with replacing(PREDICTIONS) as temporary:
        kept.assign(matched=np.isin(np.arange(len(test)), at)).to_parquet(temporary, index=False)
    write_json(TEST_FIGURES, summary(test, len(at), scores, better))
    stdout.print(as_table(scores, names))


def with_pictures(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the split table with the picture's columns from the scan."""
    columns = [name for name in PICTURE if name not in rows.columns]
    return rows.merge(read_table(VALID)[["path", *columns]], on="path", how="left", validate="one_to_one")


def probabilities(trained: Trained, rows: pd.DataFrame, params: Params) -> np.ndarray:
    """Of being malicious, by the network, for the images of `rows`: float64 (n,) in 0..1."""
    batches = DataLoader(Images(rows, params), params.evaluate.batch_size)
    with progress() as bar, torch.inference_mode():
        return np.concatenate([trained.probability(pixels) for pixels, _ in bar.track(batches, description="network")])


def baselines(rows: pd.DataFrame, what: str) -> pd.DataFrame:
    """The rows of val and test with a column for each baseline: its probability, learned on the train rows."""
    train, others = rows[rows["part"] == "train"], rows[rows["part"] != "train"]
    with progress() as bar:
        models = bar.track(BASELINES.items(), description=what)
        return others.assign(**{name: learn(train, others) for name, learn in models})


def threshold_of(val: pd.DataFrame, name: str, params: Params) -> float:
    """The threshold of model `name` on the val part, by the same rule for all."""
    return threshold(is_malicious(val), val[name].to_numpy(), params.train.max_false_positives)


def score_models(rows: pd.DataFrame, cuts: dict[str, float], params: Params) -> pd.DataFrame:
    """The metrics of all models on `rows` and on bootstrap draws of their sites."""
    settings = params.evaluate
    models: Scored = {name: (rows[name].to_numpy(), threshold_of) for name, threshold_of in cuts.items()}
    return metrics.replicates(
        is_malicious(rows), rows["group"], models, settings.samples, settings.seed, settings.prevalence
    )


def at_random(rows: pd.DataFrame, params: Params) -> pd.DataFrame:
    """What the baselines score where the same rows are dealt one by one, sites on both sides."""
    dealt = rows.assign(part=assign_parts(rows.assign(group=rows["path"]), params.split))
    others = baselines(dealt, "the same, random split")
    val, test = others[others["part"] == "val"], others[others["part"] == "test"]
    return score_models(test, {name: threshold_of(val, name, params) for name in BASELINES}, params)


def summary(test: pd.DataFrame, matched: int, scores: pd.DataFrame, better: pd.DataFrame) -> dict[str, float]:
    """The few figures that `dvc metrics show` shows."""
    of = scores.set_index(["rows", "model", "metric"]).sort_index()
    network = of.loc[("test", "network")]
    found: dict[str, float] = {"images": len(test), "sites": int(test["group"].nunique())}
    for name in ("accuracy", "auc"):
        found |= {name: network.value[name], f"{name}_low": network.low[name], f"{name}_high": network.high[name]}
    for name in ("recall", "false_positive_rate", "precision_at_prevalence", "calibration_error"):
        found[name] = network.value[name]
    found |= {"matched_images": matched, "matched_auc": of.value[("matched", "network", "auc")]}
    on_test = better[(better["rows"] == "test") & (better["metric"] == "auc")]
    closest = on_test.loc[on_test["difference"].idxmin()]
    return found | {f"auc_over_{closest['model']}": closest["difference"]}


def write_plots(
    test: pd.DataFrame, threshold: float, scores: pd.DataFrame, better: pd.DataFrame, where: pd.DataFrame
) -> None:
    """Tables for the report, and curves and matrix as `dvc plots` wants them."""
    truth, probability = is_malicious(test), test["network"].to_numpy()
    names = np.array(CLASSES)
    tables = {
        "metrics": scores,
        "differences": better,
        "slices": where,
        "roc": metrics.roc(truth, probability),
        "precision_recall": metrics.precision_recall(truth, probability),
        "reliability": metrics.reliability(truth, probability),
        "confusion": pd.DataFrame({"actual": names[truth], "predicted": names[(probability >= threshold).astype(int)]}),
    }
    with replacing(EVALUATION) as folder:
        folder.mkdir()
        for name, table in tables.items():
            table.round(6).to_csv(folder / f"{name}.csv", index=False)


def as_table(scores: pd.DataFrame, names: list[str]) -> Table:
    """Accuracy on the test part, and AUC with its 95 % interval on every set of rows, for every model."""
    kinds = list(scores["rows"].unique())
    title = "On the same rows, with 95 % intervals over sites"
    table = Table("model", "accuracy", *(f"AUC {kind}" for kind in kinds), title=title, box=SIMPLE, pad_edge=False)
    of = scores.set_index(["model", "rows", "metric"])[["value", "low", "high"]].sort_index()
    for model in names:
        cells = [f"{of.value[(model, 'test', 'accuracy')]:.3f}"]
        for kind in kinds:
            value, low, high = of.loc[(model, kind, "auc")] if (model, kind, "auc") in of.index else (np.nan,) * 3
            span = f"{low:.2f}-{high:.2f}".replace("0.", ".")
            cells.append("" if np.isnan(value) else f"{value:.3f} {span}")
        table.add_row(model.replace("_", " "), *cells)
    return table


if __name__ == "__main__":
    run_stage(main)
