"""LeadingBlocks under RoundRobin with g = 1: every failure costs a sweep (theory 10c)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from evo.laws.counts import FloatArray
from evo.protocols import IntArray
from evo.theory.calls.gains import at_least_once
from evo.theory.calls.starts import Start
from evo.theory.chains.last_generation import LastGeneration
from evo.theory.run_law import RunLaw, no_short_chunk
from evo.theory.schedules.until_resolved import correct_before_last
from evo.theory.times.law import TimeLaw, check_level, least_time

_BLOCK = 1 << 20  # floats held at a time


def leading_turns(fix: float, start: Start, lam: int) -> RunLaw:
    """The run whose turns fix an incorrect block w.p. 1-(1-fix)^lam; the start must hold one with some probability."""
    turn = float(at_least_once(fix, lam))
    generations = LeadingTurns(start, turn, 1, fix)
    hit = generations if lam == 1 else LeadingTurns(start, turn, lam, fix)
    return RunLaw(hit, generations, no_short_chunk, "theory 10c", lam)


@dataclass(frozen=True, eq=False)
class LeadingTurns:
    """A clock of the run: G = L + k F generations; or the call of the first success in the G-th, lam (G-1) + R.

    L is the position of the last of J incorrect blocks at the start, F the failures before the J-th success, which is
    independent of L given J; G = 0 for J = 0. R in 1..lam has P(R > r) = (1 - turn_r/turn), turn_r = 1-(1-fix)^r.

    Attributes:
        start: the initial law.
        turn: P(a turn fixes the first incorrect block).
        calls: readings of the clock in a generation: 1 for generations, lam for calls.
        fix: P(a call fixes it).
    """

    start: Start
    turn: float
    calls: int
    fix: float

    @property
    def mean(self) -> float:
        """E[G] = E[L] + k E[J] (1-A)/A; infinite if a block is never fixed."""
        return self._moments[0]

    @property
    def variance(self) -> float:
        """Var[G] = Var[L] + k^2 (E[J] (1-A)/A^2 + Var[J] ((1-A)/A)^2) + 2k (1-A)/A Cov(L, J)."""
        return self._moments[1]

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t)."""
        return np.asarray(1.0 - self.tail(t))

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(G > ck+r) = P(F > c) + P(F = c, L > r) for 0 <= r < k; between generations by the law of R."""
        times = np.floor(np.asarray(t, dtype=np.float64))
        never = 1.0 - self.start.optimal if self.turn == 0.0 else 0.0
        tail = np.where(times < 0, 1.0, never)
        usual = (times >= 0) & np.isfinite(times)
        generation, call = np.divmod(times[usual], self.calls)
        now = self._after(generation)
        inside = call > 0
        if inside.any():
            share = 1.0 - _within(self.fix, call[inside]) / self.turn if self.turn > 0.0 else 1.0
            later = self._after(generation[inside] + 1.0)
            now[inside] = later + (now[inside] - later) * share
        tail[usual] = now
        return tail

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u, by bisection."""
        check_level(u)
        if self.turn == 0.0 and u > self.start.optimal:
            return math.inf
        return least_time(self, u)

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None

    @cached_property
    def _moments(self) -> tuple[float, float]:
        if self.turn == 0.0:
            return math.inf, math.inf
        start, k = self.start, self.start.k
        place, chance, wrong = np.arange(k + 1.0), self._last, self._wrong_up_to
        counts = start.law()
        j = np.arange(k + 1.0)
        mean_j, mean_last = float(counts @ j), float(chance @ place)
        var_j = float(counts @ (j - mean_j) ** 2)
        var_last = float(chance @ (place - mean_last) ** 2)
        both = float(chance @ ((place - mean_last) * (wrong - mean_j)))
        odds = (1.0 - self.turn) / self.turn
        mean = mean_last + k * mean_j * odds
        variance = var_last + k**2 * (mean_j * odds / self.turn + var_j * odds**2) + 2 * k * odds * both
        return (mean, variance) if self.calls == 1 else self._of_calls(mean, variance)

    def _of_calls(self, mean: float, variance: float) -> tuple[float, float]:
        """Moments of lam (G-1) + R, and 0 for G = 0, from those of G."""
        lam, ready = self.calls, self.start.optimal
        last = LastGeneration.of(np.array([self.fix]), lam)
        shift, spread = float(last.mean[0]) - lam, float(last.variance[0])
        # lam G + shift 1{G > 0}, and R's own variance; Cov(G, 1{G > 0}) = E[G] P(G = 0)
        variance = lam**2 * variance + 2 * lam * shift * mean * ready + shift**2 * ready * (1 - ready)
        return lam * mean + shift * (1 - ready), variance + spread * (1 - ready)

    @cached_property
    def _last(self) -> FloatArray:
        """Law of L, 0 for none; float [k+1]."""
        k, j = self.start.k, self.start.incorrect
        if j is not None:
            return np.append(np.zeros(j), correct_before_last(k, j))
        place = np.arange(1, k + 1)
        return np.append(self.start.optimal, (1.0 - self.start.p0) * self.start.p0 ** (k - place))

    @cached_property
    def _wrong_up_to(self) -> FloatArray:
        """E[J | L]; float [k+1]."""
        if self.start.incorrect is not None:
            return np.full(self.start.k + 1, float(self.start.incorrect))
        place = np.arange(self.start.k + 1.0)
        return np.where(place > 0, 1.0 + (place - 1.0) * (1.0 - self.start.p0), 0.0)

    def _after(self, generations: FloatArray) -> FloatArray:
        """P(G > g) for whole g >= 0; float [n]."""
        step = max(1, _BLOCK // (self.start.k + 1))
        parts = [self._some_after(generations[first : first + step]) for first in range(0, len(generations), step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _some_after(self, generations: FloatArray) -> FloatArray:
        from scipy.special import betainc, betaln, xlog1py, xlogy

        k, turn = self.start.k, self.turn
        if turn == 0.0:
            return np.full(len(generations), 1.0 - self.start.optimal)
        j = np.arange(1.0, k + 1)
        sweep, within = np.divmod(generations, k)
        c = sweep[:, None]
        more = betainc(c + 1.0, j, 1.0 - turn)  # P(F > c | J = j)
        same = np.exp(xlog1py(c, -turn) + xlogy(j, turn) - betaln(c + 1.0, j) - np.log(c + j))  # P(F = c | J = j)
        counts = self.start.law()[1:]
        return np.asarray((more * counts + same * self._and_later(within.astype(np.int64))).sum(axis=1))

    def _and_later(self, within: IntArray) -> FloatArray:
        """P(J = j, L > r) for j = 1..k; float [n, k]."""
        counts = self.start.law()[1:]
        places, back = np.unique(within, return_inverse=True)
        if self.start.incorrect is not None:
            later = np.append(np.cumsum(self._last[:0:-1])[::-1], 0.0)
            return np.asarray(later[places][back, None] * counts)
        table = np.zeros((len(places), self.start.k))
        for at, r in enumerate(places):
            earlier = Start(int(r), p0=self.start.p0).law()[1:] * self.start.p0 ** (self.start.k - r) if r else 0.0
            table[at] = counts
            table[at, :r] = np.maximum(counts[:r] - earlier, 0.0)
        return table[back]


def _within(chance: float, calls: FloatArray) -> FloatArray:
    """1 - (1-chance)^calls for an array of calls."""
    return np.asarray(-np.expm1(calls * math.log1p(-chance))) if chance < 1.0 else np.where(calls > 0, 1.0, 0.0)
