"""Workers that never wait: a call that returns is compared at once, and its worker starts the next one.

Event by event, in lockstep over runs: each run takes the earliest of its W calls under way. A call is made from the
solution that is current when it starts, and compared with the one that is current when it returns. Where the fitness is
a sum over blocks, its chunk is merged into that; else the whole offspring replaces it. Strict acceptance.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evo.batch import Batch, RunCounts, Trace
from evo.costs.ledger import CallTokens, overheads
from evo.engine.calls import Caller, Parents, write_back
from evo.engine.contracts import chosen_chunks, drawn_traits, fitness_values, initial_solutions
from evo.engine.records import Records
from evo.engine.rounds import refuse_changes_outside
from evo.errors import InputError
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.runners.parallel import Asynchronous
from evo.schedules import OnlyIncorrect, inner_schedule, invalid_is_down
from evo.search import Search


def run_batch(search: Search, batch: Batch) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of independent runs with W workers that never wait.

    `generations` are answers that came back, and `hit` is the number of the one that completed the optimum.
    `calls` are all that were started: W-1 more, which are under way at the end and paid for like any generation that
    was begun. `evaluations` are valid answers that came back; `seconds` is the time of the last return. A run ends with
    the answer by which the calls started have reached a limit.

    The schedule moves on when a call starts. An answer moves the schedule only if the schedule still points at the
    chunk of that call: it says nothing of another chunk. If the schedule has meanwhile gone through all m chunks and is
    back at this one, then the answer counts, because it is compared with the current solution.
    OnlyIncorrect is shown the chunks of calls under way as if they were repaired, so that workers spread over different
    chunks; if no other is left, it is shown the solution.

    Memory: a run holds its solution, and for each worker 2 g bytes (k more where offspring are compared as a whole).

    Returns:
        The counts, and the trace if the batch asks for it.

    Raises: OperatorError if a part breaks its contract, InputError for parts that do not fit the runner, or if a call
    changes blocks outside its chunk.
    """
    return _Batch(search, batch).run()


class _Batch:
    """Lockstep state of a batch: arrays of the active runs [n] and of their calls [n, W], and the books."""

    def __init__(self, search: Search, batch: Batch) -> None:
        problem, mutator, self.schedule, runner = search.problem, search.mutator, search.schedule, search.runner
        if not isinstance(runner, Asynchronous):
            raise InputError(f"this loop runs Asynchronous, got {type(runner).__name__}; use evo.engine.run_batch")
        runner.fits(problem, mutator, self.schedule, runner.prompt)
        self.problem, self.streams, self.chunks = problem, batch.streams, search.chunks
        self.workers, self.latency = runner.workers, runner.latency
        tokens = CallTokens.of(runner.prompt, search.lengths, overheads(mutator, self.schedule))
        self.seconds_a_call = runner.latency.means(tokens)
        self.caller = Caller(problem, mutator, search.lengths, 1)
        self.spreads = type(inner_schedule(self.schedule)) is OnlyIncorrect
        self.invalid_is_down = invalid_is_down(self.schedule)

        runs = batch.runs
        correct = initial_solutions(problem, runs, self.streams.start)
        traits = drawn_traits(mutator, runs, problem.k, self.streams.mutator)
        fitness = fitness_values(problem, "an initial solution", problem.fitness(correct), (runs,)).copy()
        self.books = Records(batch, self.caller)
        self.parents = Parents(correct, fitness, self.books.generations, traits)
        self.seconds = np.zeros(runs)
        self.books.note(self.books.active, np.zeros(runs, dtype=np.int64), fitness.copy())

        shape = (runs, self.workers)
        self.returns = np.full(shape, np.inf)
        self.chunk: Any = None  # [n, W], or [n, W, g] for subsets: known with the first call
        self.after = np.zeros((*shape, self.chunks.g), dtype=np.bool_)
        self.valid = np.zeros(shape, dtype=np.bool_)
        self.named = np.zeros(shape, dtype=np.int64)  # the schedule's pointer when a call started
        self.child = None if self.caller.separable else np.zeros((*shape, problem.k), dtype=np.bool_)

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All events, until every run has hit or is over its budget."""
        optimal = np.asarray(self.parents.correct.all(axis=1))
        self.books.hit(optimal, np.zeros(len(optimal), dtype=np.int64))
        self._keep(~optimal)
        runs = len(self.books.active)
        still = np.zeros(runs, dtype=np.bool_)
        for worker in range(self.workers):
            if worker:
                self._move_on(still)
            self._start(np.full(runs, worker), np.zeros(runs))
        while not self.books.over.all():
            self._event()
        return self.books.counts(self.seconds), self.books.trace()

    def _event(self) -> None:
        """Compare the earliest answer of each run; its worker starts a new call if the run goes on."""
        books = self.books
        rows, worker = np.arange(len(books.active)), np.argmin(self.returns, axis=1)
        now, valid = self.returns[rows, worker], self.valid[rows, worker]
        change = self._change(rows, worker)
        better = valid & (change > 0)
        self._enter(np.flatnonzero(better), worker, change)
        optimal = np.zeros(len(rows), dtype=np.bool_)
        optimal[better] = self.parents.correct[better].all(axis=1)
        made = np.zeros_like(books.spent)
        made[:, 0], made[:, 2] = 1, valid
        books.charge(made)
        self.parents.generations = books.generations
        within = ~books.over
        self.seconds[books.active[within]] = now[within]
        noted = np.flatnonzero(better & within)
        books.note(noted, books.generations[noted], self.parents.fitness[noted])
        books.hit(optimal, books.generations)
        books.end()
        moved = (valid & (change != 0)) | (~valid if self.invalid_is_down else False)
        self._move_on(moved & (self.named[rows, worker] == books.pointer))
        if optimal.any():
            self._keep(~optimal)
        self._start(worker[~optimal], now[~optimal])

    def _move_on(self, moved: BoolArray) -> None:
        """The schedule's pointers after one more call."""
        books = self.books
        books.pointer = self.schedule.advance(books.pointer, moved, self.chunks.m, np.ones_like(books.pointer))

    def _start(self, worker: IntArray, now: FloatArray) -> None:
        """One call of each run, from its current solution; `worker` int [runs] makes it, at the times `now`."""
        rows, books = np.arange(len(self.books.active)), self.books
        if len(rows) == 0:
            return
        shown = self._shown(rows, worker)
        chunk = chosen_chunks(self.schedule, books.pointer, shown, 1, 1, self.streams.schedule)[:, 0, 0]
        called = self.caller.separately(self.parents, rows, chunk, self.streams.mutator)
        if self.child is None:
            refuse_changes_outside(self.parents.correct, rows, chunk, called, self.chunks)
        else:
            child = self.parents.correct.copy() if called.solution is None else called.solution
            write_back(child, rows, chunk, called.after, self.chunks)
            self.child[rows, worker] = child
        if self.chunk is None:
            self.chunk = np.full((len(rows), self.workers, *chunk.shape[1:]), -1, dtype=np.int64)
        self.chunk[rows, worker] = chunk
        self.named[rows, worker] = books.pointer
        self.after[rows, worker] = called.after
        self.valid[rows, worker] = True if called.valid is None else called.valid
        books.start(*self.caller.counted(chunk, called))
        longest, shorter = self.seconds_a_call
        took = np.where(self.caller.lengths.short(chunk) == 0, longest, shorter)
        took = took * self.latency.factors(len(rows), self.streams.latency)
        self.returns[rows, worker] = now + took + self.latency.evaluation

    def _shown(self, rows: IntArray, worker: IntArray) -> BoolArray:
        """The solutions as the schedule sees them, bool [runs, k]; it only looks."""
        correct = self.parents.correct.view()
        if self.spreads and self.chunk is not None:
            shown = correct.copy()
            for other in range(self.workers):
                busy = np.flatnonzero((worker != other) & (self.chunk[:, other] >= 0))
                repaired = np.ones((len(busy), self.chunks.g), dtype=np.bool_)
                write_back(shown, busy, self.chunk[busy, other], repaired, self.chunks)
            none_left = shown.all(axis=1)
            shown[none_left] = correct[none_left]
            correct = shown
        correct.flags.writeable = False
        return correct

    def _change(self, rows: IntArray, worker: IntArray) -> FloatArray:
        """Change of the fitness of the current solutions by the answers, float [runs]."""
        if not len(rows):
            return np.zeros(0)
        if self.child is not None:
            fitness = self.problem.fitness(self.child[rows, worker])
            return fitness_values(self.problem, "an offspring", fitness, rows.shape) - self.parents.fitness
        chunk, after, change = self.chunk[rows, worker], self.after[rows, worker], np.zeros(len(rows))
        for size, some in self.chunks.groups(chunk):
            before = self.parents.correct[rows[some][:, None], self.chunks.blocks(chunk[some], size)]
            gained = self.problem.change(before, after[some, :size])  # type: ignore[attr-defined]  # it is separable
            change[some] = fitness_values(self.problem, "an offspring", gained, before.shape[:1])
        return change

    def _enter(self, rows: IntArray, worker: IntArray, change: FloatArray) -> None:
        """Merge the better answers into the current solutions."""
        by = worker[rows]
        if not len(rows):
            return
        if self.child is None:
            write_back(self.parents.correct, rows, self.chunk[rows, by], self.after[rows, by], self.chunks)
            self.parents.fitness[rows] += change[rows]
        else:
            self.parents.correct[rows] = self.child[rows, by]
            self.parents.fitness[rows] = self.problem.fitness(self.parents.correct[rows])

    def _keep(self, stay: BoolArray) -> None:
        """Go on with some of the runs."""
        self.books.keep(stay)
        for name in ("returns", "chunk", "named", "after", "valid", "child"):
            values = getattr(self, name)
            setattr(self, name, None if values is None else values[stay])
        self.parents = self.parents.kept(stay)
