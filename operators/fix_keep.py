"""Calls with different success on incorrect and correct blocks."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import PCG64, Generator

from evo.forms.words import Words, chance_words
from evo.laws.counts import IndependentBlocks
from evo.parameters import probability
from evo.protocols import BoolArray

CERTAIN = (0.0, 1.0)
"""Probabilities for which it does not matter what was drawn."""
FEW = 4096
"""Numbers that are drawn sooner than passed over."""


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
        fix, keep = self.fix, self.keep
        if fix in CERTAIN and keep in CERTAIN:
            pass_over(correct.size, rng)
            return correct & bool(keep) | ~correct & bool(fix)
        drawn = rng.random(correct.shape)
        fixed, kept = drawn < fix, drawn < keep
        return fixed | kept & correct if fix <= keep else kept | fixed & ~correct

    def rewrite_words(self, words: Words, rng: Generator) -> Words:
        """The same of 64 blocks a word (`evo.forms.words`); uint64 [..., w]."""
        kept = words & chance_words(self.keep, words.shape, rng)
        return kept | ~words & chance_words(self.fix, words.shape, rng)

    @property
    def law(self) -> IndependentBlocks:
        """Correct blocks after a call with i incorrect ones among g: Bin(i, fix) + Bin(g-i, keep) (theory 1f)."""
        return IndependentBlocks(fix=self.fix, keep=self.keep)


def pass_over(numbers: int, rng: Generator) -> None:
    """Leave out so many numbers of `rng.random`: what is drawn next is what it would be after them.

    >>> import numpy as np
    >>> one, other = np.random.default_rng(1), np.random.default_rng(1)
    >>> pass_over(5000, one)
    >>> bool(one.random() == other.random(5001)[-1])
    True
    """
    source = rng.bit_generator
    if numbers <= FEW or type(source) is not PCG64:
        rng.random(numbers)
        return
    half = source.state  # `advance` forgets the half of a number that `integers` may have left over
    source.advance(numbers)
    if half["has_uint32"]:
        source.state = {**source.state, "has_uint32": half["has_uint32"], "uinteger": half["uinteger"]}
