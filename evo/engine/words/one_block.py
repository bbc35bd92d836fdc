"""One block in each call: of every run a stream of calls, of which those are made that something may come of."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from evo.engine.words.loop import AT_ONCE, InRounds, firsts
from evo.protocols import BoolArray, IntArray


class OneBlock(InRounds):
    """At most one block is repaired a generation, and any repair is accepted.

    A repair gains 1, which is the most: the calls after it in its generation are counted and not made. So what is drawn
    next is the first call of the next generation.

    Attributes:
        ahead: calls of each run drawn at once in the next round.
    """

    ahead: int

    def round(self) -> IntArray:
        """The next calls of all runs."""
        runs = len(self.active)
        ahead = max(1, min(self.ahead, AT_ONCE // runs))
        self.ahead = 2 * ahead
        number = np.zeros(runs, dtype=np.int64)
        for low in range(0, runs, AT_ONCE):
            self.slab(slice(low, low + AT_ONCE), ahead, number[low : low + AT_ONCE])
        return number

    @abstractmethod
    def slab(self, rows: slice, ahead: int, number: IntArray) -> None:
        """The next calls of some runs, so many of each; `number` becomes that of the last one accepted."""

    def enter(
        self, rows: slice, run: IntArray, drawn: IntArray, ahead: int, number: IntArray, wrong: BoolArray | None = None
    ) -> None:
        """Enter the calls of some runs that end a generation, in order.

        Args:
            rows: the runs.
            run: of each such call, from 0.
            drawn: its place among the calls drawn for its run.
            ahead: calls drawn for each run.
            number: int [n], becomes that of the last such call of each run.
            wrong: bool [n], in which runs the calls are repairs; None: in all.
        """
        ends = np.bincount(run, minlength=len(number))
        first = firsts(ends)
        call, through = call_numbers(self.calls[rows], run, drawn, first, ahead, self.lam)
        if self.traced:
            fitness = self.fitness[rows][run] + np.arange(len(run)) - first + 1
            its = slice(None) if wrong is None else wrong[run]
            self.note(run[its] + rows.start, call[its], fitness[its])
        self.fitness[rows] += ends if wrong is None else ends * wrong
        self.calls[rows] = through
        number[run] = call  # of several of a run the last


def call_numbers(
    before: IntArray, run: IntArray, drawn: IntArray, first: IntArray, ahead: int, lam: int
) -> tuple[IntArray, IntArray]:
    """The numbers of the accepted calls, from 1, and how many calls each run has come to.

    A generation ends with its first accepted call: the calls after it in its generation are counted and not drawn.

    Args:
        before: int [n], how many calls each run had come to.
        run: of each accepted call, rising.
        drawn: its place among the calls drawn for its run.
        first: where the first accepted one of its run stands.
        ahead: calls drawn for each run.
        lam: calls a generation.
    """
    if lam == 1:
        return before[run] + drawn + 1, before + ahead
    failed = np.diff(drawn, prepend=-1) - 1  # calls of its generations before it
    own = np.flatnonzero(np.diff(first, prepend=-1))
    failed[own] = drawn[own] + before[run[own]] % lam
    begun = failed // lam + 1
    ends = np.cumsum(begun)
    ends += before[run] // lam - (ends - begun)[first]
    call = lam * (ends - begun) + failed + 1
    through = before + ahead
    through[run] = lam * ends + ahead - drawn - 1
    return call, through
