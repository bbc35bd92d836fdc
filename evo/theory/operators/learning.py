"""Global mutation whose success changes from generation to generation, p(t) = end + (start-end) 2^(-t/halfway)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.laws.counts import FloatArray
from evo.theory.calls.gains import at_least_once, check_run
from evo.theory.calls.starts import Start
from evo.theory.numeric.sums import long_sums
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.times.law import SLACK, TimeLaw, check_level, least_time

_BITS = 64.0  # p is taken to be its limit when what is left to learn is 2^-64 of it
_MOST = 1 << 22  # generations until then that are summed one by one for the moments
_TERMS = 1 << 16  # of the sum to any one generation
_LAST = 1e15  # generations


@dataclass(frozen=True)
class Rising:
    """The chance P(t) = p(t)^k that one offspring of generation t+1 is the optimum (fix = keep = p(t)).

    Attributes:
        start, end, halfway: of p.
        k: blocks.
    """

    start: float
    end: float
    halfway: float
    k: int

    def chance(self, generation: ArrayLike) -> FloatArray:
        """P(t), float in the shape of `generation`."""
        left = np.exp2(-np.asarray(generation, dtype=np.float64) / self.halfway)
        return np.asarray((self.end + (self.start - self.end) * left) ** self.k)

    @property
    def settled(self) -> float:
        """A generation from which on P(t) is its limit, to rounding."""
        change = abs(self.start - self.end)
        least = self.end if self.end > 0.0 else 1.0
        ratio = max(1.0, change / least * self.k)
        return math.ceil(self.halfway * (_BITS + math.log2(ratio))) + 1.0 if change > 0.0 else 0.0


@dataclass(frozen=True, eq=False)
class LearningTime:
    """A clock of such a run: P(T > lam c + r) = (1-opt) prod_{s<c} (1-P(s))^lam (1-P(c))^r.

    Attributes:
        rising: the chances.
        begun: P(the start is not optimal).
        lam: offspring a generation.
        length: readings of the clock in a generation, lam for calls up to the hit, 1 for generations.
    """

    rising: Rising
    begun: float
    lam: int
    length: int

    @property
    def mean(self) -> float:
        """E[T] = sum of P(T > t), infinite if end = 0.

        Raises: NoPrediction if learning takes too long to sum.
        """
        return self._moments[0]

    @property
    def variance(self) -> float:
        """Var[T] = sum of (2t+1) P(T > t), less the square of the mean.

        Raises: NoPrediction likewise, or if it is above the largest float.
        """
        mean, second = self._moments
        if math.isinf(second) and not math.isinf(mean):
            raise NoPrediction(f"the variance of a time of mean {mean:g} is above the largest float")
        return second if math.isinf(second) else max(second - mean**2, 0.0)

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t)."""
        logs = self._logs(t)
        return np.where(np.isposinf(logs), 0.0, 1.0 - self.begun - self.begun * np.expm1(np.minimum(logs, 0.0)))

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t)."""
        logs = self._logs(t)
        return np.where(np.isposinf(logs), 1.0, self.begun * np.exp(np.minimum(logs, 0.0)))

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u, by bisection."""
        check_level(u)
        if self.rising.end == 0.0 and float(self.cdf(np.inf)) < u + SLACK:
            return math.inf
        return least_time(self, u)

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None

    def _logs(self, t: ArrayLike) -> FloatArray:
        """The logarithm of P(T > t) given that the start is not optimal; inf for t < 0."""
        times = np.floor(np.asarray(t, dtype=np.float64))
        return np.reshape([self._log(float(time)) for time in times.ravel()], times.shape)

    def _log(self, t: float) -> float:
        if t < 0:
            return math.inf
        if t == math.inf:
            return -math.inf if self.rising.end > 0.0 else self.lam * _log_missed(self.rising, self.rising.settled)
        generation, calls = divmod(t, self.length)
        broken = calls * float(_log_miss(self.rising.chance(generation))) if calls else 0.0
        return self.lam * _log_missed(self.rising, generation) + broken

    @cached_property
    def _moments(self) -> tuple[float, float]:
        if self.rising.end == 0.0:
            return math.inf, math.inf
        settled = int(self.rising.settled)
        if settled * self.length > _MOST:
            raise NoPrediction(f"learning goes on for {settled:.2g} generations, too many to sum the moments over")
        chance = self.rising.chance(np.arange(settled))
        before = self.lam * np.append(0.0, np.cumsum(_log_miss(chance)))
        unit = self.lam // self.length
        mean = second = 0.0
        first = np.arange(settled) * float(self.length)
        for r in range(self.length):
            with np.errstate(invalid="ignore"):
                tails = np.exp(before[:-1] + (r * unit * _log_miss(chance) if r else 0.0))
            mean, second = mean + float(tails.sum()), second + float(((2.0 * (first + r) + 1.0) * tails).sum())
        # from there on geometric: sums of 1 and 2s+1 times (1-x)^s are 1/x and (2-x)/x^2
        left, x = math.exp(before[-1]), float(at_least_once(float(self.rising.chance(math.inf)), unit))
        if left > 0.0:
            if x == 0.0:
                raise NoPrediction("the chance end^k of a call is below the smallest float")
            mean += left / x
            second += left * (2.0 * settled * self.length / x + (2.0 - x) / x / x)
        return self.begun * mean, self.begun * second


def learning_all_blocks(first: float, end: float, halfway: float, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of global mutation with fix = keep = p(t) in generation t+1: P(gens > t) = (1-opt) prod_{s<t} (1-p(s)^k)^lam.

    Args:
        first: p(0).
        end: p in the long run.
        halfway: generations after which half of the way is made.
        k: blocks.
        start: the initial law.
        lam: offspring a generation.

    >>> learning_all_blocks(0.5, 0.5, 10, 4, Start(4)).hit.mean
    16.0
    """
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    rising, begun = Rising(first, end, halfway, k), 1.0 - start.optimal
    generations = LearningTime(rising, begun, lam, 1)
    hit = generations if lam == 1 else LearningTime(rising, begun, lam, lam)
    return RunLaw(hit, generations, no_short_chunk, "theory 1a, call by call", lam)


def _log_miss(chance: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log1p(-chance))


@lru_cache(maxsize=4096)
def _log_missed(rising: Rising, generations: float) -> float:
    """Sum of ln(1-P(s)) over s < generations, geometric once P has settled."""
    varying = min(generations, rising.settled)
    if varying > _LAST:
        raise NoPrediction(f"learning over {varying:.2g} generations is too long to sum")

    def terms(some: Sequence[int]) -> FloatArray:
        return -_log_miss(rising.chance(np.array(some, dtype=np.float64)))[:, None]

    with np.errstate(invalid="ignore"):
        total = -float(long_sums(terms, int(varying), _TERMS, (math.inf,))[0])
    rest = generations - varying
    return total + (rest * float(_log_miss(rising.chance(math.inf))) if rest > 0.0 else 0.0)
