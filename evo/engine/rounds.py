"""Rounds of calls in parallel whose improvements are all merged into the parent (theory 11a, 11c), in lockstep.

Single-chunk offspring are evaluated separately, one evaluation each. Merging first and evaluating once would be GLOBAL
mutation; merging improvements is sound only for an exact fitness that is a sum over blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from evo.batch import Batch, RunCounts, Trace
from evo.chunks import Chunks
from evo.costs.ledger import Prompt
from evo.engine.calls import SLAB_BLOCKS, Caller, Parents, write_back
from evo.engine.contracts import chosen_chunks, drawn_traits
from evo.engine.optimum import first_solutions
from evo.engine.outcomes import Called
from evo.engine.records import SPENT, Records
from evo.errors import InputError
from evo.protocols import BoolArray, IntArray
from evo.runners.parallel import Merged
from evo.schedules import OnlyIncorrect, inner_schedule
from evo.search import Search

Watcher = Callable[[IntArray, IntArray, IntArray], None]
"""Told of each round: the runs' numbers in their batch, their calls, and those on a shorter last chunk; int [n]."""


def run_batch(search: Search, batch: Batch, watch: Watcher | None = None) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of independent runs in merged rounds.

    `generations` are rounds; `hit` is the number of offspring up to the end of the round whose merged solution is the
    optimum, which the round generates as a whole. A trace has a row for each round that improved the parent.

    Memory: k bytes a run and some 60, and one slab of rounds of whole runs, 5 MB (`evo.engine.calls.SLAB_BLOCKS`).

    Args:
        search: whose runner is `Merged`.
        batch: of runs.
        watch: told of each round, of runs over their budget too.

    Returns:
        The counts, and the trace if the batch asks for it.

    Raises: OperatorError if a part breaks its contract, InputError for parts that do not fit the runner, or if a call
    changes blocks outside its chunk.
    """
    return _Batch(search, batch, watch).run()


class _Batch:
    """Lockstep state of a batch: the parents of the active runs, and the books."""

    def __init__(self, search: Search, batch: Batch, watch: Watcher | None) -> None:
        problem, mutator, self.schedule, runner = search.problem, search.mutator, search.schedule, search.runner
        if not isinstance(runner, Merged):
            raise InputError(f"this loop runs Merged, got {type(runner).__name__}; use evo.engine.run_batch")
        runner.fits(problem, mutator, self.schedule, Prompt())
        self.streams, self.watch, self.chunks = batch.streams, watch, search.chunks
        self.width = runner.width(self.schedule, problem.k)
        self.caller = Caller(problem, mutator, search.lengths, 1)

        runs = batch.runs
        correct, fitness, self.optimum = first_solutions(problem, runs, self.streams.start)
        traits = drawn_traits(mutator, runs, problem.k, self.streams.mutator)
        self.books = Records(batch, self.caller)
        self.parents = Parents(correct, fitness, self.books.generations, traits)
        self.offspring = np.zeros(runs, dtype=np.int64)
        self.books.note(self.books.active, self.offspring, fitness.copy())

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All rounds, until every run has hit or is over its budget."""
        self._hit()
        while not self.books.over.all():
            self._advance()
        return self.books.counts(), self.books.trace()

    def _advance(self) -> None:
        """One round of all active runs."""
        books, runs = self.books, len(self.books.active)
        made = np.zeros_like(books.spent)
        made[:, 0] = 1
        answers, better = np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=np.bool_)
        for rows in self._slabs():
            owner, chunk = self._chosen(rows)
            called = self.caller.separately(self.parents, owner, chunk, self.streams.mutator)
            refuse_changes_outside(self.parents.correct, owner, chunk, called.solution, self.chunks)
            calls, shortfalls = self.caller.counted(chunk, called.calls)
            number = np.bincount(owner, minlength=runs)
            answers += number
            made[:, 2] += number if called.valid is None else np.bincount(owner[called.valid], minlength=runs)
            if called.calls is None:
                made[:, 1] += number
            else:
                np.add.at(made[:, 1], owner, calls)
            for power in range(shortfalls.shape[1]):
                np.add.at(made[:, len(SPENT) + power], owner, shortfalls[:, power])
            better[self._merge(owner, chunk, called)] = True
        books.pointer = self.schedule.advance(books.pointer, better, self.chunks.m, np.full(runs, self.width))
        books.charge(made)
        self.offspring = self.offspring + answers
        self.parents.generations = books.generations
        if self.watch is not None:
            self.watch(books.active, made[:, 1], made[:, len(SPENT) :].sum(axis=1))
        rows = np.flatnonzero(better & ~books.over)
        books.note(rows, self.offspring[rows], self.parents.fitness[rows])
        self._hit()

    def _slabs(self) -> Iterator[IntArray]:
        """Runs whose rounds are made together, so that memory is bounded; a run's round is never cut."""
        blocks = max(self.width * self.caller.a_call, self.caller.problem.k)
        step = max(1, SLAB_BLOCKS // blocks)
        for low in range(0, len(self.books.active), step):
            yield np.arange(low, min(low + step, len(self.books.active)))

    def _chosen(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """The calls of a round of some runs: whose each is, and its chunk; int [n] each."""
        correct = self.parents.correct[rows]
        if type(inner_schedule(self.schedule)) is OnlyIncorrect:
            row, chunk = lowest_incorrect(correct, self.chunks, self.width)
            return rows[row], chunk
        # A round is `width` generations of round-robin made at once.
        ahead = chosen_chunks(self.schedule, self.books.pointer[rows], correct, self.width, 1, self.streams.schedule)
        return np.repeat(rows, self.width), ahead.reshape(-1)

    def _merge(self, owner: IntArray, chunk: IntArray, called: Called) -> IntArray:
        """Enter all improvements into the parents; whose they are, int [n]."""
        better = called.change > 0
        takes = np.flatnonzero(better if called.valid is None else called.valid & better)
        write_back(self.parents.correct, owner[takes], chunk[takes], called.after[takes], self.chunks)
        np.add.at(self.parents.fitness, owner[takes], called.change[takes])
        return owner[takes]

    def _hit(self) -> None:
        """Record the runs that have generated the optimum and let them go."""
        done = np.asarray(self.parents.correct.all(axis=1))
        self.books.hit(done, self.offspring)
        if self.books.spent.any():
            self.books.end()
        if done.any():
            self.books.keep(~done)
            self.offspring, self.parents = self.offspring[~done], self.parents.kept(~done)
        self.optimum.refuse_rivals(self.parents.correct, self.parents.fitness)


def lowest_incorrect(correct: BoolArray, chunks: Chunks, width: int) -> tuple[IntArray, IntArray]:
    """The `width` lowest chunks of each run that hold an incorrect block, fewer where there are no more.

    Args:
        correct: bool [runs, k].
        chunks: how the solutions are cut.
        width: the most of a run.

    Returns:
        Row and chunk of each, int [n], row by row.

    >>> row, chunk = lowest_incorrect(np.array([[True, False, False, False, True]]), Chunks(g=2, m=3, last=1), 2)
    >>> row.tolist(), chunk.tolist()
    ([0, 0], [0, 1])
    """
    runs, k = correct.shape
    wrong = np.zeros((runs, chunks.m * chunks.g), dtype=np.bool_)
    wrong[:, :k] = ~correct
    holds = wrong.reshape(runs, chunks.m, chunks.g).any(axis=2)
    row, chunk = np.nonzero(holds & (np.cumsum(holds, axis=1) <= width))
    return row, chunk


def refuse_changes_outside(
    correct: BoolArray, owner: IntArray, chunk: IntArray, solution: BoolArray | None, chunks: Chunks
) -> None:
    """Refuse answers that cannot be merged.

    Args:
        correct: bool [runs, k], the parents.
        owner: int [n], whose each call is.
        chunk: int [n], its chunk.
        solution: bool [n, k], what came back; None if nothing but the chunk did.
        chunks: how the solutions are cut.

    Raises: InputError if a call changed blocks outside its chunk.
    """
    if solution is None or chunks.m == 1:
        return
    outside = solution != correct[owner]
    write_back(outside, np.arange(len(owner)), chunk, np.zeros((len(owner), chunks.g), dtype=np.bool_), chunks)
    if outside.any():
        raise InputError(
            "the mutator changed blocks outside its chunk, so that its answers cannot be merged with those of calls "
            "made at the same time (theory 11a); use OnePlusLambda"
        )
