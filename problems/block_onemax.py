"""The block-structured ONEMAX of the paper's Section 3.3: fitness is the number of correct blocks."""

from __future__ import annotations

from dataclasses import dataclass

from evo.chunks import count_correct
from evo.landscapes import OfCounts
from evo.protocols import BoolArray, IntArray
from problems.starts import Starts


@dataclass(frozen=True)
class BlockOneMax(Starts):
    """A solution of k blocks of l tokens; fitness f(x) = number of correct blocks, optimum k (Section 3.3).

    Attributes:
        k: blocks.
        l: tokens in a block.
        start: probability that a block is correct at first, independently (0: all incorrect).
        incorrect: exact number of initially incorrect blocks, at uniformly random positions; replaces `start`.

    >>> import numpy as np
    >>> BlockOneMax(k=4, l=16).fitness(np.array([True, False, True, False])).tolist()
    2
    """

    k: int
    l: int
    start: float = 0.0
    incorrect: int | None = None

    @property
    def landscape(self) -> OfCounts:
        """The number of correct blocks."""
        return OfCounts(range(self.k + 1))

    def fitness(self, correct: BoolArray) -> IntArray:
        """Number of correct blocks; bool [..., k] -> int [...]."""
        return count_correct(correct)

    def change(self, before: BoolArray, after: BoolArray) -> IntArray:
        """Change of fitness when a chunk `before` becomes `after`; bool [..., g] -> int [...]."""
        return count_correct(after) - count_correct(before)
