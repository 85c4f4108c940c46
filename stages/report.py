"""All of it on one page, the verdict first, and the model card.

Writes reports/index.html, one self-contained file that loads and runs nothing; models/README.md, a card as
Mitchell et al. propose it (Model Cards for Model Reporting, FAT* 2019), with the metadata that model hubs read; and
models/card.json, what predict says of the model. The same inputs, libraries and commit make the same bytes.
"""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.artefacts import CARD, CARD_DATA, PAGE
from stages.common.cli import run_stage, stdout
from stages.common.files import replacing, write_json
from stages.common.seal import BLANK, seal
from stages.common.settings import CLASSES, Params, load_params
from stages.dataset.storage import stored_in
from stages.evaluation.slices import worst
from stages.page import alternatives, captions, charts, tables
from stages.page.card import card_data
from stages.page.changes import changes
from stages.page.html import template, thumbnail
from stages.page.inputs import Inputs, read_inputs
from stages.page.revision import revision
from stages.page.verdict import Answer, verdict
from stages.payload.safe import defang

TEMPLATES = Path(__file__).parent / "page"
MISTAKES = 12  # pictures of each kind
LIBRARIES = ("torch", "torchvision", "lightning-fabric", "scikit-learn", "numpy", "pandas", "scipy", "opencv-python",
             "pillow", "zxing-cpp", "pyzbar", "segno", "onnx", "onnxruntime", "matplotlib")  # fmt: skip


def main() -> None:
    """Read what the other stages left, write page and card, show the verdict."""
    params = load_params()
    inputs = read_inputs(params)
    csv = inputs.tables
    answers = verdict(
        inputs.figures["diagnosis"],
        csv["differences"],
        csv["metrics"],
        params.evaluate.prevalence,
        inputs.doubts,
        inputs.figures["summary"]["elsewhere"]["problem"],
    )
    shown = facts(inputs, answers)
    page = shown | {"charts": drawings(inputs), "mistakes": mistakes(inputs.predictions, inputs.about, params)}
    for path, name, values in ((PAGE, "index.html.jinja", page), (CARD, "card.md.jinja", shown)):
        with replacing(path) as temporary:
            temporary.write_text(template(TEMPLATES / name).render(values), encoding="utf-8", newline="\n")
    with replacing(CARD_DATA) as temporary:
        write_json(temporary, card_data(inputs, answers[-1]) | {"seal": BLANK})
        seal(temporary)
    for answer in answers:
        stdout.print(f"{answer.question} {answer.word}. {answer.sentence}", markup=False)
    stdout.print(f"{PAGE}, {CARD}, {CARD_DATA}")


def facts(inputs: Inputs, answers: list[Answer]) -> dict[str, Any]:
    """What both templates print, by the names they use."""
    csv, of = inputs.tables, inputs.tables["metrics"].set_index(["rows", "model", "metric"]).sort_index()
    network = of.loc[("test", "network")]
    slices = csv["slices"]
    lowest = worst(slices)
    parts = pd.crosstab(inputs.rows["part"], inputs.rows["label"])
    return {
        "answers": answers,
        "doubts": inputs.doubts,
        "params": inputs.params,
        "dataset": inputs.dataset,
        "revision": revision(),
        "changes": changes(inputs.figures),
        "about": inputs.about,
        "weights": inputs.weights,
        **inputs.figures,
        "parts": {str(part): row.to_dict() for part, row in parts.iterrows()},
        "findings": tables.findings(csv["findings"]),
        "scores": tables.metric_table(network),
        "alarms": tables.alarms(network["value"]),
        "confusion": pd.crosstab(csv["confusion"]["actual"], csv["confusion"]["predicted"])
        .reindex(index=CLASSES, columns=CLASSES, fill_value=0)
        .to_dict("index"),
        "baselines": tables.auc_table(csv["metrics"]),
        "rows": captions.ROWS,
        "elsewhere": tables.elsewhere(csv["metrics"], csv["drops"], csv["drift"]),
        "matched": of.loc[("matched", "network", "auc")],
        "matched_reader": of.loc[("matched", "payload_characters", "auc")],
        "slices": slices.to_dict("records"),
        "worst": None if lowest is None else lowest.to_dict(),
        "robustness": tables.hardest(csv["robustness"]),
        "figure": captions.figure,
        "interval": captions.interval,
        "settings": inputs.about["params"],
        "versions": {"Python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
    }


def drawings(inputs: Inputs) -> dict[str, Any]:
    """The charts by name, each (picture, what it shows), those of the corruptions as a list with their titles.

    Loss and accuracy only where an epoch was finished.
    """
    csv, curves = inputs.tables, inputs.curves
    kept, truth = inputs.figures["train"]["epoch"], inputs.rows.loc[inputs.rows["part"] == "val", "label"]
    network = csv["metrics"].set_index(["rows", "model", "metric"])["value"].sort_index().loc["test", "network"]
    share = (csv["confusion"]["actual"] == CLASSES[1]).mean()
    alarms, recall, precision = (network[name] for name in ("false_positive_rate", "recall", "precision"))
    drawn: dict[str, Any] = {
        "roc": (charts.roc(csv["roc"], (alarms, recall)), alternatives.roc(network)),
        "precision_recall": (
            charts.precision_recall(csv["precision_recall"], (recall, precision), share),
            alternatives.precision_recall(network, share),
        ),
        "reliability": (charts.reliability(csv["reliability"]), alternatives.reliability(csv["reliability"])),
        "forest": (charts.forest(csv["metrics"]), alternatives.forest(csv["metrics"])),
    }
    if len(csv["drops"]):
        drawn["drops"] = charts.drops(csv["metrics"]), alternatives.drops(csv["metrics"])
    if len(curves):
        majority = truth.value_counts(normalize=True).max()
        drawn["loss"] = charts.loss(curves, kept), alternatives.loss(curves, kept)
        drawn["accuracy"] = charts.accuracy(curves, kept, majority), alternatives.accuracy(curves, majority)
    by_corruption = dict(list(csv["robustness"].groupby("corruption", sort=False)))
    clean = by_corruption.pop("none")
    drawn["corruptions"] = [
        (rows["title"].iloc[0], (charts.corruption(clean, rows), alternatives.corruption(clean, rows)))
        for rows in by_corruption.values()
    ]
    return drawn


def mistakes(predictions: pd.DataFrame, about: dict[str, Any], params: Params) -> list[dict[str, Any]]:
    """Of each kind of mistake its number and the most confident ones: picture, label, path, probability, payload."""
    called = predictions["network"] >= about["threshold"]
    found = []
    for label, wrong in zip(CLASSES, (called, ~called), strict=True):
        rows = predictions[(predictions["label"] == label) & wrong]
        rows = rows.sort_values(["network", "path"], ascending=[label != CLASSES[0], True])
        shown = []
        first = rows.head(MISTAKES)
        for stored, payload, probability in zip(stored_in(first), first["payload"], first["network"], strict=True):
            picture, problem = thumbnail(stored, params)
            texts = {"path": stored.path, "payload": defang(payload), "probability": probability}
            shown.append(texts | {"picture": picture, "no_picture": problem})
        found.append(
            {"label": label, "count": len(rows), "of": int((predictions["label"] == label).sum()), "files": shown}
        )
    return found


if __name__ == "__main__":
    run_stage(main)
