"""What is optimised: fitness over the correctness of blocks."""

from problems.block_onemax import BlockOneMax

__all__ = ["BlockOneMax"]
