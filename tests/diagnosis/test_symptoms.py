"""Each symptom on the curves of a healthy training in which one thing was changed."""

from dataclasses import replace
from typing import Any

import pytest

from stages.diagnosis.symptoms import diagnose
from tests.diagnosis.healthy import CURVES, HEALTHY, unhealthy, verdicts


def test_a_healthy_training_has_no_symptom() -> None:
    assert unhealthy({}) == {}


FAULTS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"initial_loss": 115.0}, {"initial_loss": "fail"}),
    ({"initial_loss": 2.0}, {"initial_loss": "warn"}),
    ({"rule": ("https_www", 0.76)}, {"beats_rule": "fail"}),
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
    assert unhealthy(change) == expected


def test_a_training_without_an_epoch_is_judged_by_what_came_before() -> None:
    report = {"epoch": 0, "epochs": 0, "diverged": "epoch 1, batch 2: the loss became nan"}
    found = verdicts(replace(HEALTHY, curves=CURVES.iloc[:0], report=report))
    assert found["diverged"] == "fail"
    assert "validation_loss" not in found


def test_without_one_good_epoch_the_diagnosis_is_that_it_diverged() -> None:
    report = {"epoch": 0, "epochs": 5, "val_images": 300, "val_majority": 0.5}
    symptoms = diagnose(replace(HEALTHY, curves=CURVES.assign(**{"val/loss": float("nan")}), report=report))
    found = {symptom.name: symptom for symptom in symptoms}
    assert found["diverged"].verdict == "fail"
    assert found["diverged"].figure == "no finite validation loss in any epoch"
    assert {"picture_contrast", "initial_activations"} <= found.keys()
    assert not {"initial_loss", "validation_loss", "validation_accuracy"} & found.keys()


def test_the_larger_class_is_that_of_the_training() -> None:
    majority = replace(HEALTHY, report=HEALTHY.report | {"val_majority": 0.76})
    assert verdicts(majority)["validation_accuracy"] == "fail"
    assert verdicts(replace(HEALTHY, report=HEALTHY.report | {"val_images": 10}))["validation_accuracy"] == "fail"


def test_reductions_of_the_learning_rate_are_marked() -> None:
    curves = CURVES.assign(learning_rate=[0.001, 0.001, 0.0005, 0.0005, 0.00025])
    (found,) = [symptom for symptom in diagnose(replace(HEALTHY, curves=curves)) if symptom.name == "learning_rate"]
    assert found.figure == "reduced before epoch 3, 5, to 0.00025"
