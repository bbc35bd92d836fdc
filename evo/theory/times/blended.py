"""Times whose tail can be computed at any point, with moments known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evo.laws.counts import FloatArray
from evo.theory.times.law import SLACK, TimeLaw, check_level, least_time


@dataclass(frozen=True, eq=False)
class Blended:
    """A time by its tail: what is fixed for a run, and random from run to run, has been averaged out.

    Attributes:
        survive: P(T > t) for whole t >= 0, float [n] -> [n].
        mean, variance: of T, infinite where the tail is too heavy.
        factor: T counts units of so many of the times that `survive` takes.
        never: P(T is infinite).
    """

    survive: Callable[[FloatArray], FloatArray]
    mean: float
    variance: float
    factor: int = 1
    never: float = 0.0

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t)."""
        return np.asarray(1.0 - self.tail(t))

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t)."""
        times = np.floor(np.asarray(t, dtype=np.float64))
        tail = np.where(times < 0, 1.0, self.never)
        usual = (times >= 0) & np.isfinite(times)
        if usual.any():
            tail[usual] = np.clip(self.survive(self.factor * times[usual]), 0.0, 1.0)
        return tail

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u, by bisection."""
        check_level(u)
        if self.never > 0.0 and 1.0 - self.never < u + SLACK:
            return math.inf
        return least_time(self, u)

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None
