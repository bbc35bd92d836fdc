"""A chunk of several blocks at random in each call."""

from __future__ import annotations

import numpy as np

from evo.engine.words.loop import InRounds
from evo.engine.words.some_blocks import CHUNKS, SomeBlocks
from evo.forms.words import uniform_numbers
from evo.protocols import BoolArray, IntArray


class ChunksAtRandom(SomeBlocks, InRounds):
    """A chunk at random in each call: a round is some generations up to the first improvement."""

    def at_once(self) -> int:
        """Words of the chunks that are taken up together: nothing is known of them but the number of correct blocks."""
        return 8 * CHUNKS

    def some(self) -> None:
        """All generations of the runs that are taken up."""
        InRounds.go(self)

    def keep(self, stay: BoolArray) -> None:
        """Go on with some of the runs."""
        self.words, self.count = self.words[stay], self.count[stay]

    def round(self) -> IntArray:
        """Some generations of all runs, up to the first improvement of each."""
        runs = len(self.active)
        ahead = min(self.ahead, self.most_ahead(runs))
        number, better = np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=np.bool_)
        for rows in self.slabs(runs, ahead):
            number[rows], better[rows] = self._some(rows, ahead)
        self.note(np.flatnonzero(better), number[better], self.fitness[better])
        self.adapt(ahead, float(better.mean()))
        return number

    def _some(self, rows: slice, ahead: int) -> tuple[IntArray, BoolArray]:
        """Some generations of some runs: the number of the call that was accepted, and whether one was; [n] each."""
        each = np.arange(len(self.active))[rows]
        chunk = uniform_numbers(self.m, len(each) * ahead * self.lam, self.streams.schedule)
        at = (each * self.m)[:, None, None] + chunk.reshape(len(each), ahead, self.lam)
        made = self.answers(at, ahead)
        better = made.gain > 0
        took = each[better]
        its = at[better, made.generation[better], made.offspring[better]]
        self.words.reshape(-1, self.width)[its] = made.words[better]
        self.count.reshape(-1)[its] += made.gain[better]
        self.fitness[took] += made.gain[better]
        number = self.calls[rows] + self.lam * made.generation + made.offspring + 1
        self.calls[rows] += self.lam * np.where(better, made.generation + 1, ahead)
        return number, better
