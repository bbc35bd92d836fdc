"""Closed laws of times: geometric and negative binomial (theory 1a, 1b, 2a)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.calls.gains import at_least_once, never_once
from evo.theory.times.law import Split, TimeLaw, below, check_level, least_time, tied


@dataclass(frozen=True)
class Geometric:
    """T = 0 w.p. `zero`, else the first success of trials on 1, 2, ... that succeed w.p. `success` (theory 1a).

    E = (1-zero)/success and Var = (1-zero)(2-success)/success^2 - E^2. `failure` is 1 - success where it is known to
    more digits than success has room for.

    >>> Geometric(2.0**-10).mean, Geometric(2.0**-10).quantile(0.9)
    (1024.0, 2357.0)
    """

    success: float
    zero: float = 0.0
    failure: float | None = field(default=None, repr=False, compare=False)

    @classmethod
    def best_of(cls, chance: float, lam: int, zero: float = 0.0, miss: float | None = None) -> Geometric:
        """Generations of lam trials of that chance each: success 1-(1-chance)^lam, failure (1-chance)^lam (theory 1c).

        >>> round(Geometric.best_of(0.5, 50).variance * 2.0**50, 9)
        1.0
        """
        failure = never_once(chance, lam, miss)
        return cls(float(at_least_once(chance, lam)), zero, float(failure))

    @property
    def _failure(self) -> float:
        return 1.0 - self.success if self.failure is None else self.failure

    @property
    def _log_failure(self) -> float:
        return _log_of(self._failure, self.success)

    @property
    def mean(self) -> float:
        """E[T] = (1-zero)/success."""
        if self.zero == 1.0:
            return 0.0
        return math.inf if self.success == 0.0 else (1.0 - self.zero) / self.success

    @property
    def variance(self) -> float:
        """Var[T] = (1-zero)(1 - success + zero)/success^2.

        Raises: NoPrediction if it is finite but above the largest float.
        """
        if self.mean in (0.0, math.inf):
            return self.mean
        square = self.mean / self.success
        if math.isinf(square):
            raise NoPrediction(f"the variance of a time of mean {self.mean:g} is above the largest float")
        return square * (self._failure + self.zero)

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t) = (1-zero)(1-success)^t."""
        times = np.floor(np.asarray(t, dtype=np.float64))
        with np.errstate(invalid="ignore"):
            survive = np.exp(times * self._log_failure) if self._failure > 0.0 else 1.0 * (times < 1)
        survive = np.where(np.isnan(survive), 1.0, survive)  # success = 0 at t = inf
        return np.where(times < 0, 1.0, (1.0 - self.zero) * survive)

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t) = zero + (1-zero)(1 - (1-success)^t)."""
        times = np.floor(np.asarray(t, dtype=np.float64))
        with np.errstate(invalid="ignore"):
            hit = -np.expm1(times * self._log_failure) if self._failure > 0.0 else 1.0 * (times >= 1)
        hit = np.where(np.isnan(hit), 0.0, hit)
        return np.where(times < 0, 0.0, self.zero + (1.0 - self.zero) * hit)

    def quantile(self, u: float) -> float:
        """ceil(ln(1-u')/ln(1-success)) with u' = (u-zero)/(1-zero), but for rounding (`tied`) (theory 1b).

        >>> Geometric(0.5).quantile(0.875)
        3.0
        """
        check_level(u)
        if not below(self.zero, 1.0 - self.zero, u, 1.0):
            return 0.0
        if self.success == 0.0 or self._failure == 0.0:
            return math.inf if self.success == 0.0 else 1.0
        level = (u - self.zero) / (1.0 - self.zero)
        guess = max(1.0, float(math.ceil(math.log1p(-level) / self._log_failure)))
        times = (guess - 2.0, guess - 1.0, guess, guess + 1.0)
        near: list[Split] = [(float(self.cdf(t)), float(self.tail(t))) for t in times]
        late = int(below(*near[1], u)) + int(below(*near[2], u))  # the logs may round across a whole number
        at = guess - 1.0 + late
        return at - 1.0 if at > 1.0 and tied(near[late], near[late + 1], u) else at

    def total(self, runs: int) -> TimeLaw | None:
        """The sum of copies is negative binomial if no mass is at 0."""
        return NegativeBinomial(runs, self.success, self.failure) if self.zero == 0.0 else None


@dataclass(frozen=True)
class NegativeBinomial:
    """T = sum of j independent Geom(success) on 1, 2, ...: E = j/success, Var = j(1-success)/success^2 (theory 2a).

    >>> NegativeBinomial(4, 0.5).mean, NegativeBinomial(4, 0.5).variance
    (8.0, 8.0)
    """

    j: int
    success: float
    failure: float | None = field(default=None, repr=False, compare=False)

    @property
    def mean(self) -> float:
        """E[T] = j/success."""
        if self.j == 0:
            return 0.0
        return math.inf if self.success == 0.0 else self.j / self.success

    @property
    def variance(self) -> float:
        """Var[T] = j(1-success)/success^2.

        Raises: NoPrediction if it is finite but above the largest float.
        """
        if self.mean in (0.0, math.inf):
            return self.mean
        value = self.mean / self.success
        if math.isinf(value):
            raise NoPrediction(f"the variance of a time of mean {self.mean:g} is above the largest float")
        return value * (1.0 - self.success if self.failure is None else self.failure)

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t) = P(Bin(t, success) >= j) = I_success(j, t-j+1)."""
        return self._beta(t, upper=False)

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t) = P(Bin(t, success) < j)."""
        return self._beta(t, upper=True)

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u, by bisection."""
        check_level(u)
        if u > 0.0 and self.j > 0 and self.success == 0.0:
            return math.inf
        return least_time(self, u)

    def total(self, runs: int) -> TimeLaw:
        """The sum of copies is NB(runs j, success)."""
        return NegativeBinomial(runs * self.j, self.success, self.failure)

    def _beta(self, t: ArrayLike, upper: bool) -> FloatArray:
        from scipy.special import betainc, betaincc

        times = np.floor(np.asarray(t, dtype=np.float64))
        if self.j == 0 or self.success in (0.0, 1.0):
            reached = times >= self.j if self.success == 1.0 or self.j == 0 else np.zeros(times.shape, bool)
            return np.where(reached, 0.0, 1.0) if upper else np.where(reached, 1.0, 0.0)
        possible = (times >= self.j) & np.isfinite(times)
        spare = np.where(possible, times - self.j + 1.0, 1.0)
        if self.failure is None or self.success < 0.5:
            value = (betaincc if upper else betainc)(float(self.j), spare, self.success)
        else:  # the same from the other side
            value = (betainc if upper else betaincc)(spare, float(self.j), self.failure)
        sure = np.where(times == np.inf, 1.0, 0.0)
        return np.where(possible, value, 1.0 - sure if upper else sure)


def _log_of(failure: float, success: float) -> float:
    """The logarithm of 1 - success, from the smaller of both."""
    return math.log1p(-success) if success < 0.5 else math.log(failure)


ALREADY_OPTIMAL = Geometric(success=1.0, zero=1.0)
