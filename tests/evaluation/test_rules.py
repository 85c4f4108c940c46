import numpy as np
import pandas as pd
import pytest

from stages.evaluation.rules import best, features, learn
from tests.helpers import urls


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.2, 0.5])
def test_no_threshold_in_either_direction_is_right_more_often(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    values, truth = rng.integers(10, size=60).astype(float), (rng.random(60) < share).astype(int)
    rule = learn("length", values, truth)
    tried = [((values >= cut) == longer) == truth for cut in [*values, np.inf] for longer in (True, False)]
    assert rule.right == pytest.approx(max(right.mean() for right in tried))
    assert rule.score(values, truth)["accuracy"] == pytest.approx(rule.right)


def test_a_rule_may_say_malicious_below_its_threshold() -> None:
    values, truth = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 1, 0, 0])
    rule = learn("length", values, truth)
    assert (rule.longer, rule.right) == (False, 1.0)
    assert 2 < rule.threshold <= 3
    assert rule.score(values, truth) == {"accuracy": 1.0, "auc": 1.0}
    assert rule.score(-values, truth)["auc"] == 0.0


def test_the_best_feature_of_payload_or_symbol_is_chosen() -> None:
    payloads = [*urls("benign", 10), *(url.replace("https:", "http:") for url in urls("malicious", 10))]
    rows = pd.DataFrame({"payload": payloads, "label": ["benign"] * 10 + ["malicious"] * 10, "version": 3, "mask": 1})
    assert (best(rows).feature, best(rows).right) == ("https", 1.0)
    rows = rows.assign(payload=[*urls("benign", 10)] * 2, mask=[1] * 10 + [2] * 10)
    assert (best(rows).feature, best(rows).right) == ("mask", 1.0)


def test_a_code_that_was_not_read_has_figures_too() -> None:
    rows = pd.DataFrame({"payload": [None], "label": ["benign"], "version": [None], "mask": [None]})
    assert features(rows).notna().all(axis=None)
