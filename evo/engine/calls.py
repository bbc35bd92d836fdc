"""One round of calls: from parents and chunks to the best offspring of each generation.

Runs, generations looked ahead and offspring are one flat axis of n calls here; the operator sees all calls on
chunks of one length at once. Rounds are cut into slabs so that memory is bounded whatever runs, lam and k are.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.chunks import Chunks, count_correct
from evo.costs.ledger import ChunkLengths
from evo.engine.contracts import fitness_change, fitness_values, rewritten
from evo.evaluation import offers_change
from evo.protocols import AnyMutator, BoolArray, Chunk, FloatArray, IntArray, Problem, Rewritten, is_informed

SLAB_BLOCKS = 2**21
"""Most blocks rewritten at once (one call may exceed it): about 20 bytes each, 40 MB in all."""


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
class Round:
    """The best offspring of each generation of a round, and the spending of the generation; arrays [runs, ahead].

    Attributes:
        change: float, fitness of the best valid offspring less the parent's; -inf where none is valid.
        winner: int, its number among the offspring, from 0; the first of equally good ones.
        chunk: int, the chunk it was made from; [runs, ahead, g], its blocks, if the schedule draws subsets.
        after: bool [runs, ahead, g], that chunk's blocks in it (a shorter last chunk is padded).
        solution: bool [runs, ahead, k], the whole winner; None where calls change nothing but their chunk.
        moved: bool, whether any valid offspring's fitness differs from the parent's.
        optimal: int, number of the first optimal offspring, from 1; 0 if there is none.
        calls: int, LLM calls made.
        valid: int, how many offspring are valid.
        shortfalls: int [runs, ahead, powers], sums over the LLM calls, see `evo.costs.ledger.ChunkLengths`.
    """

    change: FloatArray
    winner: IntArray
    chunk: IntArray
    after: BoolArray
    solution: BoolArray | None
    moved: BoolArray
    optimal: IntArray
    calls: IntArray
    valid: IntArray
    shortfalls: IntArray

    def taken(self) -> IntArray:
        """Spending of each generation, int [runs, ahead, 3 + powers], in the columns of `Records.spent`."""
        each = np.stack((np.ones_like(self.calls), self.calls, self.valid), axis=2)
        return each if self.shortfalls.shape[2] == 0 else np.concatenate((each, self.shortfalls), axis=2)

    def taken_by_any(self) -> IntArray:
        """`taken`, or int [3] where all generations take the same: then nothing has to be added up."""
        calls, valid = self.calls[0, 0], self.valid[0, 0]
        if self.shortfalls.shape[2] == 0 and (self.calls == calls).all() and (self.valid == valid).all():
            return np.array([1, calls, valid])
        return self.taken()


@dataclass
class Called:
    """n calls: their chunks, the answers and the changes of fitness.

    Attributes:
        before: bool [n, g], the blocks handed over (a shorter last chunk is padded).
        after: bool [n, g], the same blocks in the offspring.
        change: float [n], fitness of the offspring less the parent's.
        valid: bool [n]; None: all.
        solution: bool [n, k], the whole offspring; None where calls change nothing but their chunk.
        calls: int [n], LLM calls made; None: one each.
    """

    before: BoolArray
    after: BoolArray
    change: FloatArray
    valid: BoolArray | None
    solution: BoolArray | None
    calls: IntArray | None


@dataclass
class Offspring:
    """n offspring that are not compared with their parents.

    Attributes:
        solutions: bool [n, k].
        valid: bool [n]; None: all.
        calls: int [n], LLM calls made; None: one each.
    """

    solutions: BoolArray
    valid: BoolArray | None = None
    calls: IntArray | None = None

    def enter(self, rows: IntArray, answer: Rewritten) -> None:
        """What answers say beside the solutions, of the offspring `rows`."""
        if answer.valid is not None:
            if self.valid is None:
                self.valid = np.ones(len(self.solutions), dtype=np.bool_)
            self.valid[rows] = answer.valid
        if answer.calls is not None:
            if self.calls is None:
                self.calls = np.ones(len(self.solutions), dtype=np.int64)
            self.calls[rows] = answer.calls


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

    def round(self, parents: Parents, chunk: IntArray, rng: Generator) -> Round:
        """All calls of a round.

        Args:
            parents: the active runs.
            chunk: int [runs, ahead, 1 or lam], the chunk of each call; [..., g], its blocks, for subsets.
            rng: the mutator's stream.

        Raises: OperatorError if the mutator or the problem breaks its contract.
        """
        runs, ahead = chunk.shape[:2]
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

    def separately(self, parents: Parents, owner: IntArray, chunk: IntArray, rng: Generator) -> Called:
        """Calls whose offspring do not compete, on the chunks `chunk` int [n] (or [n, g]) of the runs `owner` int [n].

        Raises: OperatorError if the mutator or the problem breaks its contract.
        """
        return self._call(parents, owner, chunk, np.zeros_like(owner) if self.informed else owner[:0], rng)

    def offspring(
        self, parents: BoolArray, generations: IntArray, traits: Any, chunk: IntArray, rng: Generator
    ) -> Offspring:
        """One call on each of n parents, in slabs; nobody is compared.

        Args:
            parents: bool [n, k].
            generations: int [n], generations that their runs have made.
            traits: [n, ...], what the mutator drew for their runs, or None.
            chunk: int [n], the chunk of each call, or [n, g], its blocks.
            rng: the mutator's stream.

        Raises: OperatorError if the mutator breaks its contract.
        """
        made = Offspring(parents.copy())
        slab = max(1, SLAB_BLOCKS // self.blocks_a_call)
        for low in range(0, len(chunk), slab):
            some = np.arange(low, min(low + slab, len(chunk)))
            for size, calls in self.chunks.groups(chunk[some]):
                rows = some[calls]
                told = generations[rows] if self.informed else generations
                _, blocks, answer = self._answers(parents, traits, rows, chunk[rows], told, size, rng)
                if answer.solution is not None:
                    made.solutions[rows] = answer.solution
                if self.chunks.m == 1:
                    made.solutions[rows] = answer.correct
                else:
                    made.solutions[rows[:, None], blocks] = answer.correct
                made.enter(rows, answer)
        return made

    def counted(self, chunk: IntArray, called: Called) -> tuple[IntArray, IntArray]:
        """LLM calls behind each answer, int [n], and sums of their shortfalls, int [n, powers]."""
        calls, short = self._count_calls(chunk, called.calls, (len(chunk), 1, 1))
        return calls[:, 0], short[:, 0]

    def _slab(self, parents: Parents, rows: IntArray, chunk: IntArray, first: int, last: int, rng: Generator) -> Round:
        """The offspring first..last-1 of the runs `rows`."""
        ahead, lam = chunk.shape[1], last - first
        shape = (len(rows), ahead, lam)
        each = chunk[rows] if chunk.shape[2] == 1 else chunk[rows, :, first:last]
        each = np.broadcast_to(each, shape + chunk.shape[3:]).reshape(-1, *chunk.shape[3:])
        owner = np.repeat(rows, ahead * lam)
        ahead_by = np.tile(np.repeat(np.arange(ahead), lam), len(rows)) if self.informed else owner[:0]
        called = self._call(parents, owner, each, ahead_by, rng)
        change, after, valid = called.change, called.after, called.valid
        if valid is not None:
            change[~valid] = -np.inf
        optimal = self._optimal(parents, owner, called).reshape(shape)
        change = change.reshape(shape)
        calls, shortfalls = self._count_calls(each, called.calls, shape)
        winner = np.zeros(shape[:2], dtype=np.int64) if lam == 1 else np.argmax(change, axis=2)
        first_optimal = winner if lam == 1 else np.argmax(optimal, axis=2)
        flat = np.arange(len(rows) * ahead).reshape(len(rows), ahead) * lam + winner

        def of_winner(values: Any) -> Any:
            return values.reshape(*shape[:2], *values.shape[1:]) if lam == 1 else values[flat]

        return Round(
            change=of_winner(change.reshape(-1)),
            winner=winner + first,
            chunk=of_winner(each),
            after=of_winner(after),
            solution=None if called.solution is None else of_winner(called.solution),
            moved=_any((change != 0) & (change > -np.inf)),
            optimal=np.where(_any(optimal), first_optimal + first + 1, 0),
            calls=calls,
            valid=np.full(flat.shape, lam) if valid is None else count_correct(valid.reshape(shape)),
            shortfalls=shortfalls,
        )

    def _optimal(self, parents: Parents, owner: IntArray, called: Called) -> BoolArray:
        """Which offspring are optimal; only offspring fitter than the parent can be."""
        better = np.flatnonzero(called.change > 0)
        optimal = np.zeros(len(owner), dtype=np.bool_)
        if called.solution is not None:
            optimal[better] = called.solution[better].all(axis=1)
        else:
            runs, place = np.unique(owner[better], return_inverse=True)
            wrong = (self.problem.k - count_correct(parents.correct[runs]))[place]
            optimal[better] = wrong == count_correct(called.after[better]) - count_correct(called.before[better])
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
        return groups[0][1] if self.chunks.last == self.chunks.g else _merged(groups, len(owner), self.chunks.g)

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
        fitness = fitness_values(self.problem, "an offspring", self.problem.fitness(child), owner.shape)
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
            before = correct[owner]
        else:
            blocks = self.chunks.blocks(each, size)
            before = correct[owner[:, None], blocks]
        before.flags.writeable = blocks.flags.writeable = False  # an operator that writes into them is found out
        given: BoolArray | Chunk = before
        if self.informed:
            solution = correct[owner] if self.sees_solution else None
            given = Chunk(before, blocks, generations, solution, None if traits is None else traits[owner])
        return before, blocks, rewritten(self.mutator, given, rng)


def _any(each: BoolArray) -> BoolArray:
    """Whether one of the offspring, [runs, ahead, lam] -> [runs, ahead]; a single one is as it is."""
    return each[:, :, 0] if each.shape[2] == 1 else np.asarray(each.any(axis=2))


def write_back(solutions: BoolArray, rows: IntArray, chunk: IntArray, after: BoolArray, chunks: Chunks) -> None:
    """Write rewritten chunks into solutions.

    Args:
        solutions: bool [.., k], changed in place.
        rows: int [n], whose solution each is.
        chunk: int [n], or positions [n, g].
        after: bool [n, g].
        chunks: how the solutions are cut.
    """
    for size, some in chunks.groups(chunk):
        solutions[rows[some][:, None], chunks.blocks(chunk[some], size)] = after[some, :size]


def _merged(groups: list[tuple[IntArray | slice, Called]], n: int, g: int) -> Called:
    """Groups of calls on chunks of different length as one; shorter chunks are padded."""

    def entered(name: str, whole: Any) -> Any:
        for calls, part in groups:
            values = getattr(part, name)
            if values is not None and values.ndim == 2:
                whole[calls, : values.shape[1]] = values
            elif values is not None:
                whole[calls] = values
        return whole if any(getattr(part, name) is not None for _, part in groups) else None

    solutions = [part.solution.shape[1] for _, part in groups if part.solution is not None]
    return Called(
        before=entered("before", np.zeros((n, g), dtype=np.bool_)),
        after=entered("after", np.zeros((n, g), dtype=np.bool_)),
        change=entered("change", np.zeros(n)),
        valid=entered("valid", np.ones(n, dtype=np.bool_)),
        solution=entered("solution", np.zeros((n, max(solutions, default=0)), dtype=np.bool_)),
        calls=entered("calls", np.ones(n, dtype=np.int64)),
    )


def _better(old: Round, new: Round) -> Round:
    """The best of two slabs of offspring of the same generations; the earlier wins ties."""
    take = new.change > old.change

    def better(name: str) -> Any:
        values, others = getattr(old, name), getattr(new, name)
        return None if values is None else np.where(take if values.ndim == 2 else take[..., None], others, values)

    return Round(
        change=better("change"),
        winner=better("winner"),
        chunk=better("chunk"),
        after=better("after"),
        solution=better("solution"),
        moved=old.moved | new.moved,
        optimal=np.where(old.optimal > 0, old.optimal, new.optimal),
        calls=old.calls + new.calls,
        valid=old.valid + new.valid,
        shortfalls=old.shortfalls + new.shortfalls,
    )


def _stack(pieces: list[Round]) -> Round:
    """Rounds of different runs, one below the other."""
    columns: dict[str, Any] = {each.name: [getattr(piece, each.name) for piece in pieces] for each in fields(Round)}
    stacked: dict[str, Any] = {
        name: None if parts[0] is None else np.concatenate(parts) for name, parts in columns.items()
    }
    return Round(**stacked)
