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
        runs = np.arange(len(self.active))
        ahead = min(self.ahead, self.most_ahead(len(runs)))
        number, made = np.zeros(len(runs), dtype=np.int64), np.full(len(runs), ahead)
        for rows in self.slabs(len(runs), ahead):
            self._some(runs[rows], ahead, number, made)
        self.calls += self.lam * made
        better = np.flatnonzero(number)
        self.note(better, number[better], self.fitness[better])
        self.adapt(ahead, len(better) / len(runs))
        return number

    def _some(self, runs: IntArray, ahead: int, number: IntArray, made: IntArray) -> None:
        """Some generations of some runs; enters the `number` of each call accepted and the generations it took."""
        at = self.chosen(runs, ahead * self.lam)
        found = self.answers(at, ahead)
        took, call = runs[found.which], found.generation * self.lam + found.offspring
        self.enter(of_calls(at, found.which, call), found.words, found.gain)
        self.fitness[took] += found.gain
        number[took] = self.calls[took] + call + 1
        made[took] = found.generation + 1

    @abstractmethod
    def chosen(self, runs: IntArray, calls: int) -> IntArray:
        """Which chunks, numbered over all runs, the next calls of some runs are on; int [n, calls], or [n, 1]."""
