"""Needle: constant fitness except at the optimum, like one test of a whole program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.chunks import count_correct
from evo.landscapes import OfCounts
from evo.protocols import BoolArray, IntArray
from problems.starts import Starts


@dataclass(frozen=True)
class Needle(Starts):
    """Fitness f(x) = 1 if all blocks are correct, else 0 (theory 10a, 10b).

    Under strict acceptance calls on one block never get there from two incorrect ones. Under weak acceptance all
    offspring are taken: RoundRobin needs a run of k successes, (p^-k - 1)/(1-p) calls from all incorrect, twice the
    p^-k of AllBlocks at p = 1/2.

    Attributes:
        k: blocks.
        l: tokens in a block.
        start: probability that a block is correct at first, independently (0: all incorrect).
        incorrect: exact number of initially incorrect blocks, at uniformly random positions; replaces `start`.

    >>> Needle(k=2, l=16).fitness(np.array([[True, False], [True, True]])).tolist()
    [0, 1]
    """

    k: int
    l: int
    start: float = 0.0
    incorrect: int | None = None

    @property
    def landscape(self) -> OfCounts:
        """A function of the number of correct blocks."""
        return OfCounts((0,) * self.k + (1,))

    def fitness(self, correct: BoolArray) -> IntArray:
        """1 where all blocks are correct; bool [..., k] -> int [...]."""
        return np.asarray((count_correct(correct) == self.k).astype(np.int64))
