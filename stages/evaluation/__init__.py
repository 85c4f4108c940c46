"""How good a probability is, and how sure that is: metrics with intervals, a matched subset, slices."""
