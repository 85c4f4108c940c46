"""Did it learn? Reads the curves of the training and takes a quick look at the network it began with.

Writes reports/diagnosis.json: each symptom with its figure, its bound and pass, warn or fail. A
failure is shown and does not stop the run, so that bad settings can be compared with good ones;
`diagnose.strict` makes it an error.
"""

import json
from pathlib import Path

import pandas as pd
import torch
from rich.table import Table
from rich.text import Text

from stages.baselines import rules
from stages.common.cli import StageError, run, stdout
from stages.common.curves import read_curves
from stages.common.files import write_json
from stages.common.settings import CLASSES, Params, load
from stages.common.tables import SPLITS, absent, read
from stages.diagnosis import probes
from stages.diagnosis.symptoms import Evidence, Symptom, diagnose
from stages.network.data import Images
from stages.network.fabric import make_fabric
from stages.network.memory import keep_freed_memory
from stages.train import REPORT as TRAINED

REPORT = Path("reports/diagnosis.json")
COLOURS = {"pass": "green", "warn": "yellow", "fail": "bold red"}


def main() -> None:
    """Diagnose, show, write; with `diagnose.strict`, fail where a symptom does."""
    params = load()
    keep_freed_memory()
    rows = read(SPLITS)
    found = diagnose(gather(rows, params))
    stdout.print(as_table(found))
    counts = {verdict: sum(symptom.verdict == verdict for symptom in found) for verdict in COLOURS}
    write_json(REPORT, {"failed": counts["fail"], "warned": counts["warn"], "symptoms": [vars(s) for s in found]})
    failed = [symptom.name for symptom in found if symptom.verdict == "fail"]
    learned = "it did not learn as it should" if failed else "it learned"
    if failed == ["beats_rule"]:
        learned = "it learned, but a rule of one feature does as well"
    stdout.print(f"{learned}: {counts['pass']} passed, {counts['warn']} warnings, {counts['fail']} failed")
    if failed and params.diagnose.strict:
        raise StageError(f"diagnose.strict is set, and these failed: {', '.join(failed)}; see {REPORT}")


def gather(rows: pd.DataFrame, params: Params) -> Evidence:
    """The evidence: curves, probes on one batch, and what rules and the larger class score on the val part."""
    try:
        report = json.loads(TRAINED.read_text())
    except FileNotFoundError:
        raise absent(TRAINED) from None
    train, val = rows[rows["part"] == "train"], rows[rows["part"] == "val"]
    rule = rules.best(train)
    truth = rules.malicious(val)
    score = rule.score(rules.features(val)[rule.feature].to_numpy(), truth)["accuracy"]
    larger = max(truth.mean(), 1 - truth.mean())
    return Evidence(read_curves(), report, probe(train, params), len(val), float(larger), (rule.feature, score))


def probe(train: pd.DataFrame, params: Params) -> dict[str, float]:
    """What one batch, both classes alike, shows of the network as the training began with it."""
    each = max(params.diagnose.batch_size // 2, 1)
    batch = pd.concat([train[train["label"] == name].head(each) for name in CLASSES])
    images = Images(batch, params)
    pixels = torch.stack([images[i][0] for i in range(len(images))])
    labels = torch.tensor(images.labels)
    layers = probes.activations(probes.fresh(params), pixels)
    found = {
        "largest_deviation": max(layer["deviation"] for layer in layers.values()),
        "smallest_deviation": min(layer["deviation"] for layer in layers.values()),
        "dead": max(layer["dead"] for layer in layers.values()),
        "distinct_pictures": len(torch.unique(pixels.flatten(1), dim=0)) / len(pixels),
    }
    if params.diagnose.steps:
        fabric, _ = make_fabric(params.train)
        found["one_batch"] = probes.learn_by_heart(fabric, params, pixels, labels, params.diagnose.steps)
        blank = torch.full_like(pixels, 255)
        found["blank_batch"] = probes.learn_by_heart(fabric, params, blank, labels, min(params.diagnose.steps, 10))
    return found


def as_table(found: list[Symptom]) -> Table:
    """The verdicts, with cause and next step where one is not a pass."""
    table = Table("symptom", "", "figure", "bound", "likely cause, and what to look at", title="Did it learn?")
    for symptom in found:
        advice = "" if symptom.verdict == "pass" else f"{symptom.cause}; {symptom.look}"
        mark = Text(symptom.verdict, style=COLOURS[symptom.verdict])
        table.add_row(symptom.name.replace("_", " "), mark, Text(symptom.figure), Text(symptom.bound), Text(advice))
    return table


if __name__ == "__main__":
    run(main)
