"""Linear functions: BlockOneMax with weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.landscapes import Weighted
from evo.parameters import whole
from evo.protocols import BoolArray, IntArray
from problems.block_values import whole_numbers
from problems.starts import Starts, check_start


@dataclass(frozen=True)
class WeightedBlocks(Starts):
    """A linear function: fitness f(x) = sum of w_j over the correct blocks j; as many blocks as weights.

    A call on one block goes up or down with the block, whatever its weight: for g = 1 all laws of theory 2 are those
    of BlockOneMax. A call on several blocks may repair a light one, break a heavy one and be rejected.

    Weights are whole numbers that add up to at most 2^53 (write 5 and 3 for 0.5 and 0.3; only their ratios matter to
    an exact comparison): then sums are exact in any order, solutions that are equally good are equally fit, and a
    block that is repaired always counts. With floats 0.1 + 0.2 > 0.3, and 1 + 1e-20 = 1. No `change` is
    offered: it would not know the position of the chunk, and so not the weights.

    Attributes:
        weights: w_1, .., w_k, whole numbers >= 1.
        l: tokens in a block.
        start: probability that a block is correct at first, independently (0: all incorrect).
        incorrect: exact number of initially incorrect blocks, at uniformly random positions; replaces `start`.

    >>> WeightedBlocks(weights=(1, 2, 4), l=16).fitness(np.array([True, False, True])).tolist()
    5
    """

    weights: tuple[int, ...]
    l: int
    start: float = 0.0
    incorrect: int | None = None

    def __post_init__(self) -> None:
        whole_numbers(self, "weights")
        whole(self, "l", least=1)
        check_start(self)

    @property
    def k(self) -> int:
        """Blocks, one a weight."""
        return len(self.weights)

    @property
    def landscape(self) -> Weighted:
        """A sum of weights."""
        return Weighted(self.weights)

    def fitness(self, correct: BoolArray) -> IntArray:
        """Sum of the weights of the correct blocks; bool [..., k] -> int [...]."""
        weights = np.array(self.weights, dtype=np.float64)  # exact: see EXACT; faster than whole numbers
        return np.asarray(np.einsum("...j,j->...", correct, weights).astype(np.int64))
