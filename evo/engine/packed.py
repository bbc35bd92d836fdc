"""The engine `packed`: the loop of one parent on solutions as words of 64 blocks, for mutators that rewrite words.

Each call is made by the operator's own code (`rewrite_words`, or `rewrite` of single blocks), with other draws than the
engine `blocks` makes: rows of both agree in law. An offspring is counted in words, its solution is only looked at if
it is accepted; of local calls those on a correct block are counted and not made, since nothing that comes of them can
be accepted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from evo.batch import Batch, RunCounts, Trace
from evo.costs.budget import any_reached
from evo.declarations import declared
from evo.engine.contracts import rewritten
from evo.engine.optimum import first_solutions
from evo.errors import InputError
from evo.evaluation import is_noisy
from evo.forms.words import Words, bits_set, packed, used_bits, words_for
from evo.landscapes import OfCounts
from evo.protocols import BoolArray, IntArray
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import UniformChunk
from evo.search import Search
from evo.text import type_name

AT_ONCE = 2**16
"""Words, or single blocks, made at once at the most, half a megabyte: larger arrays a process gets anew each time.

One generation of one run may be cut further.
"""
FEW, MANY = 0.25, 0.6
"""Shares of runs in which something happens in a round: more generations are made ahead below, fewer above."""


def why_not_packed(search: Search) -> str:
    """Why the engine cannot run a search, as the end of an error; empty if it can.

    >>> from evo import AllBlocks, RoundRobin
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> why_not_packed(Search(BlockOneMax(4, l=16), Resample(0.5), AllBlocks(), OnePlusLambda()))
    ''
    >>> why_not_packed(Search(BlockOneMax(4, l=16), Resample(0.5), RoundRobin(), OnePlusLambda()))
    'needs chunks of all blocks, or UniformChunk(g=1), got RoundRobin'
    """
    problem, mutator, schedule, runner = search.problem, search.mutator, search.schedule, search.runner
    if type(runner) is not OnePlusLambda or runner != OnePlusLambda(runner.lam):
        return f'needs the runner OnePlusLambda with accept = "strict" and no threshold, got {runner!r:.200}'
    if is_noisy(problem) or declared(problem, "landscape") != OfCounts(range(problem.k + 1)):
        return f"needs the number of correct blocks as fitness, exactly evaluated, got {type_name(type(problem))}"
    if search.lengths.powers:
        return f"needs blocks of equal length, got {type_name(type(problem))}"
    if search.chunks.m > 1 and not (type(schedule) is UniformChunk and schedule.g == 1):
        return f"needs chunks of all blocks, or UniformChunk(g=1), got {type_name(type(schedule))}"
    part: Any = mutator
    while part is not None:
        if declared(part, "rewrite_words") is None:
            return f"needs a mutator with rewrite_words (Resample, FixKeep, Sparse around them), got {part!r:.200}"
        part = getattr(part, "inner", None)
    return ""


def run_packed(search: Search, batch: Batch) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of runs.

    Memory: k/8 bytes a run for the parents (k where single blocks are rewritten), and some buffers of half a megabyte,
    whatever lam and k are.

    Raises: InputError for a search that it cannot run; OperatorError if the mutator breaks its contract.
    """
    if reason := why_not_packed(search):
        raise InputError(f"the engine packed {reason}; use the engine blocks")
    if batch.past_optimum:
        raise InputError("traces past the optimum need the engine blocks, got packed")
    loop: _Loop = _Whole(search, batch) if search.chunks.m == 1 else _Single(search, batch)
    return loop.run()


@dataclass(frozen=True)
class _Found:
    """The first improvement of each run among the generations of a round; [n] each.

    Attributes:
        offspring: its number in the round, from 0; -1 where there is none.
        fitness: its fitness, the parent's where there is none.
    """

    offspring: IntArray
    fitness: IntArray


class _Loop(ABC):
    """Lockstep state of a batch: what the active runs have, and how many generations are made at once."""

    def __init__(self, search: Search, batch: Batch) -> None:
        assert isinstance(search.runner, OnePlusLambda)  # why_not_packed has looked
        self.search, self.lam, self.k = search, search.runner.lam, search.problem.k
        self.mutator, self.streams = search.mutator, batch.streams
        correct, *_ = first_solutions(search.problem, batch.runs, self.streams.start)
        self.last = last_generation(batch.limits, self.lam)
        self.active = np.arange(batch.runs)
        self.fitness = correct.sum(axis=1, dtype=np.int64)
        self.made = np.zeros(batch.runs, dtype=np.int64)
        self.hits = np.full(batch.runs, -1, dtype=np.int64)
        self.generations = np.full(batch.runs, self.last, dtype=np.int64)
        self.ahead = 1
        self._notes: list[tuple[IntArray, IntArray, IntArray]] | None = [] if batch.trace else None
        self.take(correct)

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All generations, until every run has hit or is over its budget."""
        self._note(np.arange(len(self.active)), np.zeros(len(self.active), dtype=np.int64))
        self._leave(self.made.copy())
        while len(self.active) and bool((self.made < self.last).any()):
            ahead = max(1, min(self.ahead, AT_ONCE // (len(self.active) * self.lam * self.width)))
            found = self.improvements(ahead)
            better = found.offspring >= 0
            used = np.where(better, found.offspring // self.lam + 1, ahead)
            number = self.lam * self.made + found.offspring + 1
            self.made += used
            self.fitness = found.fitness
            self._note(np.flatnonzero(better), number[better])
            self._leave(number)
            share = float(better.mean())
            self.ahead = max(1, ahead // 2) if share > MANY else 2 * ahead if share < FEW else ahead
        calls = self.lam * self.generations
        return RunCounts(self.hits, self.generations, calls, calls.copy()), self._trace()

    def _leave(self, number: IntArray) -> None:
        """Let the runs go that generated the optimum with the call `number`, int [n]; a hit past the budget is none."""
        done = self.fitness == self.k
        if done.any():
            within = done & (self.made <= self.last)
            self.hits[self.active[within]] = number[within]
            self.generations[self.active[within]] = self.made[within]
            stay = ~done
            self.active, self.fitness, self.made = self.active[stay], self.fitness[stay], self.made[stay]
            self.keep(stay)

    def _note(self, rows: IntArray, number: IntArray) -> None:
        if self._notes is not None:
            self._notes.append((self.active[rows], number, self.fitness[rows]))

    def _trace(self) -> Trace | None:
        if self._notes is None:
            return None
        run, call, fitness = (np.concatenate(column) for column in zip(*self._notes, strict=True))
        within = call <= self.lam * self.generations[run]
        run, call, fitness = run[within], call[within], fitness[within]
        begun = -(-call // self.lam)
        spent = np.stack((begun, self.lam * begun, self.lam * begun), axis=1)
        return Trace(run, call, fitness.astype(np.float64), spent=spent)

    width: int
    """Words, or single blocks, that an offspring takes."""

    @abstractmethod
    def take(self, correct: BoolArray) -> None:
        """Begin with these solutions, bool [n, k]."""

    @abstractmethod
    def keep(self, stay: BoolArray) -> None:
        """Go on with some of the runs."""

    @abstractmethod
    def improvements(self, ahead: int) -> _Found:
        """Make the offspring of so many generations of each run; accept the best of the first one that improves."""


class _Whole(_Loop):
    """All blocks in each call: solutions are words."""

    def take(self, correct: BoolArray) -> None:
        self.width, self.mask = words_for(self.k), used_bits(self.k)
        self.parents = packed(correct)

    def keep(self, stay: BoolArray) -> None:
        self.parents = self.parents[stay]

    def improvements(self, ahead: int) -> _Found:
        found = np.full(len(self.active), -1, dtype=np.int64), self.fitness.copy()
        lam_slab = min(self.lam, max(1, AT_ONCE // self.width))
        rows = max(1, AT_ONCE // (ahead * lam_slab * self.width))
        for low in range(0, len(self.active), rows):
            for first in range(0, self.lam, lam_slab):
                self._slab(slice(low, low + rows), ahead, first, min(lam_slab, self.lam - first), *found)
        return _Found(*found)

    def _slab(self, rows: slice, ahead: int, first: int, lam: int, offspring: IntArray, fitness: IntArray) -> None:
        """The offspring from `first` on of some runs; better ones than those found before are taken."""
        parents = self.parents[rows]
        if first == 0:
            self._before = parents.copy()
        shape = (len(parents), ahead * lam, self.width)
        words = np.broadcast_to(self._before[:, None], shape)
        after: Words = self.mutator.rewrite_words(words, self.streams.mutator)  # type: ignore[union-attr]  # why_not_packed
        if self.k % 64:
            after &= self.mask
        count = bits_set(after)
        better = count > fitness[rows, None]
        at = np.flatnonzero(better.any(axis=1))
        if lam == 1:
            place = np.argmax(better[at], axis=1)
        else:  # the best of the first generation with an improvement, the first of equally good ones
            generation = np.argmax(better[at], axis=1) // lam
            each = count[at].reshape(len(at), ahead, lam)[np.arange(len(at)), generation]
            place = generation * lam + np.argmax(each, axis=1)
        parents[at] = after[at, place]
        fitness[rows][at] = count[at, place]
        offspring[rows][at] = place // lam * self.lam + first + place % lam


class _Single(_Loop):
    """One block at random in each call."""

    width = 1

    def take(self, correct: BoolArray) -> None:
        self.parents = correct.copy()
        self.kind = np.dtype(np.uint16 if self.k <= 2**16 else np.int64)

    def keep(self, stay: BoolArray) -> None:
        self.parents = self.parents[stay]

    def improvements(self, ahead: int) -> _Found:
        offspring, fitness = np.full(len(self.active), -1, dtype=np.int64), self.fitness.copy()
        calls = ahead * self.lam
        cut = min(calls, AT_ONCE)
        rows = max(1, AT_ONCE // cut)
        for low in range(0, len(self.active), rows):
            some = slice(low, low + rows)
            for first in range(0, calls, cut):
                self._slab(some, first, min(cut, calls - first), offspring[some], fitness[some])
        return _Found(offspring, fitness)

    def _slab(self, rows: slice, first: int, calls: int, offspring: IntArray, fitness: IntArray) -> None:
        """Calls from `first` on of some runs: the first that repairs its block is the best of its generation."""
        parents = self.parents[rows]
        blocks = parents.reshape(-1)
        block = self.streams.schedule.integers(self.k, size=(len(parents), calls), dtype=self.kind.type)
        flat = ((np.arange(len(parents)) * self.k)[:, None] + block).reshape(-1)
        wrong = np.flatnonzero(~blocks.take(flat))
        if first:
            wrong = wrong[offspring[wrong // calls] < 0]
        answer = rewritten(self.mutator, np.zeros((len(wrong), 1), dtype=np.bool_), self.streams.mutator)
        repaired = wrong[answer.correct[:, 0]]
        run = repaired // calls
        leads = np.ones(len(run), dtype=np.bool_)
        leads[1:] = run[1:] != run[:-1]
        run, repaired = run[leads], repaired[leads]
        blocks[flat[repaired]] = True
        offspring[run] = first + repaired % calls
        fitness[run] += 1


def last_generation(limits: Any, lam: int) -> int:
    """The first generation with which a limit is reached; 2^62 without any that is.

    >>> from evo.costs.budget import Limit
    >>> last_generation([], 1) == 2**62
    True
    >>> last_generation([Limit(1.0, 0.0, 10)], 4)
    3
    """
    if not limits:
        return 2**62

    def reached(generation: int) -> bool:
        calls = np.array([min(lam * generation, 2**62)])
        return bool(any_reached(limits, calls, calls)[0])

    low, high = 0, 1
    while not reached(high):
        low, high = high, 2 * high
        if high >= 2**62:
            return 2**62
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
