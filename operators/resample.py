"""The paper's mutator: alters every block of its chunk, each then correct with probability p."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from evo.forms.words import Words, chance_words
from evo.laws.counts import IndependentBlocks
from evo.parameters import probability
from evo.protocols import BoolArray


@dataclass(frozen=True)
class Resample:
    """Rewrites every block of the chunk; each is correct afterwards w.p. p, correct or not before (Section 3.3.1).

    fix = keep = p; the paper has p = 1/2.

    Attributes:
        p: probability that a rewritten block is correct.

    >>> Resample(0.5).law
    IndependentBlocks(fix=0.5, keep=0.5)
    """

    p: float

    def __post_init__(self) -> None:
        probability(self, "p")

    def rewrite(self, correct: BoolArray, rng: Generator) -> BoolArray:
        """Correctness after the call; bool [..., g]."""
        return rng.random(correct.shape) < self.p

    def rewrite_words(self, words: Words, rng: Generator) -> Words:
        """The same of 64 blocks a word (`evo.forms.words`); uint64 [..., w]."""
        return chance_words(self.p, words.shape, rng)

    @property
    def law(self) -> IndependentBlocks:
        """Correct blocks after a call on g of them: Bin(g, p) (theory 1a)."""
        return IndependentBlocks(fix=self.p, keep=self.p)
