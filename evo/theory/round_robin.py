"""RoundRobin: the next chunk each generation, all lam offspring on the same one (theory 2e, 2f, 2g, 3b)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.laws import CallLaw, FloatArray
from evo.theory.chunks import Layout, check_run
from evo.theory.own_calls import OwnCalls
from evo.theory.run import RunLaw, finished
from evo.theory.starts import Start
from evo.theory.times import TimeLaw, check_level, least_time
from evo.theory.turns import Turns

HORIZON = 1 << 26  # most terms of a tail sum: a few seconds
_BLOCK = 1 << 22  # floats held at a time
_DIGITS = 42.0  # the sums end e^-42 < 1e-18 down the tail


def round_robin(law: CallLaw, k: int, g: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run that calls chunk after chunk, round and round.

    P(hit <= t) is the product over chunks of P(finished within its own calls by t) (theory 2g); exactly j incorrect
    blocks at random positions by the coefficient of z^j (theory 2e); moments by tail sums.

    Raises: NoPrediction, when moments are asked for, if the tail sums would take more than HORIZON terms.

    >>> from evo.laws import IndependentBlocks
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
    hit = generations if lam == 1 else RoundRobinTime(Turns(layout, start, own, short, range(lam + 1)))

    def short_calls() -> float:
        return lam * generations.last_turns if layout.short else 0.0

    return RunLaw(hit, generations, short_calls, "theory 2e, 2f, 2g", lam)


@dataclass(frozen=True, eq=False)
class RoundRobinTime:
    """A clock of a round-robin run; t = length (m c + q) + r after c sweeps, q turns and r readings."""

    turns: Turns

    @property
    def mean(self) -> float:
        """E[T] = sum of P(T > t)."""
        return self._sums[0]

    @property
    def variance(self) -> float:
        """Var[T] = sum of (2t+1) P(T > t), less the square of the mean."""
        mean, second, _ = self._sums
        return math.inf if math.isinf(mean) else max(second - mean**2, 0.0)

    @property
    def last_turns(self) -> float:
        """Expected number of turns of the last chunk: sum over sweeps of P(its turn is reached)."""
        return self._sums[2]

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t)."""
        return np.asarray(1.0 - self.tail(t))

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t)."""
        times = np.floor(np.asarray(t, dtype=np.float64))
        tail = np.where(times < 0, 1.0, 0.0)
        tail[times == np.inf] = float(self.turns.sweeps([1 << 62])[0, -1, -1]) if self._slowest == 0.0 else 0.0
        usual = (times >= 0) & np.isfinite(times)
        length = self.turns.length
        sweep, within = np.divmod(times[usual], self.turns.layout.chunks * length)
        unique, back = np.unique(sweep, return_inverse=True)
        turn, call = np.divmod(within.astype(np.int64), length)
        values = np.zeros(len(sweep))
        step = max(1, _BLOCK // self.turns.sweep_floats())
        for first in range(0, len(unique), step):
            tails = self.turns.sweeps([int(c) for c in unique[first : first + step]])
            here = (back >= first) & (back < first + step)
            values[here] = tails[back[here] - first, turn[here], call[here]]
        tail[usual] = values
        return tail

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u, by bisection."""
        check_level(u)
        if self._slowest == 0.0 and float(self.cdf(np.inf)) < u + 1e-13:
            return math.inf
        return least_time(self, u)

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None

    @cached_property
    def _slowest(self) -> float:
        parts = [own for own in (self.turns.own, self.turns.short) if own is not None]
        return min(own.slowest(self.turns.start.chunk_law(own.g)) for own in parts)

    @cached_property
    def _sums(self) -> tuple[float, float, float]:
        """Sums of P(T > t), of (2t+1) P(T > t), and of P(the last chunk's turn is reached)."""
        if self._slowest == 0.0:
            return math.inf, math.inf, math.inf
        chunks, length = self.turns.layout.chunks, self.turns.length
        places = np.arange(chunks * length, dtype=np.float64).reshape(chunks, length)
        mean = second = last = 0.0
        for sweeps in self._blocks():
            tails = self.turns.sweeps(sweeps)
            times = np.multiply.outer(np.asarray(sweeps, dtype=np.float64), np.full_like(places, chunks * length))
            weighted = (2.0 * (times + places) + 1.0) * tails
            mean, second, last = mean + tails.sum(), second + weighted.sum(), last + tails[:, -1, 0].sum()
            if weighted[-1].sum() * (sweeps[-1] + 1) <= 1e-18 * second:
                break
        return float(mean), float(second), float(last)

    def _blocks(self) -> Iterator[range]:
        """Ranges of sweeps, growing, to where the slowest chunk's tail is below e^-42 / m.

        Raises: NoPrediction if that is too far.
        """
        chunks = self.turns.layout.chunks
        rate = 1.0 if self._slowest == 1.0 else -math.log1p(-self._slowest)
        sweeps = (self.turns.own.g + 1) * (_DIGITS + math.log(chunks)) / rate + 2.0
        # g+1 is the most states a chunk passes through; the sum ends by itself when its tail is negligible
        if (_DIGITS + math.log(chunks)) / rate * chunks * self.turns.length > HORIZON:
            raise NoPrediction(
                f"round-robin moments need about {sweeps:.2g} sweeps of {chunks} chunks, more than {HORIZON} terms"
            )
        first, size = 0, 16
        most = max(1, _BLOCK // self.turns.sweep_floats())
        while first < sweeps:
            size = min(2 * size, most)
            yield range(first, first + size)
            first += size
