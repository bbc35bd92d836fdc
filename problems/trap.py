"""Trap: the fitness leads away from the optimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.chunks import count_correct
from evo.landscapes import OfCounts
from evo.protocols import BoolArray, IntArray
from problems.starts import Starts


@dataclass(frozen=True)
class Trap(Starts):
    """Fitness f(x) = k+1 if all blocks are correct, else the number of incorrect blocks (theory 10).

    Selection prefers incorrect blocks: calls on g < k blocks reach the optimum only from few incorrect blocks in one
    chunk; AllBlocks needs p^-k calls, as for every fitness with this optimum (theory 1a).

    Attributes:
        k: blocks.
        l: tokens in a block.
        start: probability that a block is correct at first, independently (0: all incorrect).
        incorrect: exact number of initially incorrect blocks, at uniformly random positions; replaces `start`.

    >>> problem = Trap(k=3, l=16)
    >>> [problem.fitness(np.arange(3) < c).tolist() for c in range(4)]
    [3, 2, 1, 4]
    """

    k: int
    l: int
    start: float = 0.0
    incorrect: int | None = None

    @property
    def landscape(self) -> OfCounts:
        """A function of the number of correct blocks."""
        return OfCounts((*range(self.k, 0, -1), self.k + 1))

    def fitness(self, correct: BoolArray) -> IntArray:
        """Number of incorrect blocks, or k+1 at the optimum; bool [..., k] -> int [...]."""
        c = count_correct(correct)
        return np.where(c == self.k, self.k + 1, self.k - c)
