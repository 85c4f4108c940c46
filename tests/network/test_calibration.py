import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from stages.network.calibration import temperature, threshold


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(heat: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 2)) * 2
    truth = (rng.random(len(logits)) < softmax(logits, axis=1)[:, 1]).astype(int)
    assert temperature(logits * heat, truth) == pytest.approx(heat, rel=0.05)


def test_it_makes_an_overconfident_network_honest() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 500)
    logits = np.stack([-truth, truth], axis=1) * 8.0 + rng.normal(scale=12, size=(500, 2))
    heat = temperature(logits, truth)
    assert heat > 1
    before, after = (log_loss(truth, softmax(each, axis=1)[:, 1]) for each in (logits, logits / heat))
    assert after < before


def test_the_threshold_has_the_best_balanced_accuracy() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1])
    probability = np.array([0.1, 0.2, 0.3, 0.7, 0.6, 0.9])
    assert threshold(truth, probability, None) == pytest.approx(0.45)  # 3 of 4 and 2 of 2


def test_the_threshold_keeps_within_the_false_positives_that_are_allowed() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1])
    probability = np.array([0.1, 0.2, 0.3, 0.7, 0.6, 0.9])
    assert threshold(truth, probability, 0.0) == pytest.approx(0.8)
    assert threshold(truth, probability, 0.25) == pytest.approx(0.45)
    assert threshold(truth, 1 - probability, 0.0) == 1.0  # the worst alarm comes first: call nothing malicious


def test_a_part_of_one_class_has_no_threshold() -> None:
    assert threshold(np.array([1, 1]), np.array([0.2, 0.4]), None) == 0.5
