"""Laws derived from another law: multiples, rounds of several calls, defective laws; and moments without a law."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.numeric.sums import long_sums
from evo.theory.times.centred import variance_of
from evo.theory.times.closed import Geometric
from evo.theory.times.law import TimeLaw, check_level

NEVER = Geometric(success=0.0)
MOST_TERMS = 1 << 26  # of a tail sum: a few seconds
_NEGLIGIBLE, _LATEST = 1e-20, 1 << 400  # of the first term, and where a tail sum ends at the latest


@dataclass(frozen=True)
class Scaled:
    """`factor` times a time: calls = lam x generations.

    >>> Scaled(Geometric(0.5), 3).mean
    6.0
    """

    law: TimeLaw
    factor: int

    @property
    def mean(self) -> float:
        """Factor E[T]."""
        return self.factor * self.law.mean

    @property
    def variance(self) -> float:
        """factor^2 Var[T]."""
        return self.factor**2 * self.law.variance

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t // factor)."""
        return self.law.cdf(np.floor(np.floor(np.asarray(t, dtype=np.float64)) / self.factor))

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t // factor)."""
        return self.law.tail(np.floor(np.floor(np.asarray(t, dtype=np.float64)) / self.factor))

    def quantile(self, u: float) -> float:
        """Factor times the quantile of T."""
        return self.factor * self.law.quantile(u)

    def total(self, runs: int) -> TimeLaw | None:
        """Factor times the total, where that is closed."""
        inner = self.law.total(runs)
        return None if inner is None else Scaled(inner, self.factor)


@dataclass(frozen=True)
class Shifted:
    """A time and `by` more: calls of a program of which so many are made in every run.

    >>> Shifted(Geometric(0.5), 3).mean, Shifted(Geometric(0.5), 3).cdf([3, 4]).tolist()
    (5.0, [0.0, 0.5])
    """

    law: TimeLaw
    by: int

    @property
    def mean(self) -> float:
        """E[T] + by."""
        return self.law.mean + self.by

    @property
    def variance(self) -> float:
        """Var[T]."""
        return self.law.variance

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t - by)."""
        return self.law.cdf(np.asarray(t, dtype=np.float64) - self.by)

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t - by)."""
        return self.law.tail(np.asarray(t, dtype=np.float64) - self.by)

    def quantile(self, u: float) -> float:
        """The quantile of T, and by more; 0 at u = 0, as of every time."""
        later = self.law.quantile(u) + self.by  # asked first: it refuses what is no level
        return later if u > 0.0 else 0.0

    def total(self, runs: int) -> TimeLaw | None:
        """The total, and runs x by more, where that is closed."""
        inner = self.law.total(runs)
        return None if inner is None else Shifted(inner, runs * self.by)


@dataclass(frozen=True)
class MomentsOnly:
    """A time whose mean or variance alone is known exactly; `missing` says why its law is not."""

    missing: str
    known_mean: float | None = None
    known_variance: float | None = None

    @property
    def mean(self) -> float:
        """E[T].

        Raises: NoPrediction if it is not known.
        """
        if self.known_mean is None:
            raise NoPrediction(f"the mean is not known: {self.missing}")
        return self.known_mean

    @property
    def variance(self) -> float:
        """Var[T].

        Raises: NoPrediction if it is not known.
        """
        if self.known_variance is None:
            raise NoPrediction(f"the variance is not known: {self.missing}")
        return self.known_variance

    def cdf(self, t: ArrayLike) -> FloatArray:
        """Not known.

        Raises: NoPrediction.
        """
        raise NoPrediction(f"the distribution is not known, only moments: {self.missing}")

    def tail(self, t: ArrayLike) -> FloatArray:
        """Not known.

        Raises: NoPrediction.
        """
        return self.cdf(t)

    def quantile(self, u: float) -> float:
        """Not known.

        Raises: NoPrediction.
        """
        raise NoPrediction(f"quantiles are not known, only moments: {self.missing}")

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None


@dataclass(frozen=True)
class Defective:
    """A defective law: T is infinite with probability `never`, else it follows the given law.

    Attributes:
        law: the law of T if T is finite; its cdf reaches 1.
        never: P(T is infinite), > 0.

    >>> Defective(Geometric(0.5), never=0.25).cdf([1, 2, math.inf]).tolist()
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
        """The quantile of the law at u/(1 - never), infinite for u > 1 - never."""
        check_level(u)
        level = u / (1.0 - self.never)
        return self.law.quantile(level) if level < 1.0 - 1e-13 else math.inf

    def total(self, runs: int) -> TimeLaw | None:
        """The sum is finite if all copies are; None where the sum of finite copies has no closed form."""
        inner = self.law.total(runs)
        return None if inner is None else defective(inner, -math.expm1(runs * math.log1p(-self.never)))


def defective(law: TimeLaw, never: float) -> TimeLaw:
    """The law of a time that is infinite w.p. `never`: `law` itself at 0, `NEVER` at 1.

    >>> defective(Geometric(0.5), 0.0)
    Geometric(success=0.5, zero=0.0)
    """
    if never == 0.0:
        return law
    return NEVER if never >= 1.0 else Defective(law, never)


@dataclass(frozen=True, eq=False)
class InRounds:
    """Rounds of `width` calls until a time T of calls is over: ceil(T/width).

    Attributes:
        law: of T.
        width: calls a round.
        period: chunks that T calls in turn: P(T > t) is smooth in t along times that are so far apart.

    >>> round(InRounds(Geometric(0.5), 2).mean, 12)
    1.333333333333
    """

    law: TimeLaw
    width: int
    period: int = 1

    @property
    def mean(self) -> float:
        """E = sum over t of P(T > width t).

        Raises: NoPrediction if the sum is too long.
        """
        return self._sums[0]

    @property
    def variance(self) -> float:
        """Var = sum over t of (2t+1) P(T > width t), less the square of the mean.

        Raises: NoPrediction if the sum is too long.
        """
        mean, second = self._sums
        return variance_of(self, mean, second)

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= width t)."""
        return self.law.cdf(self.width * np.floor(np.asarray(t, dtype=np.float64)))

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > width t)."""
        return self.law.tail(self.width * np.floor(np.asarray(t, dtype=np.float64)))

    def quantile(self, u: float) -> float:
        """The quantile of T in rounds, rounded up."""
        calls = self.law.quantile(u)
        return calls if math.isinf(calls) else float(-(-int(calls) // self.width))

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None

    def sum_of_tails(self, period: int) -> float:
        """Sum over s >= 1 of P(width rounds >= s period): expected multiples of `period` among the calls made.

        Raises: NoPrediction if the sum is too long.
        """
        if math.isinf(self.mean):
            return math.inf

        def tails(s: FloatArray) -> FloatArray:
            return self.tail(np.ceil((s + 1.0) * period / self.width) - 1.0)[:, None]

        return float(_summed(tails, self.width // math.gcd(self.width, period), 1)[0])

    @cached_property
    def _sums(self) -> tuple[float, float]:
        if math.isinf(self.law.mean):
            return math.inf, math.inf

        def tails(t: FloatArray) -> FloatArray:
            found = self.tail(t)
            return np.stack([found, (2.0 * t + 1.0) * found], axis=1)

        mean, second = _summed(tails, self.period // math.gcd(self.width, self.period), 2)
        return float(mean), float(second)


def _summed(terms: Callable[[FloatArray], FloatArray], apart: int, sums: int) -> FloatArray:
    """Sums over all t >= 0 of terms [n] -> [n, sums] that are smooth along times that are so far apart.

    The terms of sum n are t^n times what falls; the rest is left out where it would be negligible if it fell like
    t^-(n+1) from there on.

    Raises: NoPrediction after MOST_TERMS terms, or where they fall too slowly.
    """

    def together(some: Sequence[int]) -> FloatArray:
        t = np.add.outer(np.array(some, dtype=np.float64) * apart, np.arange(apart))
        return np.asarray(terms(t.ravel()).reshape(len(t), apart, sums).sum(axis=1))

    end, first = 2, terms(np.zeros(1))
    while (float(end) * terms(np.array([float(end)])) > _NEGLIGIBLE * first).any():
        end *= 2
        if end > _LATEST:
            raise NoPrediction("the tail falls too slowly for the moments of rounds to be summed")
    return long_sums(together, 2 * -(-end // apart), max(1, MOST_TERMS // apart), range(sums))
