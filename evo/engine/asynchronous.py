"""Workers that never wait: a call that returns is compared at once, and its worker starts the next one.

Event by event, in lockstep over runs: each run takes the earliest of its W calls under way. A call is made from the
solution that is current when it starts, and compared with the one that is current when it returns. Where the fitness is
a sum over blocks, its chunk is merged into that; else the whole offspring replaces it. Strict acceptance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evo.chunks import Chunks
from evo.costs.budget import Limit, any_reached
from evo.costs.latency import Latency
from evo.costs.ledger import CallTokens, Prompt, overheads
from evo.decomposed import inner_schedule
from evo.engine.batch import SPENT, RunCounts, Trace
from evo.engine.calls import Caller, Parents, write_back
from evo.engine.contracts import chosen_chunks, drawn_traits, fitness_values, initial_solutions
from evo.engine.rounds import refuse_changes_outside
from evo.protocols import AnyMutator, BoolArray, FloatArray, IntArray, Problem, Schedule
from evo.schedules import OnlyIncorrect, invalid_is_down
from evo.seeding import Streams


def run_asynchronous_batch(
    problem: Problem,
    mutator: AnyMutator,
    schedule: Schedule,
    workers: int,
    latency: Latency,
    prompt: Prompt,
    streams: Streams,
    runs: int,
    limits: Sequence[Limit] = (),
    trace: bool = False,
) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of independent runs with W workers that never wait.

    `generations` are answers that came back, and `hit` is the number of the one that completed the optimum.
    `calls` are all that were started: W-1 more, which are under way at the end and paid for like any generation that
    was begun. `evaluations` are valid answers that came back; `seconds` is when the last of them did.

    The schedule moves on when a call starts, and learns from an answer only if it is where it was when that call
    started: an answer that comes late is no news of the chunk that UntilResolved is at by then. If that has gone round
    all m chunks meanwhile it is, for answers are compared with the current solution.
    OnlyIncorrect is shown the chunks of calls under way as if they were repaired, so that workers spread over different
    ones; if no other is left, it is shown the solution.

    Memory: a run holds its solution, and for each worker 2 g bytes (k more where offspring are compared as a whole).

    Args:
        problem: what is optimised, seen exactly.
        mutator: the simulated LLM call.
        schedule: which chunk each call gets.
        workers: W.
        latency: seconds of a call.
        prompt: what a call reads.
        streams: the batch's random streams.
        runs: size of the batch.
        limits: what ends a run: after the answer by which the calls started have reached one.
        trace: whether to record improvements, or give None.

    Raises: OperatorError if a part breaks its contract, InputError if a call changes blocks outside its chunk.
    """
    tokens = CallTokens.of(prompt, problem.k, problem.l, schedule.chunk_size(problem.k), overheads(mutator, schedule))
    means = latency.means(tokens)
    return _Batch(problem, mutator, schedule, workers, latency, means, streams, runs, limits, trace).run()


class _Batch:
    """Lockstep state of a batch: arrays of the active runs [runs] and their calls [runs, W], and all records."""

    def __init__(
        self,
        problem: Problem,
        mutator: AnyMutator,
        schedule: Schedule,
        workers: int,
        latency: Latency,
        seconds_a_call: tuple[float, float],
        streams: Streams,
        runs: int,
        limits: Sequence[Limit],
        trace: bool,
    ) -> None:
        self.problem, self.schedule, self.streams, self.limits = problem, schedule, streams, limits
        self.workers, self.latency, self.seconds_a_call = workers, latency, seconds_a_call
        self.chunks = Chunks.of(schedule, problem.k)
        self.caller = Caller(problem, mutator, self.chunks, 1)
        self.spreads = type(inner_schedule(schedule)) is OnlyIncorrect
        self.invalid_is_down = invalid_is_down(schedule)

        correct = initial_solutions(problem, runs, streams.start)
        traits = drawn_traits(mutator, runs, problem.k, streams.mutator)
        fitness = fitness_values(problem, "an initial solution", problem.fitness(correct), (runs,)).copy()
        self.parents = Parents(correct, fitness, np.zeros(runs, dtype=np.int64), traits)
        self.run_number = np.arange(runs)
        self.pointer = np.zeros(runs, dtype=np.int64)
        self.spent = np.zeros((runs, len(SPENT)), dtype=np.int64)
        self.over = np.zeros(runs, dtype=np.bool_)

        shape = (runs, workers)
        self.returns = np.full(shape, np.inf)
        self.chunk: Any = None  # [runs, W], or [runs, W, g] for subsets: known with the first call
        self.after = np.zeros((*shape, self.chunks.g), dtype=np.bool_)
        self.valid = np.zeros(shape, dtype=np.bool_)
        self.named = np.zeros(shape, dtype=np.int64)  # the schedule's pointer when a call started
        self.child = None if self.caller.separable else np.zeros((*shape, problem.k), dtype=np.bool_)

        self.hits = np.full(runs, -1, dtype=np.int64)
        self.paid = np.zeros((runs, len(SPENT)), dtype=np.int64)
        self.seconds = np.zeros(runs)
        self.trace = trace
        self.improvements = [(self.run_number, np.zeros(runs, dtype=np.int64), fitness.copy())]

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All events, until every run has hit or is over its budget."""
        optimal = np.asarray(self.parents.correct.all(axis=1))
        self.hits[optimal] = 0
        self._keep(~optimal)
        runs = len(self.run_number)
        still = np.zeros(runs, dtype=np.bool_)
        for worker in range(self.workers):
            if worker:
                self._move_on(still)
            self._start(np.full(runs, worker), np.zeros(runs))
        while not self.over.all():
            self._event()
        found = Trace(*(np.concatenate(column) for column in zip(*self.improvements, strict=True)))
        return RunCounts.of(self.hits, self.paid, self.seconds), found if self.trace else None

    def _event(self) -> None:
        """The earliest answer of each run is compared; the worker of each run that goes on starts a new call."""
        rows, worker = np.arange(len(self.run_number)), np.argmin(self.returns, axis=1)
        now, valid = self.returns[rows, worker], self.valid[rows, worker]
        change = self._change(rows, worker)
        better = valid & (change > 0)
        self._enter(np.flatnonzero(better), worker, change)
        optimal = np.zeros(len(rows), dtype=np.bool_)
        optimal[better] = self.parents.correct[better].all(axis=1)
        self.spent[:, 0] += 1
        self.spent[:, 3] += valid
        self.parents.generations = self.spent[:, 0]
        within = ~self.over
        self.paid[self.run_number[within]] = self.spent[within]
        self.seconds[self.run_number[within]] = now[within]
        if self.trace:
            noted = np.flatnonzero(better & within)
            self.improvements.append((self.run_number[noted], self.spent[noted, 0], self.parents.fitness[noted]))
        counted = optimal & within
        self.hits[self.run_number[counted]] = self.spent[counted, 0]
        _, calls, short_calls, evaluations = self.spent.T
        self.over = self.over | any_reached(self.limits, calls, short_calls, evaluations)
        moved = (valid & (change != 0)) | (~valid if self.invalid_is_down else False)
        self._move_on(moved & (self.named[rows, worker] == self.pointer))
        if optimal.any():
            self._keep(~optimal)
        self._start(worker[~optimal], now[~optimal])

    def _move_on(self, moved: BoolArray) -> None:
        """The schedule's pointers after one more call."""
        one = np.ones(len(self.pointer), dtype=np.int64)
        self.pointer = self.schedule.advance(self.pointer, moved, self.chunks.m, one)

    def _start(self, worker: IntArray, now: FloatArray) -> None:
        """One call of each run, from its current solution; `worker` int [runs] makes it, at the times `now`."""
        rows = np.arange(len(self.run_number))
        if len(rows) == 0:
            return
        chunk = chosen_chunks(
            self.schedule, self.pointer, self._shown(rows, worker), self.chunks.m, 1, 1, self.streams.schedule
        )[:, 0, 0]
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
        self.named[rows, worker] = self.pointer
        self.after[rows, worker] = called.after
        self.valid[rows, worker] = True if called.valid is None else called.valid
        calls, short = self.caller.counted(chunk, called)
        self.spent[:, 1] += calls
        self.spent[:, 2] += short
        full, last = self.seconds_a_call
        is_short = chunk == self.chunks.m - 1 if self.chunks.last < self.chunks.g else np.zeros(len(rows), np.bool_)
        took = np.where(is_short, last, full) * self.latency.factors(len(rows), self.streams.latency)
        self.returns[rows, worker] = now + took

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
        """What the answers do to the fitness of the current solutions, float [runs]."""
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
        if self.child is None:
            write_back(self.parents.correct, rows, self.chunk[rows, by], self.after[rows, by], self.chunks)
            self.parents.fitness[rows] += change[rows]
        else:
            self.parents.correct[rows] = self.child[rows, by]
            self.parents.fitness[rows] = self.problem.fitness(self.parents.correct[rows])

    def _keep(self, stay: BoolArray) -> None:
        """Go on with some of the runs."""
        for name in ("run_number", "pointer", "spent", "over", "returns", "chunk", "named", "after", "valid", "child"):
            values = getattr(self, name)
            setattr(self, name, None if values is None else values[stay])
        self.parents = self.parents.kept(stay)
