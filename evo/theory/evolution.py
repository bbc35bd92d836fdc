"""The paper's comparison of global with local mutation, exactly: p = 1/2, all incorrect, lam = 1 (theory 12e)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from evo.errors import NoPrediction


def harmonic(j: int) -> float:
    """H_j = 1 + 1/2 + .. + 1/j, H_0 = 0.

    >>> harmonic(4)
    2.083333333333333
    """
    return float(np.sum(1.0 / np.arange(j, 0, -1.0)))


def speedup_sequential(k: int, l: int) -> float:
    """Cost of global over local mutation under UntilResolved or OnlyIncorrect: 2^(k-1) (3kl-1)/(3l-1) (theory 12e).

    Raises: NoPrediction if it is above the largest float.

    >>> round(speedup_sequential(10, 20), 10)
    5198.1016949153
    """
    return _value(Fraction(2 ** (k - 1) * (3 * k * l - 1), 3 * l - 1))


def speedup_uniform(k: int, l: int) -> float:
    """The same under UniformChunk: the sequential speed-up divided by H_k (theory 12e).

    Raises: NoPrediction if it is above the largest float.
    """
    return speedup_sequential(k, l) / harmonic(k)


def speedup_whole_prompt(k: int, l: int) -> float:
    """The sequential one if a local prompt shows the whole solution: 2^k (3kl-1)/(2(2kl+l-1)) (theory 12e).

    Raises: NoPrediction if it is above the largest float.

    >>> round(speedup_whole_prompt(10, 20), 6)
    731.952267
    """
    return _value(Fraction(2**k * (3 * k * l - 1), 2 * (2 * k * l + l - 1)))


def _value(ratio: Fraction) -> float:
    try:
        return float(ratio)
    except OverflowError:
        raise NoPrediction("the speed-up is above the largest float") from None
