"""One block in each call, in an order that the schedule gives: all calls are on the block whose turn it is."""

from __future__ import annotations

import numpy as np

from evo.batch import Trace
from evo.engine.contracts import rewritten
from evo.engine.words.loop import AT_LEAST, AT_ONCE, InRounds, firsts
from evo.engine.words.one_block import OneBlock
from evo.protocols import BoolArray, IntArray
from evo.schedules import UntilResolved

ENOUGH = 2**15
"""Calls in order drawn at once: what is drawn beyond the last block is thrown away."""


class InOrder(OneBlock):
    """Stays at a block until a call changes it: `OnlyIncorrect` at wrong ones, `UntilResolved` at correct ones, too.

    A wrong block is repaired then, a correct one stays as it is, for the damaged offspring is rejected. So one pass
    over the blocks is enough. The calls of a round are on blocks of one kind, wrong or correct, until it ends.
    """

    def take(self, correct: BoolArray) -> None:
        """Begin with these solutions, bool [n, k]."""
        self.ahead = AT_LEAST // max(1, len(correct))
        self.wrong = ~correct if type(self.schedule) is UntilResolved and correct.any() else None
        self.place = np.zeros(len(correct), dtype=np.int64)

    def keep(self, stay: BoolArray) -> None:
        """Go on with some of the runs."""
        self.place = self.place[stay]
        if self.wrong is not None:
            self.wrong = self.wrong[stay]

    def round(self) -> IntArray:
        """The next calls of all runs."""
        enough = ENOUGH if self.wrong is None else AT_LEAST  # what is drawn beyond blocks of a kind is thrown away, too
        self.ahead = min(self.ahead, enough // len(self.active))
        return super().round()

    def slab(self, rows: slice, ahead: int, number: IntArray) -> None:
        """The next calls of some runs on the block whose turn it is and those of its kind that follow."""
        wrong, blocks = self._next_blocks(rows, ahead)
        before = np.zeros(len(wrong) * ahead, np.bool_) if self.wrong is None else ~np.repeat(wrong, ahead)
        before.flags.writeable = False  # an operator that writes into them is found out
        answer = rewritten(self.mutator, before[:, None], self.streams.mutator)
        changed = np.flatnonzero(answer.correct[:, 0] != before)
        run = changed // ahead
        changes = np.bincount(run, minlength=len(number))
        through = changes >= blocks
        if through.any():  # what was drawn beyond these blocks is left out
            nth = np.arange(len(run)) - firsts(changes)
            its = nth < blocks[run]
            run, changed = run[its], changed[its]
        self.enter(rows, run, changed - run * ahead, ahead, number, wrong)
        self.calls[rows][through] = -(-number[through] // self.lam) * self.lam
        self.place[rows] += np.minimum(changes, blocks)

    def _next_blocks(self, rows: slice, ahead: int) -> tuple[BoolArray, IntArray]:
        """Whether the block of each run is wrong, and how many of that kind come now (or as many as calls)."""
        left = self.k - self.fitness[rows]
        if self.wrong is None:
            return np.ones(len(left), dtype=np.bool_), left
        runs = np.arange(len(left))[:, None]
        place = np.minimum(self.place[rows, None] + np.arange(ahead), self.k - 1)
        wrong = self.wrong[rows][runs, place]
        now = wrong[:, 0]
        other = wrong != now[:, None]
        blocks = np.where(other.any(axis=1), other.argmax(axis=1), ahead)
        return now, np.where(now, np.minimum(blocks, left), blocks)


class RoundByRound(InRounds):
    """`RoundRobin`: a round after the other over all blocks; calls on correct blocks are counted and not made.

    A wrong block has its own calls, whatever becomes of the others, and is correct from the first that repairs it on.
    So the next calls of all wrong blocks are made at once, and their numbers follow from place and round.
    """

    def take(self, correct: BoolArray) -> None:
        """Begin with these solutions, bool [n, k]."""
        self.wrong = ~correct
        self.latest = np.zeros(len(correct), dtype=np.int64)
        self.made, self.ahead = 0, 1

    def keep(self, stay: BoolArray) -> None:
        """Go on with some of the runs."""
        self.wrong, self.latest = self.wrong[stay], self.latest[stay]

    def round(self) -> IntArray:
        """The next calls of all runs."""
        left = self.k - self.fitness
        wrong = int(left.sum())
        ahead = self.ahead = max(1, min(max(2 * self.ahead, AT_LEAST // wrong), AT_ONCE // wrong))
        rows = max(1, AT_ONCE // int(left.max()))
        for low in range(0, len(left), rows):
            self._slab(slice(low, low + rows), ahead)
        self.made += ahead
        self.calls[:] = self.made // self.lam * self.lam * self.k
        return self.latest.copy()

    def _slab(self, rows: slice, ahead: int) -> None:
        """The next calls on each wrong block of some runs."""
        wrong = self.wrong[rows].reshape(-1)
        block = np.flatnonzero(wrong)
        answer = rewritten(self.mutator, np.zeros((len(block) * ahead, 1), dtype=np.bool_), self.streams.mutator)
        repaired = np.flatnonzero(answer.correct[:, 0])
        first = np.diff(repaired // ahead, prepend=-1) > 0
        repaired = repaired[first]
        block, made = block[repaired // ahead], self.made + repaired % ahead
        wrong[block] = False

        run = block // self.k
        call = self.lam * (made // self.lam * self.k + block % self.k) + made % self.lam + 1
        repairs = np.bincount(run, minlength=len(self.fitness[rows]))
        nth = np.arange(len(run)) - firsts(repairs)
        self.note(run + rows.start, call, self.fitness[rows][run] + nth + 1)
        self.fitness[rows] += repairs
        np.maximum.at(self.latest[rows], run, call)

    def trace(self) -> Trace | None:
        """As noted, but by the order of calls: a repair of a later round may have been found before."""
        if self.traced:
            run, call, fitness = (np.concatenate(column) for column in zip(*self._notes, strict=True))
            by_call, by_fitness = np.lexsort((call, run)), np.lexsort((fitness, run))
            self._notes = [(run[by_call], call[by_call], fitness[by_fitness])]
        return super().trace()
