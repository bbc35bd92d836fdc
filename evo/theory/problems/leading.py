"""LeadingBlocks: the fitness is the number of correct blocks before the first incorrect one (theory 7b, 7c, 10c).

Under strict acceptance a call of one block is taken over only where it fixes the first incorrect block: everything
else leaves the fitness as it is or lowers it. So the J incorrect blocks of the start are fixed one after the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw
from evo.laws.mixtures import ComponentLaw
from evo.protocols import FloatArray, IntArray
from evo.theory.calls.gains import UNDERFLOW, at_least_once, check_run, completion, incompletion, never_once, stalls_of
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain, check_states, death_chain
from evo.theory.chains.last_generation import LastGeneration
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.schedules.only_incorrect import only_incorrect
from evo.theory.schedules.until_resolved import correct_before_last, until_resolved
from evo.theory.times.closed import Geometric, NegativeBinomial
from evo.theory.times.law import ByTail

STATIONARY = 1e-12  # how far p0 may be from a/(a+1-b), in probability a call
_BLOCK = 1 << 20  # floats held at a time


def leading_uniform_chunk(law: CallLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """UniformChunk, g = 1, strict: each of the J incorrect blocks takes Geom(1-(1-a/k)^lam) generations (theory 10c).

    Start(k, p0): E = k^2 (1-p0)/a calls for lam = 1.

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(leading_uniform_chunk(IndependentBlocks(0.5, 0.5), 4, Start(4, p0=0.25)).hit.mean, 9)
    24.0
    """
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    chance = float(law.pmf(1, 1)[1]) / k
    resolve, counts = float(at_least_once(chance, lam)), start.law()
    stay = float(never_once(chance, lam, (k - 1) / k + float(stalls_of(law, 1)[0]) / k))
    chain = death_chain(
        np.full(start.most, resolve),
        chance,
        counts[1 : start.most + 1],
        float(counts[0]),
        lam,
        np.full(start.most, stay),
    )
    exact = counts[start.most] == 1.0
    generations = NegativeBinomial(start.most, resolve, stay) if exact else chain.generations
    return RunLaw(generations if lam == 1 else chain.hit, generations, no_short_chunk, "theory 10c", lam)


def leading_round_robin(law: CallLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """RoundRobin, g = 1, strict: generations = L + k F, each failure costs exactly one sweep (theory 10c).

    L is the position 1..k of the last incorrect block, F the failures before the J-th success of turns that succeed
    w.p. A = 1-(1-a)^lam. Start(k, p0): E = k^2 (1-p0)(1-A)/A + k - p0(1-p0^k)/(1-p0) generations.

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(leading_round_robin(IndependentBlocks(0.5, 0.5), 4, Start(4, p0=0.25)).hit.mean, 9)
    15.66796875
    """
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    return leading_turns(float(law.pmf(1, 1)[1]), start, lam, incompletion(law, 1, 1))


def leading_only_incorrect(law: CallLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """OnlyIncorrect, g = 1, calls the first incorrect block: the law is that of OneMax (theory 2a, 2j, 10c).

    >>> from evo.laws.counts import IndependentBlocks
    >>> leading_only_incorrect(IndependentBlocks(0.5, 0.5), 4, Start(4)).hit.mean
    8.0
    """
    return replace(only_incorrect(law, k, 1, start, lam), source="theory 2a, 2j, 10c")


def leading_until_resolved(law: CallLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """UntilResolved, g = 1: the law is that of OneMax for every lam, strict or weak (theory 2h, 2i, 2j, 10c).

    All blocks before the pointer are correct, so that its block is the first incorrect one, whose repair raises the
    fitness, or a correct one, whose damage lowers it: the pointer moves on exactly when it does for OneMax. (Not where
    the schedule takes invalid answers for a fall: behind an incorrect block only they move the pointer.)

    >>> from evo.laws.counts import IndependentBlocks
    >>> leading_until_resolved(IndependentBlocks(0.5, 0.5), 4, Start(4, p0=0.5)).hit.mean
    6.125
    """
    return replace(until_resolved(law, k, start, lam), source="theory 2h, 2i, 2j, 10c")


def leading_all_blocks(law: CallLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """AllBlocks: T = sum of B_i Geom(a b^i), i = 0..k-1, B_i ~ Bernoulli(1-p0), all independent (theory 7b, 7c).

    It needs lam = 1 and a start that calls leave as it is, p0 = a/(a+1-b) (flips: p0 = 1/2): then the blocks after the
    first incorrect one stay independent and correct w.p. p0, whatever was rejected. Of a mixture every component
    must leave the start as it is; a b^i is then its mean. If fix = keep in a call, every parent generates the optimum
    w.p. P, from any start and for any lam (theory 1a, 6a). All this holds for weak acceptance too.

    Raises: NoPrediction for other starts, laws or lam, or probabilities too small for floats.

    >>> from evo.laws.counts import IndependentBlocks
    >>> flips = IndependentBlocks(fix=0.25, keep=0.75)
    >>> round(leading_all_blocks(flips, 4, Start(4, p0=0.5)).hit.mean, 9)  # ((1-r)^(1-n) - (1-r))/(2r^2)
    12.962962963
    """
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    same = _same_success(law, k)
    if same is not None:
        miss = incompletion(law, k, k)
        hit, generations = (Geometric.best_of(same, calls, start.optimal, miss) for calls in (1, lam))
        return RunLaw(hit, generations, no_short_chunk, "theory 1a, 1c", lam)
    if lam > 1:
        raise NoPrediction(f"LeadingBlocks under AllBlocks has a known law for lam=1 (or fix = keep), got lam={lam}")
    check_states(k, f"LeadingBlocks with k={k}")
    chances = _improvements(law, start)
    left = np.arange(k)  # blocks after the first incorrect one
    ahead = left[:, None] - 1 - left[None, :]  # correct blocks up to the next incorrect one
    p0, improve = start.correct_rate, chances[::-1]
    gap = np.where(ahead >= 0, (1.0 - p0) * p0 ** np.maximum(ahead, 0.0), 0.0)
    finish = improve * p0**left
    begin = np.asarray((1.0 - p0) * p0 ** left[::-1], dtype=np.float64)
    chain = AbsorbingChain(improve[:, None] * gap, finish, finish, begin, start.optimal, 1)
    return RunLaw(chain.hit, chain.generations, no_short_chunk, "theory 7b, 7c, 10c", 1)


def _same_success(law: CallLaw, k: int) -> float | None:
    """P(the optimum is generated) if it is the same from every parent, else None (theory 1a, 6a)."""
    if isinstance(law, ComponentLaw):
        _, fix, keep = law.components(k)
        return completion(law, k, 1) if np.array_equal(fix, keep) else None
    return completion(law, k, k)


def _improvements(law: CallLaw, start: Start) -> FloatArray:
    """P(the first i blocks are kept and the next one is fixed), i = 0..k-1; float [k].

    Raises: NoPrediction unless every component of the law leaves the start as it is.
    """
    if not isinstance(law, ComponentLaw) or not start.independent:
        raise NoPrediction("LeadingBlocks under AllBlocks needs independent blocks, in a call and at the start")
    weight, fix, keep = law.components(start.k)
    p0 = start.correct_rate
    if (np.abs((1.0 - p0) * fix - p0 * (1.0 - keep)) > STATIONARY).any():
        raise NoPrediction(
            f"LeadingBlocks under AllBlocks has a known law from p0 = fix/(fix + 1 - keep) only; "
            f"got p0={p0:g} for fix={fix.tolist()!s:.60}, keep={keep.tolist()!s:.60}"
        )
    chances = np.array([weight @ (fix * keep**i) for i in range(start.k)])
    if (chances < UNDERFLOW).any() and ((fix > 0.0) & (keep > 0.0)).any():
        raise NoPrediction(f"the chance of an improvement is below {UNDERFLOW:g}, too small for floats")
    return chances


def leading_turns(fix: float, start: Start, lam: int, miss: float) -> RunLaw:
    """The run whose turns fix an incorrect block w.p. 1-(1-fix)^lam; the start must hold one with some probability.

    `miss` is 1 - fix, which may be known to more digits than fix has room for.
    """
    turn, failed = float(at_least_once(fix, lam)), float(never_once(fix, lam, miss))
    generations = LeadingTurns(start, turn, failed, 1, fix)
    hit = generations if lam == 1 else LeadingTurns(start, turn, failed, lam, fix)
    return RunLaw(hit, generations, no_short_chunk, "theory 10c", lam)


@dataclass(frozen=True, eq=False)
class LeadingTurns(ByTail):
    """The time of a run: in generations G = L + k F, or in calls up to the success in the last, lam (G-1) + R.

    L is the position of the last of J incorrect blocks at the start, F the failures before the J-th success, which is
    independent of L given J; G = 0 for J = 0. R in 1..lam has P(R > r) = (1 - turn_r/turn), turn_r = 1-(1-fix)^r.

    Attributes:
        start: the initial law.
        turn: P(a generation on the first incorrect block fixes it), A = 1 - (1-fix)^lam.
        failed: P(it does not), 1 - A.
        calls: what the time counts in a generation: 1 for generations, lam for calls.
        fix: P(one call fixes the block that it rewrites).
    """

    start: Start
    turn: float
    failed: float
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

    @property
    def never(self) -> float:  # type: ignore[override]  # follows from the fields
        """P(T is infinite): there is an incorrect block at the start, and no call fixes it."""
        return 1.0 - self.start.optimal if self.turn == 0.0 else 0.0

    def tail_at(self, t: FloatArray) -> FloatArray:
        """P(T > t): P(G > ck+r) = P(F > c) + P(F = c, L > r) for 0 <= r < k; within a generation by the law of R."""
        generation, call = np.divmod(t, self.calls)
        now = self._after(generation)
        inside = call > 0
        if inside.any():
            share = 1.0 - _within(self.fix, call[inside]) / self.turn if self.turn > 0.0 else 1.0
            later = self._after(generation[inside] + 1.0)
            now[inside] = later + (now[inside] - later) * share
        return now

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
        odds = self.failed / self.turn
        mean = mean_last + k * mean_j * odds
        variance = var_last + k**2 * (mean_j * odds / self.turn + var_j * odds**2) + 2 * k * odds * both
        return (mean, variance) if self.calls == 1 else self._of_calls(mean, variance)

    def _of_calls(self, mean: float, variance: float) -> tuple[float, float]:
        """Mean and variance of the time in calls, lam (G-1) + R and 0 for G = 0, from those of G."""
        lam, ready = self.calls, self.start.optimal
        last = LastGeneration.of(np.array([self.fix]), lam)
        shift, spread = float(last.mean[0]) - lam, float(last.variance[0])
        # lam G + shift 1{G > 0}, and R's own variance; Cov(G, 1{G > 0}) = E[G] P(G = 0)
        variance = lam**2 * variance + 2 * lam * shift * mean * ready + shift**2 * ready * (1 - ready)
        return lam * mean + shift * (1 - ready), variance + spread * (1 - ready)

    @cached_property
    def _last(self) -> FloatArray:
        """P(L = j), j = 0..k: the last incorrect block of the start is the j-th, or there is none (0); float [k+1]."""
        k, j = self.start.k, self.start.incorrect
        if j is not None:
            return np.append(np.zeros(j), correct_before_last(k, j))
        place = np.arange(1, k + 1)
        return np.append(self.start.optimal, (1.0 - self.start.p0) * self.start.p0 ** (k - place))

    @cached_property
    def _wrong_up_to(self) -> FloatArray:
        """E[J | L = j], j = 0..k: expected incorrect blocks of the start whose last one is the j-th; float [k+1]."""
        if self.start.incorrect is not None:
            return np.full(self.start.k + 1, float(self.start.incorrect))
        place = np.arange(self.start.k + 1.0)
        return np.where(place > 0, 1.0 + (place - 1.0) * (1.0 - self.start.p0), 0.0)

    def _after(self, generations: FloatArray) -> FloatArray:
        """P(G > g), more than g generations are needed, for whole g >= 0; float [n]."""
        step = max(1, _BLOCK // (self.start.k + 1))
        parts = [self._some_after(generations[first : first + step]) for first in range(0, len(generations), step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _some_after(self, generations: FloatArray) -> FloatArray:
        from scipy.special import betainc, betaln, xlog1py, xlogy

        k, turn, failed = self.start.k, self.turn, self.failed
        if turn == 0.0:
            return np.full(len(generations), 1.0 - self.start.optimal)
        j = np.arange(1.0, k + 1)
        sweep, within = np.divmod(generations, k)
        c = sweep[:, None]
        more = betainc(c + 1.0, j, failed)  # P(F > c | J = j)
        fails = xlogy(c, failed) if turn > 0.5 else xlog1py(c, -turn)
        same = np.exp(fails + xlogy(j, turn) - betaln(c + 1.0, j) - np.log(c + j))  # P(F = c | J = j)
        counts = self.start.law()[1:]
        return np.asarray((more * counts + same * self._and_later(within.astype(np.int64))).sum(axis=1))

    def _and_later(self, within: IntArray) -> FloatArray:
        """P(J = j and L > r), j = 1..k: of j incorrect blocks the last stands behind position r; float [n, k]."""
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
    """P(at least one of some calls succeeds) = 1 - (1-chance)^calls, for an array of calls."""
    return np.asarray(-np.expm1(calls * math.log1p(-chance))) if chance < 1.0 else np.where(calls > 0, 1.0, 0.0)
