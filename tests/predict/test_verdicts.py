from pathlib import Path

import numpy as np
import pytest

from stages.common.cli import StageError
from stages.network.view import PICTURE
from stages.predict.codes import Code
from stages.predict.model import BATCH, Scorer
from stages.predict.verdicts import COLUMNS, verdicts


def scorer(answer: float) -> Scorer:
    return Scorer(lambda batch: np.full(len(batch), answer), PICTURE, 1, {"threshold": 0.5}, Path("x.onnx"), "0")


def code(payload: str = "https://a.example/", version: int = 2) -> Code:
    return Code("a.png", "", 1, np.zeros((224, 224), np.uint8), payload, version=version)


def test_a_verdict_is_malicious_from_the_threshold_on() -> None:
    for answer, verdict in ((0.49994, "benign"), (0.49996, "malicious"), (0.5, "malicious")):
        (rows,) = verdicts(iter([[[code()]]]), scorer(answer), 0.5, None)
        assert rows[0]["verdict"] == verdict  # of the four digits that are printed
        assert tuple(rows[0]) == COLUMNS


def test_more_codes_than_a_batch_are_all_judged() -> None:
    (rows,) = verdicts(iter([[[code()] * (2 * BATCH + 1)]]), scorer(0.2), 0.5, None)
    assert {row["probability"] for row in rows} == {0.2}
    assert len(rows) == 2 * BATCH + 1


def test_what_the_network_has_never_seen_is_not_asked() -> None:
    (rows,) = verdicts(
        iter([[[code("tel:+15550100"), code(version=9), code()]]]), scorer(0.2), 0.5, frozenset({1, 2, 4})
    )
    assert [row["reason"] for row in rows] == ["not_url", "unseen_version", ""]
    assert "1 to 2, 4" in rows[1]["detail"]
    assert rows[0]["payload_defanged"] == "tel[:]+15550100"


def test_files_that_were_skipped_have_no_row() -> None:
    assert list(verdicts(iter([[[Code("a.txt", skipped=True)]]]), scorer(0.2), 0.5, None)) == [[]]


def test_nan_is_an_error_and_not_benign() -> None:
    with pytest.raises(StageError, match="returned NaN"):
        list(verdicts(iter([[[code()]]]), scorer(float("nan")), 0.5, None))
