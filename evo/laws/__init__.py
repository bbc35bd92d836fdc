"""What one call does to a chunk: laws of counts, their mixtures, and what a mutator declares."""

from evo.laws.by_chunk import ByChunk
from evo.laws.counts import CallLaw, IndependentBlocks
from evo.laws.declared import declared_law
from evo.laws.mixtures import BetaQualityLaw, Invalid, Mixture, SparseLaw

__all__ = [
    "BetaQualityLaw",
    "ByChunk",
    "CallLaw",
    "IndependentBlocks",
    "Invalid",
    "Mixture",
    "SparseLaw",
    "declared_law",
]
