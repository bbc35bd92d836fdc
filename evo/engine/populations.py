"""The engine `blocks` for runners with several solutions and for noisy evaluation: many runs in lockstep.

A generation: the runner selects parents, the schedule chunks; the mutator is called, the offspring are evaluated, the
runner selects survivors. Only the engine knows the true fitness: a run ends when its current solution, the one with
the best observed fitness, is optimal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo.batch import Batch, RunCounts, Trace
from evo.engine.calls import Caller, write_back
from evo.engine.contracts import (
    adjusted,
    chunks_of_offspring,
    described,
    drawn_traits,
    fitness_values,
    named_parents,
    named_survivors,
    offspring_of_each,
    read_fitness,
)
from evo.engine.optimum import first_solutions
from evo.engine.outcomes import Offspring
from evo.engine.records import SPENT, Records
from evo.errors import InputError
from evo.evaluation import NoisyProblem, Reading, is_noisy, truth_of
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.runners.protocol import Adjusting, Describing, Pool, Runner
from evo.schedules import invalid_is_down
from evo.search import Search

Each = Callable[[Any], Any]
"""Values of the calls that were made as [runs, lam, ...]."""
BY_RUN = ("correct", "fitness", "seen", "born", "optimal", "features", "judgements", "traits", "state")
"""What a batch keeps of each active run, beside the offspring that it has made."""


def run_batch(search: Search, batch: Batch) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of independent runs.

    `hit` is the number of the call that made the current solution when that was first truly optimal (of the last call
    made, where evaluating again made it current). A trace has a row for each change of the current solution.

    Memory: (s + lam) k bytes a run for s places, some 50 more for each place and 80 for each offspring (and for each
    block of a chunk that is drawn as a set), and one slab of `evo.engine.calls`; `experiments.grids.cell.batch_size`
    keeps runs k (s + lam) below 16 million, runs lam where s = 1.

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
        self.noisy: NoisyProblem | None = problem if is_noisy(problem) else None
        self.truth = truth_of(problem)
        self.runner, self.streams, self.chunks = runner, batch.streams, search.chunks
        self.describing = runner if isinstance(runner, Describing) else None  # asking a protocol takes long
        self.adjusting = runner if isinstance(runner, Adjusting) else None
        self.caller = Caller(self.truth, mutator, search.lengths, 1)
        self.invalid_is_down = invalid_is_down(self.schedule)
        self.places = len(runner.founders)

        runs, founders = batch.runs, max(runner.founders) + 1
        start, true, self.optimum = first_solutions(problem, runs * founders, self.streams.start)
        self.traits: Any = drawn_traits(mutator, runs, problem.k, self.streams.mutator)
        reading = self._read("an initial solution", start)
        places = np.array(runner.founders)

        def of_places(values: Any) -> Any:
            return np.ascontiguousarray(_split(values, runs)[:, places])

        self.correct = of_places(start)
        self.seen = np.where(places >= 0, of_places(reading.seen), -np.inf)
        self.judgements = None if reading.judgements is None else of_places(reading.judgements)
        self.fitness: FloatArray | None = None
        """True fitness [n, s]; None where it is what is seen."""
        if self.noisy is not None:
            self.fitness = of_places(true)
        self.born = np.zeros((runs, self.places), dtype=np.int64)
        self.optimal = self.correct.all(axis=2) & (places >= 0)
        self.features = (
            None if self.describing is None else np.array(described(self.describing, self.correct), order="C")
        )
        self.generation = 0
        self.state = None if self.adjusting is None else np.full(runs, float(self.adjusting.initial_state))
        self.made_before = self.made = np.zeros(runs, dtype=np.int64)
        """Offspring of each active run before the latest generation, and with it."""
        self.books = Records(batch, self.caller)

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All generations, until every run has hit or is over its budget."""
        if self.books.tracing:
            current = self._current()
            self._note(current, np.ones(len(current), dtype=np.bool_), -1)
        self._hit(-1)
        while not self.books.over.all():
            self._advance()
        return self.books.counts(), self.books.trace(self.runner.lam if self.state is None else None)

    def _advance(self) -> None:
        """One generation of all active runs."""
        before = self._identity(self._current()) if self.books.tracing else None
        evaluations = self._reevaluate()
        pool = Pool(self.seen, self.born, self.generation, self.features)
        who, seen_before = named_parents(self.runner, pool, self.streams.selection)
        runs, lam = who.shape
        place = who + np.arange(runs)[:, None] * self.places
        parents = self._of(self.correct, place)
        rows = self._rows(who.shape)
        chunk = chunks_of_offspring(self.schedule, self.books.pointer, parents, self.places == 1, self.streams.schedule)
        chunk = _flat(chunk)[rows]
        parents = _flat(parents)[rows]
        before_calls = parents.copy() if self.noisy is not None and self.caller.sees_solution else None
        children = self._call(parents, chunk, rows, lam)
        reading = self._read_children(children.solutions, before_calls, chunk, place, rows)

        def each(values: Any) -> Any:
            return _split(_spread(values, rows, runs * lam), runs)

        there = None if self.state is None else each(np.ones(len(chunk), dtype=np.bool_))
        valid = there if children.valid is None else each(children.valid)
        seen = each(reading.seen)
        moved = seen != seen_before
        if valid is not None:
            seen = np.where(valid, seen, -np.inf)
            moved &= valid
            if self.invalid_is_down:
                moved |= ~valid if there is None else there & ~valid
        self.made_before, self.made = self.made, self.made + (lam if there is None else there.sum(axis=1))
        self.books.charge(self._taken(each, children, chunk, valid, there, reading.evaluations, evaluations))
        offspring = each(children.solutions)
        if self.describing is not None:
            arriving = described(self.describing, offspring)
            pool = Pool(self.seen, self.born, self.generation, self.features, arriving)
        stay = named_survivors(self.runner, pool, seen)
        if self.adjusting is not None and self.state is not None:
            self.state = adjusted(self.adjusting, self.state, pool, seen)
        self._keep_survivors(stay, offspring, seen, pool.arriving, _or_none(each, reading.judgements))
        self.generation += 1
        one = np.ones(runs, dtype=np.int64)
        self.books.pointer = self.schedule.advance(self.books.pointer, moved.any(axis=1), self.chunks.m, one)
        if before is not None:
            current = self._current()
            self._note(current, self._identity(current) != before, self.generation)
        self._hit(self.generation)

    def _read(
        self, what: str, solutions: BoolArray, changed: BoolArray | None = None, judgements: Any = None
    ) -> Reading:
        """How n solutions are seen; without an evaluator that errs their fitness, by one evaluation each."""
        if self.noisy is not None:
            return read_fitness(self.noisy, solutions, self.streams.evaluation, changed, judgements)
        seen = fitness_values(self.truth, what, self.truth.fitness(solutions), (len(solutions),))
        return Reading(seen, np.ones(len(solutions), dtype=np.int64))

    def _reevaluate(self) -> IntArray | None:
        """Re-evaluate the kept solutions if the problem asks for it; number of evaluations, int [runs]."""
        if self.noisy is None or not self.noisy.reevaluate:
            return None
        there = self.seen > -np.inf
        old = None if self.judgements is None else _flat(self.judgements)
        reading = self._read("a solution", _flat(self.correct), None, old)
        self.seen = np.where(there, reading.seen.reshape(there.shape), -np.inf)
        if reading.judgements is not None:
            self.judgements = np.ascontiguousarray(_split(reading.judgements, len(there)))
        spent: IntArray = np.where(there, reading.evaluations.reshape(there.shape), 0).sum(axis=1)
        return spent

    def _rows(self, shape: tuple[int, int]) -> IntArray | slice:
        """Which of the calls that a generation of `shape` [runs, lam] may have are made, of runs lam."""
        if self.adjusting is None or self.state is None:
            return slice(None)
        number = offspring_of_each(self.adjusting, self.state)
        return np.flatnonzero((np.arange(shape[1]) < number[:, None]).reshape(-1))

    def _call(self, parents: BoolArray, chunk: IntArray, rows: IntArray | slice, lam: int) -> Offspring:
        """The calls of a generation, one a row."""
        traits = None if self.traits is None else np.repeat(self.traits, lam, axis=0)[rows]
        generations = np.full(len(chunk), self.generation, dtype=np.int64)
        return self.caller.offspring(parents, generations, traits, chunk, self.streams.mutator)

    def _read_children(
        self, children: BoolArray, parents: BoolArray | None, chunk: IntArray, place: IntArray, rows: IntArray | slice
    ) -> Reading:
        """How the offspring are seen; an evaluator that errs is told which of their blocks were rewritten."""
        if self.noisy is None:
            return self._read("an offspring", children)
        called = np.zeros(children.shape, dtype=np.bool_)
        handed = np.ones((len(chunk), self.chunks.g), dtype=np.bool_)
        write_back(called, np.arange(len(chunk)), chunk, handed, self.chunks)
        if parents is not None:
            called |= children != parents
        judgements = None if self.judgements is None else _flat(self._of(self.judgements, place))[rows]
        return self._read("an offspring", children, called, judgements)

    def _taken(
        self,
        each: Each,
        children: Offspring,
        chunk: IntArray,
        valid: BoolArray | None,
        there: BoolArray | None,
        evaluations: IntArray,
        again: IntArray | None,
    ) -> IntArray:
        """Spending of the generation, int [runs, columns], or [columns] where it is that of every run."""
        lam, lengths = self.runner.lam, self.caller.lengths
        if valid is None and children.calls is None and self.noisy is None and not lengths.powers:
            return np.array((1, lam, lam))
        taken = np.zeros_like(self.books.spent)
        calls = _or_none(each, children.calls)
        taken[:, 0] = 1
        if calls is not None:
            taken[:, 1] = calls.sum(axis=1)
        else:
            taken[:, 1] = lam if there is None else there.sum(axis=1)
        paid = each(evaluations)
        taken[:, 2] = (paid if valid is None else np.where(valid, paid, 0)).sum(axis=1)
        if again is not None:
            taken[:, 2] += again
        if lengths.powers:
            taken[:, len(SPENT) :] = each(lengths.sums(chunk, children.calls, (len(chunk), 1, 1))[:, 0]).sum(axis=1)
        return taken

    def _keep_survivors(
        self,
        stay: IntArray,
        children: BoolArray,
        seen: FloatArray,
        arriving: IntArray | None,
        judgements: NDArray[Any] | None,
    ) -> None:
        """Put the survivors of the generation into their places; arrays are [runs, lam, ...]."""
        at = np.flatnonzero(stay != np.arange(self.places))  # places counted through all runs
        if not len(at):
            return
        row, who, lam = at // self.places, stay.reshape(-1)[at], seen.shape[1]
        new = who >= self.places
        source = row * lam + who - self.places
        copied = np.flatnonzero(~new)
        if len(copied) > 0:
            source[copied] = 0

        def enter(old: Any, made: Any) -> Any:
            old, values = _flat(old), _flat(made).take(source, axis=0)
            if len(copied) > 0:
                values[copied] = old[row[copied] * self.places + who[copied]]
            old[at] = values
            return values

        entered = enter(self.correct, children)
        _flat(self.optimal)[at] = entered.all(axis=1)
        true = enter(self.seen, seen)
        enter(self.born, self.made_before[:, None] + 1 + np.arange(seen.shape[1]))
        if self.features is not None:
            enter(self.features, arriving)
        if self.judgements is not None:
            enter(self.judgements, judgements)
        if self.fitness is not None:
            true = fitness_values(self.truth, "a solution", self.truth.fitness(entered), row.shape)
            _flat(self.fitness)[at] = true
        self.optimum.refuse_rivals(entered, true)

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

    def _hit(self, generation: int) -> None:
        """Record the runs whose current solution is optimal and let them go; `generation` -1: the start."""
        stay = None
        if self.optimal.any():
            current = self._current()
            done = self.optimal[np.arange(len(current)), current]
            self.books.hit(done, self._when(current, generation))
            stay = ~done if done.any() else None
        if generation >= 0:
            self.books.end()
        if stay is not None:
            self.books.keep(stay)
            self.made_before, self.made = self.made_before[stay], self.made[stay]
            for name in BY_RUN:
                values = getattr(self, name)
                setattr(self, name, None if values is None else values[stay])

    def _note(self, current: IntArray, rows: BoolArray, generation: int) -> None:
        """Add a row to the trace for each run whose current solution changed."""
        at = np.flatnonzero(rows if self.state is None else rows & ~self.books.over)
        place, true = current[at], self.seen if self.fitness is None else self.fitness
        self.books.note(at, self._when(current, generation)[at], true[at, place], self.seen[at, place])

    @staticmethod
    def _of(values: Any, place: IntArray) -> Any:
        """The entries of some places, [runs, n, ...] of [runs, s, ...]; places are counted through all runs."""
        return _flat(values).take(place, axis=0)


def _or_none(each: Each, values: Any) -> Any:
    return None if values is None else each(values)


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
