"""Jump: a valley before the optimum that only m simultaneous corrections cross."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.chunks import count_correct
from evo.landscapes import OfCounts
from evo.parameters import whole
from evo.protocols import BoolArray, IntArray
from problems.starts import Starts


@dataclass(frozen=True)
class Jump(Starts):
    """Fitness f = m + c if c <= k-m or c = k, else k - c, where c is the number of correct blocks (theory 10).

    From c = k-m the m incorrect blocks must be repaired by one call. For m >= 2 chunks of g < m never do, and fixed
    chunks of g < k only if these blocks happen to lie in one chunk (OnlyIncorrect may see to that); UniformSubset does
    for g >= m, in C(k,g)/(C(k-m,g-m) p^g) calls, AllBlocks in p^-k. m = 1 is the number of correct blocks plus 1.

    Attributes:
        k: blocks.
        l: tokens in a block.
        m: width of the valley, 1 <= m <= k.
        start: probability that a block is correct at first, independently (0: all incorrect).
        incorrect: exact number of initially incorrect blocks, at uniformly random positions; replaces `start`.

    >>> problem = Jump(k=4, l=16, m=2)
    >>> [problem.fitness(np.arange(4) < c).tolist() for c in range(5)]
    [2, 3, 4, 1, 6]
    """

    k: int
    l: int
    m: int
    start: float = 0.0
    incorrect: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self, "m", least=1, most=self.k)

    @property
    def landscape(self) -> OfCounts:
        """A function of the number of correct blocks."""
        return OfCounts((*range(self.m, self.k + 1), *range(self.m - 1, 0, -1), self.m + self.k))

    def fitness(self, correct: BoolArray) -> IntArray:
        """Jump of the number of correct blocks; bool [..., k] -> int [...]."""
        c = count_correct(correct)
        return np.where((c <= self.k - self.m) | (c == self.k), self.m + c, self.k - c)
