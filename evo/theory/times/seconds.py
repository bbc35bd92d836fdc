"""Seconds of generations: the slowest of several calls at the same time, and the sum over random many generations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.theory.times.law import TimeLaw

FARTHEST, STEPS = 12.0, 96
"""Where a standard normal density is cut off (1e-32), and points a unit: the rule of equal steps is exact to rounding
for such smooth integrands."""


@dataclass(frozen=True)
class Moments:
    """Mean and variance of the seconds of one generation, or of a run."""

    mean: float
    variance: float


def slowest(calls: int, tail: float) -> Moments:
    """The largest of n independent lognormal factors X = exp(tail Z - tail^2/2) of mean 1.

    E[max^r] = n exp((r^2 - r) tail^2/2) E[Phi(Z + r tail)^(n-1)], Z standard normal: the density n phi Phi^(n-1) of the
    largest Z, with the exponential moved into a shift of Z. n = 2: E[max] = 2 Phi(tail/sqrt(2)).

    Args:
        calls: n >= 1.
        tail: sigma of the logarithm, 0 for factors that are always 1.

    Raises: InputError for no call.

    >>> round(slowest(1, 1.0).mean, 12), round(slowest(2, 1.0).mean, 10), slowest(8, 0.0).mean
    (1.0, 1.5204998778, 1.0)
    """
    from scipy.special import log_ndtr

    if calls < 1:
        raise InputError(f"slowest: expected one call or more, got {calls}")
    if tail == 0.0:
        return Moments(1.0, 0.0)
    z = np.linspace(-FARTHEST, FARTHEST, int(2 * FARTHEST * STEPS) + 1)
    weights = np.exp(-z * z / 2.0) / (math.sqrt(2.0 * math.pi) * STEPS)
    first, second = (float(calls * (weights @ np.exp((calls - 1) * log_ndtr(z + r * tail)))) for r in (1, 2))
    return Moments(first, max(0.0, math.exp(tail * tail) * second - first * first))


def sum_of(generations: TimeLaw, each: Moments) -> tuple[float, float | None]:
    """Mean and variance of the seconds of G generations that are independent of their seconds D (Wald).

    E = E[G] E[D], Var = E[G] Var[D] + Var[G] E[D]^2.

    Args:
        generations: the law of G.
        each: moments of D.

    Returns:
        The variance is None where that of G is not known.

    >>> from evo.theory.times.closed import Geometric
    >>> sum_of(Geometric(0.5), Moments(3.0, 1.0))
    (6.0, 20.0)
    """
    mean = generations.mean
    total = mean * each.mean if mean and each.mean else 0.0
    try:
        spread = generations.variance
    except NoPrediction:
        return total, None
    parts = ((mean, each.variance), (spread, each.mean**2))
    return total, sum(number * of for number, of in parts if number and of)
