"""Waiting times of jump chains: generations until something happens, and the offspring that brings it.

In floats: a whole number of generations is exact up to 2^53 and has a relative error of 2^-53 a wait above.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evo.protocols import FloatArray

AT_ONCE = 1e-300
"""The span of what happens in the first generation for sure: any exponential time of it is rounded up to 1."""
EVEN = 1e-300
"""Chances below this leave each of lam offspring as likely."""


def log_stay(chance: ArrayLike, stay: ArrayLike | None = None) -> FloatArray:
    """log(1 - chance), of the smaller of the two; `stay` is 1 - chance where it is known to more digits.

    >>> log_stay([0.0, 1e-20, 1.0], [1.0, 1.0, 1e-40]).round(6).tolist()
    [-0.0, -0.0, -92.103404]
    """
    p = np.minimum(np.asarray(chance, dtype=np.float64), 1.0)
    with np.errstate(divide="ignore"):
        logs = np.log1p(-p)
        if stay is not None:
            logs = np.where(p < 0.5, logs, np.log(np.asarray(stay, dtype=np.float64)))
    return np.asarray(logs)


def spans(logs: FloatArray, lam: int) -> FloatArray:
    """The span c = -1/(lam log(1 - q)), so that the generations until an event are ceil(E c), E a standard exponential.

    For P(ceil(E c) > n) = P(E > n/c) = exp(-n/c) = (1-q)^(n lam). Infinite where q = 0.

    Args:
        logs: log(1 - q), q the chance of an offspring.
        lam: offspring a generation.

    >>> spans(np.array([0.0, np.log(0.5), -np.inf]), 2).round(6).tolist()
    [inf, 0.721348, 0.0]
    """
    with np.errstate(divide="ignore", over="ignore"):
        return np.maximum(-1.0 / (lam * np.minimum(logs, -0.0)), AT_ONCE)


def generations(exponential: FloatArray, span: FloatArray) -> FloatArray:
    """ceil(E c), in place of the exponentials; a span of 0 gives 0."""
    np.multiply(exponential, span, out=exponential)
    return np.ceil(exponential, out=exponential)


def place(level: FloatArray, tilt: FloatArray, lam: int) -> FloatArray:
    """The number 1..lam of the first offspring of the best rank: P(r) ~ x^(r-1), x = P(rank < v)/P(rank <= v).

    The offspring before it are of lower rank, those after it of no higher one.

    Args:
        level: uniform in [0, 1).
        tilt: -log x; infinite where no offspring is of lower rank.
        lam: offspring a generation.

    >>> place(np.array([0.0, 0.4, 0.9]), np.full(3, np.log(2.0)), 2).tolist()
    [1.0, 1.0, 2.0]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        tilted = np.ceil(-np.log1p(level * np.expm1(-lam * tilt)) / tilt)
    found = np.where(tilt < EVEN, np.ceil(level * lam), np.where(np.isinf(tilt), 1.0, tilted))
    return np.clip(found, 1.0, float(lam))
