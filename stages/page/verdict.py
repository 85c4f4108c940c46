"""Is it learning, is it better than trivial rules, would you deploy it? The rules behind the three answers."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from stages.page.captions import BASELINES, figure, interval

Word = Literal["yes", "no", "not shown"]
# The share of real alarms below which an alarm says next to nothing. Base rates decide it more than the
# detector does: Axelsson, The base-rate fallacy and the difficulty of intrusion detection, ACM TISSEC 2000.
NEGLIGIBLE = 0.1
# Figures closer than this are equal: the tables have six digits, and networks compute in float32.
TIE = 1e-6
RIVALS = ("best_rule", "module_grid", "payload_characters")


@dataclass(frozen=True)
class Answer:
    """A question, its answer in a word and the figures behind it in a sentence."""

    question: str
    word: Word
    sentence: str


def verdict(
    diagnosis: dict[str, Any],
    differences: pd.DataFrame,
    scores: pd.DataFrame,
    prevalence: float,
    doubts: list[str],
    not_elsewhere: str,
) -> list[Answer]:
    """The three answers.

    `diagnosis` is reports/diagnosis.json, `differences` and `scores` are differences.csv and metrics.csv of
    reports/evaluate, `prevalence` the share of malicious codes where the detector would stand, 0..1. `doubts`
    names what about the data keeps any figure from carrying over to the world; each one speaks against deploying.
    `not_elsewhere` says why no collection from elsewhere was scored, and is empty where one was.
    """
    learns = learning(diagnosis["symptoms"])
    return [learns, better(differences), deploy(learns, differences, scores, prevalence, doubts, not_elsewhere)]


def learning(symptoms: list[dict[str, str]]) -> Answer:
    """No where a symptom failed. Losing to a rule (beats_rule) is not a failure to learn, and the next question."""
    question = "Is it learning?"
    failed = [one for one in symptoms if one["verdict"] == "fail"]
    if others := [one for one in failed if one["name"] != "beats_rule"]:
        return Answer(
            question, "no", f"The training shows symptoms of having failed: {'; '.join(map(_found, others))}."
        )
    accuracy = next((one["figure"] for one in symptoms if one["name"] == "validation_accuracy"), None)
    if accuracy is None:
        return Answer(question, "not shown", "The training left no finished epoch to judge.")
    sentence = f"Its accuracy on the validation part is {accuracy}"
    if failed:  # the table of symptoms has it in red
        sentence += f", and a simple rule does as well: {_found(failed[0])}. No other symptom of a failed training"
    else:
        sentence += ", and no symptom of a failed training was found"
    if warned := [_spoken(one) for one in symptoms if one["verdict"] == "warn"]:
        sentence += f"; to be checked: {', '.join(warned)}"
    return Answer(question, "yes", f"{sentence}.")


def better(differences: pd.DataFrame) -> Answer:
    """Yes where the AUC is beyond chance above that of each of RIVALS, no where it is so below one of them."""
    found = _over(differences)
    word: Word = "yes" if (found["low"] > TIE).all() else "no" if (found["high"] < -TIE).any() else "not shown"
    parts = []
    for name, row in found.iterrows():
        rival = f"that of {BASELINES[str(name)][0]}"
        if row["low"] > TIE:
            parts.append(f"above {rival} by {interval(row, 'difference')}")
        elif row["high"] < -TIE:
            under = pd.Series({"by": -row["difference"], "low": -row["high"], "high": -row["low"]})
            parts.append(f"below {rival} by {interval(under, 'by')}")
        elif row[["difference", "low", "high"]].abs().max() <= TIE:
            parts.append(f"the same as {rival}")
        else:
            parts.append(f"indistinguishable from {rival} (difference {_signed(row)})")
    return Answer("Is it better than trivial rules?", word, f"On the same test codes its AUC is {'; '.join(parts)}.")


def deploy(
    learns: Answer,
    differences: pd.DataFrame,
    scores: pd.DataFrame,
    prevalence: float,
    doubts: list[str],
    not_elsewhere: str,
) -> Answer:
    """Yes where nothing speaks against it, no where something does, not shown where only something is unknown."""
    of = scores.set_index(["rows", "model", "metric"]).sort_index()
    rule = _over(differences).loc["best_rule"]
    matched = of.loc[("matched", "network", "auc")]
    precision = of.value[("test", "network", "precision_at_prevalence")]
    alarms = of.value[("test", "network", "false_positive_rate")]

    against, unknown = list(doubts), list[str]()
    if learns.word != "yes":
        (against if learns.word == "no" else unknown).append("the training is not sound")
    if not rule["low"] > TIE:
        against.append(f"it is not shown to be better than a rule of one feature (AUC {_signed(rule)})")
    if np.isnan(matched["low"]):
        unknown.append("too few matched codes to tell what is left without scheme, www. and version")
    elif not matched["low"] > 0.5 + TIE:
        against.append(f"on matched codes it is not shown to be above chance (AUC {interval(matched)})")
    if not_elsewhere:
        unknown.append(f"nothing is known about codes from elsewhere: {not_elsewhere}")
    elif not (there := of.loc[("elsewhere", "network", "auc")])["low"] > 0.5:
        against.append(f"on codes from elsewhere it is not shown to be above chance (AUC {interval(there)})")
    rate = f"where 1 code in {1 / prevalence:,.0f} is malicious"
    if not alarms > 0:  # no false alarm among so few benign codes does not mean none
        unknown.append(f"how many alarms would be real {rate} cannot be told, as the test part gave no false one")
    elif not precision >= NEGLIGIBLE:
        against.append(f"{rate}, {real_alarms(precision)}")
    question = "Would you deploy it?"
    if against or unknown:
        return Answer(question, "no" if against else "not shown", f"Against it: {'; '.join(against + unknown)}.")
    kept = f"{rate}, {real_alarms(precision)}; its AUC is {interval(matched)} on matched codes"
    kept += f" and {interval(of.loc[('elsewhere', 'network', 'auc')])} on codes from elsewhere"
    return Answer(question, "yes", f"It learns, beats the best rule by {_signed(rule)} AUC, and {kept}.")


def real_alarms(precision: float) -> str:
    """A precision 0..1 in words."""
    count = precision * 1000
    return (
        f"of 1,000 alarms about {count:,.0f} would be real" if count >= 1 else "of 1,000 alarms not one would be real"
    )


def _over(differences: pd.DataFrame) -> pd.DataFrame:
    """difference, low and high of the network's AUC on the test part over each of RIVALS, which index the rows."""
    chosen = differences[(differences["rows"] == "test") & (differences["metric"] == "auc")]
    return chosen.set_index("model").loc[list(RIVALS), ["difference", "low", "high"]]


def _spoken(symptom: dict[str, str]) -> str:
    return symptom["name"].replace("_", " ")


def _found(symptom: dict[str, str]) -> str:
    return f"{_spoken(symptom)} ({symptom['figure']}, expected {symptom['bound']})"


def _signed(row: pd.Series) -> str:
    return (
        f"{figure(row['difference'], sign=True)} ({figure(row['low'], sign=True)} to {figure(row['high'], sign=True)})"
    )
