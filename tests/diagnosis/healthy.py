"""The evidence of a healthy training, in which tests change one thing."""

from dataclasses import replace
from typing import Any

import pandas as pd

from stages.diagnosis.evidence import Evidence
from stages.diagnosis.symptoms import diagnose

EPOCHS = pd.RangeIndex(1, 6)
CURVES = pd.DataFrame(
    {
        "train/loss": [0.69, 0.62, 0.56, 0.51, 0.47],
        "train/one_class_batches": [0.0] * 5,
        "gradient/norm": [2.0, 1.5, 1.4, 1.3, 1.2],
        "gradient/clipped": [0.2] * 5,
        "val/loss": [0.68, 0.62, 0.58, 0.56, 0.55],
        "val/accuracy": [0.6, 0.66, 0.7, 0.74, 0.76],
        "val/auc": [0.62, 0.7, 0.75, 0.8, 0.82],
        "val/called_malicious": [0.4, 0.45, 0.5, 0.5, 0.5],
        "learning_rate": [0.0005] * 5,
    },
    index=EPOCHS,
)
PROBES = {
    "largest_deviation": 1.2,
    "smallest_deviation": 0.2,
    "dead": 0.0,
    "distinct_pictures": 1.0,
    "contrast": 1.0,
    "one_batch": 0.01,
    "blank_batch": 0.69,
}
REPORT = {"epoch": 5, "epochs": 5, "initial_loss": 0.72, "val_images": 300, "val_majority": 0.5}
HEALTHY = Evidence(CURVES, REPORT, PROBES, ("length", 0.7))


def verdicts(evidence: Evidence) -> dict[str, str]:
    return {symptom.name: symptom.verdict for symptom in diagnose(evidence)}


def changed(change: dict[str, Any]) -> Evidence:
    """The healthy evidence with other curves, probes or figures, by their names."""
    evidence = HEALTHY
    for name, value in change.items():
        if name in CURVES:
            evidence = replace(evidence, curves=CURVES.assign(**{name: value}))
        elif name in PROBES:
            evidence = replace(evidence, probes=PROBES | {name: value})
        elif name == "rule":
            evidence = replace(evidence, rule=value)
        else:
            evidence = replace(evidence, report=HEALTHY.report | {name: value})
    return evidence


def unhealthy(change: dict[str, Any]) -> dict[str, str]:
    """The symptoms that do not pass with that change, by name."""
    found = verdicts(changed(change))
    return {name: verdict for name, verdict in found.items() if verdict != "pass"}
