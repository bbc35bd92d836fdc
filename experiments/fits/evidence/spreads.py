"""Relative variances of means of runs, smoothed along a series, so that small means do not come with small errors."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

from evo.protocols import FloatArray

SMOOTH = 0.01
"""p of the smooth curve through the spreads below which each cell keeps its own."""
WORST = 0.5
"""Variance of the log of a spread, at most."""


def log_error(values: FloatArray) -> float:
    """Variance of the log of s^2 / mean^2 of some runs, by its influence function.

    For n exponential times it is about 4/n, for n normal ones 2/n.
    """
    n, mean, variance = len(values), float(values.mean()), float(values.var())
    if n < 2 or variance <= 0 or mean <= 0:
        return 2 / max(n, 2)
    influence = (values - mean) ** 2 / variance - 1 - 2 * (values / mean - 1)
    return float(np.clip(influence.var() / n, 1 / n, WORST))


def smoothed(x: FloatArray, squares: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Relative variances along x, and the degrees of freedom behind them.

    Their logs are regressed on a polynomial in ln x; where that does not fit, each cell keeps its own. An estimate
    whose log has the variance v has 2/v degrees of freedom.

    Args:
        x: the parameter, float [cells].
        squares: s^2 / mean^2 of the runs of each cell.
        errors: variances of their logs.
    """
    logs = np.log(squares) + errors / 2  # the log of a mean of squares lies low by half its variance
    degree = min(2, len(x) - 3)
    if degree < 1:
        return squares, 2 / errors
    design = np.vander(np.log(x), degree + 1) / np.sqrt(errors)[:, None]
    inverse = np.linalg.pinv(design)
    found = design @ (inverse @ (logs / np.sqrt(errors)))
    distance = float(((logs / np.sqrt(errors) - found) ** 2).sum())
    if chdtrc(len(x) - degree - 1, distance) < SMOOTH:
        return squares, 2 / errors
    hat = (design * inverse.T).sum(axis=1)
    return np.exp(found * np.sqrt(errors)), 2 / (errors * np.clip(hat, 0.05, 1.0))
