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

from evo.contracts import fitness_values, rewritten
from evo.counting import count_correct
from evo.protocols import AnyMutator, BoolArray, Chunk, FloatArray, IntArray, Problem
from evo.schedules import Chunks

SLAB_BLOCKS = 2**21
"""Blocks rewritten at once at the most (a single call may have more): some 20 bytes each, so about 40 MB."""


@dataclass
class Parents:
    """The state of the active runs of a batch; one row a run.

    Attributes:
        correct: bool [runs, k], the current solutions.
        fitness: [runs], their fitness.
        traits: [runs, ...], what the mutator drew for each run, or None.
    """

    correct: BoolArray
    fitness: FloatArray
    traits: Any = None


@dataclass(frozen=True)
class Round:
    """The best offspring of each generation of a round; arrays [runs, ahead].

    Attributes:
        change: float, fitness of the best valid offspring less the parent's; -inf where none is valid.
        winner: int, its number among the offspring, from 0; the first of equally good ones.
        chunk: int, the chunk it was made from.
        after: bool [runs, ahead, g], that chunk's blocks in it (a shorter last chunk is padded).
        moved: bool, whether any valid offspring's fitness differs from the parent's.
        optimal: int, number of the first optimal offspring, from 1; 0 if there is none.
        valid: int, how many offspring are valid.
    """

    change: FloatArray
    winner: IntArray
    chunk: IntArray
    after: BoolArray
    moved: BoolArray
    optimal: IntArray
    valid: IntArray


@dataclass
class _Called:
    """What n calls handed over, what came back, and what it did to the fitness."""

    before: BoolArray
    after: BoolArray
    change: FloatArray
    valid: BoolArray | None

    @classmethod
    def empty(cls, n: int, g: int) -> _Called:
        return cls(np.zeros((n, g), np.bool_), np.zeros((n, g), np.bool_), np.zeros(n), None)

    def put(self, calls: IntArray, part: _Called) -> None:
        """Enter a group of calls, whose chunks may be shorter."""
        size = part.after.shape[1]
        self.before[calls, :size], self.after[calls, :size] = part.before, part.after
        self.change[calls] = part.change
        if part.valid is not None:
            self.valid = np.ones(len(self.change), dtype=np.bool_) if self.valid is None else self.valid
            self.valid[calls] = part.valid


class Caller:
    """Makes the calls of one cell: hands chunks to the mutator, checks its answers, compares fitness."""

    def __init__(self, problem: Problem, mutator: AnyMutator, chunks: Chunks, lam: int) -> None:
        self.problem = problem
        self.mutator = mutator
        self.chunks = chunks
        self.lam = lam
        self.sees_solution = getattr(mutator, "sees", "chunk") == "solution"
        self.informed = self.sees_solution or hasattr(mutator, "draw")
        self.separable = hasattr(problem, "change")
        whole_solutions = self.informed or not self.separable
        self.blocks_a_call = problem.k if whole_solutions else chunks.g

    def round(self, parents: Parents, chunk: IntArray, rng: Generator) -> Round:
        """All calls of a round.

        Args:
            parents: the active runs.
            chunk: int [runs, ahead, 1 or lam], the chunk of each call.
            rng: the mutator's stream.

        Raises: OperatorError if the mutator or the problem breaks its contract.
        """
        runs, ahead, _ = chunk.shape
        lam_slab = min(self.lam, max(1, SLAB_BLOCKS // self.blocks_a_call))
        run_slab = max(1, SLAB_BLOCKS // (ahead * lam_slab * self.blocks_a_call))
        pieces = []
        for low in range(0, runs, run_slab):
            rows = np.arange(low, min(low + run_slab, runs))
            best: Round | None = None
            for first in range(0, self.lam, lam_slab):
                piece = self._slab(parents, rows, chunk, first, min(first + lam_slab, self.lam), rng)
                best = piece if best is None else _better(best, piece)
            assert best is not None  # lam >= 1
            pieces.append(best)
        return pieces[0] if len(pieces) == 1 else _stack(pieces)

    def _slab(self, parents: Parents, rows: IntArray, chunk: IntArray, first: int, last: int, rng: Generator) -> Round:
        """The offspring first..last-1 of the runs `rows`."""
        ahead, lam = chunk.shape[1], last - first
        shape = (len(rows), ahead, lam)
        each = chunk[rows] if chunk.shape[2] == 1 else chunk[rows, :, first:last]
        each = np.broadcast_to(each, shape).reshape(-1)
        owner = np.repeat(rows, ahead * lam)
        called = self._call(parents, owner, each, rng)
        change, after, valid = called.change, called.after, called.valid
        if valid is not None:
            change[~valid] = -np.inf

        optimal = np.zeros(len(owner), dtype=np.bool_)
        better = np.flatnonzero(change > 0)  # the optimum is fitter than any other solution
        wrong = self.problem.k - count_correct(parents.correct[owner[better]])
        optimal[better] = wrong == count_correct(after[better]) - count_correct(called.before[better])

        change, optimal = change.reshape(shape), optimal.reshape(shape)
        winner = np.argmax(change, axis=2)
        flat = np.arange(len(rows) * ahead).reshape(len(rows), ahead) * lam + winner
        return Round(
            change=change.reshape(-1)[flat],
            winner=winner + first,
            chunk=each[flat],
            after=after[flat],
            moved=((change != 0) & (change > -np.inf)).any(axis=2),
            optimal=np.where(optimal.any(axis=2), np.argmax(optimal, axis=2) + first + 1, 0),
            valid=np.full(flat.shape, lam) if valid is None else count_correct(valid.reshape(shape)),
        )

    def _call(self, parents: Parents, owner: IntArray, each: IntArray, rng: Generator) -> _Called:
        """Calls on the chunks `each` [n] of the runs `owner` [n], grouped by the chunks' length."""
        g, m, last = self.chunks.g, self.chunks.m, self.chunks.last
        if last == g:
            return self._call_group(parents, owner, each, g, rng)
        merged: _Called | None = None
        for size, calls in ((g, np.flatnonzero(each < m - 1)), (last, np.flatnonzero(each == m - 1))):
            if len(calls) > 0:
                part = self._call_group(parents, owner[calls], each[calls], size, rng)
                merged = _Called.empty(len(owner), g) if merged is None else merged
                merged.put(calls, part)
        assert merged is not None  # there is at least one call
        return merged

    def _call_group(self, parents: Parents, owner: IntArray, each: IntArray, size: int, rng: Generator) -> _Called:
        """Calls on chunks of one length."""
        if self.chunks.m == 1:
            blocks = np.broadcast_to(np.arange(size), (len(owner), size))
            before = parents.correct[owner]
        else:
            blocks = each[:, None] * self.chunks.g + np.arange(size)
            before = parents.correct[owner[:, None], blocks]
        before.flags.writeable = blocks.flags.writeable = False  # an operator that writes into them is found out
        after, valid = self._rewrite(parents, owner, blocks, before, rng)
        change = self._change(parents, owner, blocks, before, after)
        return _Called(before, after, change, valid)

    def _rewrite(
        self, parents: Parents, owner: IntArray, blocks: IntArray, before: BoolArray, rng: Generator
    ) -> tuple[BoolArray, BoolArray | None]:
        """What came back from the mutator, and whether it is valid (None: all of it)."""
        given: Any = before
        if self.informed:
            solution = parents.correct[owner] if self.sees_solution else None
            traits = None if parents.traits is None else parents.traits[owner]
            given = Chunk(correct=before, blocks=blocks, solution=solution, traits=traits)
        return rewritten(self.mutator, given, before.shape, rng)

    def _change(
        self, parents: Parents, owner: IntArray, blocks: IntArray, before: BoolArray, after: BoolArray
    ) -> FloatArray:
        """Fitness of the offspring less that of their parents, float [n]."""
        if self.separable:
            change = self.problem.change(before, after)  # type: ignore[attr-defined]  # optional in the protocol
            return fitness_values(self.problem, "an offspring", change, owner.shape)
        children = parents.correct[owner]
        children[np.arange(len(owner))[:, None], blocks] = after
        fitness = fitness_values(self.problem, "an offspring", self.problem.fitness(children), owner.shape)
        return np.asarray(fitness - parents.fitness[owner])


def _better(old: Round, new: Round) -> Round:
    """The best of two slabs of offspring of the same generations; the earlier one where they are equal."""
    take = new.change > old.change
    return Round(
        change=np.where(take, new.change, old.change),
        winner=np.where(take, new.winner, old.winner),
        chunk=np.where(take, new.chunk, old.chunk),
        after=np.where(take[..., None], new.after, old.after),
        moved=old.moved | new.moved,
        optimal=np.where(old.optimal > 0, old.optimal, new.optimal),
        valid=old.valid + new.valid,
    )


def _stack(pieces: list[Round]) -> Round:
    """Rounds of different runs, one below the other."""
    names: Iterator[str] = iter(Round.__dataclass_fields__)
    return Round(**{name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in names})
