"""Means of runs that give up at a budget, from the tails of their law."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.times.law import TimeLaw

TERM_BY_TERM, POINTS_AN_OCTAVE = 256, 32
NEGLIGIBLE = 1e-4
"""Of a mean: a budget that cuts less is not seen."""
SMALL = 1e-200
"""Below it slopes of tails overflow."""


def cut_means(law: TimeLaw, most: ArrayLike) -> FloatArray:
    """E[min(T, B)] = sum of P(T > t) over whole t < B, in the shape of B; to 1e-6 where the tail is smooth.

    Term by term below 256. Beyond, 32 points an octave are joined by monotone cubics and summed by Euler and
    Maclaurin's formula; a tail that falls in one step between two points is at most 2.2 % off.

    Args:
        law: of T; its tail must be known.
        most: B, whole numbers >= 1.

    >>> from evo.theory import Geometric
    >>> cut_means(Geometric(0.5), [1, 3]).tolist()
    [1.0, 1.75]
    """
    budgets = np.atleast_1d(np.asarray(most, dtype=np.float64))
    last = float(budgets.max())
    sums = np.concatenate(([0.0], np.cumsum(law.tail(np.arange(min(TERM_BY_TERM, last))))))
    means = sums[np.minimum(budgets, len(sums) - 1).astype(int)]
    if last > TERM_BY_TERM:
        beyond = budgets > TERM_BY_TERM
        means[beyond] += _summed(law, last, budgets[beyond])
    return np.asarray(means.reshape(np.shape(most)))


def mean_within(law: TimeLaw, most: float) -> float:
    """E[min(T, most)]: E[T] where the variance shows that the cut changes less than 1e-4 of E[T], else `cut_means`.

    Args:
        law: of T.
        most: where T is cut, a whole number >= 1.

    >>> from evo.theory import Geometric
    >>> mean_within(Geometric(0.5), 3), mean_within(Geometric(2.0**-10), 10**9)
    (1.75, 1024.0)
    """
    if most > law.mean and _variance(law) < 4 * (most - law.mean) * NEGLIGIBLE * law.mean:
        return law.mean  # E[max(T - most, 0)] is at most variance / (4 (most - mean)), by Cauchy and Schwarz
    return float(cut_means(law, most))


def _variance(law: TimeLaw) -> float:
    """The variance of a time, infinite where it is not known."""
    try:
        return law.variance
    except NoPrediction:
        return math.inf


def _summed(law: TimeLaw, last: float, budgets: FloatArray) -> FloatArray:
    """Sum of P(T > t) from t = 256 to before each budget, none above `last`."""
    from scipy.interpolate import PchipInterpolator

    points = 2 + math.ceil(POINTS_AN_OCTAVE * math.log2(last / TERM_BY_TERM))
    times = np.unique(np.geomspace(TERM_BY_TERM, last, points).round())
    tails = law.tail(times)
    tail = PchipInterpolator(times, np.where(tails > SMALL, tails, 0.0))
    integral, slope, first = tail.antiderivative(), tail.derivative(), times[0]
    whole = integral(budgets) - integral(first) + (tail(first) - tail(budgets)) / 2
    return np.asarray(whole + (slope(budgets) - slope(first)) / 12)
