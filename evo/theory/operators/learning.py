"""Global mutation whose success changes from generation to generation, p(t) = end + (start-end) 2^(-t/halfway)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evo.errors import NoPrediction
from evo.laws.special import LearningLaw
from evo.protocols import FloatArray
from evo.theory.calls.gains import at_least_once, check_run
from evo.theory.calls.starts import Start
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.times.centred import variance_of
from evo.theory.times.law import ByTail

_BITS = 64.0  # p counts as its limit when their relative difference is 2^-64
_MOST = 1 << 20  # generations until then


def learning_all_blocks(law: LearningLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of global mutation with fix = keep = p(t) in generation t+1: P(gens > t) = (1-opt) prod_{s<t} (1-p(s)^k)^lam.

    Raises: NoPrediction if learning goes on for more than a million generations, or the chance end^k of a call is
    below the smallest float.

    >>> learning_all_blocks(LearningLaw(0.5, 0.5, 10), 4, Start(4)).hit.mean
    16.0
    """
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    settled = _settled(law, k)
    if settled > _MOST or settled * lam > 4 * _MOST:
        raise NoPrediction(f"learning goes on for {settled:.2g} generations, too many to sum over")
    chances = law.success(np.arange(settled + 1)) ** k
    chances[-1] = law.end**k
    if law.end > 0.0 and chances[-1] == 0.0:
        raise NoPrediction("the chance end^k of a call is below the smallest float")
    generations = LearningTime(chances, 1.0 - start.optimal, lam, 1)
    hit = generations if lam == 1 else LearningTime(chances, 1.0 - start.optimal, lam, lam)
    return RunLaw(hit, generations, no_short_chunk, "theory 1a, call by call", lam)


def _settled(law: LearningLaw, k: int) -> int:
    """A generation from which on p(t)^k is its limit, to rounding."""
    change = abs(law.start - law.end)
    ratio = max(1.0, change / (law.end or 1.0) * k)
    return math.ceil(law.halfway * (_BITS + math.log2(ratio))) + 1 if change > 0.0 else 0


@dataclass(frozen=True, eq=False)
class LearningTime(ByTail):
    """A clock of such a run: P(T > lam c + r) = begun prod_{s<c} (1-P(s))^lam (1-P(c))^r.

    Attributes:
        chances: P(s) = p(s)^k, the chance that one offspring of generation s+1 is the optimum; the last for ever.
        begun: P(the start is not optimal).
        lam: offspring a generation.
        length: readings of the clock in a generation, lam for calls up to the hit, 1 for generations.
    """

    chances: FloatArray
    begun: float
    lam: int
    length: int

    @cached_property
    def never(self) -> float:  # type: ignore[override]  # a field above
        """P(no generation ever hits)."""
        return self.begun * math.exp(self._before[-1]) if self.chances[-1] == 0.0 else 0.0

    @property
    def mean(self) -> float:
        """E[T] = sum of P(T > t), infinite if T may be."""
        return self._moments[0]

    @property
    def variance(self) -> float:
        """Var[T] = sum of (2t+1) P(T > t), less the square of the mean.

        Raises: NoPrediction if it is above the largest float.
        """
        mean, second = self._moments
        if math.isinf(second) and not math.isinf(mean):
            raise NoPrediction(f"the variance of a time of mean {mean:g} is above the largest float")
        return variance_of(self, mean, second)

    def tail_at(self, t: FloatArray) -> FloatArray:
        """P(T > t)."""
        return self.begun * np.exp(self._log(t))

    def cdf_at(self, t: FloatArray) -> FloatArray:
        """P(T <= t)."""
        return 1.0 - self.begun - self.begun * np.expm1(self._log(t))

    def _log(self, t: FloatArray) -> FloatArray:
        """The logarithm of P(T > t) given that the start is not optimal."""
        generation, call = np.divmod(t, self.length)
        at = np.minimum(generation, len(self.chances) - 1).astype(np.int64)
        later, miss = generation - at, self._miss[at]
        with np.errstate(invalid="ignore"):
            settled = np.where(later > 0.0, self.lam * later * miss, 0.0)
            return self._before[at] + settled + np.where(call > 0.0, call * (self.lam // self.length) * miss, 0.0)

    @cached_property
    def _miss(self) -> FloatArray:
        """The logarithms of the probability 1 - P(s) that generation s does not hit."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log1p(-self.chances))

    @cached_property
    def _before(self) -> FloatArray:
        """For each generation the logarithm of P(no generation before it hits)."""
        return self.lam * np.append(0.0, np.cumsum(self._miss[:-1]))

    @cached_property
    def _moments(self) -> tuple[float, float]:
        last = float(self.chances[-1])
        if self.never > 0.0:
            return math.inf, math.inf
        settled = float((len(self.chances) - 1) * self.length)
        mean = second = 0.0
        for call in range(self.length):
            places = np.arange(call, settled, self.length)
            tails = np.exp(self._log(places))
            mean, second = mean + float(tails.sum()), second + float(((2.0 * places + 1.0) * tails).sum())
        # from there on geometric: sums of 1 and 2s+1 times (1-x)^s are 1/x and (2-x)/x^2
        left, x = math.exp(self._before[-1]), float(at_least_once(last, self.lam // self.length))
        if left > 0.0:
            mean += left / x
            second += left * (2.0 * settled / x + (2.0 - x) / x / x)
        return self.begun * mean, self.begun * second
