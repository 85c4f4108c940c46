import numpy as np
import pytest

from stages.evaluation.counts import count

TRUTH = np.array([1, 0, 1, 0, 0])
PROBABILITY = np.array([0.9, 0.6, 0.6, 0.6, 0.1])


def test_rows_of_equal_probability_are_called_together() -> None:
    of = count(TRUTH, PROBABILITY, 0.6, None, 0.1)
    assert of.recalls.tolist() == [0, 0.5, 1, 1]
    assert of.false_positive_rates.tolist() == pytest.approx([0, 0, 2 / 3, 1])
    assert of.precisions.tolist() == pytest.approx([1, 0.5, 0.4])
    assert (of.true_positives, of.false_positives, of.total) == (2, 2, 5)
    assert (of.recall, of.false_positive_rate) == (1, pytest.approx(2 / 3))


def test_a_row_of_weight_0_is_not_there() -> None:
    of = count(TRUTH, PROBABILITY, 0.5, np.array([0, 1, 2, 1, 1]), 0.1)
    assert of.recalls.tolist() == [0, 1, 1]
    assert (of.malicious, of.benign, of.true_positives, of.total) == (2, 3, 2, 5)
