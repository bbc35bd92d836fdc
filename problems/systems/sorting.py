"""Sorting n documents of d tokens by an LLM: two a call, by merge sort or knock-out, or all in one call (theory 18a).

An exercise of the paper's Section 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from evo.parameters import positive, probability, whole
from evo.programs import Calls, Desk, Expected, Model, Role, certain, expected_ledger
from evo.protocols import BoolArray, IntArray
from evo.theory.calls.voting import mean_votes
from evo.theory.systems.sorting import MOST_DOCUMENTS as MOST_COMPARED
from evo.theory.systems.sorting import (
    best_right,
    comparisons,
    mean_comparisons_between,
    rounds,
    sorted_right,
    vote_error,
)
from evo.theory.times.derived import Scaled

MOST_DOCUMENTS = 2**14


@dataclass(frozen=True)
class Compared:
    """What merge sort and knock-out share: a comparator that reads two documents and writes one token, G(h + 2d, 1).

    It errs w.p. e, each time anew. A comparison is a vote of its answers, first to ahead by K (theory 9a).

    Attributes:
        n: documents, in a random order at first.
        d: tokens of a document.
        h: tokens of instructions.
        e: probability that an answer is wrong.
        ahead: the lead K that decides; 1 for a single answer.
        copied: probability that all votes of a comparison are copies of the first: errors that go together (5.1).
        m: size of the comparator.
    """

    n: int
    d: int
    h: int = 0
    e: float = 0.0
    ahead: int = 1
    copied: float = 0.0
    m: float = 1.0

    def __post_init__(self) -> None:
        whole(self, "n", least=1, most=MOST_DOCUMENTS)
        whole(self, "d", least=1)
        whole(self, "h", least=0)
        probability(self, "e", "copied")
        whole(self, "ahead", least=1)
        positive(self, "m")

    @property
    def roles(self) -> tuple[Role, ...]:
        """One comparator."""
        return (Role("comparator", Model(size=self.m)),)

    @property
    def error(self) -> float:
        """P(a comparison is wrong), after the vote."""
        return self.copied * self.e + (1.0 - self.copied) * vote_error(self.e, self.ahead)

    @property
    def votes(self) -> float:
        """Expected calls of a comparison (theory 9b)."""
        return self.copied * self.ahead + (1.0 - self.copied) * mean_votes(self.e, self.ahead)

    @property
    def sure_votes(self) -> bool:
        """Whether each comparison takes exactly K calls."""
        return self.ahead == 1 or self.e in (0.0, 1.0) or self.copied == 1.0

    def shuffled(self, runs: int, rng: Generator) -> IntArray:
        """The places where documents belong, in a random order; [runs, n]."""
        return rng.permuted(np.tile(np.arange(self.n), (runs, 1)), axis=1)

    def compare(self, before: BoolArray, where: BoolArray, rng: Generator) -> tuple[BoolArray, IntArray]:
        """The comparator's verdicts, and the calls that each took.

        Args:
            before: bool [runs], whether the first document belongs before the second.
            where: bool [runs], which runs compare.
            rng: where errors are drawn from.
        """
        weight = np.where(rng.random(len(before)) < self.copied, self.ahead, 1)
        lead, calls, waiting = np.zeros_like(weight), np.zeros_like(weight), np.flatnonzero(where)
        while len(waiting):
            right = rng.random(len(waiting)) >= self.e
            lead[waiting] += np.where(right, 1, -1) * weight[waiting]
            calls[waiting] += weight[waiting]
            waiting = waiting[np.abs(lead[waiting]) < self.ahead]
        return before == (lead > 0), calls

    def pay(self, desk: Desk, calls: IntArray, steps: IntArray) -> None:
        """Count calls of which `steps` come one after the other."""
        with desk.together(steps):
            desk.call("comparator", prompt=self.h + 2 * self.d, writes=1, times=calls)

    def ledger_of(self, times: float, done: float, source: str, sure: bool, depth: float | None = None) -> Expected:
        """What is expected if `times` comparisons are, `depth` of them one after the other; None: not known."""
        calls = Calls("comparator", self.h + 2 * self.d, 1, times * (self.ahead if self.sure_votes else self.votes))
        exact = sure and (self.sure_votes or times == 0)
        law = certain(round(calls.times)) if exact else None
        return Expected(expected_ledger(self.roles, [calls]), exact, done, law, source, waits=self._waits(calls, depth))

    def _waits(self, calls: Calls, depth: float | None) -> list[Calls] | None:
        """Answers one after the other; None where sums of random votes are made side by side."""
        if depth is None or not (self.sure_votes or self.n <= 3):  # two documents are compared at a time
            return None
        if self.n <= 3:
            return [calls]
        return [replace(calls, times=depth * self.ahead, at_once=None)]  # chains of comparisons side by side


@dataclass(frozen=True)
class MergeSort(Compared):
    """Sorts n documents by merging halves n//2 and n - n//2, which are sorted at the same time (theory 18a).

    The order is right if no comparison errs, P = E[(1-e)^C]; the number C of comparisons is n lg n - 1.25 n or so.

    >>> expected = MergeSort(n=8, d=100, e=0.0).expected()
    >>> round(expected.calls.mean, 9), round(float(expected.ledger[0, 4]), 6)  # 236/15 calls of G(200, 1) = 200
    (15.733333333, 3146.666667)
    """

    @property
    def done(self) -> float:
        """P(the order is right), which is exact even where the law of the comparisons is not known."""
        return sorted_right(self.n, self.error)

    @property
    def calls_between(self) -> tuple[float, float] | None:
        """Bounds of the mean number of calls: of comparisons, times the votes of each, by Wald (theory 18a)."""
        if self.n > MOST_COMPARED:
            return None
        low, high = mean_comparisons_between(self.n, self.error)
        return low * self.votes, high * self.votes

    def execute(self, desk: Desk, rng: Generator) -> BoolArray:
        """Sort, comparison by comparison; right if every document is in its place."""
        order, calls, steps = self._sorted(self.shuffled(desk.runs, rng), rng)
        self.pay(desk, calls, steps)
        return np.asarray((order == np.arange(self.n)).all(axis=1))

    def expected(self) -> Expected:
        """The law of the comparisons, times that of votes.

        Raises: NoPrediction where the comparator errs and n is above 10 (but for e = 1/2).
        """
        law = comparisons(self.n, self.error)
        sure = law.variance == 0.0
        done = self.done
        times, depth = round(law.mean) if sure else law.mean, self._depth(law.mean)
        found = self.ledger_of(times, done, "theory 18a, 9a, 9b", sure, depth)
        return found if sure or not self.sure_votes else replace(found, calls=Scaled(law, self.ahead))

    def _depth(self, comparisons: float) -> float | None:
        """Expected comparisons one after the other; None where halves are sorted side by side, with errors."""
        if self.n <= 3:
            return comparisons
        return rounds(self.n, self.error).mean if self.error in (0.0, 0.5, 1.0) else None

    def _sorted(self, documents: IntArray, rng: Generator) -> tuple[IntArray, IntArray, IntArray]:
        """The order [runs, n], all calls, and how many of them come one after the other."""
        runs, n = documents.shape
        if n == 1:
            return documents, np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=np.int64)
        one, calls, steps = self._sorted(documents[:, : n // 2], rng)
        two, more, beside = self._sorted(documents[:, n // 2 :], rng)
        order, taken = self._merged(one, two, rng)
        return order, calls + more + taken, np.maximum(steps, beside) + taken

    def _merged(self, one: IntArray, two: IntArray, rng: Generator) -> tuple[IntArray, IntArray]:
        """Two sorted runs, merged; and the calls that it took."""
        (runs, a), b = one.shape, two.shape[1]
        order, calls, i, run = np.empty((runs, a + b), dtype=np.int64), *np.zeros((2, runs), np.int64), np.arange(runs)
        for place in range(a + b):
            j = place - i
            first, second = one[run, np.minimum(i, a - 1)], two[run, np.minimum(j, b - 1)]
            chosen, taken = self.compare(first < second, (i < a) & (j < b), rng)
            from_one = np.where((i < a) & (j < b), chosen, i < a)
            order[:, place] = np.where(from_one, first, second)
            calls, i = calls + taken, i + from_one
        return order, calls


@dataclass(frozen=True)
class KnockOut(Compared):
    """Finds the best of n documents, not their order: the winners of two halves are compared (theory 18a).

    n - 1 comparisons; right w.p. (1-e)^depth of the best, which is ceil(lg n) or floor(lg n).

    >>> KnockOut(n=8, d=100, e=0.1).expected().ledger[0, :2].tolist(), round(KnockOut(8, 100, e=0.1).expected().done, 3)
    ([7, 0], 0.729)
    """

    def execute(self, desk: Desk, rng: Generator) -> BoolArray:
        """Compare winners; right if the best is left."""
        winner, calls, steps = self._winner(self.shuffled(desk.runs, rng), rng)
        self.pay(desk, calls, steps)
        return np.asarray(winner == 0)

    def expected(self) -> Expected:
        """Of n - 1 comparisons, each a vote."""
        right, depth = best_right(self.n, self.error), (self.n - 1).bit_length()  # ceil(lg n)
        return self.ledger_of(self.n - 1, right, "theory 18a, 9a, 9b", True, depth)

    def _winner(self, documents: IntArray, rng: Generator) -> tuple[IntArray, IntArray, IntArray]:
        runs, n = documents.shape
        if n == 1:
            return documents[:, 0], np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=np.int64)
        one, calls, steps = self._winner(documents[:, : n // 2], rng)
        two, more, beside = self._winner(documents[:, n // 2 :], rng)
        first, taken = self.compare(one < two, np.ones(runs, dtype=np.bool_), rng)
        return np.where(first, one, two), calls + more + taken, np.maximum(steps, beside) + taken


@dataclass(frozen=True)
class OneCallSort:
    """One call reads all n documents and writes their order, G(h + n d, n w): Theta(n^2 d w) (theory 18a).

    Attributes:
        n, d: documents, and tokens of each.
        h: tokens of instructions.
        w: tokens that name a document.
        p: probability that a document is put in its place, each by itself; the order is right w.p. p^n.
        m: size of the model.

    >>> int(OneCallSort(n=8, d=100).expected().ledger[0, 4])  # 8 passes over 800, 801, ..
    6428
    """

    n: int
    d: int
    h: int = 0
    w: int = 1
    p: float = 1.0
    m: float = 1.0

    def __post_init__(self) -> None:
        whole(self, "n", least=1, most=MOST_DOCUMENTS)
        whole(self, "d", least=1)
        whole(self, "h", least=0)
        whole(self, "w", least=1)
        probability(self, "p")
        positive(self, "m")

    @property
    def roles(self) -> tuple[Role, ...]:
        """One sorter."""
        return (Role("sorter", Model(size=self.m)),)

    def execute(self, desk: Desk, rng: Generator) -> BoolArray:
        """One call."""
        desk.call("sorter", prompt=self.h + self.n * self.d, writes=self.n * self.w)
        return np.asarray((rng.random((desk.runs, self.n)) < self.p).all(axis=1))

    def expected(self) -> Expected:
        """The same in every run."""
        call = Calls("sorter", self.h + self.n * self.d, self.n * self.w)
        done = self.p**self.n
        return Expected(expected_ledger(self.roles, [call]), True, done, certain(1), "theory 12a, 18a", waits=[call])
