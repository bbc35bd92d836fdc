"""The engine `blocks` for runners with several solutions and for noisy evaluation: many runs in lockstep.

A generation: the runner selects parents, the schedule chunks; the mutator is called, the offspring are evaluated, the
runner selects survivors. Only the engine knows the true fitness: a run ends when its current solution, the one with
the best observed fitness, is optimal.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo.batch import Batch, RunCounts, Trace
from evo.engine.calls import Caller, Parents, Round, write_back
from evo.engine.contracts import (
    adjusted,
    chunks_of_offspring,
    described,
    drawn_traits,
    fitness_values,
    initial_solutions,
    named_parents,
    named_survivors,
    offspring_of_each,
    read_fitness,
)
from evo.engine.records import Records
from evo.errors import InputError
from evo.evaluation import Exact, NoisyProblem, is_noisy
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.runners.protocol import Adjusting, Pool, Runner
from evo.schedules import invalid_is_down
from evo.search import Search

BY_RUN = ("correct", "fitness", "seen", "born", "features", "judgements", "traits", "state", "made_before", "made")
"""What a batch keeps of each active run."""


def run_batch(search: Search, batch: Batch) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of independent runs.

    `hit` is the number of the call that made the current solution when that was first truly optimal (of the last call
    made, where evaluating again made it current). A trace has a row for each change of the current solution.

    Memory: some 2 (s + 2 lam) k bytes a run for s places.

    Returns:
        The counts, and the trace if the batch asks for it.

    Raises: OperatorError if a part breaks its contract, InputError if the schedule does not fit k.
    """
    return _Batch(search, batch).run()


class _Batch:
    """Lockstep state of a batch: the solutions of the active runs, arrays [n, s, ...], and the books."""

    def __init__(self, search: Search, batch: Batch) -> None:
        problem, mutator, self.schedule, runner = search.problem, search.mutator, search.schedule, search.runner
        if not isinstance(runner, Runner):
            raise InputError(f"expected a runner with `parents` and `survivors`, got {type(runner).__name__}")
        if getattr(runner, "accept", "") == "always":
            raise InputError(
                f'accept = "always" asks no evaluator that could err: give the problem inside {type(problem).__name__}'
            )
        self.evaluator: NoisyProblem | Exact = problem if is_noisy(problem) else Exact(problem)
        self.truth = self.evaluator.problem
        self.runner, self.streams, self.chunks = runner, batch.streams, search.chunks
        self.caller = Caller(self.truth, mutator, search.lengths, 1)
        self.invalid_is_down = invalid_is_down(self.schedule)
        self.places = len(runner.founders)

        runs, founders = batch.runs, max(runner.founders) + 1
        start = initial_solutions(problem, runs * founders, self.streams.start).reshape(runs, founders, problem.k)
        self.traits: Any = drawn_traits(mutator, runs, problem.k, self.streams.mutator)
        reading = read_fitness(self.evaluator, start.reshape(-1, problem.k), self.streams.evaluation)
        places = np.array(runner.founders)
        self.correct = start[:, places]  # a copy: places are a list of numbers
        self.seen = np.where(places >= 0, reading.seen.reshape(runs, founders)[:, places], -np.inf)
        self.judgements = None if reading.judgements is None else _split(reading.judgements, runs)[:, places]
        self.fitness = fitness_values(
            self.truth, "an initial solution", self.truth.fitness(self.correct), self.correct.shape[:2]
        )
        self.born = np.zeros((runs, self.places), dtype=np.int64)
        self.features = described(runner, self.correct)
        self.generation = 0
        self.state = np.full(runs, float(runner.initial_state)) if isinstance(runner, Adjusting) else None
        self.made_before = self.made = np.zeros(runs, dtype=np.int64)
        """Offspring of each active run before the latest generation, and with it."""
        self.books = Records(batch, self.caller)

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All generations, until every run has hit or is over its budget."""
        current = self._current()
        self._note(current, np.ones(len(current), dtype=np.bool_), -1)
        self._hit(current, -1)
        while not self.books.over.all():
            self._advance()
        return self.books.counts(), self.books.trace(self.runner.lam if self.state is None else None)

    def _advance(self) -> None:
        """One generation of all active runs."""
        before = self._identity(self._current())
        evaluations = self._reevaluate()
        pool = Pool(self.seen, self.born, self.generation, self.features)
        who = named_parents(self.runner, pool, self.streams.selection)
        runs, lam = who.shape
        rows = self._rows(who.shape)
        made, children, changed = self._call(who, rows)
        judgements = None if self.judgements is None else _flat(self._of(self.judgements, who))[rows]
        reading = read_fitness(self.evaluator, children, self.streams.evaluation, changed, judgements)

        def each(values: Any) -> Any:
            return _split(_spread(values, rows, runs * lam), runs)

        there, valid = each(np.ones(len(children), dtype=np.bool_)), each(made.valid[:, 0] > 0)
        seen = np.where(valid, each(reading.seen), -np.inf)
        evaluations += np.where(valid, each(reading.evaluations), 0).sum(axis=1)

        moved = (valid & (seen != np.take_along_axis(self.seen, who, axis=1))).any(axis=1)
        if self.invalid_is_down:
            moved |= (there & ~valid).any(axis=1)
        self.books.charge(_taken(each(made.taken()), evaluations))
        self.made_before, self.made = self.made, self.made + there.sum(axis=1)
        offspring = each(children)
        arriving = None if self.features is None else described(self.runner, offspring)
        if arriving is not None:
            pool = replace(pool, arriving=arriving)
        stay = named_survivors(self.runner, pool, seen)
        if self.state is not None and isinstance(self.runner, Adjusting):  # in this order: asking a protocol takes long
            self.state = adjusted(self.runner, self.state, pool, seen)
        judged = None if reading.judgements is None else each(reading.judgements)
        self._keep_survivors(stay, offspring, seen, arriving, judged)
        self.generation += 1
        one = np.ones(runs, dtype=np.int64)
        self.books.pointer = self.schedule.advance(self.books.pointer, moved, self.chunks.m, one)
        current = self._current()
        if self.books.tracing:
            self._note(current, self._identity(current) != before, self.generation)
        self._hit(current, self.generation)

    def _reevaluate(self) -> IntArray:
        """Re-evaluate the kept solutions if the problem asks for it; number of evaluations, int [runs]."""
        runs = len(self.seen)
        if not self.evaluator.reevaluate:
            return np.zeros(runs, dtype=np.int64)
        there = self.seen > -np.inf
        solutions = self.correct.reshape(runs * self.places, -1)
        old = None if self.judgements is None else _flat(self.judgements)
        reading = read_fitness(self.evaluator, solutions, self.streams.evaluation, None, old)
        self.seen = np.where(there, reading.seen.reshape(there.shape), -np.inf)
        if reading.judgements is not None:
            self.judgements = _split(reading.judgements, runs)
        spent: IntArray = np.where(there, reading.evaluations.reshape(there.shape), 0).sum(axis=1)
        return spent

    def _rows(self, shape: tuple[int, int]) -> IntArray | slice:
        """Which of the calls that a generation of `shape` [runs, lam] may have are made, of runs lam."""
        if self.state is None or not isinstance(self.runner, Adjusting):
            return slice(None)
        number = offspring_of_each(self.runner, self.state)
        return np.flatnonzero((np.arange(shape[1]) < number[:, None]).reshape(-1))

    def _call(self, who: IntArray, rows: IntArray | slice) -> tuple[Round, BoolArray, BoolArray]:
        """The calls of a generation, one a row; the offspring, and which of their blocks are their own, bool [n, k]."""
        runs, lam = who.shape
        parents = self.correct[np.arange(runs)[:, None], who]
        chosen = chunks_of_offspring(
            self.schedule, self.books.pointer, parents, self.places == 1, self.streams.schedule
        )
        chunk = chosen.reshape(-1, 1, 1, *chosen.shape[2:])[rows]
        flat = parents.reshape(runs * lam, -1)[rows]
        traits = None if self.traits is None else np.repeat(self.traits, lam, axis=0)[rows]
        generations = np.full(len(flat), self.generation, dtype=np.int64)
        fitness = np.take_along_axis(self.fitness, who, axis=1).reshape(-1)[rows]
        made = self.caller.round(Parents(flat, fitness, generations, traits), chunk, self.streams.mutator)
        called = np.zeros(flat.shape, dtype=np.bool_)
        everyone, chunk_called = np.arange(len(flat)), made.chunk[:, 0]
        write_back(called, everyone, chunk_called, np.ones_like(made.after[:, 0]), self.chunks)
        if made.solution is not None:
            children = made.solution[:, 0]
            return made, children, called | (children != flat)
        children = flat.copy()
        write_back(children, everyone, chunk_called, made.after[:, 0], self.chunks)
        return made, children, called

    def _keep_survivors(
        self,
        stay: IntArray,
        children: BoolArray,
        seen: FloatArray,
        arriving: IntArray | None,
        judgements: NDArray[Any] | None,
    ) -> None:
        """Put the survivors of the generation into their places; arrays are [runs, lam, ...]."""
        row, place = np.nonzero(stay != np.arange(self.places))
        who = stay[row, place]
        new = who >= self.places
        offspring = np.maximum(who - self.places, 0)

        def enter(old: Any, made: Any) -> None:
            values = old[row, np.where(new, 0, who)]
            values[new] = made[row[new], offspring[new]]
            old[row, place] = values

        calls = self.made_before[:, None] + 1 + np.arange(seen.shape[1])
        enter(self.correct, children)
        enter(self.born, calls)
        enter(self.seen, seen)
        if self.features is not None:
            enter(self.features, arriving)
        if self.judgements is not None:
            enter(self.judgements, judgements)
        if len(row):
            entered = self.correct[row, place]
            self.fitness[row, place] = fitness_values(self.truth, "a solution", self.truth.fitness(entered), row.shape)

    def _current(self) -> IntArray:
        """The place of the solution with the best observed fitness, the oldest among equals; int [runs]."""
        best = self.seen == self.seen.max(axis=1, keepdims=True)
        return np.asarray(np.argmin(np.where(best, self.born, np.iinfo(np.int64).max), axis=1))

    def _identity(self, current: IntArray) -> IntArray:
        """The call that made the current solution."""
        return np.asarray(self.born[np.arange(len(current)), current])

    def _when(self, current: IntArray, generation: int) -> IntArray:
        """The call at which the current solution became current: its own call, or the latest if it is older."""
        born = self._identity(current)
        return born if generation < 0 else np.where(born > self.made_before, born, self.made)

    def _hit(self, current: IntArray, generation: int) -> None:
        """Record the runs whose current solution is optimal and let them go; `generation` -1: the start."""
        done = np.asarray(self.correct[np.arange(len(current)), current].all(axis=1))
        self.books.hit(done, self._when(current, generation))
        if generation >= 0:
            self.books.end()
        if done.any():
            self.books.keep(~done)
            for name in BY_RUN:
                values = getattr(self, name)
                setattr(self, name, None if values is None else values[~done])

    def _note(self, current: IntArray, rows: BoolArray, generation: int) -> None:
        """Add a row to the trace for each run whose current solution changed."""
        at = np.flatnonzero(rows if self.state is None else rows & ~self.books.over)
        place = current[at]
        self.books.note(at, self._when(current, generation)[at], self.fitness[at, place], self.seen[at, place])

    @staticmethod
    def _of(values: Any, places: IntArray) -> Any:
        """The entries of some places, [runs, n, ...] of [runs, s, ...]."""
        return values[np.arange(len(places))[:, None], places]


def _taken(each: IntArray, evaluations: IntArray) -> IntArray:
    """Spending of a generation from that of its calls, int [runs, lam, 1, columns]; int [runs, columns]."""
    taken: IntArray = each[:, :, 0].sum(axis=1)
    taken[:, 0], taken[:, 2] = 1, evaluations
    return taken


def _spread(values: Any, rows: IntArray | slice, n: int) -> Any:
    """Values of some rows as those of all n, 0 elsewhere."""
    if isinstance(rows, slice):
        return values
    everywhere = np.zeros((n, *values.shape[1:]), dtype=values.dtype)
    everywhere[rows] = values
    return everywhere


def _split(values: Any, runs: int) -> Any:
    """A flat axis of runs and places as two."""
    return values.reshape(runs, -1, *values.shape[1:])


def _flat(values: Any) -> Any:
    """Runs and places as one flat axis."""
    return values.reshape(-1, *values.shape[2:])
