"""Blocks of unequal length: the same search as on BlockOneMax at another cost."""

from __future__ import annotations

from dataclasses import dataclass

from evo.chunks import count_correct
from evo.landscapes import OfCounts
from evo.protocols import BoolArray, IntArray
from problems.block_values import whole_numbers
from problems.starts import Starts, check_start


@dataclass(frozen=True)
class UnequalBlocks(Starts):
    """BlockOneMax whose blocks have l_1, .., l_k tokens, n = l_1 + .. + l_k: fitness is the number of correct blocks.

    Runs follow the laws of BlockOneMax, only their cost differs. A call on chunk S writes T = sum of l_j over S tokens,
    after a prompt of head + T (or head + n), in c T + T(T-1)/2 pass tokens (theory 12a): convex in T, so that blocks of
    equal length are the cheapest for a given n where each is called as often.

    Attributes:
        lengths: l_1, .., l_k, tokens of each block.
        start: probability that a block is correct at first, independently (0: all incorrect).
        incorrect: exact number of initially incorrect blocks, at uniformly random positions; replaces `start`.

    >>> problem = UnequalBlocks(lengths=(10, 30, 20))
    >>> problem.k, problem.l
    (3, 30)
    """

    lengths: tuple[int, ...]
    start: float = 0.0
    incorrect: int | None = None

    def __post_init__(self) -> None:
        whole_numbers(self, "lengths")
        check_start(self)

    @property
    def k(self) -> int:
        """Blocks, one a length."""
        return len(self.lengths)

    @property
    def l(self) -> int:
        """Tokens of the longest block: sizes that fit with it fit; the ledger goes by `lengths`."""
        return max(self.lengths)

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
