"""The engine `blocks`: many runs of one cell in lockstep, executing the operator's own `rewrite`.

Runs leave the arrays only by generating the optimum. One that is over its budget is recorded as censored but goes
on until every run of its batch has hit or is over: so the draws do not depend on the budget, and a larger budget
prolongs the same trajectories.
"""

from __future__ import annotations

import numpy as np

from evo.batch import Batch, RunCounts, Trace
from evo.declarations import is_oblivious
from evo.engine.calls import Caller, Parents, write_back
from evo.engine.contracts import chosen_chunks, drawn_traits, fitness_of
from evo.engine.generations import Round, picked
from evo.engine.optimum import first_solutions
from evo.engine.records import Records
from evo.errors import InputError
from evo.protocols import BoolArray, IntArray
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import invalid_is_down
from evo.search import Search

LOOK_AHEAD = 4096
"""Offspring made in a round, where rejected ones change nothing and several generations may be made ahead."""
BLOCKS_AHEAD = 2**21
"""Most blocks of these offspring, which are made in slabs; of each generation one stays, a byte a block."""


def run_batch(search: Search, batch: Batch) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of independent runs of the (1+lambda)-EA.

    Memory: (1 + g/k) k bytes a run for the parents and one generation's winners, 8 bytes for the chunk of each call of
    a generation (8 g where blocks are drawn), and the slabs of `evo.engine.calls`, 5 MB;
    `experiments.grids.cell.batch_size` keeps runs x k below 16 million, and these calls (or blocks) below 4 million.

    Returns:
        The counts, and the trace if the batch asks for it.

    Raises: OperatorError if a part breaks its contract, InputError if the schedule does not fit k.
    """
    return _Batch(search, batch).run()


class _Batch:
    """Lockstep state of a batch: the parents of the active runs, and the books."""

    def __init__(self, search: Search, batch: Batch) -> None:
        problem, mutator, self.schedule, runner = search.problem, search.mutator, search.schedule, search.runner
        if not isinstance(runner, OnePlusLambda):
            raise InputError(f"this loop runs OnePlusLambda, got {type(runner).__name__}; use evo.engine.run_batch")
        self.runner, self.streams, self.chunks = runner, batch.streams, search.chunks
        self.caller = Caller(problem, mutator, search.lengths, runner.lam)
        self.invalid_is_down = invalid_is_down(self.schedule)
        self.may_look_ahead = is_oblivious(self.schedule) and runner.accept == "strict" and not hasattr(mutator, "draw")

        correct, fitness, self.optimum = first_solutions(problem, batch.runs, self.streams.start)
        traits = drawn_traits(mutator, batch.runs, problem.k, self.streams.mutator)
        self.books = Records(batch, self.caller)
        self.goes_on = batch.past_optimum
        if self.goes_on and not (batch.trace and runner.accept == "always" and batch.limits):
            raise InputError(
                'past_optimum: expected a traced batch with limits under accept = "always", for only without an '
                "evaluator nobody sees the optimum"
            )
        self.parents = Parents(correct, fitness, self.books.generations, traits)
        self.books.note(self.books.active, np.zeros(batch.runs, dtype=np.int64), fitness.copy())

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All generations, until every run has hit or is over its budget."""
        optimal = np.asarray(self.parents.correct.all(axis=1))
        self._hit(optimal, np.zeros(len(optimal), dtype=np.int64))
        while not self.books.over.all():
            self._advance()
        return self.books.counts(), self.books.trace(None if self.goes_on else self.runner.lam)

    def _ahead(self) -> int:
        """How many generations to make at once from the same parents."""
        if not self.may_look_ahead:
            return 1
        offspring = min(LOOK_AHEAD, BLOCKS_AHEAD // self.caller.blocks_a_call)
        return max(1, offspring // (len(self.books.active) * self.runner.lam))

    def _advance(self) -> None:
        """One round: up to the first generation in which something happens, the others are discarded."""
        ahead, lam = self._ahead(), self.runner.lam
        parents = self.parents.correct.view()
        parents.flags.writeable = False  # a schedule only looks
        books, before = self.books, self.books.generations
        going = ~books.over
        chunk = chosen_chunks(self.schedule, books.pointer, parents, ahead, lam, self.streams.schedule)
        made = self.caller.round(self.parents, chunk, self.streams.mutator)
        accepted = self.runner.accepts(made.change, 0.0)
        optimal = made.optimal > 0
        ends = accepted | optimal
        last = np.argmax(ends, axis=1)
        used = np.where(ends.any(axis=1), last + 1, ahead)
        last = used - 1
        at = np.arange(0, ends.size, ahead) + last  # the last generation used of each run, among all

        accepts = accepted.take(at)
        books.charge_ahead(made.spent, used, optimal)
        self._replace(made, accepts.nonzero()[0], at)
        if books.tracing:
            change = made.change.take(at)
            improved = np.flatnonzero(accepts & going & (change != 0))
            number = lam * (before + last) + made.winner.take(at) + 1
            books.note(improved, number[improved], self.parents.fitness[improved])
        moved = made.moved.take(at)
        if self.invalid_is_down:
            moved = moved | (made.valid(at) < lam)
        books.pointer = self.schedule.advance(books.pointer, moved, self.chunks.m, used)
        number = made.optimal.take(at)
        self._hit(number > 0, lam * (before + last) + number)

    def _replace(self, made: Round, rows: IntArray, at: IntArray) -> None:
        """The winners of the last generation used, `at` int [runs], become the parents of the runs `rows`."""
        if len(rows) == 0:
            return
        parents, at = self.parents, at[rows]
        if made.solution is not None:
            parents.correct[rows] = picked(made.solution, at)
        else:
            write_back(parents.correct, rows, picked(made.chunk, at), picked(made.after, at), self.chunks)
        if self.caller.separable and made.solution is None:
            parents.fitness[rows] += made.change.take(at)
        else:  # by its own value, so that no rounding adds up and equal solutions stay equally fit
            parents.fitness[rows] = fitness_of(self.caller.problem, "an offspring", parents.correct[rows])

    def _hit(self, done: BoolArray, number: IntArray) -> None:
        """Record the runs that generated the optimum and let them go; the others go on."""
        self.books.hit(done, number)
        self.parents.generations = self.books.generations
        if self.goes_on:
            self.books.end()
        elif done.any():
            self.books.keep(~done)
            self.parents = self.parents.kept(~done)
        self.optimum.refuse_rivals(self.parents.correct, self.parents.fitness)
