"""Initial solutions as laws of counts: how many blocks are incorrect in all, and in a chunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.errors import InputError
from evo.laws.counts import binomial_pmf
from evo.parameters import probability, whole
from evo.protocols import FloatArray


@dataclass(frozen=True)
class Start:
    """Each of k blocks correct w.p. p0 independently, or exactly `incorrect` of them incorrect at random positions.

    >>> Start(4).law().tolist()
    [0.0, 0.0, 0.0, 0.0, 1.0]
    >>> Start(4, incorrect=2).chunk_law(1).round(12).tolist()
    [0.5, 0.5]
    """

    k: int
    p0: float = 0.0
    incorrect: int | None = None

    def __post_init__(self) -> None:
        whole(self, "k", least=1)
        probability(self, "p0")
        if self.incorrect is not None:
            whole(self, "incorrect", least=0, most=self.k)
            if self.p0 != 0.0:
                raise InputError(f"Start: give p0 or incorrect, not both; got p0={self.p0}, incorrect={self.incorrect}")

    @property
    def independent(self) -> bool:
        """Whether the blocks are independent of each other."""
        return self.incorrect is None or self.incorrect in (0, self.k)

    @property
    def most(self) -> int:
        """The largest possible number of incorrect blocks."""
        if self.incorrect is not None:
            return self.incorrect
        return 0 if self.p0 == 1.0 else self.k

    @property
    def correct_rate(self) -> float:
        """P(a given block is correct)."""
        return self.p0 if self.incorrect is None else (self.k - self.incorrect) / self.k

    @property
    def optimal(self) -> float:
        """P(no block is incorrect)."""
        return self.correct_rate**self.k if self.independent else 0.0

    def independent_law(self, blocks: int) -> FloatArray:
        """Law of the incorrect ones among `blocks` independent blocks of the same rate; float [blocks+1]."""
        return binomial_pmf(blocks, self.correct_rate)[::-1]

    def law(self) -> FloatArray:
        """Law of the number of incorrect blocks; float [k+1]."""
        if self.independent:
            return self.independent_law(self.k)
        return np.asarray(np.arange(self.k + 1) == self.incorrect, dtype=np.float64)

    def chunk_law(self, g: int) -> FloatArray:
        """Law of the number of incorrect blocks in a given chunk of g; float [g+1].

        Hypergeometric for exactly j: P(i) = Bin(g)[i] Bin(k-g)[j-i] / Bin(k)[j], all of the rate j/k.
        """
        chunk = self.independent_law(g)
        if self.incorrect is None or self.independent:
            return chunk
        rest = self.independent_law(self.k - g)
        left = self.incorrect - np.arange(g + 1)
        possible = (left >= 0) & (left <= self.k - g)
        weights = np.where(possible, chunk * rest[np.clip(left, 0, self.k - g)], 0.0)
        return np.asarray(weights / weights.sum())
