"""RoundRobin: the next chunk each generation, all lam offspring on the same one (theory 2e, 2f, 2g, 3b)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw, FloatArray
from evo.theory.calls.gains import Layout, check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.last_generation import LastGeneration
from evo.theory.numeric.long_sums import long_sums
from evo.theory.run_law import RunLaw, finished
from evo.theory.schedules.own_calls import OwnCalls
from evo.theory.schedules.turns import Turns
from evo.theory.times.law import SLACK, TimeLaw, check_level, least_time

HORIZON = 1 << 26  # most terms of a tail sum: a few seconds
_LARGEST = 1e150  # times whose squares are floats
_BLOCK = 1 << 22  # floats held at a time
_DIGITS = 42.0  # the sums end e^-42 < 1e-18 down the tail


def round_robin(law: CallLaw, k: int, g: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run that calls chunk after chunk, round and round.

    P(hit <= t) is the product over chunks of P(finished within its own calls by t) (theory 2g); exactly j incorrect
    blocks at random positions by the coefficient of z^j (theory 2e); moments by tail sums.

    Raises: NoPrediction, when moments are asked for, if the tail sums take more than HORIZON terms.

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(round_robin(IndependentBlocks(0.5, 0.5), 4, 1, Start(4)).hit.mean, 9)
    12.80952381
    """
    check_run(k, start, lam)
    layout = Layout.of(k, g)
    if start.most == 0:
        return finished(lam)
    own = OwnCalls(law, g, min(g, start.most), lam)
    short = OwnCalls(law, layout.short, min(layout.short, start.most), lam) if layout.short else None
    generations = RoundRobinTime(Turns(layout, start, own, short, (0, lam)))
    hit = generations
    if lam > 1:
        alike = short is None and own.same is not None
        hit = RoundRobinTime(Turns(layout, start, own, short, range(lam + 1)), generations if alike else None)

    def short_calls() -> float:
        return lam * generations.last_turns if layout.short else 0.0

    return RunLaw(hit, generations, short_calls, "theory 2e, 2f, 2g", lam)


@dataclass(frozen=True, eq=False)
class RoundRobinTime:
    """A clock of a round-robin run; t = length (m c + q) + r after c sweeps, q turns and r readings.

    Attributes:
        turns: what it reads.
        whole: the clock G of generations, if T = lam (G-1) + R with R, the calls of the last one, independent of G:
            where every call on an unfinished chunk finishes it with the same chance.
    """

    turns: Turns
    whole: RoundRobinTime | None = None

    @property
    def mean(self) -> float:
        """E[T] = sum of P(T > t), or lam E[G-1] + E[R]."""
        return self._sums[0] if self.whole is None else self._from_whole(self.whole)[0]

    @property
    def variance(self) -> float:
        """Var[T] = sum of (2t+1) P(T > t), less the square of the mean."""
        if self.whole is not None:
            return self._from_whole(self.whole)[1]
        mean, second, _ = self._sums
        return math.inf if math.isinf(mean) else max(second - mean**2, 0.0)

    def _from_whole(self, whole: RoundRobinTime) -> tuple[float, float]:
        """Mean and variance from those of G, each 0 with the probability that the start is optimal."""
        if math.isinf(whole.mean):
            return math.inf, math.inf
        lam, begun = float(self.turns.length), float(self.turns.sweeps([0])[0, 0, 0])
        last = LastGeneration.of(np.array([self.turns.own.same]), self.turns.length)
        r, spread = float(last.mean[0]), float(last.variance[0])
        # T = lam G - (lam - R) 1(G > 0), where Cov(G, 1(G > 0)) = E[G] (1 - begun)
        mean = lam * whole.mean - begun * (lam - r)
        less = begun * spread + begun * (1.0 - begun) * (lam - r) ** 2
        return mean, lam**2 * whole.variance - 2.0 * lam * (lam - r) * whole.mean * (1.0 - begun) + less

    @property
    def last_turns(self) -> float:
        """Expected number of turns of the last chunk: sum over sweeps of P(its turn is reached)."""
        return self._sums[2]

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t)."""
        return self._at(t, self.turns.finished, 0.0, 1.0 - self._never)

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t)."""
        return self._at(t, self.turns.sweeps, 1.0, self._never)

    def _at(self, t: ArrayLike, of: Callable[[Sequence[int]], FloatArray], before: float, at_last: float) -> FloatArray:
        """A function of sweeps at the places of t."""
        times = np.floor(np.asarray(t, dtype=np.float64))
        answer = np.where(times < 0, before, at_last)
        usual = (times >= 0) & np.isfinite(times)
        length = self.turns.length
        sweep, within = np.divmod(times[usual], self.turns.layout.chunks * length)
        unique, back = np.unique(sweep, return_inverse=True)
        turn, call = np.divmod(within.astype(np.int64), length)
        values = np.zeros(len(sweep))
        step = max(1, _BLOCK // self.turns.sweep_floats())
        for first in range(0, len(unique), step):
            sweeps = of([int(c) for c in unique[first : first + step]])
            here = (back >= first) & (back < first + step)
            values[here] = sweeps[back[here] - first, turn[here], call[here]]
        answer[usual] = values
        return answer

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u, by bisection."""
        check_level(u)
        if self._never > 0.0 and 1.0 - self._never < u + SLACK:
            return math.inf
        return least_time(self, u)

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None

    @cached_property
    def _never(self) -> float:
        return float(self.turns.sweeps([1 << 62])[0, -1, -1]) if self._slowest == 0.0 else 0.0

    @cached_property
    def _slowest(self) -> float:
        parts = [own for own in (self.turns.own, self.turns.short) if own is not None]
        return min(own.slowest(self.turns.start.chunk_law(own.g)) for own in parts)

    @cached_property
    def _sums(self) -> tuple[float, float, float]:
        """Sums of P(T > t), of (2t+1) P(T > t), and of P(the last chunk's turn is reached).

        Raises: NoPrediction if they take more than HORIZON terms.
        """
        if self._slowest == 0.0:
            return math.inf, math.inf, math.inf
        size = self.turns.layout.chunks * self.turns.length
        rate = 1.0 if self._slowest == 1.0 else -math.log1p(-self._slowest)
        # g+1 is the most states a chunk passes through
        sweeps = (self.turns.own.g + 1) * (_DIGITS + math.log(self.turns.layout.chunks)) / rate + 2.0
        if sweeps * size > _LARGEST:
            raise NoPrediction("the times of this run are above the largest float")
        sums = long_sums(self._of_sweeps, math.ceil(sweeps), max(1, HORIZON // size), (0, 1, 0))
        return float(sums[0]), float(sums[1]), float(sums[2])

    def _of_sweeps(self, sweeps: Sequence[int]) -> FloatArray:
        """The terms of `_sums`, each added up over a sweep; float [sweeps, 3]."""
        chunks, length = self.turns.layout.chunks, self.turns.length
        places = np.arange(chunks * length, dtype=np.float64).reshape(chunks, length)
        step = max(1, _BLOCK // self.turns.sweep_floats())
        parts = []
        for first in range(0, len(sweeps), step):
            some = sweeps[first : first + step]
            tails = self.turns.sweeps(some)
            began = np.array([float(c) for c in some]) * (chunks * length)
            mean, within = tails.sum(axis=(1, 2)), (tails * places).sum(axis=(1, 2))
            parts.append(np.stack([mean, (2.0 * began + 1.0) * mean + 2.0 * within, tails[:, -1, 0]], axis=1))
        return np.concatenate(parts)
