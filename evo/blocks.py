"""The engine `blocks`: many runs of one cell in lockstep, executing the operator's own `rewrite`.

Runs leave the arrays only by generating the optimum. One that is over its budget is recorded as censored but goes
on until every run of its batch has hit or is over: so the draws do not depend on the budget, and a larger budget
prolongs the same trajectories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evo.budget import Limit
from evo.contracts import chosen_chunks, drawn_traits, fitness_values, initial_solutions
from evo.counting import count_correct
from evo.offspring import SLAB_BLOCKS, Caller, Parents, Round
from evo.protocols import AnyMutator, BoolArray, FloatArray, IntArray, Problem, Schedule
from evo.runner import OnePlusLambda
from evo.schedules import Chunks
from evo.seeding import Streams

LOOK_AHEAD = 4096
"""Offspring made at once, where rejected ones change nothing and several generations may be made ahead."""


@dataclass(frozen=True)
class RunCounts:
    """What the runs of a batch came to; int64 [runs] each. Prices are no matter of the engine.

    Attributes:
        hit: number of the call that first generated the optimum; 0 if the start is optimal, -1 if censored.
        generations: generations begun, all of them paid for.
        short_calls: calls made on the shorter last chunk (0 where g divides k).
        evaluations: valid offspring, all evaluated; the initial solution is not counted.
    """

    hit: IntArray
    generations: IntArray
    short_calls: IntArray
    evaluations: IntArray


@dataclass(frozen=True)
class Trace:
    """Every improvement of the parents: a row each, the initial solutions (call 0) included; arrays [rows].

    Attributes:
        run: the run's number in its batch.
        call: number of the call that generated the improvement.
        fitness: fitness from there on.
    """

    run: IntArray
    call: IntArray
    fitness: FloatArray


def run_batch(
    problem: Problem,
    mutator: AnyMutator,
    schedule: Schedule,
    runner: OnePlusLambda,
    streams: Streams,
    runs: int,
    limits: Sequence[Limit] = (),
    trace: bool = False,
) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of independent runs of the (1+lambda)-EA.

    Memory: (1 + g/k) k bytes a run for the parents and one generation's winners, and the slabs of
    `evo.offspring`; `experiments.cell.batch_size` keeps runs x k below 16 MB.

    Args:
        problem: what is optimised.
        mutator: the simulated LLM call.
        schedule: which chunk each call gets.
        runner: lam and acceptance.
        streams: the batch's random streams.
        runs: size of the batch.
        limits: what ends a run; none: every run goes on to the optimum.
        trace: whether to record every improvement (up to k of them a run), or give None.

    Raises: OperatorError if a part breaks its contract, InputError if the schedule does not fit k.
    """
    return _Batch(problem, mutator, schedule, runner, streams, runs, limits, trace).run()


class _Batch:
    """Lockstep state of a batch: arrays of the active runs, and the records of all runs."""

    def __init__(
        self,
        problem: Problem,
        mutator: AnyMutator,
        schedule: Schedule,
        runner: OnePlusLambda,
        streams: Streams,
        runs: int,
        limits: Sequence[Limit],
        trace: bool,
    ) -> None:
        self.schedule, self.runner, self.streams, self.limits = schedule, runner, streams, limits
        self.chunks = Chunks.of(schedule, problem.k)
        self.caller = Caller(problem, mutator, self.chunks, runner.lam)
        self.may_look_ahead = schedule.oblivious and runner.accept == "strict" and not hasattr(mutator, "draw")

        correct = initial_solutions(problem, runs, streams.start)
        traits = drawn_traits(mutator, runs, problem.k, streams.mutator)
        fitness = fitness_values(problem, "an initial solution", problem.fitness(correct), (runs,))
        self.parents = Parents(correct, fitness.copy(), traits)
        self.run_number = np.arange(runs)
        self.pointer = np.zeros(runs, dtype=np.int64)
        self.generations = np.zeros(runs, dtype=np.int64)
        self.short_calls = np.zeros(runs, dtype=np.int64)
        self.evaluations = np.zeros(runs, dtype=np.int64)
        self.over = np.zeros(runs, dtype=np.bool_)

        self.record = RunCounts(*(np.full(runs, fill, dtype=np.int64) for fill in (-1, 0, 0, 0)))
        self.trace = trace
        self.improvements = [(self.run_number, np.zeros(runs, dtype=np.int64), self.parents.fitness.copy())]

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All generations, until every run has hit or is over its budget."""
        optimal = count_correct(self.parents.correct) == self.parents.correct.shape[1]
        self.record.hit[self.run_number[optimal]] = 0
        self._keep(~optimal)
        while not self.over.all():
            self._advance()
        return self.record, self._traced() if self.trace else None

    def _traced(self) -> Trace:
        """The improvements within the budget."""
        run, call, fitness = (np.concatenate(column) for column in zip(*self.improvements, strict=True))
        paid = call <= self.runner.lam * self.record.generations[run]
        return Trace(run[paid], call[paid], fitness[paid])

    def _ahead(self) -> int:
        """How many generations to make at once from the same parents."""
        if not self.may_look_ahead:
            return 1
        offspring = min(LOOK_AHEAD, SLAB_BLOCKS // self.caller.blocks_a_call)
        return max(1, offspring // (len(self.run_number) * self.runner.lam))

    def _advance(self) -> None:
        """One round: up to the first generation in which something happens, the others are discarded."""
        ahead, lam, m = self._ahead(), self.runner.lam, self.chunks.m
        parents = self.parents.correct
        chunk = chosen_chunks(self.schedule, self.pointer, parents, m, ahead, lam, self.streams.schedule)
        made = self.caller.round(self.parents, chunk, self.streams.mutator)
        accepted = made.change > 0 if self.runner.accept == "strict" else made.change >= 0
        ends = accepted | (made.optimal > 0)
        rows, last = np.arange(len(ends)), np.argmax(ends, axis=1)
        used = np.where(ends[rows, last], last + 1, ahead)
        last = used - 1

        accepts = accepted[rows, last]
        calls = lam * (self.generations + last) + made.winner[rows, last] + 1
        self._spend(made, self._short(chunk), used)
        self._replace(made, np.flatnonzero(accepts), last)
        if self.trace:
            self._note_improvements(np.flatnonzero(accepts & (made.change[rows, last] > 0)), calls)
        self.pointer = self.schedule.advance(self.pointer, made.moved[rows, last], m, used)
        self._hit(made.optimal[rows, last])

    def _short(self, chunk: IntArray) -> IntArray:
        """Calls on the shorter last chunk, int [runs, ahead]."""
        if self.chunks.last == self.chunks.g:
            return np.zeros(chunk.shape[:2], dtype=np.int64)
        same_for_all = self.runner.lam // chunk.shape[2]
        return np.asarray(count_correct(chunk == self.chunks.m - 1) * same_for_all)

    def _spend(self, made: Round, short: IntArray, used: IntArray) -> None:
        """Charge the generations used, and find the first one at which a budget is reached."""
        rows = np.arange(len(used))
        generations = self.generations[:, None] + np.arange(1, short.shape[1] + 1)
        short_calls = self.short_calls[:, None] + np.cumsum(short, axis=1)
        evaluations = self.evaluations[:, None] + np.cumsum(made.valid, axis=1)
        self.generations = generations[rows, used - 1]
        self.short_calls = short_calls[rows, used - 1]
        self.evaluations = evaluations[rows, used - 1]
        within = np.flatnonzero(~self.over)
        self._record(within, self.generations[within], self.short_calls[within], self.evaluations[within])

        crossing = np.flatnonzero(self._reached(self.generations, self.short_calls, self.evaluations) & ~self.over)
        if len(crossing) == 0:
            return
        series = (generations[crossing], short_calls[crossing], evaluations[crossing])
        at = np.argmax(self._reached(*series), axis=1)
        self._record(crossing, *(values[np.arange(len(at)), at] for values in series))
        # A hit in the generation that reaches the budget is a hit.
        self.over[crossing] = made.optimal[crossing, at] == 0

    def _reached(self, generations: IntArray, short_calls: IntArray, evaluations: IntArray) -> BoolArray:
        reached = np.zeros(generations.shape, dtype=np.bool_)
        for limit in self.limits:
            reached |= limit.reached(self.runner.lam * generations, short_calls, evaluations)
        return reached

    def _record(self, rows: IntArray, generations: IntArray, short_calls: IntArray, evaluations: IntArray) -> None:
        """Enter the counts of some of the active runs."""
        runs = self.run_number[rows]
        self.record.generations[runs] = generations
        self.record.short_calls[runs] = short_calls
        self.record.evaluations[runs] = evaluations

    def _note_improvements(self, rows: IntArray, calls: IntArray) -> None:
        self.improvements.append((self.run_number[rows], calls[rows], self.parents.fitness[rows]))

    def _replace(self, made: Round, rows: IntArray, last: IntArray) -> None:
        """The winners of the last generation used become the parents."""
        g, m = self.chunks.g, self.chunks.m
        chunk = made.chunk[rows, last[rows]]
        after = made.after[rows, last[rows]]
        for size, some in ((g, chunk < m - 1), (self.chunks.last, chunk == m - 1)):
            blocks = chunk[some, None] * g + np.arange(size)
            self.parents.correct[rows[some, None], blocks] = after[some, :size]
        if self.caller.separable:
            self.parents.fitness[rows] += made.change[rows, last[rows]]
        else:  # by its own value, so that no rounding adds up and equal solutions stay equally fit
            self.parents.fitness[rows] = self.caller.problem.fitness(self.parents.correct[rows])

    def _hit(self, optimal: IntArray) -> None:
        """Record the runs that generated the optimum and let them go."""
        done = optimal > 0
        counted = done & ~self.over
        calls = self.runner.lam * (self.generations - 1) + optimal
        self.record.hit[self.run_number[counted]] = calls[counted]
        if done.any():
            self._keep(~done)

    def _keep(self, stay: BoolArray) -> None:
        parents = self.parents
        traits = None if parents.traits is None else parents.traits[stay]
        self.parents = Parents(parents.correct[stay], parents.fitness[stay], traits)
        for name in ("run_number", "pointer", "generations", "short_calls", "evaluations", "over"):
            setattr(self, name, getattr(self, name)[stay])
