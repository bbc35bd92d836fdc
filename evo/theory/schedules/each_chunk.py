"""EachChunk with lam = k: every block is called in parallel, one winner is kept (theory 11b)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evo.laws.counts import CallLaw
from evo.protocols import FloatArray
from evo.theory.calls.gains import at_least_once, check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain, check_states, death_chain
from evo.theory.run_law import Process, RunLaw, finished, no_short_chunk
from evo.theory.times.law import ByTail


def one_kept(law: CallLaw, k: int, start: Start) -> RunLaw:
    """Law of the (1+k)-EA whose offspring j rewrites block j (EachChunk(g=1), lam = k), one winner a generation.

    From i incorrect blocks a generation repairs one w.p. 1-q^i: E[generations] = sum_{i=1..j} 1/(1-q^i), which is
    k + 1.6067 for a = 1/2 from all incorrect: Theta(k), where merging takes Theta(log k) rounds (theory 11b).
    The hit is in the last generation, at the number of the last incorrect block.

    Raises: NoPrediction if there are too many states.

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(one_kept(IndependentBlocks(0.5, 0.5), 20, Start(20)).generations.mean, 12)
    21.606694198741
    """
    check_run(k, start, 1)
    if start.most == 0:
        return finished(k)
    check_states(start.most, f"EachChunk with k={k}")
    fix = float(law.pmf(1, 1)[1])
    counts = start.law()
    leave = np.array([at_least_once(fix, i) for i in range(1, start.most + 1)])
    chain = death_chain(leave, fix, counts[1 : start.most + 1], float(counts[0]), 1)
    never = 0.0 if fix else 1.0 - chain.start_done
    hit, process = OneKeptHit(chain, leave, start, fix, never), Process(tuple(range(1, start.most + 1)), chain)
    return RunLaw(hit, chain.generations, no_short_chunk, "theory 11b", k, process)


def last_rank(fix: float, most: int) -> FloatArray:
    """The rank of the block that is left incorrect to the last among i = 1..most; float [most, most], row i-1.

    The winner is the first repaired block: rank s w.p. q^(s-1) a/(1-q^i), independent of the generations waited. So
    L_i(r) = L_{i-1}(r) P(s > r) + L_{i-1}(r-1) P(s < r).

    >>> last_rank(0.5, 2).round(6).tolist()
    [[1.0, 0.0], [0.333333, 0.666667]]
    """
    ranks = np.zeros((most, most))
    ranks[0, 0] = 1.0
    first_by = np.array([float(at_least_once(fix, n)) if n else 0.0 for n in range(most + 1)])
    for i in range(2, most + 1):
        # for fix = 0 nothing is ever repaired, and the rank does not matter
        up_to = first_by[: i + 1] / first_by[i] if fix else np.linspace(0.0, 1.0, i + 1)
        before = ranks[i - 2]
        ranks[i - 1, :i] = before[:i] * (1.0 - up_to[1:])
        ranks[i - 1, 1:i] += before[: i - 1] * up_to[1:i]
    return ranks


def order_positions(k: int, j: int) -> FloatArray:
    """The position of the r-th of j random ones among k: P(x) = C(x-1,r-1) C(k-x,j-r)/C(k,j); float [j, k].

    >>> order_positions(3, 2).round(6).tolist()
    [[0.666667, 0.333333, 0.0], [0.0, 0.333333, 0.666667]]
    """
    from scipy.special import gammaln

    def log_choose(n: FloatArray, r: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore"):
            value = gammaln(n + 1.0) - gammaln(np.maximum(r, 0.0) + 1.0) - gammaln(np.maximum(n - r, 0.0) + 1.0)
        return np.where((r >= 0) & (r <= n), value, -np.inf)

    x, r = np.arange(1.0, k + 1.0)[None, :], np.arange(1.0, j + 1.0)[:, None]
    chance = np.exp(log_choose(x - 1.0, r - 1.0) + log_choose(k - x, j - r) - log_choose(np.array(k), np.array(j)))
    return np.asarray(chance / chance.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class OneKeptHit(ByTail):
    """The call that hits: k (G-1) + X from j incorrect blocks, G generations and X the place of the last one.

    G and X are independent given j: which block is repaired says nothing of how long it took.
    """

    chain: AbsorbingChain
    leave: FloatArray
    start: Start
    fix: float
    never: float

    @property
    def mean(self) -> float:
        """E = sum over j of P(j) (k (E[G_j]-1) + E[X_j])."""
        return self._moments[0]

    @property
    def variance(self) -> float:
        """Var = E[k^2 Var[G_j] + Var[X_j]] + Var[k (E[G_j]-1) + E[X_j]]."""
        return self._moments[1]

    def cdf_at(self, t: FloatArray) -> FloatArray:
        """P(T <= k c + x) = sum over j of P(j) (P(G_j <= c) + P(G_j = c+1) P(X_j <= x))."""
        return np.asarray(self._splits(t)[0])

    def tail_at(self, t: FloatArray) -> FloatArray:
        """P(T > t)."""
        return np.asarray(self._splits(t)[1])

    @cached_property
    def _places(self) -> FloatArray:
        """P(X_j = x) for j = 1..most incorrect blocks, float [most, k]; 0 for counts that the start cannot have."""
        most, k = self.start.most, self.start.k
        ranks = last_rank(self.fix, most)
        places = np.zeros((most, k))
        for j in np.flatnonzero(self.chain.start > 0.0) + 1:
            places[j - 1] = ranks[j - 1, :j] @ order_positions(k, int(j))
        return places

    @cached_property
    def _moments(self) -> tuple[float, float]:
        used, k = self.chain.start > 0.0, self.start.k
        if not used.any():
            return 0.0, 0.0
        if self.fix == 0.0:
            return math.inf, math.inf
        generations = np.cumsum(1.0 / self.leave)
        spread = k**2 * np.cumsum((1.0 - self.leave) / self.leave**2)
        x = np.arange(1.0, k + 1.0)
        place = self._places @ x
        spread += self._places @ x**2 - place**2
        each, weight = k * (generations - 1.0) + place, self.chain.start
        mean = float(weight @ each)
        return mean, float(weight @ (spread + (each - mean) ** 2) + self.chain.start_done * mean**2)

    def _splits(self, t: FloatArray) -> FloatArray:
        """P(T <= t) and P(T > t), float [2, n]."""
        unique, back = np.unique(t, return_inverse=True)
        both, used = np.zeros((2, len(unique))), np.flatnonzero(self.chain.start > 0.0)
        weight, places = self.chain.start[used], np.cumsum(self._places[used], axis=1)
        state = np.zeros((self.start.most + 1, len(used)))
        state[used + 1, np.arange(len(used))] = 1.0
        turns = [divmod(int(time), self.start.k) for time in unique]
        top, now = self.chain.powers.plan(turns[-1][0]), 0
        for at, (c, x) in enumerate(turns):
            state, now = self.chain.powers.advance(state, c - now, top), c
            last = self.fix * (places[:, x - 1] if x else np.zeros(len(used)))  # repaired by a call up to number x
            both[0, at] = self.chain.start_done + weight @ (state[0] + state[1] * last)
            both[1, at] = weight @ (state[2:].sum(axis=0) + state[1] * (1.0 - last))
        return both[:, back]
