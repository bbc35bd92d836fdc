"""One block a call in turn, from P(a block is unfinished after n calls of its own) (theory 2g)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.laws import FloatArray
from evo.theory.run import RunLaw, no_short_chunk
from evo.theory.times import TimeLaw, check_level, least_time

Unfinished = Callable[[FloatArray], FloatArray]  # own calls [n] -> P(not finished) [n, k]
_TERMS = 1 << 26  # most terms of a sum
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
        return np.asarray(1.0 - self.tail(t))

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t)."""
        times = np.floor(np.asarray(t, dtype=np.float64))
        tail = np.where(times < 0, 1.0, self.never)
        usual = (times >= 0) & np.isfinite(times)
        sweep, within = np.divmod(times[usual], self.k * self.length)
        unique, back = np.unique(sweep, return_inverse=True)
        values = np.zeros(len(sweep))
        step = max(1, _BLOCK // (self.k * self.length))
        for first in range(0, len(unique), step):
            tails = self._sweeps(unique[first : first + step])
            here = (back >= first) & (back < first + step)
            values[here] = tails[back[here] - first, within[here].astype(np.int64)]
        tail[usual] = values
        return tail

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u, by bisection."""
        check_level(u)
        if self.never > 0.0 and 1.0 - self.never < u + 1e-13:
            return math.inf
        return least_time(self, u)

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None

    def _sweeps(self, sweeps: FloatArray) -> FloatArray:
        """P(T > t) at each reading of the sweeps c [n] (real numbers too); float [n, k length]."""
        own, step = self.lam * np.asarray(sweeps, dtype=np.float64), self.lam // self.length
        with np.errstate(divide="ignore"):
            before = np.log1p(-np.minimum(self.unfinished(own), 1.0))
            after = np.log1p(-np.minimum(self.unfinished(own + self.lam), 1.0))
            zero = np.zeros((len(own), 1))
            ahead = np.hstack((zero, np.cumsum(after[:, :-1], axis=1)))
            behind = np.hstack((np.cumsum(before[:, :0:-1], axis=1)[:, ::-1], zero))
            tails = np.empty((len(own), self.k, self.length))
            for r in range(self.length):
                now = before if r == 0 else np.log1p(-self.unfinished(own + r * step))
                tails[:, :, r] = -np.expm1(ahead + now + behind)
        return tails.reshape(len(own), -1)

    @cached_property
    def _sums(self) -> tuple[float, float]:
        """Sums of P(T > t) and of (2t+1) P(T > t)."""
        if self.never > 0.0 or (self.slowest == 0.0 and self.power <= 1.0):
            return math.inf, math.inf
        if math.isinf(self.power):
            rate = 1.0 if self.slowest == 1.0 else -math.log1p(-self.slowest)
            sweeps = math.ceil((_DIGITS + math.log(self.k)) / rate / self.lam) + 2
            if sweeps * self.k * self.length > _TERMS:
                raise NoPrediction(f"the tail sums would take {sweeps * self.k * self.length:.2g} terms, too many")
            return self._direct(sweeps)
        mean, second = self._direct(_DIRECT)
        return mean + self._rest(0), second + self._rest(1) if self.power > 2.0 else math.inf

    def _direct(self, sweeps: int) -> tuple[float, float]:
        mean = second = 0.0
        size = self.k * self.length
        step = max(1, _BLOCK // size)
        for first in range(0, sweeps, step):
            some = np.arange(first, min(first + step, sweeps), dtype=np.float64)
            tails = self._sweeps(some)
            mean += float(tails.sum())
            second += float(((2.0 * (some[:, None] * size + np.arange(size)) + 1.0) * tails).sum())
        return mean, second

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
            if not math.isfinite(low * size):
                break
            c = low * np.exp2((nodes + 1.0) / 2.0)
            integral += float((f(c) * c * weights).sum()) * math.log(2.0) / 2.0
        width = first / 64
        minus2, minus, at, plus, plus2 = f(first + width * np.arange(-2.0, 3.0))
        slope = (8.0 * (plus - minus) - (plus2 - minus2)) / (12.0 * width)
        return float(integral + at / 2.0 - slope / 12.0)


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
