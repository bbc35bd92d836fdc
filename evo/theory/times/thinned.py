"""Times that are infinite with a known probability, whatever they would be otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evo.laws.counts import FloatArray
from evo.theory.times.closed import Geometric
from evo.theory.times.law import TimeLaw, check_level

NEVER = Geometric(success=0.0)


@dataclass(frozen=True)
class Thinned:
    """A finite time w.p. 1 - never, independently infinite else: P(T <= t) = (1 - never) P(law <= t).

    Attributes:
        law: the time if it is finite; its own cdf reaches 1.
        never: P(T is infinite), > 0.

    >>> Thinned(Geometric(0.5), never=0.25).cdf([1, 2, math.inf]).tolist()
    [0.375, 0.5625, 0.75]
    """

    law: TimeLaw
    never: float

    @property
    def mean(self) -> float:
        """Infinite."""
        return math.inf

    @property
    def variance(self) -> float:
        """Infinite."""
        return math.inf

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t) = (1 - never) P(law <= t)."""
        return (1.0 - self.never) * self.law.cdf(t)

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t) = never + (1 - never) P(law > t)."""
        return self.never + (1.0 - self.never) * self.law.tail(t)

    def quantile(self, u: float) -> float:
        """The quantile of the law at u/(1 - never), infinite from there on."""
        check_level(u)
        level = u / (1.0 - self.never)
        return self.law.quantile(level) if level < 1.0 - 1e-13 else math.inf

    def total(self, runs: int) -> TimeLaw | None:
        """Every one of the copies must be finite; where the sum of finite ones is closed."""
        inner = self.law.total(runs)
        return None if inner is None else thinned(inner, -math.expm1(runs * math.log1p(-self.never)))


def thinned(law: TimeLaw, never: float) -> TimeLaw:
    """The law made infinite w.p. `never`; itself at 0, and one that is never at 1.

    >>> thinned(Geometric(0.5), 0.0)
    Geometric(success=0.5, zero=0.0)
    """
    if never == 0.0:
        return law
    return NEVER if never >= 1.0 else Thinned(law, never)


def powers(chance: float, miss: float, j: int) -> tuple[FloatArray, FloatArray]:
    """chance^0..chance^j and 1 minus them, each without cancellation; chance + miss = 1.

    >>> powers(0.75, 0.25, 2)[1].round(12).tolist()
    [0.0, 0.25, 0.4375]
    """
    exponents = np.arange(j + 1, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(chance) if chance < 0.5 else np.log1p(-miss)
        logs = np.where(exponents > 0.0, exponents * log, 0.0)
    return np.exp(logs), 0.0 - np.expm1(logs)
