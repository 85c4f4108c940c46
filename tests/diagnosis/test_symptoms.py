"""Each symptom on the curves of a healthy training in which one thing was changed."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from stages.diagnosis.symptoms import Evidence, diagnose

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
HEALTHY = Evidence(CURVES, {"epoch": 5, "initial_loss": 0.72}, PROBES, 300, 0.5, ("length", 0.7))


def verdicts(evidence: Evidence) -> dict[str, str]:
    return {symptom.name: symptom.verdict for symptom in diagnose(evidence)}


def test_a_healthy_training_has_no_symptom() -> None:
    assert set(verdicts(HEALTHY).values()) == {"pass"}


FAULTS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"initial_loss": 115.0}, {"initial_loss": "fail"}),
    ({"initial_loss": 2.0}, {"initial_loss": "warn"}),
    ({"largest_deviation": 263.0}, {"initial_activations": "fail"}),
    ({"dead": 1.0}, {"initial_activations": "fail"}),
    ({"distinct_pictures": 0.1}, {"pictures_differ": "fail"}),
    ({"contrast": 0.004}, {"picture_contrast": "fail"}),
    ({"contrast": 0.1}, {"picture_contrast": "warn"}),
    ({"rule": ("https_www", 0.76)}, {"beats_rule": "fail"}),
    ({"one_batch": 0.69}, {"one_batch": "fail"}),
    ({"blank_batch": 0.2}, {"blank_pictures": "fail"}),
    ({"gradient/norm": [2.0, float("nan"), 1, 1, 1]}, {"diverged": "fail"}),
    ({"diverged": "epoch 3, batch 7: the loss became nan"}, {"diverged": "fail"}),
    ({"gradient/clipped": [1.0] * 5}, {"gradients_clipped": "warn"}),
    ({"train/one_class_batches": [1.0] * 5}, {"batches_mixed": "fail"}),
    ({"train/loss": [0.7, 0.694, 0.693, 0.693, 0.693]}, {"training_loss": "fail"}),
    ({"train/loss": [0.01, 0.0, 0.0, 0.0, 0.0]}, {"training_loss": "warn"}),
    ({"learning_rate": [1e-3, 1e-3, 1e-4, 1e-5, 1e-6]}, {"learning_rate": "warn"}),
    ({"val/loss": [0.6931] * 5}, {"validation_loss": "fail"}),
    ({"val/accuracy": [0.5] * 5}, {"validation_accuracy": "fail", "beats_rule": "fail", "target_band": "warn"}),
    ({"val/auc": [0.4, 0.3, 0.25, 0.2, 0.2]}, {"labels_inverted": "fail"}),
    ({"val/called_malicious": [0.4, 0.1, 0.0, 0.0, 0.0]}, {"constant_output": "fail"}),
    ({"val/accuracy": [0.9, 0.99, 1.0, 1.0, 1.0]}, {"target_band": "warn"}),
    ({"val/loss": [0.6, 0.55, 0.6, 0.7, 0.8]}, {"overfitting": "warn"}),
    ({"rule": ("https_www", 0.8)}, {"beats_rule": "fail"}),
]


@pytest.mark.parametrize(("change", "expected"), FAULTS)
def test_a_fault_shows_in_its_symptom_and_in_no_other(change: dict[str, Any], expected: dict[str, str]) -> None:
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
    assert {name: verdict for name, verdict in verdicts(evidence).items() if verdict != "pass"} == expected


def test_a_training_without_an_epoch_is_judged_by_what_came_before() -> None:
    report = {"epoch": 0, "epochs": 0, "diverged": "epoch 1, batch 2: the loss became nan"}
    found = verdicts(replace(HEALTHY, curves=CURVES.iloc[:0], report=report))
    assert found["diverged"] == "fail"
    assert "validation_loss" not in found


def test_reductions_of_the_learning_rate_are_marked() -> None:
    curves = CURVES.assign(learning_rate=[0.001, 0.001, 0.0005, 0.0005, 0.00025])
    (found,) = [symptom for symptom in diagnose(replace(HEALTHY, curves=curves)) if symptom.name == "learning_rate"]
    assert found.figure == "reduced before epoch 3, 5, to 0.00025"
