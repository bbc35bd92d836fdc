"""Times made from others or known in part: multiples of a time, and moments without a law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.laws.counts import FloatArray
from evo.theory.times.law import TimeLaw


@dataclass(frozen=True)
class Scaled:
    """`factor` times a time: calls = lam x generations.

    >>> from evo.theory.times.closed import Geometric
    >>> Scaled(Geometric(0.5), 3).mean
    6.0
    """

    law: TimeLaw
    factor: int

    @property
    def mean(self) -> float:
        """Factor E[T]."""
        return self.factor * self.law.mean

    @property
    def variance(self) -> float:
        """factor^2 Var[T]."""
        return self.factor**2 * self.law.variance

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t // factor)."""
        return self.law.cdf(np.floor(np.floor(np.asarray(t, dtype=np.float64)) / self.factor))

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t // factor)."""
        return self.law.tail(np.floor(np.floor(np.asarray(t, dtype=np.float64)) / self.factor))

    def quantile(self, u: float) -> float:
        """Factor times the quantile of T."""
        return self.factor * self.law.quantile(u)

    def total(self, runs: int) -> TimeLaw | None:
        """Factor times the total, where that is closed."""
        inner = self.law.total(runs)
        return None if inner is None else Scaled(inner, self.factor)


@dataclass(frozen=True)
class MomentsOnly:
    """A time of which only the mean or the variance is known exactly, if any; `missing` says why no more."""

    missing: str
    known_mean: float | None = None
    known_variance: float | None = None

    @property
    def mean(self) -> float:
        """E[T].

        Raises: NoPrediction if it is not known.
        """
        if self.known_mean is None:
            raise NoPrediction(f"the mean is not known: {self.missing}")
        return self.known_mean

    @property
    def variance(self) -> float:
        """Var[T].

        Raises: NoPrediction if it is not known.
        """
        if self.known_variance is None:
            raise NoPrediction(f"the variance is not known: {self.missing}")
        return self.known_variance

    def cdf(self, t: ArrayLike) -> FloatArray:
        """Not known.

        Raises: NoPrediction.
        """
        raise NoPrediction(f"the distribution is not known, only moments: {self.missing}")

    def tail(self, t: ArrayLike) -> FloatArray:
        """Not known.

        Raises: NoPrediction.
        """
        return self.cdf(t)

    def quantile(self, u: float) -> float:
        """Not known.

        Raises: NoPrediction.
        """
        raise NoPrediction(f"quantiles are not known, only moments: {self.missing}")

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None
