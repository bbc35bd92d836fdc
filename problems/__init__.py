"""What is optimised: fitness over the correctness of blocks."""

from problems.block_onemax import BlockOneMax
from problems.judged import Judged
from problems.noisy import Noisy

__all__ = ["BlockOneMax", "Judged", "Noisy"]
