"""Symptoms of a training that could not go well: in the pictures and the fresh network, before the first step."""

from stages.diagnosis.evidence import CHANCE_LOSS, Evidence, Judge, Symptom, Verdict

MIN_CONTRAST, GOOD_CONTRAST = 0.05, 0.25  # of black to white; below the first no eye tells the modules apart


def picture_contrast(e: Evidence) -> Symptom:
    """The pictures have dark and light in them."""
    share = e.probes["contrast"]
    return Symptom(
        "picture_contrast",
        "pass" if share >= GOOD_CONTRAST else "warn" if share >= MIN_CONTRAST else "fail",
        f"{share:.0%} of black to white",
        f"at least {GOOD_CONTRAST:.0%}; below {MIN_CONTRAST:.0%} fails",
        "the pictures are nearly of one colour, so that there is next to nothing to learn from",
        "the images themselves: exposure, and how they were written",
    )


def pictures_differ(e: Evidence) -> Symptom:
    """The pictures of a batch are not all the same to the eye."""
    share = e.probes["distinct_pictures"]
    return Symptom(
        "pictures_differ",
        "pass" if share > 0.5 else "fail",
        f"{share:.0%} distinct",
        "above 50 %",
        "the network sees the same picture again and again",
        "the loading of the images",
    )


def initial_activations(e: Evidence) -> Symptom:
    """No layer starts with outputs that explode, vanish or are all zero."""
    high, low, dead = (e.probes[name] for name in ("largest_deviation", "smallest_deviation", "dead"))
    verdict: Verdict = (
        "fail" if dead >= 1 or high > 100 or low < 1e-4 else "warn" if dead > 0.5 or high > 10 else "pass"
    )
    return Symptom(
        "initial_activations",
        verdict,
        f"deviations {low:.2g} to {high:.3g}, dead {dead:.0%}",
        "deviations 0.0001 to 10, no layer half dead",
        "the initialisation does not fit the sizes of the layers",
        "the initialisation in section model, batch norm",
    )


def one_batch(e: Evidence) -> Symptom | None:
    """A fresh network can overfit one batch."""
    loss, pale = e.probes.get("one_batch"), e.probes["contrast"] < MIN_CONTRAST
    if loss is None:
        return None
    verdict: Verdict = "pass" if loss < 0.1 else "warn" if loss < CHANCE_LOSS / 2 else "fail"
    return Symptom(
        "one_batch",
        verdict,
        f"loss {loss:.3f}",
        "below 0.1",
        "there is nothing in the pictures to learn"
        if pale
        else "the network cannot learn: its first weights, its learning rate or the pictures",
        "picture_contrast"
        if pale
        else "train.learning_rate, the initialisation in section model; do the pictures show what you expect?",
    )


def blank_pictures(e: Evidence) -> Symptom | None:
    """It learns nothing from blank pictures."""
    loss = e.probes.get("blank_batch")
    if loss is None:
        return None
    return Symptom(
        "blank_pictures",
        "pass" if loss > 0.9 * CHANCE_LOSS else "fail",
        f"loss {loss:.3f}",
        f"above {0.9 * CHANCE_LOSS:.2f}",
        "the network learns the labels from something other than the pictures",
        "stages/network/data.py",
    )


PROBED: list[Judge] = [picture_contrast, pictures_differ, initial_activations, one_batch, blank_pictures]
