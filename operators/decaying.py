"""Success that falls with the length of the chunk, so that the best granularity is intermediate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.errors import InputError
from evo.laws.counts import Components, Misses
from evo.laws.mixtures import ComponentLaw
from evo.parameters import positive, probability
from evo.protocols import BoolArray
from operators.tables import probabilities


@dataclass(frozen=True)
class TableLaw(ComponentLaw):
    """fix = keep = p(g), which depends on the length of the chunk.

    Attributes:
        table: p(1), p(2), ...
    """

    table: tuple[float, ...]

    def success(self, g: int) -> float:
        """p(g).

        Raises: InputError if the table does not cover chunks of g blocks.
        """
        if not 1 <= g <= len(self.table):
            raise InputError(
                f"Decaying: the table covers chunks of 1 to {len(self.table)} blocks, the schedule hands over g = {g}; "
                "give p(g) for all lengths"
            )
        return self.table[g - 1]

    def components(self, g: int) -> Components:
        """One component, of the chunk's length."""
        p = np.array([self.success(g)])
        return np.ones(1), p, p


@dataclass(frozen=True)
class Decaying:
    """A block of a chunk of g is correct after the call w.p. p(g), a table as it may be measured on a real model.

    OnlyIncorrect takes (k/g) p(g)^-g calls of g blocks each (theory 3b, 3d).

    Attributes:
        table: p(1), p(2), ..., up to the longest chunk.

    >>> Decaying(table=(0.9, 0.8)).law.pmf(2, 2)[2].round(9).tolist()
    0.64
    """

    table: tuple[float, ...]

    def __post_init__(self) -> None:
        probabilities(self, "table")

    def fits(self, k: int, g: int) -> None:
        """Check that the table covers the chunks.

        Raises: InputError.
        """
        self.law.success(g)

    def rewrite(self, correct: BoolArray, rng: Generator) -> BoolArray:
        """Correctness after the call; bool [..., g]."""
        return np.asarray(rng.random(correct.shape) < self.law.success(correct.shape[-1]))

    @property
    def law(self) -> TableLaw:
        """The table as a law: fix = keep = p(g)."""
        return TableLaw(self.table)


@dataclass(frozen=True)
class HalvingLaw(ComponentLaw):
    """fix = keep = p 2^(-(g-1)/half).

    Attributes:
        p: p(1).
        half: further blocks that halve it.
    """

    p: float
    half: float

    def components(self, g: int) -> Components:
        """One component, of the chunk's length."""
        p = np.array([self.p * 2 ** (-(g - 1) / self.half)])
        return np.ones(1), p, p

    def misses(self, g: int) -> Misses:
        """1 - p(g) = 1 - p + p (1 - 2^(-(g-1)/half)), twice: p(g) may be next to 1."""
        miss = np.array([1.0 - self.p - self.p * math.expm1(-(g - 1) / self.half * math.log(2.0))])
        return miss, miss


@dataclass(frozen=True)
class Halving:
    """A block of a chunk of g is correct after the call w.p. p(g) = p 2^(-(g-1)/half).

    Attributes:
        p: p(1), of a single block.
        half: how many further blocks in the chunk halve it.

    >>> Halving(p=0.8, half=1).law.pmf(2, 2)[2].round(9).tolist()
    0.16
    """

    p: float
    half: float

    def __post_init__(self) -> None:
        probability(self, "p")
        positive(self, "half")

    def rewrite(self, correct: BoolArray, rng: Generator) -> BoolArray:
        """Correctness after the call; bool [..., g]."""
        return np.asarray(rng.random(correct.shape) < self.p * 2 ** (-(correct.shape[-1] - 1) / self.half))

    @property
    def law(self) -> HalvingLaw:
        """The formula as a law: fix = keep = p(g)."""
        return HalvingLaw(self.p, self.half)
