"""Laws derived from another law: multiples, rounds of several calls, defective laws; and moments without a law."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.times.centred import variance_of
from evo.theory.times.closed import Geometric
from evo.theory.times.law import TimeLaw, check_level

NEVER = Geometric(success=0.0)
MOST_TERMS = 1 << 26  # of a tail sum: a few seconds
_BLOCK = 1 << 16  # most terms of a tail sum at a time


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
        return self.law.quantile(u) + self.by if u > 0.0 else 0.0

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

    >>> round(InRounds(Geometric(0.5), 2).mean, 12)
    1.333333333333
    """

    law: TimeLaw
    width: int

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
        total = 0.0
        for terms in self._blocks():
            s = np.arange(terms.start, terms.stop) + 1
            tails = self.tail(-(-s * period // self.width) - 1)
            total += float(tails.sum())
            if tails[-1] * s[-1] <= 1e-18 * max(total, 1e-300):
                break
        return total

    @cached_property
    def _sums(self) -> tuple[float, float]:
        if math.isinf(self.law.mean):
            return math.inf, math.inf
        mean = second = 0.0
        for terms in self._blocks():
            t = np.arange(terms.start, terms.stop, dtype=np.float64)
            tails = self.tail(t)
            mean, second = mean + float(tails.sum()), second + float(((2.0 * t + 1.0) * tails).sum())
            if (2.0 * t[-1] + 1.0) * (t[-1] + 1.0) * tails[-1] <= 1e-18 * second:
                break
        return mean, second

    def _blocks(self) -> Iterator[range]:
        """Ranges of terms, growing.

        Raises: NoPrediction after MOST_TERMS terms.
        """
        first, size = 0, 32
        while first < MOST_TERMS:
            size = min(2 * size, _BLOCK)
            yield range(first, first + size)
            first += size
        raise NoPrediction(f"the moments of rounds need more than {MOST_TERMS} terms")
