"""Rounds of calls in parallel whose improvements are all merged into the parent (theory 11a, 11c), in lockstep.

Single-chunk offspring are evaluated separately, one evaluation each. Merging first and evaluating once would be GLOBAL
mutation; merging what was seen to be better is sound only where the fitness is a sum over blocks and seen exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from evo.chunks import Chunks
from evo.costs.budget import Limit, any_reached
from evo.decomposed import inner_schedule
from evo.engine.batch import SPENT, RunCounts, Trace
from evo.engine.calls import SLAB_BLOCKS, Called, Caller, Parents, write_back
from evo.engine.contracts import chosen_chunks, drawn_traits, fitness_values, initial_solutions
from evo.errors import InputError
from evo.protocols import AnyMutator, BoolArray, IntArray, Problem, Schedule
from evo.schedules import OnlyIncorrect
from evo.seeding import Streams

Watcher = Callable[[IntArray, IntArray, IntArray], None]
"""Told of each round: the runs' numbers in their batch, their calls, and those on the shorter last chunk; int [n]."""


def run_merged_batch(
    problem: Problem,
    mutator: AnyMutator,
    schedule: Schedule,
    workers: int | None,
    streams: Streams,
    runs: int,
    limits: Sequence[Limit] = (),
    trace: bool = False,
    watch: Watcher | None = None,
) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of independent runs in merged rounds.

    `generations` are rounds; `hit` is the number of offspring up to the end of the round whose merged solution is the
    optimum, which the round generates as a whole. A trace has a row for each round that improved the parent.

    Args:
        problem: what is optimised; it must offer `change`.
        mutator: the simulated LLM call.
        schedule: RoundRobin or OnlyIncorrect, or Decomposed around one of them.
        workers: W, calls in parallel; None or more than m: one for each of the m chunks.
        streams: the batch's random streams.
        runs: size of the batch.
        limits: what ends a run.
        trace: whether to record improvements, or give None.
        watch: told of each round, of runs over their budget too.

    Raises: OperatorError if a part breaks its contract, InputError if a call changes blocks outside its chunk.
    """
    return _Batch(problem, mutator, schedule, workers, streams, runs, limits, trace, watch).run()


class _Batch:
    """Lockstep state of a batch: arrays of the active runs, and the records of all runs."""

    def __init__(
        self,
        problem: Problem,
        mutator: AnyMutator,
        schedule: Schedule,
        workers: int | None,
        streams: Streams,
        runs: int,
        limits: Sequence[Limit],
        trace: bool,
        watch: Watcher | None,
    ) -> None:
        self.schedule, self.streams, self.limits, self.watch = schedule, streams, limits, watch
        self.chunks = Chunks.of(schedule, problem.k)
        self.width = self.chunks.m if workers is None else min(workers, self.chunks.m)
        self.caller = Caller(problem, mutator, self.chunks, 1)

        correct = initial_solutions(problem, runs, streams.start)
        traits = drawn_traits(mutator, runs, problem.k, streams.mutator)
        fitness = fitness_values(problem, "an initial solution", problem.fitness(correct), (runs,)).copy()
        self.parents = Parents(correct, fitness, np.zeros(runs, dtype=np.int64), traits)
        self.run_number = np.arange(runs)
        self.pointer = np.zeros(runs, dtype=np.int64)
        self.offspring = np.zeros(runs, dtype=np.int64)
        self.spent = np.zeros((runs, len(SPENT)), dtype=np.int64)
        self.over = np.zeros(runs, dtype=np.bool_)

        self.hits = np.full(runs, -1, dtype=np.int64)
        self.paid = np.zeros((runs, len(SPENT)), dtype=np.int64)
        self.trace = trace
        self.improvements = [(self.run_number, self.offspring, fitness.copy())]

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All rounds, until every run has hit or is over its budget."""
        self._hit()
        while not self.over.all():
            self._advance()
        found = Trace(*(np.concatenate(column) for column in zip(*self.improvements, strict=True)))
        return RunCounts.of(self.hits, self.paid), found if self.trace else None

    def _advance(self) -> None:
        """One round of all active runs."""
        runs = len(self.run_number)
        made = np.zeros((runs, len(SPENT)), dtype=np.int64)
        made[:, 0] = 1
        answers, better = np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=np.bool_)
        for rows in self._slabs():
            owner, chunk = self._chosen(rows)
            called = self.caller.separately(self.parents, owner, chunk, self.streams.mutator)
            refuse_changes_outside(self.parents.correct, owner, chunk, called, self.chunks)
            valid = np.ones(len(owner), dtype=np.bool_) if called.valid is None else called.valid
            for column, count in enumerate((*self.caller.counted(chunk, called), valid), start=1):
                np.add.at(made[:, column], owner, count)
            np.add.at(answers, owner, 1)
            better[self._merge(owner, chunk, called, valid)] = True
        self.pointer = self.schedule.advance(self.pointer, better, self.chunks.m, np.full(runs, self.width))
        self._spend(made, answers)
        if self.trace:
            rows = np.flatnonzero(better & ~self.over)
            self.improvements.append((self.run_number[rows], self.offspring[rows], self.parents.fitness[rows]))
        self._hit()

    def _slabs(self) -> Iterator[IntArray]:
        """Runs whose rounds are made together, so that memory is bounded; a run's round is never cut."""
        blocks = max(self.width * self.caller.blocks_a_call, self.caller.problem.k)
        step = max(1, SLAB_BLOCKS // blocks)
        for low in range(0, len(self.run_number), step):
            yield np.arange(low, min(low + step, len(self.run_number)))

    def _chosen(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """The calls of a round of some runs: whose each is, and its chunk; int [n] each."""
        correct = self.parents.correct[rows]
        if type(inner_schedule(self.schedule)) is OnlyIncorrect:
            row, chunk = lowest_incorrect(correct, self.chunks, self.width)
            return rows[row], chunk
        # A round is `width` generations of round-robin made at once.
        ahead = chosen_chunks(
            self.schedule, self.pointer[rows], correct, self.chunks.m, self.width, 1, self.streams.schedule
        )
        return np.repeat(rows, self.width), ahead.reshape(-1)

    def _merge(self, owner: IntArray, chunk: IntArray, called: Called, valid: BoolArray) -> IntArray:
        """Enter all improvements into the parents; whose they are, int [n]."""
        takes = np.flatnonzero(valid & (called.change > 0))
        write_back(self.parents.correct, owner[takes], chunk[takes], called.after[takes], self.chunks)
        np.add.at(self.parents.fitness, owner[takes], called.change[takes])
        return owner[takes]

    def _spend(self, made: IntArray, answers: IntArray) -> None:
        """Charge the round."""
        self.spent += made
        self.offspring = self.offspring + answers
        self.parents.generations = self.spent[:, 0]
        within = ~self.over
        self.paid[self.run_number[within]] = self.spent[within]
        if self.watch is not None:
            self.watch(self.run_number, made[:, 1], made[:, 2])

    def _hit(self) -> None:
        """Record the runs that have generated the optimum and let them go."""
        done = np.asarray(self.parents.correct.all(axis=1))
        counted = done & ~self.over
        self.hits[self.run_number[counted]] = self.offspring[counted]
        if self.spent.any():
            _, calls, short_calls, evaluations = self.spent.T
            self.over = self.over | any_reached(self.limits, calls, short_calls, evaluations)
        if done.any():
            self._keep(~done)

    def _keep(self, stay: BoolArray) -> None:
        for name in ("run_number", "pointer", "offspring", "spent", "over"):
            setattr(self, name, getattr(self, name)[stay])
        self.parents = self.parents.kept(stay)


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
    correct: BoolArray, owner: IntArray, chunk: IntArray, called: Called, chunks: Chunks
) -> None:
    """Refuse answers that cannot be merged.

    Args:
        correct: bool [runs, k], the parents.
        owner: int [n], whose each call is.
        chunk: int [n], its chunk.
        called: what came back.
        chunks: how the solutions are cut.

    Raises: InputError if a call changed blocks outside its chunk.
    """
    if called.solution is None or chunks.m == 1:
        return
    outside = called.solution.copy()
    write_back(outside, np.arange(len(owner)), chunk, called.before, chunks)
    if (outside != correct[owner]).any():
        raise InputError(
            "the mutator changed blocks outside its chunk, so that its answers cannot be merged with those of calls "
            "made at the same time (theory 11a); use OnePlusLambda"
        )
