"""What each chart of the page shows, in a sentence for those who do not see it."""

import pandas as pd

from stages.page.captions import BASELINES, figure


def loss(curves: pd.DataFrame, kept: int) -> str:
    """`curves` by epoch as stages.training.curves.read_curves returns them; `kept` is the epoch that was kept."""
    train, val = curves["train/loss"], curves["val/loss"]
    return (
        f"Loss by epoch. On the training part from {figure(train.iloc[0])} to {figure(train.iloc[-1])}, on the "
        f"validation part from {figure(val.iloc[0])} to {figure(val.iloc[-1])}, at the lowest {figure(val.min())}; "
        f"chance is 0.693. Epoch {kept} was kept."
    )


def accuracy(curves: pd.DataFrame, majority: float) -> str:
    """`majority` is the share of the larger class on the validation part, 0..1."""
    first, last = curves.iloc[0], curves.iloc[-1]
    return (
        f"On the validation part by epoch. Accuracy from {figure(first['val/accuracy'])} to "
        f"{figure(last['val/accuracy'])}, AUC from {figure(first['val/auc'])} to {figure(last['val/auc'])}; "
        f"the larger class has a share of {figure(majority)}."
    )


def roc(network: pd.Series) -> str:
    """`network` has the values of its metrics on the test part by name."""
    return (
        f"ROC curve with an area of {figure(network['auc'])}; guessing has 0.5. At the threshold in use the false "
        f"positive rate is {figure(network['false_positive_rate'])} and the recall {figure(network['recall'])}."
    )


def precision_recall(network: pd.Series, share: float) -> str:
    """`share` is that of malicious codes in the test part, 0..1."""
    return (
        f"Precision by recall, with an average precision of {figure(network['average_precision'])}; guessing has "
        f"{figure(share)}. At the threshold in use the recall is {figure(network['recall'])} and the precision "
        f"{figure(network['precision'])}."
    )


def reliability(bins: pd.DataFrame) -> str:
    """`bins` as stages.evaluation.plots.reliability returns them."""
    gap = bins["malicious"] - bins["predicted"]
    furthest = bins.loc[gap.abs().idxmax()]
    return (
        f"Share that is malicious by predicted probability, in {len(bins)} bins: {(gap > 0).sum()} above the diagonal "
        f"of perfect calibration and {(gap < 0).sum()} below it. Furthest from it are {furthest['rows']:,.0f} codes, "
        f"{figure(furthest['predicted'])} predicted and {figure(furthest['malicious'])} malicious."
    )


def forest(scores: pd.DataFrame) -> str:
    """`scores` as metrics.csv."""
    on_test = scores[(scores["metric"] == "auc") & (scores["rows"] == "test")].set_index("model")["value"]
    listed = (f"{BASELINES[name][0]} {figure(value)}" for name, value in on_test.sort_values(ascending=False).items())
    return f"AUC of every model with its interval. On the test part: {', '.join(listed)}. The table below has them all."


def drops(scores: pd.DataFrame) -> str:
    """`scores` as metrics.csv, with the rows elsewhere."""
    auc = scores[scores["metric"] == "auc"].set_index(["rows", "model"])["value"]
    listed = (
        f"{BASELINES[name][0]} from {figure(before)} to {figure(auc['elsewhere', name])}"
        for name, before in auc["test"].items()
    )
    return f"AUC on the test part and elsewhere, by model: {', '.join(listed)}; guessing has 0.5."


def corruption(clean: pd.DataFrame, corrupted: pd.DataFrame) -> str:
    """`clean` and `corrupted` are the rows of robustness.csv without, and with this corruption."""
    rectified, plain = (corrupted[corrupted["rectified"] == kind].iloc[-1] for kind in (True, False))
    before, as_they_are = (clean[clean["rectified"] == kind].iloc[0] for kind in (True, False))
    return (
        f"From no corruption to {rectified['severity']:g} {rectified['unit']}: accuracy of rectified pictures from "
        f"{figure(before['accuracy'])} to {figure(rectified['accuracy'])}, of pictures as they are from "
        f"{figure(as_they_are['accuracy'])} to {figure(plain['accuracy'])}, share decoded from "
        f"{figure(before['decode_rate'])} to {figure(rectified['decode_rate'])}."
    )
