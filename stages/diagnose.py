"""Did it learn? Reads the curves of the training and tests the network it began with.

Writes reports/diagnosis.json: each symptom with its figure, its bound and pass, warn or fail. A
failure is shown and does not stop the run, so that bad settings can be compared with good ones;
`diagnose.strict` makes it an error.
"""

import pandas as pd
import torch
from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text

from stages.common.artefacts import DIAGNOSIS, SPLITS, TRAIN_FIGURES, read_json, read_table
from stages.common.cli import StageError, run_stage, stdout
from stages.common.files import write_json
from stages.common.settings import CLASSES, Params, load_params
from stages.dataset.parts import part
from stages.diagnosis import probes
from stages.diagnosis.evidence import Evidence, Symptom
from stages.diagnosis.symptoms import diagnose
from stages.evaluation import rules
from stages.network.allocator import keep_freed_memory
from stages.network.architecture import chosen
from stages.network.data import Images, visible
from stages.training.curves import read_curves
from stages.training.fabric import make_fabric

COLOURS = {"pass": "green", "warn": "yellow", "fail": "bold red"}


def main() -> None:
    """Diagnose, show, write; with `diagnose.strict`, fail where a symptom does."""
    params = load_params()
    keep_freed_memory()
    rows = read_table(SPLITS)
    symptoms = diagnose(gather(rows, params))
    stdout.print(as_table(symptoms))
    counts = {verdict: sum(symptom.verdict == verdict for symptom in symptoms) for verdict in COLOURS}
    write_json(DIAGNOSIS, {"failed": counts["fail"], "warned": counts["warn"], "symptoms": [vars(s) for s in symptoms]})
    failed = [symptom.name for symptom in symptoms if symptom.verdict == "fail"]
    learned = "it did not learn as it should" if failed else "it learned"
    if failed == ["beats_rule"]:
        learned = "it learned, but a rule of one feature does as well"
    warned = f"{counts['warn']} warning{'s' * (counts['warn'] != 1)}"
    stdout.print(f"{learned}: {counts['pass']} passed, {warned}, {counts['fail']} failed")
    if failed and params.diagnose.strict:
        raise StageError(f"diagnose.strict is set, and these failed: {', '.join(failed)}; see {DIAGNOSIS}")


def gather(rows: pd.DataFrame, params: Params) -> Evidence:
    """The evidence: curves, probes on one batch, and what a rule scores on the val rows, all that the network sees."""
    report = read_json(TRAIN_FIGURES)
    rows = visible(rows, chosen(params.model)[0].input)
    train, val = part(rows, "train"), part(rows, "val")
    rule = rules.best(train)
    score = rule.score(rules.features(val)[rule.feature].to_numpy(), rules.is_malicious(val))["accuracy"]
    return Evidence(read_curves(), report, probe(train, params), (rule.feature, score))


def probe(train: pd.DataFrame, params: Params) -> dict[str, float]:
    """Figures of one batch, half of it of either class, and of the network as the training began with it."""
    takes, each = chosen(params.model)[0].input, max(params.diagnose.batch_size // 2, 1)
    batch = pd.concat([train[train["label"] == name].head(each) for name in CLASSES])
    seen, labels = Images(batch, params, takes).batch(range(len(batch)))
    inputs = seen.expand(-1, *takes.shape)
    layers = probes.activations(probes.fresh(params), inputs)
    figures = {
        "largest_deviation": max(layer["deviation"] for layer in layers.values()),
        "smallest_deviation": min(layer["deviation"] for layer in layers.values()),
        "dead": max(layer["dead"] for layer in layers.values()),
        "distinct_pictures": probes.distinct(inputs, takes.values),
        "contrast": probes.contrast(inputs, takes.values),
    }
    if params.diagnose.steps:
        fabric, _ = make_fabric(params.train)
        figures["one_batch"] = probes.overfit_one_batch(fabric, params, inputs, labels, params.diagnose.steps)
        blank, steps = torch.full_like(inputs, takes.blank), min(params.diagnose.steps, 10)
        figures["blank_batch"] = probes.overfit_one_batch(fabric, params, blank, labels, steps)
    return figures


def as_table(symptoms: list[Symptom]) -> Table:
    """The verdicts, failures first, with cause and next step where one is not a pass; it fits 80 columns."""
    table = Table(Column("symptom", no_wrap=True), Column("", no_wrap=True), "figure, likely cause, and what to check",
                  title="Did it learn?", box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)  # fmt: skip
    for symptom in sorted(symptoms, key=lambda one: [*COLOURS].index(one.verdict), reverse=True):
        lines = [f"{symptom.figure}, expected: {symptom.bound}"]
        if symptom.verdict != "pass":
            lines.append(f"{symptom.cause[:1].upper()}{symptom.cause[1:]}. Check: {symptom.check}.")
        mark = Text(symptom.verdict, style=COLOURS[symptom.verdict])
        table.add_row(symptom.name.replace("_", " "), mark, Text("\n".join(lines)))
    return table


if __name__ == "__main__":
    run_stage(main)
