"""One round of calls: from parents and chunks to the best offspring of each generation.

Runs, generations looked ahead and offspring are one flat axis of n calls here; the operator sees all calls on
chunks of one length at once. Rounds are cut into slabs so that memory is bounded whatever runs, lam and k are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.chunks import Chunks, count_correct
from evo.costs.ledger import ChunkLengths
from evo.engine.contracts import fitness_change, fitness_of, rewritten
from evo.engine.generations import Best, Round, better_of, stacked
from evo.engine.outcomes import Called, Offspring, merged
from evo.evaluation import offers_change
from evo.protocols import AnyMutator, BoolArray, Chunk, FloatArray, IntArray, Problem, Rewritten, is_informed

SLAB_BLOCKS = 2**18
"""Most blocks rewritten at once (one call may exceed it): some 20 bytes each, 5 MB."""
BESIDE = 8
"""Blocks that take as much memory as what is noted of a call beside its blocks."""


@dataclass
class Parents:
    """The state of the active runs of a batch; one row a run.

    Attributes:
        correct: bool [runs, k], the current solutions.
        fitness: [runs], their fitness.
        generations: int [runs], generations made.
        traits: [runs, ...], what the mutator drew for each run, or None.
    """

    correct: BoolArray
    fitness: FloatArray
    generations: IntArray
    traits: Any = None

    def kept(self, stay: BoolArray) -> Parents:
        """The parents of the runs selected by `stay`, bool [runs]."""
        traits = None if self.traits is None else self.traits[stay]
        return Parents(self.correct[stay], self.fitness[stay], self.generations[stay], traits)


@dataclass(frozen=True)
class Part:
    """The calls of a round that are made together: those of some runs, generations ahead, and offspring."""

    runs: slice
    ahead: slice
    offspring: slice

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many of each."""
        runs, ahead, offspring = (each.stop - each.start for each in (self.runs, self.ahead, self.offspring))
        return runs, ahead, offspring


class Caller:
    """Makes the calls of one cell: hands chunks to the mutator, compares fitness, finds each generation's best."""

    def __init__(self, problem: Problem, mutator: AnyMutator, lengths: ChunkLengths, lam: int) -> None:
        self.problem = problem
        self.mutator = mutator
        self.lengths = lengths
        self.chunks = lengths.chunks
        self.lam = lam
        self.sees_solution = getattr(mutator, "sees", "chunk") == "solution"
        self.informed = is_informed(mutator)
        self.separable = offers_change(problem)
        whole_solutions = self.informed or not self.separable
        self.blocks_a_call = problem.k if whole_solutions else self.chunks.g
        self.a_call = self.blocks_a_call + BESIDE
        self.lam_at_once = min(lam, max(1, SLAB_BLOCKS // self.a_call))

    def round(self, parents: Parents, chunk: IntArray, rng: Generator) -> Round:
        """All calls of a round.

        Args:
            parents: the active runs.
            chunk: int [runs, ahead, 1 or lam], the chunk of each call; [..., g], its blocks, for subsets.
            rng: the mutator's stream.

        Raises: OperatorError if the mutator or the problem breaks its contract.
        """
        runs, ahead = chunk.shape[:2]
        pieces = []
        for of_runs, of_ahead in self._pieces(runs, ahead):
            best: Round | None = None
            for first in range(0, self.lam, self.lam_at_once):
                part = Part(of_runs, of_ahead, slice(first, min(first + self.lam_at_once, self.lam)))
                piece = self._slab(parents, part, chunk, rng)
                best = piece if best is None else better_of(best, piece)
            assert best is not None  # lam >= 1
            pieces.append(best)
        return pieces[0] if len(pieces) == 1 else stacked(pieces, (runs, ahead))

    def _pieces(self, runs: int, ahead: int) -> Iterator[tuple[slice, slice]]:
        """Runs and generations looked ahead that are made together: whole runs, or some generations of one run."""
        at_once = max(1, SLAB_BLOCKS // (self.lam_at_once * self.a_call))
        for low in range(0, runs, whole := max(1, at_once // ahead)):
            for soon in range(0, ahead, step := min(ahead, at_once)):
                yield slice(low, min(low + whole, runs)), slice(soon, min(soon + step, ahead))

    def separately(self, parents: Parents, owner: IntArray, chunk: IntArray, rng: Generator) -> Called:
        """Calls whose offspring do not compete, on the chunks `chunk` int [n] (or [n, g]) of the runs `owner` int [n].

        Raises: OperatorError if the mutator or the problem breaks its contract.
        """
        return self._call(parents, owner, chunk, np.zeros_like(owner) if self.informed else owner[:0], rng)

    def answers(
        self, parents: BoolArray, generations: IntArray, traits: Any, chunk: IntArray, rng: Generator
    ) -> Iterator[tuple[IntArray, IntArray, Rewritten]]:
        """One call on each of n parents; nobody is compared.

        Args:
            parents: bool [n, k].
            generations: int [n], generations that their runs have made.
            traits: [n, ...], what the mutator drew for their runs, or None.
            chunk: int [n], the chunk of each call, or [n, g], its blocks.
            rng: the mutator's stream.

        Yields:
            For chunks of each length: whose they are, the positions of their blocks, and what the mutator made of them.

        Raises: OperatorError if the mutator breaks its contract.
        """
        everyone = np.arange(len(chunk))
        for size, calls in self.chunks.groups(chunk):
            rows = everyone[calls]
            told = generations[calls] if self.informed else generations
            _, blocks, answer = self._answers(parents, traits, rows, chunk[calls], told, size, rng)
            yield rows, blocks, answer

    def offspring(
        self, parents: BoolArray, generations: IntArray, traits: Any, chunk: IntArray, rng: Generator
    ) -> Offspring:
        """The solutions that come of one call on each of n parents, in slabs; arguments are those of `answers`.

        They are written over the parents, which the caller has copied.
        """
        made = Offspring(parents)
        slab = max(1, SLAB_BLOCKS // self.blocks_a_call)
        for low in range(0, len(chunk), slab):
            some = slice(low, low + slab)
            shown = None if traits is None else traits[some]
            for rows, blocks, answer in self.answers(parents[some], generations[some], shown, chunk[some], rng):
                if answer.solution is not None:
                    made.solutions[low + rows] = answer.solution
                if self.chunks.m == 1:
                    made.solutions[low + rows] = answer.correct
                else:
                    made.solutions[(low + rows)[:, None], blocks] = answer.correct
                made.enter(low + rows, answer)
        return made

    def counted(self, chunk: IntArray, calls: IntArray | None) -> tuple[IntArray, IntArray]:
        """LLM calls behind each of n answers, int [n], and sums of their shortfalls, int [n, powers].

        Args:
            chunk: int [n], or [n, g].
            calls: int [n]; None: one each.
        """
        total, short = self._count_calls(chunk, calls, (len(chunk), 1, 1))
        return total[:, 0], short[:, 0]

    def _slab(self, parents: Parents, part: Part, chunk: IntArray, rng: Generator) -> Round:
        """The calls of one part of a round."""
        runs, ahead, lam = shape = part.shape
        first = part.offspring.start
        mine = chunk[part.runs, part.ahead]
        each = mine if chunk.shape[2] == 1 else mine[:, :, part.offspring]
        each = np.broadcast_to(each, shape + chunk.shape[3:]).reshape(-1, *chunk.shape[3:])
        owner = np.repeat(np.arange(part.runs.start, part.runs.stop), ahead * lam)
        soon = np.arange(part.ahead.start, part.ahead.stop)
        ahead_by = np.tile(np.repeat(soon, lam), runs) if self.informed else owner[:0]
        called = self._call(parents, owner, each, ahead_by, rng)
        change, after, valid = called.change, called.after, called.valid
        if valid is not None:
            change[~valid] = -np.inf
        changed = change != 0 if valid is None else (change != 0) & valid
        best = Best.of(change.reshape(shape))
        return Round(
            change=best.of_each(change),
            winner=best.winner + first,
            chunk=best.of_each(each),
            after=best.of_each(after),
            solution=None if called.solution is None else best.of_each(called.solution),
            moved=changed.reshape(shape).any(axis=2),
            optimal=self._first_optimal(parents, owner, called, shape, first),
            spent=self._spent(each, called, shape),
        )

    def _spent(self, each: IntArray, called: Called, shape: tuple[int, int, int]) -> IntArray:
        """What each generation took, see `Round.spent`."""
        if called.calls is None and called.valid is None and self.lengths.powers == 0:
            return np.array((1, shape[2], shape[2]))
        calls, shortfalls = self._count_calls(each, called.calls, shape)
        valid = np.full(shape[:2], shape[2]) if called.valid is None else count_correct(called.valid.reshape(shape))
        return np.concatenate((np.stack((np.ones_like(calls), calls, valid), axis=2), shortfalls), axis=2)

    def _first_optimal(
        self, parents: Parents, owner: IntArray, called: Called, shape: tuple[int, int, int], first: int
    ) -> IntArray:
        """Number of the first optimal offspring of each generation, from 1; 0 if there is none."""
        optimal = self._optimal(parents, owner, called)
        if not optimal.any():
            return np.zeros(shape[:2], dtype=np.int64)
        each = optimal.reshape(shape)
        return np.where(each.any(axis=2), np.argmax(each, axis=2) + first + 1, 0)

    def _optimal(self, parents: Parents, owner: IntArray, called: Called) -> BoolArray:
        """Which offspring are optimal; only offspring fitter than the parent can be."""
        better = (called.change > 0).nonzero()[0]
        optimal = np.zeros(len(owner), dtype=np.bool_)
        if len(better) == 0:
            return optimal
        if called.solution is not None:
            optimal[better] = called.solution[better].all(axis=1)
        else:
            runs, right = owner[better], parents.correct
            known = count_correct(right[runs]) if len(runs) < len(right) else count_correct(right)[runs]
            gain = count_correct(called.after[better]) - count_correct(called.before[better])
            optimal[better] = gain == self.problem.k - known
        return optimal

    def _count_calls(
        self, each: IntArray, calls: IntArray | None, shape: tuple[int, int, int]
    ) -> tuple[IntArray, IntArray]:
        """LLM calls of each generation, int [runs, ahead], and sums of their shortfalls, int [runs, ahead, powers]."""
        runs, ahead, lam = shape
        total = np.full((runs, ahead), lam) if calls is None else calls.reshape(shape).sum(axis=2)
        return total, self.lengths.sums(each, calls, shape)

    def _call(self, parents: Parents, owner: IntArray, each: IntArray, ahead_by: IntArray, rng: Generator) -> Called:
        """Calls on the chunks `each` [n] of the runs `owner` [n], grouped by the chunks' length.

        `ahead_by` [n] says how many generations ahead each is; only an informed mutator is told, else it is empty.
        """
        groups = []
        for size, calls in self.chunks.groups(each):
            told = ahead_by[calls] if self.informed else ahead_by
            groups.append((calls, self._call_group(parents, owner[calls], each[calls], told, size, rng)))
        return groups[0][1] if self.chunks.last == self.chunks.g else merged(groups, len(owner), self.chunks.g)

    def _call_group(
        self, parents: Parents, owner: IntArray, each: IntArray, ahead_by: IntArray, size: int, rng: Generator
    ) -> Called:
        """Calls on chunks of one length."""
        told = parents.generations[owner] + ahead_by if self.informed else ahead_by
        before, blocks, answer = self._answers(parents.correct, parents.traits, owner, each, told, size, rng)
        if self.separable and not self.sees_solution:
            change = fitness_change(self.problem, before, answer.correct)
            return Called(before, answer.correct, change, answer.valid, None, answer.calls)
        child = parents.correct[owner] if answer.solution is None else answer.solution.copy()
        child[np.arange(len(owner))[:, None], blocks] = answer.correct
        fitness = fitness_of(self.problem, "an offspring", child)
        solution = child if self.sees_solution else None
        return Called(before, answer.correct, fitness - parents.fitness[owner], answer.valid, solution, answer.calls)

    def _answers(
        self,
        correct: BoolArray,
        traits: Any,
        owner: IntArray,
        each: IntArray,
        generations: IntArray,
        size: int,
        rng: Generator,
    ) -> tuple[BoolArray, IntArray, Rewritten]:
        """What the mutator makes of chunks of one length: the blocks before, their positions [n, size], the answer.

        `generations` [n] only an informed mutator is told.
        """
        if self.chunks.m == 1:
            blocks = np.broadcast_to(np.arange(size), (len(owner), size))
            before = correct.take(owner, axis=0)
        else:
            blocks = self.chunks.blocks(each, size)
            before = correct[owner[:, None], blocks]
        before.flags.writeable = blocks.flags.writeable = False  # an operator that writes into them is found out
        given: BoolArray | Chunk = before
        if self.informed:
            solution = correct[owner] if self.sees_solution else None
            given = Chunk(before, blocks, generations, solution, None if traits is None else traits[owner])
        return before, blocks, rewritten(self.mutator, given, rng)


def write_back(solutions: BoolArray, rows: IntArray, chunk: IntArray, after: BoolArray, chunks: Chunks) -> None:
    """Write rewritten chunks into solutions.

    Args:
        solutions: bool [.., k], changed in place.
        rows: int [n], whose solution each is.
        chunk: int [n], or positions [n, g].
        after: bool [n, g].
        chunks: how the solutions are cut.
    """
    if chunks.m == 1:
        solutions[rows] = after
        return
    for size, some in chunks.groups(chunk):
        solutions[rows[some][:, None], chunks.blocks(chunk[some], size)] = after[some, :size]
