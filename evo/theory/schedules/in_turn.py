"""One block a call in turn, from P(a block is unfinished after n calls of its own) (theory 2g)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.laws.counts import FloatArray
from evo.theory.numeric.long_sums import long_sums
from evo.theory.run_law import RunLaw, no_short_chunk
from evo.theory.times.law import SLACK, TimeLaw, check_level, least_time

Unfinished = Callable[[FloatArray], FloatArray]  # own calls [n] -> P(not finished) [n, k]
_TERMS = 1 << 26  # most terms of a sum
_LARGEST = 1e150  # times whose squares are floats
_BLOCK = 1 << 20  # floats held at a time
_DIGITS = 42.0
_DIRECT = 1 << 12  # sweeps summed one by one before a power law is integrated
_NODES = 12  # Gauss-Legendre nodes to a doubling
_PANELS = 20_000


@dataclass(frozen=True, eq=False)
class InTurn:
    """A clock of a run of RoundRobin with g = 1 and blocks that are independent of each other.

    Attributes:
        unfinished: P(each block is not finished after n own calls), non-increasing in n.
        k: blocks.
        lam: calls a turn.
        length: readings of the clock in a turn: lam for calls, 1 for generations.
        slowest: the rate at which unfinished falls, >= 1 - slowest a call; 0 with `power` for a power law.
        power: al where unfinished falls like n^-al; infinite for a geometric fall.
        never: P(T is infinite).
    """

    unfinished: Unfinished
    k: int
    lam: int
    length: int
    slowest: float
    power: float
    never: float

    @property
    def mean(self) -> float:
        """E[T] = sum of P(T > t)."""
        return self._sums[0]

    @property
    def variance(self) -> float:
        """Var[T] = sum of (2t+1) P(T > t), less the square of the mean."""
        mean, second = self._sums
        return math.inf if math.isinf(second) else max(second - mean**2, 0.0)

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t) = prod over blocks of P(finished)."""
        return self._at(t, np.exp, 0.0, 1.0 - self.never)

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t)."""
        return self._at(t, lambda log: -np.expm1(log), 1.0, self.never)

    def _at(self, t: ArrayLike, of: Unfinished, before: float, at_last: float) -> FloatArray:
        """A function of ln P(T <= t) at the times."""
        times = np.floor(np.asarray(t, dtype=np.float64))
        answer = np.where(times < 0, before, at_last)
        usual = (times >= 0) & np.isfinite(times)
        sweep, within = np.divmod(times[usual], self.k * self.length)
        unique, back = np.unique(sweep, return_inverse=True)
        values = np.zeros(len(sweep))
        step = max(1, _BLOCK // (self.k * self.length))
        for first in range(0, len(unique), step):
            logs = self._logs(unique[first : first + step])
            here = (back >= first) & (back < first + step)
            values[here] = of(logs[back[here] - first, within[here].astype(np.int64)])
        answer[usual] = values
        return answer

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u, by bisection."""
        check_level(u)
        if self.never > 0.0 and 1.0 - self.never < u + SLACK:
            return math.inf
        return least_time(self, u)

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None

    def _sweeps(self, sweeps: FloatArray) -> FloatArray:
        """P(T > t) at each reading of the sweeps c [n] (real numbers too); float [n, k length]."""
        return np.asarray(-np.expm1(self._logs(sweeps)))

    def _logs(self, sweeps: FloatArray) -> FloatArray:
        """The logarithm of P(T <= t) likewise."""
        own, step = self.lam * np.asarray(sweeps, dtype=np.float64), self.lam // self.length
        with np.errstate(divide="ignore"):
            before = np.log1p(-np.minimum(self.unfinished(own), 1.0))
            after = np.log1p(-np.minimum(self.unfinished(own + self.lam), 1.0))
            zero = np.zeros((len(own), 1))
            ahead = np.hstack((zero, np.cumsum(after[:, :-1], axis=1)))
            behind = np.hstack((np.cumsum(before[:, :0:-1], axis=1)[:, ::-1], zero))
            logs = np.empty((len(own), self.k, self.length))
            for r in range(self.length):
                now = before if r == 0 else np.log1p(-np.minimum(self.unfinished(own + r * step), 1.0))
                logs[:, :, r] = ahead + now + behind
        return logs.reshape(len(own), -1)

    @cached_property
    def _sums(self) -> tuple[float, float]:
        """Sums of P(T > t) and of (2t+1) P(T > t)."""
        if self.never > 0.0 or (self.slowest == 0.0 and self.power <= 1.0):
            return math.inf, math.inf
        if math.isinf(self.power):
            return self._geometric()
        mean, second = self._direct(_DIRECT)
        return mean + self._rest(0), second + self._rest(1) if self.power > 2.0 else math.inf

    def _geometric(self) -> tuple[float, float]:
        """Sums over sweeps of a tail that falls geometrically, from few of them where it falls slowly."""
        size = self.k * self.length
        rate = 1.0 if self.slowest == 1.0 else -math.log1p(-self.slowest)
        sweeps = (_DIGITS + math.log(self.k)) / rate / self.lam + 2.0
        if sweeps * size > _LARGEST:
            raise NoPrediction("the times of this run are above the largest float")

        def terms(some: Sequence[int]) -> FloatArray:
            parts = [self._added_up(np.array(part, dtype=np.float64)) for part in _parts(some, _BLOCK // size)]
            return np.concatenate(parts)

        mean, second = long_sums(terms, math.ceil(sweeps), max(1, _TERMS // size), (0, 1))
        return float(mean), float(second)

    def _added_up(self, sweeps: FloatArray) -> FloatArray:
        """P(T > t) and (2t+1) P(T > t), added up over each sweep; float [n, 2]."""
        size = self.k * self.length
        tails = self._sweeps(sweeps)
        weighted = (2.0 * (sweeps[:, None] * size + np.arange(size)) + 1.0) * tails
        return np.stack([tails.sum(axis=1), weighted.sum(axis=1)], axis=1)

    def _direct(self, sweeps: int) -> tuple[float, float]:
        sums = np.zeros(2)
        for some in _parts(range(sweeps), _BLOCK // (self.k * self.length)):
            sums += self._added_up(np.array(some, dtype=np.float64)).sum(axis=0)
        return float(sums[0]), float(sums[1])

    def _rest(self, moment: int) -> float:
        """Sum over sweeps c >= C by Euler and Maclaurin: the integral from C, f(C)/2, -f'(C)/12, +f'''(C)/720."""
        size, first = self.k * self.length, float(_DIRECT)

        def f(c: FloatArray) -> FloatArray:
            tails = self._sweeps(c)
            if moment:
                tails = tails * (2.0 * (c[:, None] * size + np.arange(size)) + 1.0)
            return np.asarray(tails.sum(axis=1))

        doublings = math.ceil(_DIGITS / (self.power - 1.0 - moment) / math.log(2.0)) + 2
        if doublings * _NODES * size > _TERMS or doublings > _PANELS:
            raise NoPrediction(f"the tail falls like t^-{self.power:g}, too slowly for its moments to be summed")
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        integral = 0.0
        for panel in range(doublings):
            low = first * 2.0**panel
            if not math.isfinite(8.0 * low * size):
                break
            c = low * np.exp2((nodes + 1.0) / 2.0)
            integral += float((f(c) * c * weights).sum()) * math.log(2.0) / 2.0
        width = first / 64
        minus2, minus, at, plus, plus2 = f(first + width * np.arange(-2.0, 3.0))
        slope = (8.0 * (plus - minus) - (plus2 - minus2)) / (12.0 * width)
        return float(integral + at / 2.0 - slope / 12.0)


def _parts(numbers: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    for first in range(0, len(numbers), step := max(1, most)):
        yield numbers[first : first + step]


def own_geometric(p: FloatArray, open_rate: float, own: FloatArray) -> FloatArray:
    """P(block j is incorrect at first and after n own calls) = (1-p0)(1-p_j)^n; float [n, k]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.multiply.outer(own, np.log1p(-p))
    return np.asarray(open_rate * np.where((own[:, None] == 0) | (p == 0.0), 1.0, np.exp(logs)))


def tail_sums(
    unfinished: Unfinished, k: int, lam: int, slowest: float, never: float, source: str, power: float = math.inf
) -> RunLaw:
    """The run whose clocks are `InTurn`."""
    generations = InTurn(unfinished, k, lam, 1, slowest, power, never)
    hit = generations if lam == 1 else InTurn(unfinished, k, lam, lam, slowest, power, never)
    return RunLaw(hit, generations, no_short_chunk, source, lam)
