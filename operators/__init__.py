"""Simulated LLM calls: what one call does to the correctness of its chunk, and the law it follows."""

from operators.beta_quality import BetaQuality, BetaRunQuality
from operators.calibrated import Fading, FromLog, Measured, Repeating
from operators.decaying import Decaying, Halving
from operators.fix_keep import FixKeep
from operators.learning import Learning
from operators.llm.llm import LLM
from operators.malformed import Malformed
from operators.misaligned import Misaligned
from operators.per_block import BetaBlocks, PerBlock
from operators.refuse import Refuse
from operators.resample import Resample
from operators.sparse import Sparse
from operators.spill import Spill
from operators.vote import Vote

__all__ = [
    "LLM",
    "BetaBlocks",
    "BetaQuality",
    "BetaRunQuality",
    "Decaying",
    "Fading",
    "FixKeep",
    "FromLog",
    "Halving",
    "Learning",
    "Malformed",
    "Measured",
    "Misaligned",
    "PerBlock",
    "Refuse",
    "Repeating",
    "Resample",
    "Sparse",
    "Spill",
    "Vote",
]
