import numpy as np
import pandas as pd
import pytest

from stages.page.verdict import RIVALS, Answer, verdict

Interval = tuple[float, float, float]
ABOVE, BELOW, OPEN = (0.1, 0.05, 0.15), (-0.1, -0.15, -0.05), (0.01, -0.05, 0.07)


def answers(
    failed: tuple[str, ...] = (),
    over: tuple[Interval, Interval, Interval] = (ABOVE, ABOVE, ABOVE),
    matched: Interval = (0.7, 0.6, 0.8),
    precision: float = 0.5,
    alarms: float = 0.001,
    doubts: tuple[str, ...] = (),
    warned: tuple[str, ...] = (),
    names: tuple[str, ...] = ("diverged", "validation_accuracy", "beats_rule"),
    elsewhere: tuple[float, float, float] = (0.7, 0.6, 0.8),
    not_elsewhere: str = "",
) -> list[Answer]:
    symptoms = [
        {
            "name": name,
            "verdict": "fail" if name in failed else "warn" if name in warned else "pass",
            "figure": "0.9 of 9 rows",
            "bound": "above 0.5",
        }
        for name in names
    ]
    differences = pd.DataFrame(
        [("test", name, "auc", *row) for name, row in zip(RIVALS, over, strict=True)]
        + [("matched", name, "auc", *BELOW) for name in RIVALS]
        + [("test", name, "accuracy", *BELOW) for name in RIVALS],
        columns=["rows", "model", "metric", "difference", "low", "high"],
    )
    scores = pd.DataFrame(
        [
            ("matched", "network", "auc", *matched),
            *([] if not_elsewhere else [("elsewhere", "network", "auc", *elsewhere)]),
            ("test", "network", "precision_at_prevalence", precision, precision, precision),
            ("test", "network", "false_positive_rate", alarms, alarms, alarms),
        ],
        columns=["rows", "model", "metric", "value", "low", "high"],
    )
    return verdict({"symptoms": symptoms}, differences, scores, 0.001, list(doubts), not_elsewhere)


def test_where_nothing_speaks_against_it_all_three_are_yes() -> None:
    found = answers()
    assert [answer.word for answer in found] == ["yes", "yes", "yes"]
    assert "0.9 of 9 rows" in found[0].sentence
    assert "above that of the best rule by 0.100 (0.050 to 0.150)" in found[1].sentence
    assert "where 1 code in 1,000 is malicious, of 1,000 alarms about 500 would be real" in found[2].sentence


def test_a_failed_symptom_is_named_with_its_figure() -> None:
    learning, _, deploy = answers(failed=("diverged",))
    assert learning.word == "no" and "diverged (0.9 of 9 rows, expected above 0.5)" in learning.sentence
    assert deploy.word == "no" and "the training is not sound" in deploy.sentence


def test_losing_to_a_rule_is_not_a_failure_to_learn_and_is_not_passed_over() -> None:
    learning = answers(failed=("beats_rule",))[0]
    assert learning.word == "yes"
    assert "a simple rule does as well: beats rule (0.9 of 9 rows, expected above 0.5)" in learning.sentence
    assert "no symptom" not in learning.sentence and "no symptom" in answers()[0].sentence


def test_a_warning_is_named() -> None:
    learning = answers(warned=("diverged",))[0]
    assert learning.word == "yes" and learning.sentence.endswith("; to be checked: diverged.")


@pytest.mark.parametrize("by", [0.0, 1e-7, -1e-7])
def test_a_tie_is_neither_above_nor_below(by: float) -> None:
    _, better, deploy = answers(over=((by, by, by), ABOVE, ABOVE))
    assert better.word == "not shown" and "its AUC is the same as that of the best rule" in better.sentence
    assert deploy.word == "no" and "not shown to be better than a rule" in deploy.sentence


def test_a_training_without_an_epoch_shows_nothing() -> None:
    assert answers(names=("pictures_differ",))[0].word == "not shown"


@pytest.mark.parametrize(
    ("over", "word", "sentence"),
    [
        ((ABOVE, ABOVE, OPEN), "not shown", "indistinguishable from that of payload characters (difference +0.010"),
        ((ABOVE, BELOW, ABOVE), "no", "below that of the module grid by 0.100 (0.050 to 0.150)"),
        ((OPEN, OPEN, BELOW), "no", "below that of payload characters"),
    ],
)
def test_better_means_than_each_of_them(over: tuple[Interval, Interval, Interval], word: str, sentence: str) -> None:
    better = answers(over=over)[1]
    assert better.word == word and sentence in better.sentence


@pytest.mark.parametrize("over", [OPEN, BELOW, (np.nan, np.nan, np.nan)])
def test_what_is_not_better_than_the_best_rule_is_not_deployed(over: Interval) -> None:
    deploy = answers(over=(over, ABOVE, ABOVE))[2]
    assert deploy.word == "no" and "a rule of one feature" in deploy.sentence


def test_losing_to_a_larger_model_alone_does_not_forbid_it() -> None:
    assert [answer.word for answer in answers(over=(ABOVE, BELOW, BELOW))] == ["yes", "no", "yes"]


def test_what_is_not_above_chance_on_matched_codes_is_not_deployed() -> None:
    deploy = answers(matched=(0.6, 0.5, 0.7))[2]
    assert deploy.word == "no" and "AUC 0.600 (0.500 to 0.700)" in deploy.sentence


def test_alarms_of_which_few_are_real_are_not_deployed() -> None:
    deploy = answers(precision=0.0029)[2]
    assert deploy.word == "no" and "of 1,000 alarms about 3 would be real" in deploy.sentence


def test_what_cannot_be_told_is_not_shown() -> None:
    nothing = (np.nan, np.nan, np.nan)
    deploy = answers(alarms=0.0, precision=1.0, matched=nothing)[2]
    assert deploy.word == "not shown"
    assert "too few matched codes" in deploy.sentence and "cannot be told" in deploy.sentence


def test_what_fails_outweighs_what_cannot_be_told() -> None:
    assert answers(alarms=0.0, matched=(0.5, 0.4, 0.6))[2].word == "no"


def test_doubts_about_the_data_forbid_it() -> None:
    deploy = answers(doubts=("the figures leak",))[2]
    assert deploy.word == "no" and "the figures leak" in deploy.sentence


def test_without_a_collection_from_elsewhere_nothing_is_shown() -> None:
    deploy = answers(not_elsewhere="no collection was named; name one in split.given (my-folder: elsewhere)")[2]
    assert deploy.word == "not shown"
    assert (
        "nothing is known about codes from elsewhere: no collection was named; name one in split.given"
        in deploy.sentence
    )


def test_chance_elsewhere_speaks_against_it() -> None:
    deploy = answers(elsewhere=(0.55, 0.48, 0.62))[2]
    assert deploy.word == "no"
    assert "on codes from elsewhere it is not shown to be above chance (AUC 0.550 (0.480 to 0.620))" in deploy.sentence
