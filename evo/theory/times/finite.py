"""The law of a time with finitely many values, given by their probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evo.errors import InputError
from evo.protocols import FloatArray
from evo.theory.times.law import ByTail

_SUM = 1e-9
"""By which probabilities may miss 1: a mistake, not rounding."""


@dataclass(frozen=True)
class FiniteLaw(ByTail):
    """P(T = t) = chances[t] for t = 0, 1, ..

    Attributes:
        chances: probabilities that add up to 1.

    Raises: InputError if they do not, or one is negative.

    >>> law = FiniteLaw.of([0.0, 0.5, 0.5])
    >>> law.mean, law.variance, law.quantile(0.9), law.tail([0, 1, 2]).tolist()
    (1.5, 0.25, 2.0, [1.0, 0.5, 0.0])
    """

    chances: tuple[float, ...]
    never: float = 0.0

    @classmethod
    def of(cls, chances: Iterable[float]) -> FiniteLaw:
        """The law of these probabilities, of any sequence."""
        return cls(tuple(float(chance) for chance in chances))

    def __post_init__(self) -> None:
        if not self.chances or min(self.chances) < 0.0 or abs(math.fsum(self.chances) - 1.0) > _SUM:
            raise InputError(
                f"FiniteLaw: expected probabilities that add up to 1, got {len(self.chances)} of them with the sum "
                f"{math.fsum(self.chances)!r}"
            )

    @cached_property
    def _pmf(self) -> FloatArray:
        return np.array(self.chances)

    @cached_property
    def mean(self) -> float:
        """E[T]."""
        return math.fsum(t * chance for t, chance in enumerate(self.chances))

    @cached_property
    def variance(self) -> float:
        """Var[T], from squares around the mean."""
        return math.fsum((t - self.mean) ** 2 * chance for t, chance in enumerate(self.chances))

    def tail_at(self, t: FloatArray) -> FloatArray:
        """P(T > t), summed from the end."""
        beyond = np.concatenate((np.cumsum(self._pmf[::-1])[::-1], [0.0]))
        return np.asarray(beyond[np.minimum(t + 1, len(self.chances)).astype(int)])

    def cdf_at(self, t: FloatArray) -> FloatArray:
        """P(T <= t), summed from the start."""
        so_far = np.append(np.cumsum(self._pmf[:-1]), 1.0)
        return np.asarray(so_far[np.minimum(t, len(self.chances) - 1).astype(int)])

    def transform(self, x: float) -> float:
        """E[x^T] for 0 <= x <= 1: that none of T trials fails, each of which fails w.p. 1 - x."""
        return math.fsum(chance * x**t for t, chance in enumerate(self.chances))
