"""The block-structured ONEMAX of the paper's Section 3.3: fitness is the number of correct blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.counting import count_correct
from evo.errors import InputError
from evo.parameters import probability, whole
from evo.protocols import BoolArray, IntArray


@dataclass(frozen=True)
class BlockOneMax:
    """A solution of k blocks of l tokens; fitness f(x) = number of correct blocks, optimum k (Section 3.3).

    Attributes:
        k: blocks.
        l: tokens in a block.
        start: probability that a block is correct at first, independently (0: all incorrect).
        incorrect: exactly so many incorrect blocks at uniformly random positions at first, instead of `start`.

    >>> BlockOneMax(k=4, l=16).fitness(np.array([True, False, True, False])).tolist()
    2
    """

    k: int
    l: int
    start: float = 0.0
    incorrect: int | None = None

    def __post_init__(self) -> None:
        whole(self, "k", least=1)
        whole(self, "l", least=1)
        probability(self, "start")
        if self.incorrect is not None:
            whole(self, "incorrect", least=0, most=self.k)
            if self.start != 0.0:
                raise InputError(
                    f"BlockOneMax: expected start or incorrect, got both (start={self.start}, "
                    f"incorrect={self.incorrect}); leave one out"
                )

    def initial(self, runs: int, rng: Generator) -> BoolArray:
        """Initial solutions, bool [runs, k]."""
        if self.incorrect is None:
            return rng.random((runs, self.k)) < self.start
        correct = np.arange(self.k) >= self.incorrect
        return rng.permuted(np.broadcast_to(correct, (runs, self.k)), axis=1)

    def fitness(self, correct: BoolArray) -> IntArray:
        """Number of correct blocks; bool [..., k] -> int [...]."""
        return count_correct(correct)

    def change(self, before: BoolArray, after: BoolArray) -> IntArray:
        """Change of fitness when a chunk `before` becomes `after`; bool [..., g] -> int [...]."""
        return count_correct(after) - count_correct(before)
