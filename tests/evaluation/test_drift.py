import numpy as np
import pandas as pd
import pytest

from stages.evaluation.drift import LARGE, drift, stability, typical
from tests.helpers import urls


def rows(payloads: list[str], **columns: object) -> pd.DataFrame:
    """Rows whose pictures are alike but for `columns`."""
    facts: dict[str, object] = {"version": 3, "mask": 2, "bytes": 900, "width": 330, "height": 330, "channels": 1}
    facts |= {"brightness": 150.0, "module_px": 10.0, "quiet_zone": 4.0, "format": "PNG", "ec_level": "M"}
    return pd.DataFrame({"payload": payloads, **facts, **columns})


def test_rows_of_one_collection_are_alike() -> None:
    payloads = urls("benign", 400)
    found = drift(rows(payloads[::2]), rows(payloads[1::2]))
    assert found["index"].max() < LARGE / 2
    assert {"length", "version", "width", "format"} <= set(found["feature"])


def test_the_feature_that_moved_is_the_first() -> None:
    payloads = urls("benign", 200)
    assert drift(rows(payloads), rows(payloads, format="JPEG")).iloc[0].to_dict() == {
        "feature": "format",
        "kind": "picture",
        "index": pytest.approx(18.4, abs=0.1),  # 2 x (1 - 1e-4) ln 1e4
        "train": "PNG",
        "other": "JPEG",
    }
    longer = drift(rows(payloads), rows([f"{url}{'x' * 60}" for url in payloads]))
    assert "path_length" in longer["feature"].head(3).tolist()
    assert longer.iloc[0]["index"] > LARGE


def test_a_shift_of_numbers_is_measured_by_their_deciles() -> None:
    before = pd.Series(np.arange(1000.0))
    assert stability(before, before) == pytest.approx(0)
    half = stability(before, before[500:])  # half of the bins hold twice as much, the other half nothing
    assert half == pytest.approx(5 * (0.1 * np.log(2) + (0.1 - 1e-4) * np.log(0.1 / 1e-4)), rel=0.01)


def test_what_is_missing_counts_as_a_value_of_its_own() -> None:
    before = pd.Series([1.0, 2.0, 3.0, 4.0] * 10)
    assert stability(before, before.where(before > 2)) > LARGE
    assert stability(before.astype(str), before.astype(str)) == pytest.approx(0)
    assert typical(pd.Series([None, None], dtype="float64")) == ""


def test_without_rows_there_is_nothing_to_compare() -> None:
    assert drift(rows([]), rows(urls("benign", 3))).empty
