"""The engine `blocks` on words of 64 blocks, where a mutator rewrites words and fitness is a number of blocks.

Each call is made by the operator's own code (`rewrite_words`, or `rewrite` of single blocks), with other draws than
`evo.engine.one_parent` makes: runs of both agree in law. An offspring is counted in words, its solution is only looked
at if it is accepted; of local calls those that nothing accepted can come of are counted and not made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from evo.batch import Batch, RunCounts, Trace
from evo.costs.budget import any_reached
from evo.declarations import declared
from evo.engine.contracts import rewritten, rewritten_words
from evo.engine.optimum import first_solutions
from evo.errors import InputError
from evo.foreign import is_foreign
from evo.forms.words import bits_set, packed, uniform_numbers, used_bits, words_for
from evo.landscapes import OfCounts
from evo.laws.counts import IndependentBlocks
from evo.laws.mixtures import SparseLaw
from evo.protocols import BoolArray, IntArray, is_informed
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import UniformChunk
from evo.search import Search

AT_ONCE = 2**16
"""Words, or single blocks, made at once at the most, half a megabyte: larger arrays a process gets anew each time.

One generation of one run may be cut further.
"""
AT_LEAST = 2**12
"""Single blocks drawn at once: fewer take no less time."""
FEW, MANY = 0.25, 0.6
"""Shares of runs in which something happens in a round: more generations are made ahead below, fewer above."""


def runs_on_words(search: Search) -> bool:
    """Whether a search is run on words: it asks nothing of its parts that words do not have.

    That is OnePlusLambda with strict acceptance, chunks of all blocks or UniformChunk(g=1), the number of correct
    blocks as exact fitness, and a mutator that `rewrites_words`. Problems and schedules of others are always asked
    themselves.

    >>> from evo import AllBlocks, RoundRobin
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> runs_on_words(Search(BlockOneMax(4, l=16), Resample(0.5), AllBlocks(), OnePlusLambda()))
    True
    >>> runs_on_words(Search(BlockOneMax(4, l=16), Resample(0.5), RoundRobin(), OnePlusLambda()))
    False
    """
    problem, schedule, runner = search.problem, search.schedule, search.runner
    if type(runner) is not OnePlusLambda or runner != OnePlusLambda(runner.lam):
        return False
    if is_foreign(type(problem)) or declared(problem, "landscape") != OfCounts(range(problem.k + 1)):
        return False
    if is_foreign(type(schedule)) or search.lengths.powers:
        return False
    if search.chunks.m > 1 and not (type(schedule) is UniformChunk and schedule.g == 1):
        return False
    return rewrites_words(search.mutator)


def rewrites_words(mutator: Any) -> bool:
    """Whether a mutator and those inside it have `rewrite_words`, and are told of nothing but blocks.

    Those inside are asked for some blocks alone: they must declare a law by which blocks do not depend on each other.

    >>> from operators import FixKeep, Malformed, Sparse
    >>> rewrites_words(Sparse(FixKeep(1.0, 0.0), rate=0.1)), rewrites_words(Malformed(FixKeep(1.0, 0.0), 0.1))
    (True, False)
    """
    if declared(mutator, "rewrite_words") is None or is_informed(mutator):
        return False
    inner = getattr(mutator, "inner", None)
    return inner is None or (_is_apart(declared(inner, "law")) and rewrites_words(inner))


def _is_apart(law: object) -> bool:
    """Whether by a law of calls blocks do not depend on each other."""
    return isinstance(law, IndependentBlocks) or (isinstance(law, SparseLaw) and _is_apart(law.law))


def run_batch(search: Search, batch: Batch) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of runs of a search for which `runs_on_words`.

    Memory: k/8 bytes a run for the parents (k where single blocks are rewritten), and some buffers of half a megabyte,
    whatever lam and k are.

    Raises: InputError for other searches; OperatorError if the mutator breaks its contract.
    """
    if not runs_on_words(search) or batch.past_optimum:
        raise InputError(f"this loop runs what `runs_on_words`, got {search.text}; use evo.engine.run_batch")
    loop: _Loop = _Whole(search, batch) if search.chunks.m == 1 else _Single(search, batch)
    return loop.run()


class _Loop(ABC):
    """Lockstep state of a batch: what the active runs have, and how much is made at once."""

    def __init__(self, search: Search, batch: Batch) -> None:
        assert isinstance(search.runner, OnePlusLambda)  # runs_on_words has looked
        self.lam, self.k = search.runner.lam, search.problem.k
        self.mutator, self.streams = search.mutator, batch.streams
        correct, *_ = first_solutions(search.problem, batch.runs, self.streams.start)
        last = last_generation(batch.limits, self.lam)
        self.most = self.lam * last
        self.active = np.arange(batch.runs)
        self.fitness = correct.sum(axis=1, dtype=np.int64)
        self.calls = np.zeros(batch.runs, dtype=np.int64)
        self.hits = np.full(batch.runs, -1, dtype=np.int64)
        self.generations = np.full(batch.runs, last, dtype=np.int64)
        self.ahead = 1
        self._notes: list[tuple[IntArray, IntArray, IntArray]] | None = [] if batch.trace else None
        self.take(correct)

    def run(self) -> tuple[RunCounts, Trace | None]:
        """All generations, until every run has hit or is over its budget."""
        self._note(np.arange(len(self.active)), self.calls.copy(), self.fitness.copy())
        self._leave(self.calls.copy())
        while len(self.active) and bool((self.calls < self.most).any()):
            self._leave(self.round())
        calls = self.lam * self.generations
        return RunCounts(self.hits, self.generations, calls, calls.copy()), self._trace()

    def _leave(self, number: IntArray) -> None:
        """Let the runs go that generated the optimum with the call `number`, int [n]; a hit past the budget is none."""
        done = self.fitness == self.k
        if done.any():
            within = done & (number <= self.most)
            self.hits[self.active[within]] = number[within]
            self.generations[self.active[within]] = -(-number[within] // self.lam)
            stay = ~done
            self.active, self.fitness, self.calls = self.active[stay], self.fitness[stay], self.calls[stay]
            self.keep(stay)

    def _note(self, rows: IntArray, number: IntArray, fitness: IntArray) -> None:
        if self._notes is not None:
            self._notes.append((self.active[rows], number, fitness))

    def _trace(self) -> Trace | None:
        if self._notes is None:
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
    def keep(self, stay: BoolArray) -> None:
        """Go on with some of the runs."""

    @abstractmethod
    def round(self) -> IntArray:
        """Some calls of each run; int [n], the number of that which made its solution, if it is a new one."""


class _Whole(_Loop):
    """All blocks in each call: solutions are words, and a round is some generations up to the first improvement."""

    def take(self, correct: BoolArray) -> None:
        self.width, self.mask = words_for(self.k), used_bits(self.k)
        self.parents = packed(correct)

    def keep(self, stay: BoolArray) -> None:
        self.parents = self.parents[stay]

    def round(self) -> IntArray:
        ahead = max(1, min(self.ahead, AT_ONCE // (len(self.active) * self.lam * self.width)))
        offspring = np.full(len(self.active), -1, dtype=np.int64)
        lam_slab = min(self.lam, max(1, AT_ONCE // self.width))
        rows = max(1, AT_ONCE // (ahead * lam_slab * self.width))
        for low in range(0, len(self.active), rows):
            for first in range(0, self.lam, lam_slab):
                self._slab(slice(low, low + rows), ahead, first, min(lam_slab, self.lam - first), offspring)
        better = offspring >= 0
        number = self.calls + offspring + 1
        self.calls += self.lam * np.where(better, offspring // self.lam + 1, ahead)
        self._note(np.flatnonzero(better), number[better], self.fitness[better])
        share = float(better.mean())
        self.ahead = max(1, ahead // 2) if share > MANY else 2 * ahead if share < FEW else ahead
        return number

    def _slab(self, rows: slice, ahead: int, first: int, lam: int, offspring: IntArray) -> None:
        """The offspring from `first` on of some runs; better ones than those found before are taken."""
        parents, fitness = self.parents[rows], self.fitness[rows]
        if first == 0:
            self._before = parents.copy()
        shape = (len(parents), ahead * lam, self.width)
        words = np.broadcast_to(self._before[:, None], shape)
        after = rewritten_words(self.mutator, words, self.streams.mutator)
        if self.k % 64:
            after &= self.mask
        count = bits_set(after)
        better = count > fitness[:, None]
        at = np.flatnonzero(better.any(axis=1))
        if lam == 1 and self.lam == 1:
            place = np.argmax(better[at], axis=1)
        else:  # the best of the first generation with an improvement, the first of equally good ones
            generation = np.argmax(better[at], axis=1) // lam
            each = count[at].reshape(len(at), ahead, lam)[np.arange(len(at)), generation]
            place = generation * lam + np.argmax(each, axis=1)
        parents[at] = after[at, place]
        fitness[at] = count[at, place]
        offspring[rows][at] = place // lam * self.lam + first + place % lam


class _Single(_Loop):
    """One block at random in each call, and at most one repaired a generation.

    A repair gains 1, which is the most: the calls after it in its generation are counted and not made, as those on
    correct blocks are. So what is drawn next is the first call of the next generation, and any repair is accepted.
    """

    def take(self, correct: BoolArray) -> None:
        self.wrong, self._room = ~correct, np.empty(AT_ONCE, dtype=np.int64)
        self.ahead = AT_LEAST // max(1, len(correct))

    def keep(self, stay: BoolArray) -> None:
        self.wrong = self.wrong[stay]

    def round(self) -> IntArray:
        runs = len(self.active)
        ahead = max(1, min(self.ahead, AT_ONCE // runs))
        self.ahead = 2 * ahead
        number = np.zeros(runs, dtype=np.int64)
        for low in range(0, runs, AT_ONCE):
            self._slab(slice(low, low + AT_ONCE), ahead, number[low : low + AT_ONCE])
        return number

    def _slab(self, rows: slice, ahead: int, number: IntArray) -> None:
        """The next calls of some runs, so many of each; `number` becomes that of the last one accepted."""
        wrong, runs = self.wrong[rows].reshape(-1), len(number)
        drawn = uniform_numbers(self.k, runs * ahead, self.streams.schedule).reshape(runs, ahead)
        block = self._room[: runs * ahead]
        np.add((np.arange(runs) * self.k)[:, None], drawn, out=block.reshape(runs, ahead))
        made = np.flatnonzero(wrong.take(block))
        answer = rewritten(self.mutator, np.zeros((len(made), 1), dtype=np.bool_), self.streams.mutator)
        made = made[answer.correct[:, 0]]
        made = np.delete(made, seen_before(block[made]))  # their block is correct by then
        wrong[block[made]] = False

        run = made // ahead
        repairs = np.bincount(run, minlength=runs)
        first = np.repeat(np.cumsum(repairs) - repairs, repairs)
        call, through = self._numbered(self.calls[rows], run, made % ahead, first, ahead)
        self._note(run + rows.start, call, self.fitness[rows][run] + np.arange(len(run)) - first + 1)
        self.fitness[rows] += repairs
        self.calls[rows] = through
        number[run] = call  # of several of a run the last

    def _numbered(
        self, before: IntArray, run: IntArray, drawn: IntArray, first: IntArray, ahead: int
    ) -> tuple[IntArray, IntArray]:
        """The numbers of the accepted calls, from 1, and how many calls each run has come to.

        Args:
            before: int [n], how many calls each run had come to.
            run: of each accepted call, rising.
            drawn: its place among the calls drawn for its run.
            first: where the first accepted one of its run stands.
            ahead: calls drawn for each run.
        """
        failed = np.diff(drawn, prepend=-1) - 1  # calls of its generations before it
        own = np.flatnonzero(np.diff(first, prepend=-1))
        failed[own] = drawn[own] + before[run[own]] % self.lam
        begun = failed // self.lam + 1
        ends = np.cumsum(begun)
        ends += before[run] // self.lam - (ends - begun)[first]
        call = self.lam * (ends - begun) + failed + 1
        through = before + ahead
        through[run] = self.lam * ends + ahead - drawn - 1
        return call, through


def seen_before(values: IntArray) -> IntArray:
    """Where a value stands that stood before, in any order.

    >>> seen_before(np.array([5, 3, 5, 5])).tolist()
    [2, 3]
    """
    places = 2 ** len(values).bit_length()
    ordered = np.sort(values * places + np.arange(len(values)))
    same = ordered[1:] // places == ordered[:-1] // places
    return np.asarray(ordered[1:][same] % places)


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
