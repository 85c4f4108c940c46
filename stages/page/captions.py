"""What the pages say of each metric, baseline and damage, and how they write a figure."""

import pandas as pd

# name -> (title, what it is)
METRICS = {
    "accuracy": ("accuracy", "share of all codes that are called what they are"),
    "balanced_accuracy": ("balanced accuracy", "mean of the shares right among the benign and the malicious codes"),
    "precision": ("precision", "share of real ones among the alarms, with as many malicious codes as in the test part"),
    "recall": ("recall", "share of the malicious codes that are found"),
    "false_positive_rate": ("false positive rate", "share of the benign codes that are called malicious by mistake"),
    "f1": ("F1", "harmonic mean of precision and recall"),
    "auc": ("AUC", "chance that a malicious code gets a higher probability than a benign one; 0.5 is guessing"),
    "average_precision": (
        "average precision",
        "precision over all recalls; guessing gives the share of malicious codes",
    ),
    "recall_at_1_percent": ("recall at 1 %", "largest recall with at most 1 % of the benign codes called malicious"),
    "recall_at_0_1_percent": ("recall at 0.1 %", "the same with at most 0.1 %; needs 1,000 benign codes"),
    "precision_at_prevalence": ("precision in the world", "share of real alarms where malicious codes are rare"),
    "log_loss": ("log loss", "cross-entropy of the probabilities; always answering 0.5 gives 0.693; lower is better"),
    "brier": (
        "Brier score",
        "mean squared error of the probabilities; always answering 0.5 gives 0.25; lower is better",
    ),
    "calibration_error": (
        "calibration error",
        "mean distance of a probability from the share that proves malicious; lower is better. "
        "Few codes make it too large, and its interval even more so",
    ),
}
# name -> (in a sentence, what it is)
BASELINES = {
    "network": ("the network", "convolutional network on the picture, the subject of this page"),
    "majority": ("the larger class", "always answers the same: guessing"),
    "best_rule": ("the best rule", "one feature of the payload or symbol and one cut, learned on the training part"),
    "picture_features": ("picture features", "trees on how the file was made (sizes, margins), no module of the code"),
    "payload_features": ("payload features", "trees on what can be counted in the payload (lengths, digits, dots)"),
    "module_grid": ("the module grid", "trees on the dark and light modules, all that the picture says"),
    "payload_characters": ("payload characters", "logistic regression on runs of characters of the decoded payload"),
}
ROWS = {
    "test": "the test part, whose sites are in no other part",
    "matched": "pairs of it that agree in scheme, www. and symbol version",
    "random": "baselines only: the same codes split at random, with sites on both sides; what is gained is the leak",
}
CORRUPTIONS = {
    "rotate": "rotation",
    "angle": "camera angle",
    "darken": "less light",
    "blur": "blur",
    "noise": "noise",
    "recompress": "JPEG compression",
}
UNKNOWN = "cannot be told"


def figure(value: float | None, sign: bool = False) -> str:
    """A figure with three decimals, or two significant digits where it is small; UNKNOWN for NaN and None."""
    if value is None or pd.isna(value):
        return UNKNOWN
    form = ".2g" if 0 < abs(value) < 0.01 and not sign else ".3f"
    return format(value, f"+{form}" if sign else form)


def interval(row: pd.Series, name: str = "value") -> str:
    """The value of `row` in `name` with the interval from its low to its high; UNKNOWN where the value is NaN."""
    if pd.isna(row[name]) or pd.isna(row["low"]):
        return figure(row[name])
    return f"{figure(row[name])} ({figure(row['low'])} to {figure(row['high'])})"
