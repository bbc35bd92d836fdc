"""Calls whose blocks share a quality: one for those that were incorrect, another for those that were correct."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.laws.beta_rule import beta_rule
from evo.laws.counts import Components, Misses, binomial_pmf
from evo.laws.mixtures import BetaQualityLaw, ComponentLaw
from evo.protocols import BoolArray, FloatArray

_NOT_SEEN = 1e-20
"""A correlation of two blocks that changes no digit of a probability, whatever the chunk."""


@dataclass(frozen=True)
class Quality:
    """Success q of the blocks of one call, drawn for each call: mean p, and two blocks correlate by rho (theory 17f).

    q ~ Beta(p (1/rho - 1), (1-p) (1/rho - 1)); q = p for rho = 0; all blocks or none for rho = 1.

    Attributes:
        p: E[q].
        miss: 1 - p, to all its digits.
        rho: correlation of two blocks of a call.

    >>> Quality(0.5, 0.5, rho=1 / 3).pmf(3).round(12).tolist()              # uniform: each number is as likely
    [0.25, 0.25, 0.25, 0.25]
    """

    p: float
    miss: float
    rho: float = 0.0

    @property
    def shape(self) -> tuple[float, float] | None:
        """The parameters a, b of the Beta law; None where q is not spread by one: rho is 0 or 1, or p is."""
        if self.rho < _NOT_SEEN or self.rho == 1.0 or 0.0 in (self.p, self.miss):
            return None
        spread = (1.0 - self.rho) / self.rho
        return self.p * spread, self.miss * spread

    @property
    def together(self) -> bool:
        """Whether all blocks of a call succeed, or none."""
        return self.rho == 1.0

    def pmf(self, n: int) -> FloatArray:
        """Probabilities of 0..n successes among n blocks of a call, float [n+1]: beta-binomial.

        >>> Quality(0.25, 0.75, rho=1.0).pmf(2).tolist()
        [0.75, 0.0, 0.25]
        """
        if self.shape is not None:
            return BetaQualityLaw(*self.shape).pmf(n, 0)
        if not self.together or n == 0:
            return binomial_pmf(n, self.p, self.miss)
        found = np.zeros(n + 1)
        found[[0, n]] = self.miss, self.p
        return found

    def rule(self, degree: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Weights, nodes q and 1 - q with E[f(q)] = sum weight f(q) for polynomials up to the degree."""
        if self.shape is not None:
            return beta_rule(*self.shape, degree)
        if self.together:
            return np.array([self.miss, self.p]), np.array([0.0, 1.0]), np.array([1.0, 0.0])
        return np.ones(1), np.array([self.p]), np.array([self.miss])

    def draw(self, size: tuple[int, ...], rng: Generator) -> FloatArray:
        """The quality of each call, float [size]."""
        if self.shape is not None:
            return rng.beta(*self.shape, size=size)
        if self.together:
            return (rng.random(size) < self.p).astype(np.float64)
        return np.full(size, self.p)


class QualitiesLaw(ComponentLaw):
    """Correct blocks after a call: what is repaired of the i incorrect ones, and what is kept of the g-i others.

    Each number is beta-binomial, the two are independent of each other (theory 17f): pmf(g, i) is their convolution.
    """

    @abstractmethod
    def qualities(self, g: int) -> tuple[Quality, Quality]:
        """Those that repair and those that keep, of calls on g blocks."""
        ...

    def pmf(self, g: int, i: int) -> FloatArray:
        """Probabilities of 0..g correct blocks, float [g+1]."""
        fix, keep = self.qualities(g)
        if fix == keep and fix.rho == 0.0:
            return fix.pmf(g)
        return np.convolve(fix.pmf(i), keep.pmf(g - i))

    def components(self, g: int) -> Components:
        """Every node of the one quality with every node of the other; exact for all i."""
        (repair, fix, _), (stay, keep, _) = (quality.rule(g) for quality in self.qualities(g))
        return np.outer(repair, stay).ravel(), np.repeat(fix, len(keep)), np.tile(keep, len(fix))

    def misses(self, g: int) -> Misses:
        """1 - q of the nodes."""
        (_, _, miss), (_, _, damage) = (quality.rule(g) for quality in self.qualities(g))
        return np.repeat(miss, len(damage)), np.tile(damage, len(miss))

    def rewritten(self, correct: BoolArray, rng: Generator) -> BoolArray:
        """Blocks after calls that follow the law; bool [..., g] in and out."""
        fix, keep = (quality.draw(correct.shape[:-1], rng)[..., None] for quality in self.qualities(correct.shape[-1]))
        return np.asarray(rng.random(correct.shape) < np.where(correct, keep, fix))
