"""Repairs that get rarer with the length of the chunk, while what is correct stays as safe."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.random import Generator

from evo.laws.qualities import QualitiesLaw, Quality
from evo.parameters import non_negative, probability
from evo.protocols import BoolArray


@dataclass(frozen=True)
class FadingLaw(QualitiesLaw):
    """The law with fix(g) = fix g^-exponent and keep whatever g.

    Attributes:
        fix: fix(1).
        keep: P(right -> right).
        exponent: of g.
    """

    fix: float
    keep: float
    exponent: float

    def qualities(self, g: int) -> tuple[Quality, Quality]:
        """Both are certain: fix(g), and keep; 1 - fix(g) = 1 - fix + fix (1 - g^-exponent)."""
        fades = -self.exponent * math.log(g)
        fix = Quality(self.fix * math.exp(fades), 1.0 - self.fix - self.fix * math.expm1(fades))
        return fix, Quality(self.keep, 1.0 - self.keep)


@dataclass(frozen=True)
class Fading:
    """A call on g blocks repairs each incorrect one w.p. fix g^-exponent and keeps each correct one w.p. keep.

    `Halving` and `Decaying` have fix = keep = p(g); here only repairs suffer. exponent = 0 is `FixKeep`; exponent = 1
    shares a fixed effort out: a call repairs fix blocks in the mean, however many incorrect ones it is shown.

    Attributes:
        fix: P(wrong -> right) of a call on one block.
        keep: P(right -> right).
        exponent: how fast repairs fade, >= 0.

    >>> Fading(fix=0.8, keep=1, exponent=1).law.pmf(2, 2).round(9).tolist()
    [0.36, 0.48, 0.16]
    """

    fix: float
    keep: float
    exponent: float

    def __post_init__(self) -> None:
        probability(self, "fix", "keep")
        non_negative(self, "exponent")

    def rewrite(self, correct: BoolArray, rng: Generator) -> BoolArray:
        """Correctness after the call; bool [..., g]."""
        return self.law.rewritten(correct, rng)

    @property
    def law(self) -> FadingLaw:
        """Bin(i, fix g^-exponent) + Bin(g-i, keep)."""
        return FadingLaw(self.fix, self.keep, self.exponent)
