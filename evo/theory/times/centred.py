"""Variances from the tails of a law, also of times that hardly vary."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from evo.protocols import FloatArray
from evo.theory.times.law import Spread

_CANCELS = 1e-5  # of the square of the mean: a smaller variance has lost digits in E[T^2] - E[T]^2
_LATEST = 1 << 16  # times that are summed one by one


def variance_of(law: Spread, mean: float, second: float) -> float:
    """Var[T] = E[T^2] - E[T]^2, or where that cancels, summed about the whole number c next to the mean.

    E[(T-c)^2] = sum_{t>=c} (2(t-c)+1) P(T > t) + sum_{t<c} (2(c-t)-1) P(T <= t), less the square of
    E[T-c] = sum_{t>=c} P(T > t) - sum_{t<c} P(T <= t).

    Args:
        law: of T.
        mean: E[T].
        second: E[T^2].

    >>> from evo.theory.times.closed import Geometric
    >>> law = Geometric.best_of(1 - 2.0**-40, 1)
    >>> round(variance_of(law, law.mean, law.variance + law.mean**2) * 2.0**40, 9)
    1.0
    """
    if math.isinf(mean) or math.isinf(second):
        return math.inf
    value = second - mean**2
    if value > _CANCELS * mean**2 or mean > _LATEST:
        return max(value, 0.0)
    centre = round(mean)
    early = np.arange(float(centre))
    before = law.cdf(early)
    shift, square = -float(before.sum()), float((2.0 * (centre - early) - 1.0) @ before)
    for late in _blocks(float(centre)):
        after = law.tail(late)
        shift, square = shift + float(after.sum()), square + float((2.0 * (late - centre) + 1.0) @ after)
        if after[-1] * (late[-1] - centre + 1.0) ** 2 <= 1e-18 * square:
            break
    return max(square - shift**2, 0.0)


def _blocks(first: float) -> Iterator[FloatArray]:
    size = 32
    while first < 2 * _LATEST:
        yield np.arange(first, first + size, dtype=np.float64)
        first, size = first + size, 2 * size
