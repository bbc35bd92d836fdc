"""LeadingBlocks: a block counts only if all blocks before it are correct."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.landscapes import Leading
from evo.protocols import BoolArray, IntArray
from problems.starts import Starts


@dataclass(frozen=True)
class LeadingBlocks(Starts):
    """Fitness f(x) = number of correct blocks before the first incorrect one, optimum k (theory 10c).

    Only a call that repairs the first incorrect block is accepted, so that all calls on others are lost: from all
    incorrect, with fix = a, E = k^2/a under UniformChunk and k^2 (1-a)/a + k under RoundRobin, against (k/a) H_k and
    about k ln k / ln(1/(1-a)) for BlockOneMax.

    Attributes:
        k: blocks.
        l: tokens in a block.
        start: probability that a block is correct at first, independently (0: all incorrect).
        incorrect: exact number of initially incorrect blocks, at uniformly random positions; replaces `start`.

    >>> LeadingBlocks(k=4, l=16).fitness(np.array([[True, True, False, True], [True, True, True, True]])).tolist()
    [2, 4]
    """

    k: int
    l: int
    start: float = 0.0
    incorrect: int | None = None

    @property
    def landscape(self) -> Leading:
        """The prefix of correct blocks."""
        return Leading()

    def fitness(self, correct: BoolArray) -> IntArray:
        """Number of correct blocks before the first incorrect one; bool [..., k] -> int [...]."""
        first = np.argmin(correct, axis=-1)  # 0 also where none is incorrect
        return np.asarray(np.where(correct.all(axis=-1), self.k, first))
