"""The engine `blocks`: many runs of one cell in lockstep, executing the operator's own `rewrite`.

Runs leave the arrays only by generating the optimum. One that is over its budget is recorded as censored but goes
on until every run of its batch has hit or is over: so the draws do not depend on the budget, and a larger budget
prolongs the same trajectories.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evo.chunks import Chunks
from evo.costs.budget import Limit, any_reached
from evo.costs.lengths import expect_countable, whole_sums
from evo.engine.batch import SPENT, RunCounts, Trace, columns_spent
from evo.engine.calls import SLAB_BLOCKS, Caller, Parents, Round, write_back
from evo.engine.contracts import chosen_chunks, drawn_traits, fitness_values, initial_solutions
from evo.protocols import AnyMutator, BoolArray, IntArray, Problem, Schedule
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import invalid_is_down
from evo.seeding import Streams

LOOK_AHEAD = 4096
"""Offspring made at once, where rejected ones change nothing and several generations may be made ahead."""


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
    `evo.engine.calls`; `experiments.grids.cell.batch_size` keeps runs x k below 16 MB.

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
        self.invalid_is_down = invalid_is_down(schedule)
        self.may_look_ahead = schedule.oblivious and runner.accept == "strict" and not hasattr(mutator, "draw")

        correct = initial_solutions(problem, runs, streams.start)
        traits = drawn_traits(mutator, runs, problem.k, streams.mutator)
        fitness = fitness_values(problem, "an initial solution", problem.fitness(correct), (runs,))
        self.run_number = np.arange(runs)
        self.pointer = np.zeros(runs, dtype=np.int64)
        self.spent = np.zeros((runs, columns_spent(self.caller)), dtype=np.int64)
        self.over = np.zeros(runs, dtype=np.bool_)
        self.parents = Parents(correct, fitness.copy(), self.spent[:, 0], traits)

        self.hits = np.full(runs, -1, dtype=np.int64)
        self.paid = np.zeros_like(self.spent)
        self.trace = trace
        self.improvements = [(self.run_number, np.zeros(runs, dtype=np.int64), self.parents.fitness.copy())]

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All generations, until every run has hit or is over its budget."""
        optimal = np.asarray(self.parents.correct.all(axis=1))
        self.hits[self.run_number[optimal]] = 0
        self._keep(~optimal)
        while not self.over.all():
            self._advance()
        return RunCounts.of(self.hits, self.paid), self._traced() if self.trace else None

    def _traced(self) -> Trace:
        """The improvements within the budget."""
        run, call, fitness = (np.concatenate(column) for column in zip(*self.improvements, strict=True))
        paid = call <= self.runner.lam * self.paid[run, 0]
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
        parents = self.parents.correct.view()
        parents.flags.writeable = False  # a schedule only looks
        chunk = chosen_chunks(self.schedule, self.pointer, parents, m, ahead, lam, self.streams.schedule)
        made = self.caller.round(self.parents, chunk, self.streams.mutator)
        accepted = made.change > 0 if self.runner.accept == "strict" else made.change >= 0
        ends = accepted | (made.optimal > 0)
        rows, last = np.arange(len(ends)), np.argmax(ends, axis=1)
        used = np.where(ends[rows, last], last + 1, ahead)
        last = used - 1

        accepts = accepted[rows, last]
        number = lam * (self.spent[:, 0] + last) + made.winner[rows, last] + 1
        self._spend(made, used)
        self._replace(made, np.flatnonzero(accepts), last)
        if self.trace:
            self._note_improvements(np.flatnonzero(accepts & (made.change[rows, last] > 0)), number)
        moved = made.moved[rows, last]
        if self.invalid_is_down:
            moved = moved | (made.valid[rows, last] < lam)
        self.pointer = self.schedule.advance(self.pointer, moved, m, used)
        self._hit(made.optimal[rows, last])

    def _spend(self, made: Round, used: IntArray) -> None:
        """Charge the generations used, and find the first one at which a budget is reached."""
        rows = np.arange(len(used))
        one = np.ones_like(made.calls)
        each = np.stack((one, made.calls, made.short_calls, made.valid), axis=2)
        if made.lengths is not None:
            each = np.concatenate((each, whole_sums(made.lengths)), axis=2)
        series = self.spent[:, None] + np.cumsum(each, axis=1)
        self.spent = series[rows, used - 1]
        if made.lengths is not None:
            expect_countable(series[..., len(SPENT) :])
        within = ~self.over
        self.paid[self.run_number[within]] = self.spent[within]

        crossing = np.flatnonzero(self._reached(self.spent) & within)
        if len(crossing) > 0:
            at = np.argmax(self._reached(series[crossing]), axis=1)
            self.paid[self.run_number[crossing]] = series[crossing, at]
            # A hit in the generation that reaches the budget is a hit.
            self.over[crossing] = made.optimal[crossing, at] == 0

    def _reached(self, spent: IntArray) -> BoolArray:
        """Whether some limit is reached; int [..., 4 or 7] -> bool [...]."""
        _, calls, short_calls, evaluations, *_ = np.moveaxis(spent, -1, 0)
        return any_reached(self.limits, calls, short_calls, evaluations, spent[..., len(SPENT) :])

    def _note_improvements(self, rows: IntArray, number: IntArray) -> None:
        self.improvements.append((self.run_number[rows], number[rows], self.parents.fitness[rows]))

    def _replace(self, made: Round, rows: IntArray, last: IntArray) -> None:
        """The winners of the last generation used become the parents."""
        parents, last = self.parents, last[rows]
        if made.solution is not None:
            parents.correct[rows] = made.solution[rows, last]
        else:
            chunk, after = made.chunk[rows, last], made.after[rows, last]
            write_back(parents.correct, rows, chunk, after, self.chunks)
        if self.caller.separable and made.solution is None:
            parents.fitness[rows] += made.change[rows, last]
        else:  # by its own value, so that no rounding adds up and equal solutions stay equally fit
            parents.fitness[rows] = self.caller.problem.fitness(parents.correct[rows])

    def _hit(self, optimal: IntArray) -> None:
        """Record the runs that generated the optimum and let them go; the others go on."""
        done = optimal > 0
        counted = done & ~self.over
        number = self.runner.lam * (self.spent[:, 0] - 1) + optimal
        self.hits[self.run_number[counted]] = number[counted]
        self.parents.generations = self.spent[:, 0]
        if done.any():
            self._keep(~done)

    def _keep(self, stay: BoolArray) -> None:
        for name in ("run_number", "pointer", "spent", "over"):
            setattr(self, name, getattr(self, name)[stay])
        self.parents = self.parents.kept(stay)
