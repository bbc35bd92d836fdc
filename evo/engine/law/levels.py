"""Runs of which the number of incorrect blocks matters, which may rise and fall: their levels (theory 1f, 10, 17c).

From each level the chain of the theory (`evo.theory.problems.on_counts`) says w.p. what a generation leaves it, and for
which other one. Here runs go from level to level until all have made the optimum or are over their budget; those that
are over go on with the others, so that what is drawn depends on no budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evo.engine.law.process import Drawn, RunSteps, begin
from evo.engine.law.waiting import generations, log_stay, place, spans
from evo.errors import NoPrediction
from evo.protocols import FloatArray, IntArray
from evo.seeding import Streams
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import check_floats
from evo.theory.run_law import Process

MOST_LEVELS = 1 << 10
"""Of a table of all pairs."""
MOST_MOVES = 1e5
"""From level to level a run, on average."""


def check_levels(k: int) -> None:
    """Refuse more blocks than there is room for.

    Raises: NoPrediction.
    """
    if k > MOST_LEVELS:
        raise NoPrediction(f"levels of k = {k} blocks take a table of more than {MOST_LEVELS:,} by as many numbers")


@dataclass(frozen=True, eq=False)
class Levels:
    """Runs from level to level.

    Attributes:
        lam: offspring a generation.
        start: the initial law.
        span: c of the generations until level i is left, float [k+1].
        upto: P(the next level is at most j | i is left), float [k+1, k+1].
        tilt: -log(P(an offspring is of lower rank than level j)/P(of no higher one)) from i, float [k+1, k+1].
    """

    lam: int
    start: Start
    span: FloatArray
    upto: FloatArray
    tilt: FloatArray

    @classmethod
    def of(cls, process: Process, offspring: FloatArray, rank: IntArray, start: Start, lam: int) -> Levels:
        """The tables of a process on 1..k incorrect blocks.

        Args:
            process: of `evo.theory.problems.on_counts`.
            offspring: P(an offspring has j incorrect blocks | its parent has i), float [k+1, k+1].
            rank: of the fitness of j incorrect blocks, int [k+1].
            start: the initial law.
            lam: offspring a generation.

        Raises: NoPrediction if the tables are too large, runs move too often, or probabilities are too small.
        """
        k, chain = start.k, process.chain
        check_levels(k)
        check_floats(chain)
        moves = chain.expected(chain.leave)
        if not moves <= MOST_MOVES:
            raise NoPrediction(f"a run goes from level to level {moves:.3g} times on average, more than {MOST_MOVES:g}")
        to = np.zeros((k + 1, k + 1))
        to[1:, 0], to[1:, 1:] = chain.finish, chain.moves.dense
        upto = np.cumsum(to, axis=1)
        leave = upto[:, -1:].copy()
        upto /= np.where(leave > 0.0, leave, 1.0)
        upto[upto >= upto[:, -1:]] = 1.0  # beyond the last possible one
        span = np.append(0.0, spans(log_stay(leave[1:, 0], chain.stays), 1))
        return cls(lam, start, span, upto, _tilts(offspring, rank))

    @property
    def floats(self) -> int:
        """Numbers in its tables."""
        return 2 * self.upto.size

    @property
    def ends(self) -> bool:
        """Not known from the tables: a run may be trapped."""
        return False

    def draw(self, runs: int, streams: Streams, steps: bool, end: float) -> Drawn:
        """Some runs; those that are over when all are have an infinite number of generations."""
        level = begin(self.start, np.array([self.start.k]), runs, streams.start)[:, 0].copy()
        first, now, ends = level.copy(), np.zeros(runs), np.where(level == 0, 0.0, np.inf)
        places = np.zeros(runs)
        active = np.flatnonzero(level > 0)
        kept: list[tuple[IntArray, FloatArray, FloatArray, IntArray]] = []
        while len(active) and now[active].min() < end:
            at = level[active]
            now[active] += generations(streams.schedule.standard_exponential(len(active)), self.span[at])
            to = self._next(at, streams.mutator.random(len(active)))
            where = np.ones(len(active))
            if self.lam > 1:
                where = place(streams.evaluation.random(len(active)), self.tilt[at, to], self.lam)
            if steps:
                kept.append((active, now[active], where, at - to))
            level[active] = to
            done = to == 0
            ends[active[done]], places[active[done]] = now[active[done]], where[done]
            active = active[~done]
        return Drawn(first, ends, places, _steps(kept) if steps else None)

    def on_last_chunk(self, drawn: Drawn, generations: FloatArray) -> FloatArray:
        """None is shorter."""
        return np.zeros_like(generations)

    def _next(self, at: IntArray, draw: FloatArray) -> IntArray:
        """The first j with draw < upto[at, j], by halves."""
        low, high = np.full(len(at), -1), np.full(len(at), self.upto.shape[1] - 1)
        for _ in range(self._halvings):
            middle = (low + high) // 2
            there = (draw < self.upto[at, np.maximum(middle, 0)]) & (middle > low)
            high, low = np.where(there, middle, high), np.where(there, low, np.maximum(middle, low))
        return high

    @cached_property
    def _halvings(self) -> int:
        return int(self.upto.shape[1]).bit_length() + 1


def _steps(kept: list[tuple[IntArray, FloatArray, FloatArray, IntArray]]) -> RunSteps:
    if not kept:
        none = np.zeros(0, dtype=np.int64)
        return RunSteps(none, np.zeros(0), np.zeros(0), none)
    run, when, where, gain = zip(*kept, strict=True)
    return RunSteps(*(np.concatenate(each) for each in (run, when, where, gain)))


def _tilts(offspring: FloatArray, rank: IntArray) -> FloatArray:
    """-log x of each pair, x = P(rank below that of j)/P(rank of j or below); an invalid offspring is below all."""
    size = len(rank)
    above = np.zeros((size, rank.max() + 2))  # P(rank >= r)
    for r in range(int(rank.max()), -1, -1):
        above[:, r] = above[:, r + 1] + offspring[:, rank == r].sum(axis=1)
    one, over = above[:, rank] - above[:, rank + 1], above[:, rank + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        tilt = -np.log1p(-np.clip(one / (1.0 - over), 0.0, 1.0))
    return np.asarray(np.nan_to_num(tilt, nan=np.inf, posinf=np.inf))
