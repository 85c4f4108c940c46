"""What pictures and fresh network show before the first step, in a training that is healthy otherwise."""

from dataclasses import replace
from typing import Any

import pytest

from stages.diagnosis.probed import one_batch
from tests.diagnosis.healthy import HEALTHY, PROBES, changed, unhealthy, verdicts

FAULTS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"largest_deviation": 263.0}, {"initial_activations": "fail"}),
    ({"dead": 1.0}, {"initial_activations": "fail"}),
    ({"distinct_pictures": 0.1}, {"pictures_differ": "fail"}),
    ({"contrast": 0.004}, {"picture_contrast": "fail"}),
    ({"contrast": 0.1}, {"picture_contrast": "warn"}),
    ({"one_batch": 0.69}, {"one_batch": "fail"}),
    ({"blank_batch": 0.2}, {"blank_pictures": "fail"}),
]


@pytest.mark.parametrize(("change", "expected"), FAULTS)
def test_a_fault_shows_in_its_symptom_and_in_no_other(change: dict[str, Any], expected: dict[str, str]) -> None:
    assert unhealthy(change) == expected


def test_pale_pictures_are_blamed_and_not_the_learning_rate() -> None:
    pale = one_batch(changed({"one_batch": 0.69, "contrast": 0.004}))
    sharp = one_batch(changed({"one_batch": 0.69}))
    assert pale is not None and sharp is not None
    assert "nothing in the pictures" in pale.cause and "learning_rate" not in pale.check
    assert "learning_rate" in sharp.check


def test_a_probe_that_was_not_made_is_not_judged() -> None:
    without = {name: value for name, value in PROBES.items() if not name.endswith("_batch")}
    found = verdicts(replace(HEALTHY, probes=without))
    assert not {"one_batch", "blank_pictures"} & found.keys()
    assert "picture_contrast" in found
