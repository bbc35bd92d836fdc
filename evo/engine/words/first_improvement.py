"""Rounds of some generations up to the first improvement: of whole solutions, or of chunks at random."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from evo.engine.words.loop import InRounds
from evo.engine.words.some_blocks import SomeBlocks, of_calls
from evo.protocols import BoolArray, IntArray


class FirstImprovement(SomeBlocks, InRounds):
    """A round is some generations of all runs; those after the first improvement of a run are thrown away."""

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
        at = self.chosen(each, ahead * self.lam)
        made = self.answers(at, ahead)
        better = made.gain > 0
        took, gain, call = each[better], made.gain[better], made.generation * self.lam + made.offspring
        self.enter(of_calls(at, better, call[better]), made.words[better], gain)
        self.fitness[took] += gain
        number = self.calls[rows] + call + 1
        self.calls[rows] += self.lam * np.where(better, made.generation + 1, ahead)
        return number, better

    @abstractmethod
    def chosen(self, runs: IntArray, calls: int) -> IntArray:
        """Which chunks, numbered over all runs, the next calls of some runs are on; int [n, calls], or [n, 1]."""


class Whole(FirstImprovement):
    """All blocks in each call: the solution is the only chunk."""

    def take(self, correct: BoolArray) -> None:
        """Begin with these solutions, bool [n, k]."""
        super().take(correct)
        self.hold(correct)

    def chosen(self, runs: IntArray, calls: int) -> IntArray:
        """The solutions themselves."""
        return runs[:, None]
