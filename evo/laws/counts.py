"""The law of one LLM call on a chunk: how many of its blocks are correct afterwards.

`pmf(g, i)` is what exact predictions are made from. It is a law of *counts*: it holds for operators that treat
all blocks of a chunk alike, so that which blocks end up correct does not matter, only how many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from evo.parameters import probability
from evo.protocols import FloatArray

Components = tuple[FloatArray, FloatArray, FloatArray]
"""Weights, fix and keep of calls that treat blocks independently, float [n] each."""
Misses = tuple[FloatArray, FloatArray]
"""1 - fix and 1 - keep of such calls, float [n] each, with the digits that fix and keep have no room for near 1."""


@runtime_checkable
class CallLaw(Protocol):
    """What one call does to a chunk, as the law of its number of correct blocks."""

    def pmf(self, g: int, i: int) -> FloatArray:
        """Probabilities of 0..g correct blocks after a valid call; float [g+1], sums to 1 - P(invalid).

        Args:
            g: blocks in the chunk.
            i: how many of them were incorrect before the call, 0..g.
        """
        ...


def binomial_pmf(n: int, p: float, q: float | None = None) -> FloatArray:
    """Probabilities of 0..n successes in n independent trials; float [n+1].

    P(x+1)/P(x) = (n-x)/(x+1) * p/q, multiplied outwards from the mode and scaled to sum 1: a relative error of
    a few n ulp even for P(n) = p^n, where differences of log-gamma would lose digits.

    Args:
        n: trials.
        p: P(success).
        q: 1 - p, where it is known to more digits than p has room for.

    >>> binomial_pmf(2, 0.5).tolist(), binomial_pmf(1, 1.0, 1e-20).tolist()
    ([0.25, 0.5, 0.25], [1e-20, 1.0])
    """
    q = 1.0 - p if q is None else q
    if p == 0.0 or q == 0.0:
        sure = np.zeros(n + 1)
        sure[n if q == 0.0 else 0] = 1.0
        return sure
    if n == 1:  # as they were given: scaling would round a p near 1, and so lose the digits of 1 - p
        return np.array([q, p])
    x = np.arange(n, dtype=np.float64)
    rising = (n - x) / (x + 1) * (p / q)
    mode = min(int((n + 1) * p), n)
    above = np.cumprod(rising[mode:])
    below = np.cumprod(1 / rising[:mode][::-1])[::-1]
    shape = np.concatenate((below, [1.0], above))
    return np.asarray(shape / shape.sum())


@dataclass(frozen=True)
class IndependentBlocks:
    """Each block of the chunk on its own: correct afterwards w.p. `fix` if it was incorrect, `keep` if correct.

    Correct blocks after the call = Bin(i, fix) + Bin(g-i, keep) (theory 0, 1f). The paper's mutator is
    fix = keep = 1/2 (Section 3.3.1).

    Attributes:
        fix: P(wrong -> right).
        keep: P(right -> right).
        miss, damage: 1 - fix and 1 - keep where they are known to more digits: 1e-20 is not seen in 1 - 1e-20.

    >>> IndependentBlocks(fix=0.5, keep=1.0).pmf(2, 1).tolist()
    [0.0, 0.5, 0.5]
    """

    fix: float
    keep: float
    miss: float | None = field(default=None, repr=False, compare=False)
    damage: float | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        probability(self, "fix", "keep")

    def pmf(self, g: int, i: int) -> FloatArray:
        """Law of the number of correct blocks, float [g+1] (convolution of two binomials)."""
        if self.fix == self.keep and self.miss == self.damage:
            return binomial_pmf(g, self.fix, self.miss)
        return np.convolve(binomial_pmf(i, self.fix, self.miss), binomial_pmf(g - i, self.keep, self.damage))

    def components(self, g: int) -> Components:
        """One component, whatever g."""
        return np.ones(1), np.array([self.fix]), np.array([self.keep])

    def misses(self, g: int) -> Misses:
        """1 - fix and 1 - keep, whatever g."""
        miss, damage = (1.0 - p if q is None else q for p, q in ((self.fix, self.miss), (self.keep, self.damage)))
        return np.array([miss]), np.array([damage])
