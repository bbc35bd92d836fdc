"""Calls of varying quality: success correlated within one call, or over a whole run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.laws.mixtures import BetaQualityLaw
from evo.laws.special import RunQualityLaw
from evo.parameters import positive
from evo.protocols import BoolArray, Chunk, FloatArray


@dataclass(frozen=True)
class BetaQuality:
    """Quality q ~ Beta(a, b) drawn for each call; all blocks of the call are correct w.p. q, independently given q.

    GLOBAL takes B(a, b)/B(a+k, b) ~ k^b calls: the exponential of Eq. 12 becomes a power law of degree b. Uniform
    quality, with the paper's mean success of 1/2, takes exactly k+1 calls (theory 6a).

    Attributes:
        a, b: parameters of the Beta law; blocks of a call correlate by 1/(a+b+1).
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        positive(self, "a", "b")

    def rewrite(self, correct: BoolArray, rng: Generator) -> BoolArray:
        """Correctness after the call; bool [..., g]."""
        q = rng.beta(self.a, self.b, size=correct.shape[:-1])
        return np.asarray(rng.random(correct.shape) < q[..., None])

    @property
    def law(self) -> BetaQualityLaw:
        """Beta-binomial (theory 6a)."""
        return BetaQualityLaw(self.a, self.b)


@dataclass(frozen=True)
class BetaRunQuality:
    """Quality q ~ Beta(a, b) drawn once a run: GLOBAL takes E[q^-k] calls, infinite unless a > k (theory 6a).

    Attributes:
        a, b: parameters of the Beta law.
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        positive(self, "a", "b")

    def draw(self, runs: int, k: int, rng: Generator) -> FloatArray:
        """Quality of each run, float [runs, 1]."""
        return rng.beta(self.a, self.b, size=(runs, 1))

    def rewrite(self, chunk: Chunk, rng: Generator) -> BoolArray:
        """Correctness after the call; bool [n, g]."""
        assert chunk.traits is not None  # drawn
        return np.asarray(rng.random(chunk.correct.shape) < chunk.traits.astype(np.float64))

    @property
    def law(self) -> RunQualityLaw:
        """The Beta law of the quality of a run."""
        return RunQualityLaw(self.a, self.b)
