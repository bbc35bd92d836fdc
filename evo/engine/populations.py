"""The engine `blocks` for runners with several solutions and for noisy evaluation: many runs in lockstep.

A generation: the runner selects parents, the schedule chunks; the mutator is called, the offspring are evaluated, the
runner selects survivors. Only the engine knows the true fitness: a run ends when its current solution, the one with
the best observed fitness, is optimal.

A generation is made in slabs: of whole runs, and where one run does not fit, of its offspring.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evo.batch import Batch, RunCounts, Trace
from evo.chunks import draws_subsets
from evo.declarations import declared
from evo.engine.calls import BESIDE, Caller, write_back
from evo.engine.contracts import (
    adjusted,
    described,
    drawn_traits,
    named_parents,
    named_survivors,
    offspring_of_each,
)
from evo.engine.kept import Kept, Made
from evo.engine.offspring_chunks import chunks_of_offspring, same_in_parts
from evo.engine.optimum import first_solutions
from evo.engine.outcomes import Offspring
from evo.engine.readings import AT_ONCE, Readings
from evo.engine.records import SPENT, Records
from evo.errors import InputError
from evo.evaluation import NoisyProblem, Reading, is_noisy, truth_of
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.runners.protocol import Adjusting, Describing, Pool, Runner
from evo.schedules import invalid_is_down
from evo.search import Search


def run_batch(search: Search, batch: Batch) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of independent runs.

    `hit` is the number of the call that made the current solution when that was first truly optimal (of the last call
    made, where evaluating again made it current). A trace has a row for each change of the current solution.

    Memory: for each place of a run k bytes and some 25, and what evaluators keep of the solution; twice that while the
    batch begins, which `experiments.grids.cell.batch_size` bounds. Beside it slabs of `AT_ONCE` blocks, whatever runs,
    k and lam are, 45 MB at the most, and 60 bytes for each of the offspring of one run. A generation of one run is
    only cut if its runner says `in_parts`; else it takes lam k bytes. A trace takes 56 bytes a row.

    Returns:
        The counts, and the trace if the batch asks for it.

    Raises: OperatorError if a part breaks its contract, InputError if the schedule does not fit k.
    """
    return _Batch(search, batch).run()


@dataclass
class _Family:
    """The parents of a generation of some runs.

    Attributes:
        rows: which of the active runs.
        kept: the solutions of these runs.
        place: int [runs, lam], the place of each offspring's parent, counted through these runs.
        seen_before: float [runs, lam], how that parent is seen.
        number: int [runs], how many of the lam offspring are made; None: all.
        chunk: int [runs, lam] (or [runs, lam, g]), what each call gets; None where that is chosen part by part.
    """

    rows: slice
    kept: Kept
    place: IntArray
    seen_before: FloatArray
    number: IntArray | None
    chunk: IntArray | None = None


class _Batch:
    """Lockstep state of a batch: the solutions of the active runs, and the books."""

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
        self.traits: Any
        self.readings = Readings(problem, batch.streams.evaluation)
        self.kept, self.traits = self._start(batch.runs, search)
        self._measure()
        self.generation = 0
        self.state = None if self.adjusting is None else np.full(batch.runs, float(self.adjusting.initial_state))
        self.made_before = self.made = np.zeros(batch.runs, dtype=np.int64)
        """Offspring of each active run before the latest generation, and with it."""
        self.books = Records(batch, self.caller)

    def _start(self, runs: int, search: Search) -> tuple[Kept, Any]:
        """The first solutions, and what the mutator draws for each run."""
        places, founders = np.array(self.runner.founders), max(self.runner.founders) + 1
        start, true, self.optimum = first_solutions(search.problem, runs * founders, self.streams.start)
        traits = drawn_traits(search.mutator, runs, search.problem.k, self.streams.mutator)
        reading = self.readings.of("an initial solution", start)
        in_order = np.array_equal(places, np.arange(founders))

        def of_places(values: Any) -> Any:
            each = values.reshape(runs, founders, *values.shape[1:])
            return each if in_order else np.ascontiguousarray(each[:, places])

        correct = of_places(start)
        kept = Kept(
            correct=correct,
            seen=np.where(places >= 0, of_places(reading.seen), -np.inf),
            born=np.zeros((runs, len(places)), dtype=np.int64),
            optimal=correct.all(axis=2) & (places >= 0),
            fitness=None if self.noisy is None else of_places(true),
            features=None if self.describing is None else np.array(described(self.describing, correct), order="C"),
            judgements=None if reading.judgements is None else of_places(reading.judgements),
        )
        return kept, traits

    def _measure(self) -> None:
        """How much of a generation is made at once."""
        runner, k, places = self.runner, self.truth.k, len(self.runner.founders)
        self.lam, self.same_parent = runner.lam, places == 1
        a_call = k + BESIDE + self.chunks.g * draws_subsets(self.schedule)
        self.runs_at_once = max(1, AT_ONCE // (self.lam * a_call + places))
        in_parts = declared(runner, "in_parts")
        self.lam_at_once = min(self.lam, max(1, AT_ONCE // a_call)) if in_parts else self.lam

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All generations, until every run has hit or is over its budget."""
        if self.books.tracing:
            self._note(np.arange(len(self.made)), -1)
        self._hit(-1)
        while not self.books.over.all():
            self._advance()
        return self.books.counts(), self.books.trace(self.lam if self.state is None else None)

    def _slabs(self) -> list[slice]:
        """Runs whose generations are made together."""
        step = self.runs_at_once
        return [slice(first, first + step) for first in range(0, len(self.made), step)]

    def _advance(self) -> None:
        """One generation of all active runs."""
        books, runs = self.books, len(self.made)
        number = None if self.adjusting is None or self.state is None else offspring_of_each(self.adjusting, self.state)
        before = self._identities() if books.tracing else None
        self.made_before, self.made = self.made, self.made + (self.lam if number is None else number)
        if runs <= self.runs_at_once:
            taken, moved = self._generation(slice(0, runs), number)
        else:
            each = [self._generation(rows, number) for rows in self._slabs()]
            taken = each[0][0] if each[0][0].ndim == 1 else np.concatenate([taken for taken, _ in each])
            moved = np.concatenate([moved for _, moved in each])
        books.charge(taken)
        self.generation += 1
        books.pointer = self.schedule.advance(books.pointer, moved, self.chunks.m, np.ones(runs, dtype=np.int64))
        if before is not None:
            self._note(np.flatnonzero(self._identities() != before), self.generation)
        self._hit(self.generation)

    def _generation(self, rows: slice, number: IntArray | None) -> tuple[IntArray, BoolArray]:
        """One generation of some runs.

        Returns:
            What it took, int [runs, columns], or [columns] where it is that of every run; and whether an offspring was
            seen to differ from its parent, bool [runs].
        """
        kept = self.kept if rows.stop >= len(self.made) and rows.start == 0 else self.kept.of(rows)
        again = self.readings.again(kept)
        pool = Pool(kept.seen, kept.born, self.generation, kept.features)
        who, seen_before = named_parents(self.runner, pool, self.streams.selection)
        place = who + np.arange(0, kept.seen.size, kept.seen.shape[1])[:, None]
        family = _Family(rows, kept, place, seen_before, None if number is None else number[rows])
        cut = self.lam_at_once < self.lam
        if not (cut and same_in_parts(self.schedule)):
            family.chunk = self._chosen(family, slice(0, self.lam))
        made, taken, moved = self._part(family, slice(0, self.lam_at_once))
        seen = [made.seen]
        for first in range(self.lam_at_once, self.lam, self.lam_at_once):
            made = self._named(pool, made)
            more, took, news = self._part(family, slice(first, min(first + self.lam_at_once, self.lam)))
            taken, moved, made = taken + took, moved | news, made.joined(more)
            if self.adjusting is not None:
                seen.append(more.seen)
        pool = self._meets(pool, made)
        stay = named_survivors(self.runner, pool, made.seen)
        if self.adjusting is not None and self.state is not None:
            self.state[rows] = adjusted(self.adjusting, self.state[rows], pool, np.concatenate(seen, axis=1))
        kept.enter(stay, made, self.made_before[rows], self.optimum)
        if cut:
            taken[..., 0] = 1
        if again is not None:
            taken[:, 2] += again
        return taken, moved

    def _part(self, family: _Family, part: slice) -> tuple[Made, IntArray, BoolArray]:
        """Some offspring of each run: what they are, what they took, and whether one differs from its parent."""
        place, seen_before = family.place[:, part], family.seen_before[:, part]
        shape = place.shape
        there = None if family.number is None else np.arange(part.start, part.stop) < family.number[:, None]
        rows = slice(None) if there is None else np.flatnonzero(there)
        chunk = self._chosen(family, part) if family.chunk is None else family.chunk[:, part]
        chunk = chunk.reshape(-1, *chunk.shape[2:])[rows]
        place = place.reshape(-1)[rows]
        parents = family.kept.parents(place)
        before_calls = parents.copy() if self.noisy is not None and self.caller.sees_solution else None
        children = self._call(parents, chunk, family.rows, rows, shape[1])
        reading = self._read(children.solutions, before_calls, chunk, family.kept.judgements, place)

        def each(values: Any) -> Any:
            return _split(values, rows, shape)

        valid = there if children.valid is None else each(children.valid)
        seen = each(reading.seen)
        moved = seen != seen_before
        if valid is not None:
            seen = np.where(valid, seen, -np.inf)
            moved &= valid
            if self.invalid_is_down:
                moved |= ~valid if there is None else there & ~valid
        solutions = each(children.solutions)
        made = Made(
            solutions,
            seen,
            np.arange(part.start, part.stop),
            None if self.describing is None else described(self.describing, solutions),
            None if reading.judgements is None else each(reading.judgements),
        )
        news = moved[:, 0] if shape[1] == 1 else moved.any(axis=1)
        return made, self._taken(each, children, chunk, valid, there, reading.evaluations, shape), news

    def _named(self, pool: Pool, made: Made) -> Made:
        """Those of some offspring of one run who would survive if there were no others; the first where none would."""
        places = pool.seen.shape[1]
        stay = named_survivors(self.runner, self._meets(pool, made), made.seen)
        named = np.sort(stay[stay >= places]) - places
        return made.only(named if len(named) else np.zeros(1, dtype=np.int64))

    @staticmethod
    def _meets(pool: Pool, made: Made) -> Pool:
        """The pool with what is said of the offspring."""
        return pool if made.features is None else replace(pool, arriving=made.features)

    def _chosen(self, family: _Family, part: slice) -> IntArray:
        """The chunks of some offspring, int [runs, n], or [runs, n, g]."""
        lam, pointer = part.stop - part.start, self.books.pointer[family.rows]
        runs = len(pointer)
        once = self.same_parent or lam < self.lam or runs < len(self.made) or runs * lam * lam > AT_ONCE

        def parents(j: int | slice) -> BoolArray:
            return family.kept.parents(family.place[:, part][:, j])

        return chunks_of_offspring(self.schedule, pointer, parents, lam, self.same_parent, self.streams.schedule, once)

    def _call(self, parents: BoolArray, chunk: IntArray, runs: slice, rows: IntArray | slice, lam: int) -> Offspring:
        """The calls of `lam` offspring of each of some runs, one a row."""
        traits = None if self.traits is None else np.repeat(self.traits[runs], lam, axis=0)[rows]
        generations = np.full(len(chunk) if self.caller.informed else 0, self.generation, dtype=np.int64)
        return self.caller.offspring(parents, generations, traits, chunk, self.streams.mutator)

    def _read(
        self, children: BoolArray, parents: BoolArray | None, chunk: IntArray, judgements: Any, place: IntArray
    ) -> Reading:
        """How the offspring are seen; an evaluator that errs is told which of their blocks were rewritten."""
        if self.noisy is None:
            return self.readings.of("an offspring", children)
        called = np.zeros(children.shape, dtype=np.bool_)
        handed = np.ones((len(chunk), self.chunks.g), dtype=np.bool_)
        write_back(called, np.arange(len(chunk)), chunk, handed, self.chunks)
        if parents is not None:
            called |= children != parents
        old = None if judgements is None else judgements.reshape(-1, *judgements.shape[2:]).take(place, axis=0)
        return self.readings.of("an offspring", children, called, old)

    def _taken(
        self,
        each: Callable[[Any], Any],
        children: Offspring,
        chunk: IntArray,
        valid: BoolArray | None,
        there: BoolArray | None,
        evaluations: IntArray,
        shape: tuple[int, ...],
    ) -> IntArray:
        """Spending on some offspring, int [runs, columns], or [columns] where it is that of every run."""
        lengths, (runs, lam) = self.caller.lengths, shape
        if valid is None and children.calls is None and self.noisy is None and not lengths.powers:
            return np.array((1, lam, lam))
        taken = np.zeros((runs, len(SPENT) + lengths.powers), dtype=np.int64)
        taken[:, 0] = 1
        if children.calls is not None:
            taken[:, 1] = each(children.calls).sum(axis=1)
        else:
            taken[:, 1] = lam if there is None else there.sum(axis=1)
        paid = each(evaluations)
        taken[:, 2] = (paid if valid is None else np.where(valid, paid, 0)).sum(axis=1)
        if lengths.powers:
            taken[:, len(SPENT) :] = each(lengths.sums(chunk, children.calls, (len(chunk), 1, 1))[:, 0]).sum(axis=1)
        return taken

    def _identities(self) -> IntArray:
        """The call that made the current solution of each run, int [n]."""
        return np.concatenate([self.kept.of(rows).identity() for rows in self._slabs()])

    def _when(self, rows: IntArray, born: IntArray, generation: int) -> IntArray:
        """The call at which a solution of some runs became current: its own, or the latest if it is older."""
        return born if generation < 0 else np.where(born > self.made_before[rows], born, self.made[rows])

    def _hit(self, generation: int) -> None:
        """Record the runs whose current solution is optimal and let them go; `generation` -1: the start."""
        stay = None
        if self.kept.optimal.any():
            rows = np.flatnonzero(self.kept.optimal.any(axis=1))
            some = self.kept.of(rows)
            at = np.arange(len(rows)), some.current()
            done, number = np.zeros(len(self.made), dtype=np.bool_), np.zeros(len(self.made), dtype=np.int64)
            done[rows], number[rows] = some.optimal[at], self._when(rows, some.born[at], generation)
            self.books.hit(done, number)
            stay = np.flatnonzero(~done) if done.any() else None
        if generation >= 0:
            self.books.end()
        if stay is not None:
            self.books.keep(stay)
            self.kept = self.kept.of(stay)
            for name in ("made_before", "made", "traits", "state"):
                values = getattr(self, name)
                setattr(self, name, None if values is None else values[stay])

    def _note(self, rows: IntArray, generation: int) -> None:
        """Add a row to the trace for each of some runs, whose current solution changed."""
        if self.state is not None:
            rows = rows[~self.books.over[rows]]
        some = self.kept.of(rows)
        at = np.arange(len(rows)), some.current()
        true = some.seen if some.fitness is None else some.fitness
        self.books.note(rows, self._when(rows, some.born[at], generation), true[at], some.seen[at])


def _split(values: Any, rows: IntArray | slice, shape: tuple[int, ...]) -> Any:
    """Values of the calls `rows` of runs and offspring, as those of all [runs, n, ...]: 0 where none was made."""
    if isinstance(rows, slice):
        return values.reshape(*shape, *values.shape[1:])
    everywhere = np.zeros((shape[0] * shape[1], *values.shape[1:]), dtype=values.dtype)
    everywhere[rows] = values
    return everywhere.reshape(*shape, *values.shape[1:])
