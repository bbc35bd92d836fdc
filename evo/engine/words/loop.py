"""What all loops on words and on single blocks share: the runs that are active, what they took, and their traces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from evo.batch import Batch, RunCounts, Trace
from evo.costs.budget import any_reached
from evo.engine.optimum import first_solutions
from evo.protocols import BoolArray, IntArray
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.search import Search

AT_ONCE = 2**16
"""Words, or single blocks, made at once at the most, half a megabyte: larger arrays a process gets anew each time.

One generation of one run may be cut further.
"""
AT_LEAST = 2**12
"""Single blocks drawn at once: fewer take no less time."""
FEW, MANY = 0.25, 0.6
"""Shares of runs in which something happens in a round: more generations are made ahead below, fewer above."""


class Loop(ABC):
    """Lockstep state of a batch: what the active runs have, and how much is made at once."""

    def __init__(self, search: Search, batch: Batch) -> None:
        assert isinstance(search.runner, OnePlusLambda)  # runs_on_words has looked
        self.lam, self.k = search.runner.lam, search.problem.k
        self.mutator, self.schedule, self.streams = search.mutator, search.schedule, batch.streams
        correct, *_ = first_solutions(search.problem, batch.runs, self.streams.start)
        last = last_generation(batch.limits, self.lam)
        self.most = self.lam * last
        self.active = np.arange(batch.runs)
        self.fitness = correct.sum(axis=1, dtype=np.int64)
        self.calls = np.zeros(batch.runs, dtype=np.int64)
        self.hits = np.full(batch.runs, -1, dtype=np.int64)
        self.generations = np.full(batch.runs, last, dtype=np.int64)
        self.ahead = 1
        self.traced = batch.trace
        self._notes: list[tuple[IntArray, IntArray, IntArray]] = []
        self.take(correct)

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All generations, until every run has hit or is over its budget."""
        self.note(np.arange(len(self.active)), self.calls.copy(), self.fitness.copy())
        self.go()
        calls = self.lam * self.generations
        return RunCounts(self.hits, self.generations, calls, calls.copy()), self.trace()

    def hit(self, done: BoolArray, number: IntArray) -> None:
        """Record which active runs generated the optimum, and with which call; a hit past the budget is none."""
        within = done & (number <= self.most)
        self.hits[self.active[within]] = number[within]
        self.generations[self.active[within]] = -(-number[within] // self.lam)

    def note(self, rows: IntArray, number: IntArray, fitness: IntArray) -> None:
        """Note solutions: of which active runs, the calls that made them, and their fitness."""
        if self.traced:
            self._notes.append((self.active[rows], number, fitness))

    def trace(self) -> Trace | None:
        """What was noted within the budget; None if the batch asks for no trace."""
        if not self.traced:
            return None
        run, call, fitness = (np.concatenate(column) for column in zip(*self._notes, strict=True))
        within = call <= self.lam * self.generations[run]
        run, call, fitness = run[within], call[within], fitness[within]
        begun = -(-call // self.lam)
        spent = np.stack((begun, self.lam * begun, self.lam * begun), axis=1)
        return Trace(run, call, fitness.astype(np.float64), spent=spent)

    @abstractmethod
    def take(self, correct: BoolArray) -> None:
        """Begin with these solutions, bool [n, k]."""

    @abstractmethod
    def go(self) -> None:
        """All generations of the active runs."""


class InRounds(Loop):
    """All active runs make some calls, then the next ones, until every run has hit or is over its budget."""

    def go(self) -> None:
        """All generations of the active runs."""
        self._leave(self.calls.copy())
        while len(self.active) and bool((self.calls < self.most).any()):
            self._leave(self.round())

    def _leave(self, number: IntArray) -> None:
        """Let the runs go that generated the optimum with the call `number`, int [n]."""
        done = self.fitness == self.k
        if done.any():
            self.hit(done, number)
            stay = ~done
            self.active, self.fitness, self.calls = self.active[stay], self.fitness[stay], self.calls[stay]
            self.keep(stay)

    @abstractmethod
    def keep(self, stay: BoolArray) -> None:
        """Go on with some of the runs."""

    @abstractmethod
    def round(self) -> IntArray:
        """Some calls of each run; int [n], the number of that which made its solution, if it is a new one."""


def firsts(counts: IntArray) -> IntArray:
    """Where the first entry of its run stands, of each entry, in order of runs that have so many; int [sum].

    >>> firsts(np.array([2, 0, 3])).tolist()
    [0, 0, 2, 2, 2]
    """
    return np.repeat(np.cumsum(counts) - counts, counts)


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
