"""What is optimised: fitness over the correctness of blocks."""

from problems.block_onemax import BlockOneMax
from problems.judged import Judged
from problems.jump import Jump
from problems.leading_blocks import LeadingBlocks
from problems.minibatch import Minibatch
from problems.needle import Needle
from problems.noisy import Noisy
from problems.text.checkers import ByFunction, Exact
from problems.text.problem import TextProblem
from problems.trap import Trap
from problems.unequal_blocks import UnequalBlocks
from problems.weighted_blocks import WeightedBlocks

__all__ = [
    "BlockOneMax",
    "ByFunction",
    "Exact",
    "Judged",
    "Jump",
    "LeadingBlocks",
    "Minibatch",
    "Needle",
    "Noisy",
    "TextProblem",
    "Trap",
    "UnequalBlocks",
    "WeightedBlocks",
]
