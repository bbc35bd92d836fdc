"""The law of the time until an absorbing chain ends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.protocols import FloatArray, IntArray
from evo.theory.times.law import TimeLaw, below, check_level, tied

if TYPE_CHECKING:
    from evo.theory.chains.chain import AbsorbingChain

_AT_A_TIME, _PRODUCT = 64, 1 << 18
"""Times whose distributions are found together, and the multiplications up to which there are more of them: threads
would wait for each other in larger products."""


@dataclass(frozen=True, eq=False, repr=False)
class ChainTime:
    """Absorption time of a chain: in generations (`calls` = 1), or in calls up to and with the hit (`calls` = lam)."""

    chain: AbsorbingChain
    calls: int

    @property
    def mean(self) -> float:
        """E[T], infinite if a state that cannot be left is reached."""
        return self._moments[0]

    @property
    def variance(self) -> float:
        """Var[T].

        Raises: NoPrediction if it is finite but above the largest float.
        """
        mean, variance = self._moments
        if math.isinf(variance) and not math.isinf(mean):
            raise NoPrediction(f"the variance of a time of mean {mean:g} is above the largest float")
        return variance

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t) to 1e-12 or better: absorbed by then, or sum_i pi_c(i) (1-(1-s_i)^r) within a generation."""
        return self._spread(t)[0]

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t) = sum_i pi_c(i) (1-s_i)^r, t = lam c + r."""
        return self._spread(t)[1]

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u: whole generations by doubling and halving, then the call."""
        check_level(u)
        if not below(self.chain.start_done, 1.0 - self.chain.start_done, u, 1.0):
            return 0.0
        if self.chain.escape > 0.0 and u > 1.0 - self.chain.escape - 1e-13:
            return math.inf
        strict, tie = self._first(u, 0.0)
        return float(self._first(u, 1.0)[0] if tie else strict)

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None

    def _first(self, u: float, slack: float) -> tuple[int, bool]:
        """The first time t with P(T <= t) >= u, and whether t - 1 has it, too, but for rounding."""
        whole, state = self._last_below(u, slack)
        low, high = 0, self.calls
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if below(*self._split(state, middle), u, slack) else (low, middle)
        tie = tied(self._split(state, high - 1), self._after(state, high), u)
        return whole * self.calls + high, tie

    def _after(self, state: FloatArray, calls: int) -> tuple[float, float]:
        """P(T <= t) and P(T > t) some calls into a generation, or after a whole one."""
        if calls < self.calls:
            return self._split(state, calls)
        return self._split(self.chain.powers.advance(state, 1, 0), 0)

    @cached_property
    def _moments(self) -> tuple[float, float]:
        return self.chain.moments(self.calls)

    def _spread(self, t: ArrayLike) -> tuple[FloatArray, FloatArray]:
        times = np.floor(np.asarray(t, dtype=np.float64))
        cdf, tail = np.zeros(times.shape), np.ones(times.shape)
        never = min(self.chain.escape, 1.0)
        cdf[times == np.inf], tail[times == np.inf] = 1.0 - never, never
        usual = (times >= 0) & np.isfinite(times)
        unique, back = np.unique(times[usual], return_inverse=True)
        if len(unique):
            whole = _whole(unique)  # of objects beyond 2^62, which numpy's divmod does not take
            both = [np.stack(self._splits(*block)) for block in self._blocks(whole // self.calls, whole % self.calls)]
            cdf[usual], tail[usual] = np.concatenate(both, axis=1)[:, back]
        return cdf, tail

    def _blocks(self, generations: IntArray, calls: IntArray) -> Iterator[tuple[FloatArray, IntArray]]:
        """Distributions over the n+1 states at sorted generations and the calls after them, some at a time."""
        state, now, powers = self._begin(), 0, self.chain.powers
        top, low = powers.plan(int(generations[-1])), 0
        while low < len(generations):
            block = slice(low, low + max(_AT_A_TIME, _PRODUCT // len(state) ** 2))
            states = powers.at(state, generations[block] - now, top)
            yield states, calls[block].astype(np.int64)
            powers, state = powers.narrowed(states[:, -1])
            now, low = int(generations[block][-1]), low + states.shape[1]

    def _split(self, state: FloatArray, calls: int) -> tuple[float, float]:
        """P(T <= t) and P(T > t) some calls into a generation."""
        cdf, tail = self._splits(state[:, None], np.array([calls]))
        return float(cdf[0]), float(tail[0])

    def _splits(self, states: FloatArray, calls: IntArray) -> tuple[FloatArray, FloatArray]:
        """The same for states [n+1, times], or the first of them, and calls [times]; each from the smaller side."""
        states = np.array(states.T, order="C")  # a copy, to be changed; sums along its rows are pairwise
        done, left = states[:, 0].copy(), states[:, 1:]
        if (within := calls > 0).any():
            with np.errstate(divide="ignore"):
                miss = calls[within, None] * np.log1p(-self.chain.deciding[: left.shape[1]])
            ends = left[within] * self._share[: left.shape[1]]
            done[within] -= (ends * np.expm1(miss)).sum(axis=1)
            left[within] = left[within] - ends + ends * np.exp(miss)  # in this order: what is left may be tiny
        tail, early = left.sum(axis=1), done < 0.5
        cdf, beyond = np.where(early, done, 1.0 - tail), np.where(early, 1.0 - done, tail)
        return np.clip(cdf, 0.0, 1.0), np.clip(beyond, 0.0, 1.0)  # starts sum to 1 but for rounding

    @cached_property
    def _share(self) -> FloatArray:
        """P(the offspring that decides is the optimum), [n]."""
        hit, decides = self.chain.offspring_hit, self.chain.decides
        if decides is None:
            return np.ones_like(hit)
        return np.divide(hit, decides, out=np.zeros_like(hit), where=decides > 0.0)

    def _last_below(self, u: float, slack: float) -> tuple[int, FloatArray]:
        """The last generation c with P(generations <= c) < u, and the distribution there."""
        now, state, gap = 0, self._begin(), 1
        powers = self.chain.powers

        while below(*self._split(ahead := powers.advance(state, gap, powers.plan(gap)), 0), u, slack):
            now, gap = now + gap, 2 * gap
            powers, state = powers.narrowed(ahead)
        while gap > 1:
            gap //= 2
            ahead = powers.advance(state, gap, powers.plan(gap))
            if below(*self._split(ahead, 0), u, slack):
                now, state = now + gap, ahead
        return now, np.append(state, np.zeros(len(self.chain.start) + 1 - len(state)))

    def _begin(self) -> FloatArray:
        return np.append(self.chain.start_done, self.chain.start)


def _whole(times: FloatArray) -> IntArray:
    """Sorted times >= 0 as whole numbers of any size, [times]."""
    return times.astype(np.int64) if times[-1] < 1 << 62 else np.array([int(time) for time in times], dtype=object)
