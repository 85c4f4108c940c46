"""The symptoms of a training that went wrong: one function a symptom, each from Evidence to a Symptom.

Those here are in its curves; those that show before the first step are in stages/diagnosis/probed.py.
"""

from math import isfinite

from stages.diagnosis.evidence import CHANCE_LOSS, Evidence, Judge, Symptom, Verdict, p_value
from stages.diagnosis.probed import PROBED


def diverged(e: Evidence) -> Symptom:
    """Every loss and gradient was finite."""
    where = e.report.get("diverged", "")
    if not where and not e.report["epoch"]:
        where = "no finite validation loss in any epoch"
    norm = e.curves["gradient/norm"].max(skipna=False) if len(e.curves) else float("nan")
    bad = bool(where) or not isfinite(norm)
    return Symptom(
        "diverged",
        "fail" if bad else "pass",
        where or f"largest gradient norm {norm:.3g}",
        "all finite",
        "the steps are too large, or an image has NaN pixels",
        "train.learning_rate, train.gradient_clip; the images of that batch",
    )


def initial_loss(e: Evidence) -> Symptom:
    """An untrained network starts near ln 2; a loss far above means that its first weights are too large."""
    loss = e.report["initial_loss"]
    verdict: Verdict = "pass" if abs(loss - CHANCE_LOSS) < 0.7 else "warn" if loss < 5 else "fail"
    return Symptom(
        "initial_loss",
        verdict,
        f"{loss:.3g}",
        f"{CHANCE_LOSS:.3f} +- 0.7; above 5 fails",
        "the first weights of a large layer are too large for the number of its inputs",
        "the initialisation in section model; initial_activations",
    )


def batches_mixed(e: Evidence) -> Symptom:
    """Batches contain both classes."""
    share = e.curves["train/one_class_batches"].max()
    return Symptom(
        "batches_mixed",
        "fail" if share > 0.2 else "pass",
        f"{share:.0%} of one class",
        "up to 20 %",
        "the rows are sorted by class, so that each step undoes the one before",
        "shuffling in stages/training/batches.py, train.batch_size",
    )


def gradients_clipped(e: Evidence) -> Symptom:
    """Few steps are clipped."""
    share = e.curves["gradient/clipped"].mean()
    return Symptom(
        "gradients_clipped",
        "warn" if share > 0.9 else "pass",
        f"{share:.0%} of the steps",
        "up to 90 %",
        "nearly every step is clipped, so that the clipping sets the size of the steps, and the learning rate does not",
        "train.gradient_clip",
    )


def training_loss(e: Evidence) -> Symptom:
    """The training loss falls gradually."""
    losses = e.curves["train/loss"]
    at_once, stuck = losses.iloc[0] < 0.05, losses.min() > 0.97 * CHANCE_LOSS
    verdict: Verdict = "fail" if stuck else "warn" if at_once else "pass"
    cause = "nothing is learned" if stuck else "the label can be read off the picture, or the loss is computed wrongly"
    return Symptom(
        "training_loss",
        verdict,
        f"{losses.iloc[0]:.3g} in epoch 1, {losses.min():.3g} at best",
        f"below {0.97 * CHANCE_LOSS:.2f}, and not below 0.05 at once",
        cause,
        "picture_contrast, initial_loss, one_batch" if stuck else "reports/data.html: shortcuts",
    )


def validation_loss(e: Evidence) -> Symptom:
    """The validation loss falls below chance."""
    loss = e.curves["val/loss"].min()
    verdict: Verdict = "pass" if loss < 0.95 * CHANCE_LOSS else "warn" if loss < 0.99 * CHANCE_LOSS else "fail"
    return Symptom(
        "validation_loss",
        verdict,
        f"{loss:.4f} at best",
        f"below {0.95 * CHANCE_LOSS:.3f}; chance is {CHANCE_LOSS:.3f}",
        "stuck at chance: if anything was learned, it does not generalise",
        "training_loss: if it falls, check the labels; if not, pictures, learning rate and initialisation",
    )


def validation_accuracy(e: Evidence) -> Symptom:
    """The kept epoch is significantly better than always answering the larger class (binomial test, one-sided)."""
    accuracy = e.best["val/accuracy"]
    rows, majority = e.report["val_images"], e.report["val_majority"]
    p = p_value(accuracy, rows, majority)
    verdict: Verdict = "pass" if p < 0.01 else "warn" if p < 0.05 else "fail"
    return Symptom(
        "validation_accuracy",
        verdict,
        f"{accuracy:.3f} of {rows} rows, p = {p:.2g}",
        f"above {majority:.3f} with p < 0.01",
        "the network does no better than a constant answer",
        "the symptoms above; the labels of these images",
    )


def labels_inverted(e: Evidence) -> Symptom:
    """Validation AUC is not below chance, as it would be with swapped labels."""
    auc = e.curves["val/auc"].min()
    n = max(e.report["val_images"] / 2, 1)
    bound = 0.5 - 2.05 * ((2 * n + 1) / (12 * n * n)) ** 0.5  # chance is below it once in fifty times
    bad = e.best["val/auc"] < bound or (auc < bound and e.curves["val/auc"].mean() < bound)
    return Symptom(
        "labels_inverted",
        "fail" if bad else "pass",
        f"AUC {e.best['val/auc']:.3f}, at least {auc:.3f}",
        f"above {bound:.3f}",
        "benign and malicious are swapped in one of the parts",
        "data.classes, the labels file, the source of each part's images",
    )


def constant_output(e: Evidence) -> Symptom:
    """The network of the kept epoch gives both answers."""
    share = e.best["val/called_malicious"]
    bad = min(share, 1 - share) < 0.02
    return Symptom(
        "constant_output",
        "fail" if bad else "pass",
        f"{share:.1%} called malicious",
        "2 % to 98 %",
        "the network gives the same answer to everything",
        "initial_loss, training_loss, batches_mixed",
    )


def beats_rule(e: Evidence) -> Symptom:
    """The network has a higher accuracy than the best rule of one feature, on the same rows."""
    name, score = e.rule[0], round(e.rule[1], 4)
    accuracy = round(e.best["val/accuracy"], 4)  # float32 in the curves: a tie must not come out as a win
    return Symptom(
        "beats_rule",
        "pass" if accuracy > score else "fail",
        f"{accuracy:.3f}",
        f"above {score:.3f} ({name})",
        f"a rule that uses only {name} is as good: that needs no network",
        "reports/data.html: shortcuts; matched rows in reports/index.html",
    )


def target_band(e: Evidence) -> Symptom:
    """The best validation accuracy is 70 to 90 %, as the notes (stages/commands/ablation/fixes.py) expect.

    Above that, a leak is more likely than skill.
    """
    accuracy = e.curves["val/accuracy"].max()
    too_good = accuracy > 0.9
    return Symptom(
        "target_band",
        "pass" if 0.7 <= accuracy <= 0.9 else "warn",
        f"{accuracy:.3f} at best",
        "0.70 to 0.90",
        "too good to be true: the label may be in the picture" if too_good else "little was learned",
        "reports/data.html: shortcuts" if too_good else "more images, more epochs, the symptoms above",
    )


def learning_rate(e: Evidence) -> Symptom:
    """The learning rate falls when the validation loss stops improving, but not so far that training stops."""
    rates = e.curves["learning_rate"]
    reduced = [int(epoch) for epoch in rates.index[rates.diff() < 0]]
    figure = f"reduced before epoch {', '.join(map(str, reduced))}, to {rates.iloc[-1]:.2g}" if reduced else "unchanged"
    return Symptom(
        "learning_rate",
        "warn" if rates.iloc[-1] < 0.01 * rates.iloc[0] else "pass",
        figure,
        "at the end at least a hundredth of the first",
        "the validation loss did not improve for so long that the steps became too small to learn",
        "train.scheduler_patience, train.scheduler_factor; validation_loss above",
    )


def overfitting(e: Evidence) -> Symptom:
    """The validation loss does not rise while the training loss keeps falling."""
    losses = e.curves["val/loss"]
    turn, last = int(losses.idxmin()), losses.iloc[-1]
    worse = last > 1.1 * losses.min() and e.curves["train/loss"].iloc[-1] < e.curves["train/loss"][turn]
    figure = f"turns after epoch {turn}: {losses.min():.3f} to {last:.3f}" if worse else f"lowest in epoch {turn}"
    return Symptom(
        "overfitting",
        "warn" if worse else "pass",
        figure,
        "final loss up to 1.1 times the lowest",
        "from there on it overfits its training images; the weights of the lowest loss are kept",
        "more images, a smaller network, more weight decay, fewer epochs",
    )


IN_CURVES: list[Judge] = [
    initial_loss,
    batches_mixed,
    gradients_clipped,
    training_loss,
    validation_loss,
    validation_accuracy,
    labels_inverted,
    constant_output,
    beats_rule,
    target_band,
    learning_rate,
    overfitting,
]


def diagnose(e: Evidence) -> list[Symptom]:
    """Every symptom that can be judged; of a training without one good epoch, those before it and `diverged`."""
    judged = [*PROBED, diverged, *(IN_CURVES if e.report["epoch"] else [])]
    return [symptom for judge in judged if (symptom := judge(e)) is not None]
