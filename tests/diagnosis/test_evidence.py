from math import comb

import pytest

from stages.diagnosis.evidence import p_value
from tests.diagnosis.healthy import CURVES, changed


@pytest.mark.parametrize(("right", "majority"), [(12, 0.5), (15, 0.5), (15, 0.7), (20, 0.5)])
def test_the_p_value_is_the_binomial_tail(right: int, majority: float) -> None:
    tail = sum(comb(20, k) * majority**k * (1 - majority) ** (20 - k) for k in range(right, 21))
    assert p_value(right / 20, 20, majority) == pytest.approx(tail)


def test_the_best_epoch_is_the_kept_one() -> None:
    assert changed({"epoch": 3}).best.to_dict() == CURVES.loc[3].to_dict()
