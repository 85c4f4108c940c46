"""From logits to a probability that means what it says, and to a yes or no; both learned on the val part."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.metrics import roc_curve

from stages.network.model_file import MAX_TEMPERATURE, MIN_TEMPERATURE


def temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The number to divide `logits`, finite (n, 2), by for the lowest cross-entropy on `truth` (n,) of 0 and 1.

    Guo et al., On Calibration of Modern Neural Networks (ICML 2017), section 4.2. It changes no ranking.
    """

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(logits / np.exp(log_temperature), axis=1)[np.arange(len(truth)), truth].mean())

    best = minimize_scalar(loss, bounds=(np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)), method="bounded").x
    return float(np.clip(np.exp(best), MIN_TEMPERATURE, MAX_TEMPERATURE))


def threshold(truth: np.ndarray, probability: np.ndarray, max_false_positives: float | None) -> float:
    """The probability from which on to say malicious, in 0..1.

    With None that of the highest balanced accuracy (Youden's index), else that which finds most
    while it calls at most this share of the benign rows malicious. It stands in the middle between
    two rows' probabilities, so that rounding on another machine moves no row across it. 0.5 where
    a class is missing. Raises ValueError where a probability is not finite.
    """
    if len(np.unique(truth)) < 2:
        return 0.5
    false_positive, true_positive, thresholds = roc_curve(truth, probability, drop_intermediate=False)
    allowed = np.ones(len(thresholds)) if max_false_positives is None else false_positive <= max_false_positives
    gain = true_positive - (false_positive if max_false_positives is None else 0)
    best = int(np.where(allowed, gain, -np.inf).argmax())
    upper = min(float(thresholds[best]), 1.0)
    lower = float(thresholds[best + 1]) if best + 1 < len(thresholds) else 0.0
    return (upper + lower) / 2 if best else 1.0
