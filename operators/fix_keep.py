"""Calls with different success on incorrect and correct blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.forms.words import Words, chance_words
from evo.laws.counts import IndependentBlocks
from evo.parameters import probability
from evo.protocols import BoolArray


@dataclass(frozen=True)
class FixKeep:
    """Rewrites every block: a wrong one is right afterwards w.p. `fix`, a right one stays right w.p. `keep`.

    All blocks independently (theory 0, 1f). The 2^k of Eq. 12 is a statement about keep = 1/2: all blocks
    incorrect, k = 20, fix = 1/2 takes 2^20 calls at keep = 1/2, 21.7 at 0.9 and 5.7 at 1.

    Attributes:
        fix: P(wrong -> right).
        keep: P(right -> right).

    >>> FixKeep(fix=0.5, keep=0.99).law
    IndependentBlocks(fix=0.5, keep=0.99)
    """

    fix: float
    keep: float

    def __post_init__(self) -> None:
        probability(self, "fix", "keep")

    def rewrite(self, correct: BoolArray, rng: Generator) -> BoolArray:
        """Correctness after the call; bool [..., g]."""
        return rng.random(correct.shape) < np.where(correct, self.keep, self.fix)

    def rewrite_words(self, words: Words, rng: Generator) -> Words:
        """The same of 64 blocks a word (`evo.forms.words`); uint64 [..., w]."""
        kept = words & chance_words(self.keep, words.shape, rng)
        return kept | ~words & chance_words(self.fix, words.shape, rng)

    @property
    def law(self) -> IndependentBlocks:
        """Correct blocks after a call with i incorrect ones among g: Bin(i, fix) + Bin(g-i, keep) (theory 1f)."""
        return IndependentBlocks(fix=self.fix, keep=self.keep)
