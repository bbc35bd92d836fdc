"""Laws of hitting times, the form of every exact prediction.

A time counts generations or calls; it is a whole number >= 0, or infinite with the probability missing in the cdf.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray

ROUNDING_OF_CHAINS = 1e-12  # relative rounding error of the smaller of cdf and tail; that of chains is the largest
_ROUNDING = 1e-15  # absolute rounding error of 1 - cdf and 1 - tail
_EXACT = 1 << 53  # whole numbers up to here are floats
_LARGEST = 1023  # largest power of 2 among floats


class Spread(Protocol):
    """A law of which cdf and tail can be computed."""

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t) for any real t, in the shape of t."""
        ...

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t), accurate where it is small; in the shape of t."""
        ...


@runtime_checkable
class TimeLaw(Spread, Protocol):
    """The law of a whole random time T >= 0."""

    @property
    def mean(self) -> float:
        """E[T], infinite if T can be infinite; raises NoPrediction where it is not known."""
        ...

    @property
    def variance(self) -> float:
        """Var[T], infinite if the mean is; raises NoPrediction where it is not known."""
        ...

    def quantile(self, u: float) -> float:
        """The least whole t with P(T <= t) >= u, infinite if there is none; 0 <= u < 1.

        A level within 1e-12 of a step of the cdf counts as reached there: see `tied`.
        """
        ...

    def total(self, runs: int) -> TimeLaw | None:
        """The law of the sum of `runs` independent copies, None where it has no closed form."""
        ...


Split = tuple[float, float]  # P(T <= t), P(T > t)


def check_level(u: float) -> None:
    """Check that u is a level of a quantile, 0 <= u < 1.

    Raises: InputError.
    """
    if not 0.0 <= u < 1.0:
        raise InputError(f"the level of a quantile must be in [0, 1), got {u!r}")


def below(cdf: float, tail: float, u: float, slack: float = 0.0) -> bool:
    """Whether P(T <= t) < u, judged from the smaller of cdf and tail: a cdf near 1 has no digits left.

    Args:
        cdf: P(T <= t).
        tail: P(T > t).
        u: a level.
        slack: shares of the rounding error by which the level is lowered, 0 for the strict order.
    """
    allowed = slack * (ROUNDING_OF_CHAINS * min(u, 1.0 - u) + _ROUNDING)
    return cdf < u - allowed if u <= 0.5 else tail > 1.0 - u + allowed


def tied(before: Split, at: Split, u: float) -> bool:
    """Whether the quantile at u is t-1 up to rounding, where t is the least time with P(T <= t) >= u in floats.

    It is if P(T <= t-1) = u within 1e-12 and P(T <= t) is not. Where the cdf rises by less than 1e-12 a step, rounding
    cannot be told from a step, and the quantile is t.

    >>> tied((0.4999999999999999, 0.5), (0.6, 0.4), 0.5), tied((0.499, 0.501), (0.6, 0.4), 0.5)
    (True, False)
    """
    return not below(*before, u, 1.0) and not below(*at, u, -1.0)


def least_time(law: Spread, u: float, together: int = 1) -> float:
    """The least whole t with cdf(t) >= u, up to rounding (`tied`), by doubling and bisection; the cdf must reach u.

    Args:
        law: the law.
        u: a level.
        together: times that are asked for at once, where that takes hardly longer than one.

    Raises: NoPrediction if it is above the largest float.

    >>> from evo.theory.times.closed import NegativeBinomial
    >>> least_time(NegativeBinomial(8, 0.5), 0.5), least_time(NegativeBinomial(8, 0.5), 0.5, together=5)
    (15.0, 15.0)
    """

    def splits(times: Sequence[float]) -> list[Split]:
        # only the smaller one decides, and each may take long to compute
        t = np.array(times, dtype=np.float64)
        if u <= 0.5:
            return [(float(cdf), math.nan) for cdf in law.cdf(t)]
        return [(math.nan, float(tail)) for tail in law.tail(t)]

    def first(slack: float) -> float:
        return _first(lambda times: [not below(*each, u, slack) for each in splits(times)], together)

    found = first(0.0)
    if 0 < found < _EXACT:
        before, at = splits([found - 1, found])
        found = first(1.0) if tied(before, at, u) else found
    return float(found)


def _first(reached: Callable[[Sequence[float]], list[bool]], together: int) -> float:
    """The least whole number that is reached, to the accuracy of floats; `reached` is monotone."""
    if reached([0])[0]:
        return 0
    low, high = 0, 1
    while True:
        ahead = [high << n for n in range(together) if high << n <= _EXACT]
        if True in (found := reached(ahead)):
            place = found.index(True)
            low, high = ahead[place - 1] if place else low, ahead[place]
            break
        low, high = ahead[-1], 2 * ahead[-1]
        if low >= _EXACT:
            return _first_float(lambda t: reached([t])[0])
    while high - low > 1:
        inner = sorted({low + (high - low) * n // (together + 1) for n in range(1, together + 1)} - {low})
        known = [*reached(inner), True]
        place = known.index(True)
        low, high = ([low, *inner][place]), ([*inner, high][place])
    return high


def _first_float(reached: Callable[[float], bool]) -> float:
    """The least float from 2^53 on that is reached: the exponent is found first, then the digits."""
    if not reached(2.0**_LARGEST):
        raise NoPrediction("the quantile is above the largest float")
    small, large = 53, _LARGEST
    while large - small > 1:
        exponent = (small + large) // 2
        small, large = (small, exponent) if reached(2.0**exponent) else (exponent, large)
    low, high = 2.0**small, 2.0**large
    while low < (middle := low + (high - low) / 2.0) < high:
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


class ByTail:
    """Base of the laws whose tail can be computed at any whole t >= 0: cdf, tail, quantile and the infinite time.

    Attributes:
        never: P(T is infinite).
        together: times of which a law is asked at once when a quantile is looked for.
    """

    never: float
    together: ClassVar[int] = 1

    def tail_at(self, t: FloatArray) -> FloatArray:
        """P(T > t) at finite whole t >= 0, float [n] -> [n]."""
        raise NotImplementedError  # each law has its own

    def cdf_at(self, t: FloatArray) -> FloatArray:
        """P(T <= t) likewise; override it where it is known more accurately than as 1 - P(T > t)."""
        return 1.0 - self.tail_at(t)

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t)."""
        return _at(t, self.cdf_at, 0.0, 1.0 - self.never)

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t)."""
        return _at(t, self.tail_at, 1.0, self.never)

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u, by bisection."""
        check_level(u)
        if not below(float(self.cdf(0.0)), float(self.tail(0.0)), u, 1.0):
            return 0.0
        if self.never > 0.0 and 1.0 - self.never < u + ROUNDING_OF_CHAINS:
            return math.inf
        return least_time(self, u, self.together)

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None


@dataclass(frozen=True, eq=False)
class GivenTail(ByTail):
    """The law of a hitting time given by its tail, for example after averaging over a quality drawn once a run.

    Attributes:
        survive: P(T > t) for whole t >= 0, float [n] -> [n].
        mean, variance: of T, infinite where the tail is too heavy.
        factor: `survive` takes factor x t, for example calls where T counts generations of lam calls.
        never: P(T is infinite).

    >>> halves = GivenTail(lambda t: 0.5**t, mean=2.0, variance=2.0)
    >>> halves.cdf([-1, 1.5, np.inf]).tolist(), halves.quantile(0.9)
    ([0.0, 0.5, 1.0], 4.0)
    """

    survive: Callable[[FloatArray], FloatArray]
    mean: float
    variance: float
    factor: int = 1
    never: float = 0.0

    def tail_at(self, t: FloatArray) -> FloatArray:
        """P(T > t)."""
        with np.errstate(over="ignore"):
            return self.survive(self.factor * t)


def _at(t: ArrayLike, of: Callable[[FloatArray], FloatArray], before: float, at_last: float) -> FloatArray:
    """Evaluate a function of finite whole times >= 0 at any times, given its values before 0 and at infinity."""
    times = np.floor(np.asarray(t, dtype=np.float64))
    answer = np.where(times < 0, before, at_last)
    usual = (times >= 0) & np.isfinite(times)
    if usual.any():
        answer[usual] = np.clip(of(times[usual]), 0.0, 1.0)
    return answer
