"""Metrics with intervals, baselines, matched rows, slices."""
