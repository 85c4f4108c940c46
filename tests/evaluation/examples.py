"""Answers of a model that is right more often than chance."""

import numpy as np


def example(count: int, seed: int = 0, levels: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Truth and a probability that has to do with it, in steps of 1 / `levels`."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=count)
    return truth, ((0.3 * truth + 0.7 * rng.random(count)) * levels).round() / levels
