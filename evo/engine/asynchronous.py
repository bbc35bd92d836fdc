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
from evo.engine.contracts import chosen_chunks, drawn_traits, fitness_change, fitness_of
from evo.engine.optimum import first_solutions
from evo.engine.records import Records
from evo.engine.rounds import refuse_changes_outside
from evo.errors import InputError
from evo.protocols import BoolArray, FloatArray, IntArray, Rewritten
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

    Memory: a run holds its solution, and for each worker g bytes (k where offspring are compared as a whole) and some
    24; `experiments.grids.cell.batch_size` keeps runs k W below 16 million, runs W below 2 million. An event makes one
    call of each run, in one slab.

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
        self.invalid_is_down = invalid_is_down(self.schedule)

        runs = batch.runs
        correct, fitness, self.optimum = first_solutions(problem, runs, self.streams.start)
        traits = drawn_traits(mutator, runs, problem.k, self.streams.mutator)
        self.books = Records(batch, self.caller)
        self.parents = Parents(correct, fitness, self.books.generations, traits)
        self.seconds = np.zeros(runs)
        self.books.note(self.books.active, np.zeros(runs, dtype=np.int64), fitness.copy())

        shape = (runs, self.workers)
        self.returns = np.full(shape, np.inf)
        self.chunk: Any = None  # [n, W], or [n, W, g] for subsets: known with the first call
        self.after: Any = np.zeros((*shape, self.chunks.g), dtype=np.bool_) if self.caller.separable else None
        self.valid: BoolArray | None = None  # [n, W]; None while all answers are
        spreads = type(inner_schedule(self.schedule)) is OnlyIncorrect
        self.busy = (
            np.zeros((runs, self.chunks.m), dtype=np.int64) if spreads else None
        )  # calls under way on each chunk
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
        books, over = self.books, self.books.over
        worker = np.argmin(self.returns, axis=1)
        back = _places(worker, self.workers)
        now, valid = _of(self.returns, back), None if self.valid is None else _of(self.valid, back)
        if self.busy is not None:
            self.busy[np.arange(len(back)), _of(self.chunk, back)] -= 1
        change = self._change(back)
        better = change > 0 if valid is None else valid & (change > 0)
        takes = np.flatnonzero(better)
        self._enter(takes, back[takes], change)
        optimal = np.zeros(len(back), dtype=np.bool_)
        optimal[takes] = self.parents.correct[takes].all(axis=1)
        books.charge(self._returned(valid))
        self.parents.generations = books.generations
        if books.tracing:
            noted = takes[~over[takes]]
            books.note(noted, books.generations[noted], self.parents.fitness[noted])
        books.hit(optimal, books.generations)
        books.end()
        any_optimal = optimal.any()
        if any_optimal or books.over is not over:
            ended = (optimal | books.over) & ~over
            self.seconds[books.active[ended]] = now[ended]
        moved = change != 0
        if valid is not None:
            moved = (moved | ~valid) if self.invalid_is_down else moved & valid
        self._move_on(moved & (_of(self.named, back) == books.pointer))
        if any_optimal:
            self._keep(~optimal)
            worker, now = worker[~optimal], now[~optimal]
        self.optimum.refuse_rivals(self.parents.correct, self.parents.fitness)
        self._start(worker, now)

    def _returned(self, valid: BoolArray | None) -> IntArray:
        """What one answer of each run takes beside its call, as `Records.charge` is told."""
        columns = self.books.spent.shape[1]
        if valid is None:
            return np.array((1, 0, 1, *(0 for _ in range(3, columns))))
        made = np.zeros((len(valid), columns), dtype=np.int64)
        made[:, 0], made[:, 2] = 1, valid
        return made

    def _move_on(self, moved: BoolArray) -> None:
        """The schedule's pointers after one more call."""
        books = self.books
        books.pointer = self.schedule.advance(books.pointer, moved, self.chunks.m, np.ones_like(books.pointer))

    def _start(self, worker: IntArray, now: FloatArray) -> None:
        """One call of each run, from its current solution; `worker` int [runs] makes it, at the times `now`."""
        runs, parents, books = len(worker), self.parents, self.books
        if runs == 0:
            return
        out = _places(worker, self.workers)
        chunk = chosen_chunks(self.schedule, books.pointer, self._shown(), 1, 1, self.streams.schedule)[:, 0, 0]
        if self.chunk is None:
            self.chunk = np.full((runs, self.workers, *chunk.shape[1:]), -1, dtype=np.int64)
        _flat(self.chunk)[out] = chunk
        if self.busy is not None:
            self.busy[np.arange(runs), chunk] += 1
        _flat(self.named)[out] = books.pointer
        calls = None
        made = self.caller.answers(parents.correct, parents.generations, parents.traits, chunk, self.streams.mutator)
        for rows, blocks, answer in made:
            self._under_way(rows, out[rows], chunk[rows], blocks, answer)
            if answer.calls is not None:
                calls = np.ones(runs, dtype=np.int64) if calls is None else calls
                calls[rows] = answer.calls
        books.start(*self.caller.counted(chunk, calls))
        longest, shorter = self.seconds_a_call
        took = self.latency.factors(runs, self.streams.latency)
        if longest == shorter:
            took *= longest
        else:
            took *= np.where(self.caller.lengths.short(chunk) == 0, longest, shorter)
        _flat(self.returns)[out] = now + took + self.latency.evaluation

    def _under_way(self, rows: IntArray, out: IntArray, chunk: IntArray, blocks: IntArray, answer: Rewritten) -> None:
        """Keep the answers of calls of the runs `rows` on chunks of one length, up to their return."""
        if self.child is None:
            refuse_changes_outside(self.parents.correct, rows, chunk, answer.solution, self.chunks)
            size = blocks.shape[1]
            if size == self.chunks.g:
                _flat(self.after)[out] = answer.correct
            else:
                _flat(self.after)[out, :size] = answer.correct
        else:
            child = self.parents.correct[rows] if answer.solution is None else answer.solution.copy()
            child[np.arange(len(rows))[:, None], blocks] = answer.correct
            _flat(self.child)[out] = child
        if answer.valid is not None and self.valid is None:
            self.valid = np.ones(self.returns.shape, dtype=np.bool_)
        if self.valid is not None:
            _flat(self.valid)[out] = True if answer.valid is None else answer.valid

    def _shown(self) -> BoolArray:
        """The solutions as the schedule sees them, bool [runs, k]; it only looks."""
        correct = self.parents.correct.view()
        if self.busy is not None:
            g = self.chunks.g
            repaired = self.busy > 0 if g == 1 else np.repeat(self.busy > 0, g, axis=1)[:, : correct.shape[1]]
            shown = correct | repaired
            none_left = shown.all(axis=1)
            shown[none_left] = correct[none_left]
            correct = shown
        correct.flags.writeable = False
        return correct

    def _change(self, back: IntArray) -> FloatArray:
        """Change of the fitness of the current solutions by the answers in the places `back`, float [runs]."""
        if self.child is not None:
            return fitness_of(self.problem, "an offspring", _of(self.child, back)) - self.parents.fitness
        rows, chunk, after = np.arange(len(back)), _of(self.chunk, back), _of(self.after, back)
        change = np.zeros(len(back))
        for size, some in self.chunks.groups(chunk):
            before = self.parents.correct[rows[some][:, None], self.chunks.blocks(chunk[some], size)]
            change[some] = fitness_change(self.problem, before, after[some, :size])
        return change

    def _enter(self, rows: IntArray, back: IntArray, change: FloatArray) -> None:
        """Merge the better answers into the current solutions."""
        if not len(rows):
            return
        if self.child is None:
            write_back(self.parents.correct, rows, _of(self.chunk, back), _of(self.after, back), self.chunks)
            self.parents.fitness[rows] += change[rows]
        else:
            self.parents.correct[rows] = _of(self.child, back)
            self.parents.fitness[rows] = fitness_of(self.problem, "an offspring", self.parents.correct[rows])

    def _keep(self, stay: BoolArray) -> None:
        """Go on with some of the runs."""
        self.books.keep(stay)
        for name in ("returns", "chunk", "named", "after", "valid", "child", "busy"):
            values = getattr(self, name)
            setattr(self, name, None if values is None else values[stay])
        self.parents = self.parents.kept(stay)


def _places(worker: IntArray, workers: int) -> IntArray:
    """The place of one worker of each run, counted through all runs; int [n]."""
    return np.arange(len(worker)) * workers + worker


def _flat(values: Any) -> Any:
    """Runs and workers as one axis, [n, W, ...] -> [n W, ...], the same memory."""
    return values.reshape(-1, *values.shape[2:])


def _of(values: Any, places: IntArray) -> Any:
    """Of [n, W, ...] the entries of some places."""
    return _flat(values).take(places, axis=0)
