"""RoundRobin: the next chunk each generation, all lam offspring on the same one (theory 2e, 2f, 2g, 3b)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Protocol

import numpy as np

from evo.chunks import Chunks
from evo.laws.counts import CallLaw
from evo.protocols import FloatArray
from evo.theory.calls.gains import (
    at_least_once,
    check_run,
    chunk_steps,
    completion,
    gains_and_stalls,
    incompletion,
    never_once,
)
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain
from evo.theory.chains.last_generation import LastGeneration
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.schedules.counted_turns import CountedTurns
from evo.theory.schedules.sweep import IndependentTurns, SweepTime, Turns


def round_robin(law: CallLaw, k: int, g: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run that calls the chunks cyclically.

    P(hit <= t) is the product over chunks of P(finished within its own calls by t) (theory 2g); exactly j incorrect
    blocks at random positions by the coefficient of z^j (theory 2e); moments by tail sums.

    Raises: NoPrediction, when moments are asked for, if the tail sums take more than HORIZON terms.

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(round_robin(IndependentBlocks(0.5, 0.5), 4, 1, Start(4)).hit.mean, 9)
    12.80952381
    """
    check_run(k, start, lam)
    chunks = Chunks.cut(k, g)
    if start.most == 0:
        return finished(lam)
    sizes = [g] * (chunks.full > 0) + [chunks.short] * (chunks.short > 0)
    own = [OwnCalls(law, size, min(size, start.most), lam) for size in sizes]
    return of_own_calls(own, chunks, start, lam, "theory 2e, 2f, 2g")


def of_own_calls(own: Sequence[Own], chunks: Chunks, start: Start, lam: int, source: str, states: int = 1) -> RunLaw:
    """Law of a run that calls the chunks cyclically, from those of each chunk's own calls.

    Args:
        own: of a full chunk, if there is one, and of the shorter last one, if there is one.
        chunks: how the solution is cut.
        start: the initial law.
        lam: calls a turn.
        source: label of the formula.
        states: how many a chunk has for each number of incorrect blocks.
    """
    slowest = min(one.slowest(start.chunk_law(one.g)) for one in own)

    def time(length: int) -> SweepTime:
        turns = _turns(own, chunks, start, lam, length)
        never = float(turns.tails(np.array([2.0**62]))[0, -1]) if slowest == 0.0 else 0.0
        return SweepTime(turns, slowest, states * chunks.g, never=never)

    generations = hit = time(1)
    if lam > 1:
        hit = time(lam)
        if not chunks.short and own[0].same is not None:
            begun = float(hit.turns.tails(np.zeros(1))[0, 0])
            hit = replace(hit, moments=partial(_from_generations, generations, own[0], begun, lam))
    short = (lambda: lam * generations.last_turns) if chunks.short else no_short_chunk
    return RunLaw(hit, generations, short, source, lam)


class Own(Protocol):
    """The law of a chunk's own calls."""

    @property
    def g(self) -> int:
        """Blocks of the chunk."""
        ...

    @property
    def same(self) -> float | None:
        """P(a call finishes the chunk) if that is the same for all counts, else None."""
        ...

    @property
    def missing(self) -> float:
        """1 - `same`, with its digits."""
        ...

    def tails(self, own: FloatArray, begin: FloatArray) -> FloatArray:
        """P(not finished within n own calls), from laws of the incorrect blocks at first; see `OwnCalls`."""
        ...

    def slowest(self, counts: FloatArray) -> float:
        """The rate at which the tails fall, >= 1 - slowest a turn."""
        ...


def tail_sums(
    unfinished: Callable[[FloatArray], FloatArray],
    k: int,
    lam: int,
    slowest: float,
    never: float,
    source: str,
    power: float = math.inf,
) -> RunLaw:
    """Law of a run of RoundRobin, g = 1, over blocks that are independent of each other.

    Args:
        unfinished: P(each block is not finished after n own calls), non-increasing in n; [n, places] -> [n, places, k].
        k: blocks.
        lam: calls a turn.
        slowest: the rate at which `unfinished` falls, >= 1 - slowest a call; 0 with `power` for a power law.
        never: P(the run never ends).
        source: labels of the formulas.
        power: al where `unfinished` falls like n^-al; infinite for a geometric fall.
    """
    times = [
        SweepTime(IndependentTurns(unfinished, k, lam, length), float(at_least_once(slowest, lam)), 1, power, never)
        for length in (1, lam)
    ]
    return RunLaw(times[1] if lam > 1 else times[0], times[0], no_short_chunk, source, lam)


def own_geometric(p: FloatArray, open_rate: float, own: FloatArray) -> FloatArray:
    """P(block j is incorrect at first and after n own calls) = (1-p0)(1-p_j)^n; float [.., k]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.multiply.outer(own, np.log1p(-p))
    return np.asarray(open_rate * np.where((own[..., None] == 0) | (p == 0.0), 1.0, np.exp(logs)))


@dataclass(frozen=True, eq=False)
class OwnCalls:
    """Own calls until a chunk of g blocks is finished, lam a turn, from at most `most` incorrect blocks.

    >>> from evo.laws.counts import IndependentBlocks
    >>> half = OwnCalls(IndependentBlocks(0.5, 0.5), 1, 1, 2)
    >>> half.tails(np.array([2.0, 3.0, 4.0]), np.array([[0.0], [1.0]])).ravel().round(12).tolist()
    [0.25, 0.125, 0.0625]
    """

    law: CallLaw
    g: int
    most: int
    lam: int

    def tails(self, own: FloatArray, begin: FloatArray) -> FloatArray:
        """P(not finished within n own calls), from laws of the incorrect blocks at first.

        Args:
            own: n, whole numbers of any shape.
            begin: [g+1, laws].

        Returns: float [.., laws].
        """
        some = begin[1 : self.most + 1]
        if self.same is not None:
            miss = never_once(self.same, own, self.missing)
            return np.asarray(miss[..., None] * some.sum(axis=0))
        turns, at_turn = np.unique(own // self.lam, return_inverse=True)
        calls, at_call = np.unique(own % self.lam, return_inverse=True)
        others = [incompletion(self.law, self.g, i) for i in range(1, self.most + 1)]
        miss = never_once(self._chain.offspring_hit, calls[:, None], others)
        table = np.empty((len(turns), len(calls), some.shape[1]))
        state, now = np.vstack([np.zeros(some.shape[1]), some]), 0
        top = self._chain.powers.plan(int(turns[-1]))
        for row, turn in zip(table, turns, strict=True):
            state, now = self._chain.powers.advance(state, int(turn) - now, top), int(turn)
            row[:] = miss @ state[1:]
        return table[at_turn, at_call]

    def slowest(self, counts: FloatArray) -> float:
        """The smallest probability per turn of leaving a state that can be met from the given counts, float [g+1]."""
        if self.same is not None:
            return float(at_least_once(self.same, self.lam))
        reached = counts[1 : self.most + 1] > 0.0
        moves = self._chain.moves
        for i in range(self.most - 1, -1, -1):
            if reached[i]:
                reached[moves.to[moves.starts[i] : moves.starts[i + 1]]] = True
        return float(self._chain.leave[reached].min(initial=1.0))

    @cached_property
    def same(self) -> float | None:
        """P(a call finishes the chunk) if that is the same for all counts, else None."""
        return completion(self.law, self.g, self.most)

    @cached_property
    def missing(self) -> float:
        """P(a call does not finish the chunk) if that is the same for all counts, with its digits."""
        return incompletion(self.law, self.g, self.most)

    @cached_property
    def _chain(self) -> AbsorbingChain:
        gains, stalls = gains_and_stalls(self.law, self.g, self.most)
        stay = stalls**self.lam
        return AbsorbingChain(*chunk_steps(gains, self.lam), np.zeros(self.most), 0.0, self.lam, stay=stay)


def _turns(own: Sequence[Own], chunks: Chunks, start: Start, lam: int, length: int) -> Turns:
    if not start.independent:
        parts = [partial(one.tails, begin=np.diag(start.independent_law(one.g))) for one in own]
        return CountedTurns(parts, chunks, start, lam, length)
    begin = [start.chunk_law(one.g)[:, None] for one in own]

    def unfinished(calls: FloatArray) -> FloatArray:
        tails = [one.tails(calls, law) for one, law in zip(own, begin, strict=True)]
        return np.concatenate([np.repeat(tails[0], chunks.full, axis=-1), *tails[1:]], axis=-1)

    return IndependentTurns(unfinished, chunks.m, lam, length)


def _from_generations(generations: SweepTime, own: Own, begun: float, lam: int) -> tuple[float, float]:
    """Mean and variance of the hit T = lam (G-1) + R from those of G, if every call finishes a chunk w.p. the same.

    R, the calls of the last generation, is independent of G. With B = 1(G > 0), T = lam G - (lam - R) B, and
    Cov(G, B) = E[G] (1 - begun).

    Args:
        generations: G.
        own: the calls of a chunk, each of which finishes it w.p. the same.
        begun: P(G > 0).
        lam: calls a generation.
    """
    if math.isinf(generations.mean):
        return math.inf, math.inf
    assert own.same is not None
    last = LastGeneration.of(np.array([own.same]), lam, np.array([own.missing]))
    r, spread = float(last.mean[0]), float(last.variance[0])
    mean = lam * generations.mean - begun * (lam - r)
    less = begun * spread + begun * (1.0 - begun) * (lam - r) ** 2
    return mean, lam**2 * generations.variance - 2.0 * lam * (lam - r) * generations.mean * (1.0 - begun) + less
