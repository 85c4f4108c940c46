import pandas as pd

from stages.page import alternatives


def test_the_curves_over_epochs_are_told_by_their_ends_and_the_lowest_loss() -> None:
    curves = pd.DataFrame(
        {
            "train/loss": [0.9, 0.5, 0.1],
            "val/loss": [0.8, 0.6, 0.7],
            "val/accuracy": [0.6, 0.7, 0.75],
            "val/auc": [0.61, 0.8, 0.82],
        }
    )
    told = alternatives.loss(curves, 2)
    assert (
        "training part from 0.900 to 0.100" in told
        and "validation part from 0.800 to 0.700, at the lowest 0.600" in told
    )
    assert "Epoch 2 was kept" in told
    told = alternatives.accuracy(curves, 0.52)
    assert "Accuracy from 0.600 to 0.750, AUC from 0.610 to 0.820; the larger class has a share of 0.520" in told


def test_the_furthest_bin_from_perfect_calibration_is_named() -> None:
    bins = pd.DataFrame({"predicted": [0.1, 0.5, 0.9], "malicious": [0.2, 0.5, 0.4], "rows": [10, 20, 1234]})
    told = alternatives.reliability(bins)
    assert "in 3 bins: 1 above the diagonal of perfect calibration and 1 below it" in told
    assert "1,234 codes, 0.900 predicted and 0.400 malicious" in told


def test_the_models_are_listed_by_their_auc_on_the_test_part() -> None:
    rows = [
        ("test", "network", 0.6),
        ("test", "best_rule", 0.7),
        ("test", "module_grid", None),
        ("random", "network", 1),
    ]
    scores = pd.DataFrame([(*row, "auc") for row in rows], columns=["rows", "model", "value", "metric"])
    assert "the best rule 0.700, the network 0.600, the module grid cannot be told." in alternatives.forest(scores)


def test_the_way_from_test_to_elsewhere_is_told_for_every_model() -> None:
    rows = [
        ("test", "network", 0.7),
        ("test", "best_rule", 0.8),
        ("elsewhere", "network", 0.6),
        ("elsewhere", "best_rule", 0.5),
    ]
    scores = pd.DataFrame(rows, columns=["rows", "model", "value"]).assign(metric="auc")
    told = alternatives.drops(scores)
    assert "the network from 0.700 to 0.600, the best rule from 0.800 to 0.500; " in told


def test_a_corruption_is_told_from_none_to_the_most_severe() -> None:
    columns = ["corruption", "severity", "unit", "rectified", "accuracy", "decode_rate"]
    clean = pd.DataFrame([("none", 0, "", True, 0.9, 1.0), ("none", 0, "", False, 0.8, 1.0)], columns=columns)
    rows = [
        ("blur", 4, "pixels", True, 0.7, 0.25),
        ("blur", 9, "pixels", True, 0.6, 0.0),
        ("blur", 9, "pixels", False, 0.5, 0.0),
    ]
    told = alternatives.corruption(clean, pd.DataFrame(rows, columns=columns))
    assert told.startswith("From no corruption to 9 pixels: accuracy of rectified pictures from 0.900 to 0.600")
    assert "as they are from 0.800 to 0.500, share decoded from 1.000 to 0.000" in told
