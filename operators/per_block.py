"""Blocks that differ in difficulty, fixed for the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from evo.errors import InputError
from evo.laws.special import BetaBlocksLaw, PerBlockLaw
from evo.parameters import positive
from evo.protocols import BoolArray, Chunk, FloatArray
from operators.tables import probabilities


@dataclass(frozen=True)
class PerBlock:
    """Block j is correct after a call w.p. p_j: OnlyIncorrect takes sum 1/p_j calls, GLOBAL prod 1/p_j (theory 5a).

    Attributes:
        p: one probability a block.

    >>> law = PerBlock(p=(0.5, 0.25)).law
    >>> sum(1 / p for p in law.p)
    6.0
    """

    p: tuple[float, ...]
    sees: ClassVar[str] = "positions"

    def __post_init__(self) -> None:
        probabilities(self, "p")

    def fits(self, k: int, g: int) -> None:
        """Check that there is one probability a block.

        Raises: InputError.
        """
        if len(self.p) != k:
            raise InputError(f"PerBlock: expected one probability for each of k = {k} blocks, got {len(self.p)}")

    def rewrite(self, chunk: Chunk, rng: Generator) -> BoolArray:
        """Correctness after the call; bool [n, g]."""
        return np.asarray(rng.random(chunk.blocks.shape) < np.asarray(self.p)[chunk.blocks])

    @property
    def law(self) -> PerBlockLaw:
        """p_j of each block (theory 5a)."""
        return PerBlockLaw(self.p)


@dataclass(frozen=True)
class BetaBlocks:
    """p_j ~ Beta(a, b) for each block, drawn once a run: P(own calls > t) ~ t^-a, a heavy tail (theory 5b, 5c).

    The mean number of own calls is (a+b-1)/(a-1), infinite for a <= 1; medians exist for every a.

    Attributes:
        a, b: parameters of the Beta law.

    >>> BetaBlocks(a=2, b=1).draw(runs=3, k=4, rng=np.random.default_rng(1)).shape
    (3, 4)
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        positive(self, "a", "b")

    def draw(self, runs: int, k: int, rng: Generator) -> FloatArray:
        """Difficulties of the blocks of each run, float [runs, k]."""
        return rng.beta(self.a, self.b, size=(runs, k))

    def rewrite(self, chunk: Chunk, rng: Generator) -> BoolArray:
        """Correctness after the call; bool [n, g]."""
        assert chunk.traits is not None  # drawn
        p = np.take_along_axis(chunk.traits, chunk.blocks, axis=1)
        return np.asarray(rng.random(p.shape) < p.astype(np.float64))

    @property
    def law(self) -> BetaBlocksLaw:
        """p_j ~ Beta(a, b) (theory 5b)."""
        return BetaBlocksLaw(self.a, self.b)
