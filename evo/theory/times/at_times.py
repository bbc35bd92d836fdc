"""The law of a time of which the cdf is known at some times only, as a file keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.protocols import FloatArray


@dataclass(frozen=True, eq=False)
class LawAtTimes:
    """A stored cdf: a `TimeLaw` whose cdf is known at given times and constant between them.

    Args:
        times: ascending whole times ending with infinity, float [times].
        values: the cdf there, float [times].
        mean: E[T].
        spread: Var[T]; None if it is not known.

    >>> law = LawAtTimes(np.array([0.0, 2.0, 5.0, np.inf]), np.array([0.0, 0.5, 0.75, 1.0]), 3.0)
    >>> law.cdf([2, 4, 5]).tolist(), law.gap(5), law.gap(2)
    ([0.5, 0.5, 0.75], 0.5, 0.5)
    """

    times: FloatArray = field(repr=False)
    values: FloatArray = field(repr=False)
    mean: float
    spread: float | None = None

    @property
    def variance(self) -> float:
        """Var[T]; raises NoPrediction if it is not known."""
        if self.spread is None:
            raise NoPrediction("the variance is not known")
        return self.spread

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t) at stored times, else its value at the stored time before t; in the shape of t."""
        before = np.searchsorted(self.times, np.asarray(t, dtype=np.float64), side="right") - 1
        return np.where(before < 0, 0.0, self.values[np.maximum(before, 0)])

    def tail(self, t: ArrayLike) -> FloatArray:
        """1 - cdf(t); small tails lose digits."""
        return 1.0 - self.cdf(t)

    def quantile(self, u: float) -> float:
        """Raises: NoPrediction: it may lie between two of the times."""
        raise NoPrediction("quantiles are not known of a law that is known at some times only")

    def total(self, runs: int) -> None:
        """Not known."""

    def within(self, last: float) -> FloatArray:
        """The times up to `last`, float [some]."""
        return self.times[self.times <= last]

    def gap(self, last: float) -> float:
        """Largest rise of the stored cdf between two neighbouring stored times up to `last`.

        A discrepancy d anywhere shows as at least d minus this rise at a stored time: if F and G differ by d at t,
        t_i < t < t_{i+1}, then by d - (F(t_{i+1}) - F(t_i)) at t_i or t_{i+1}, since both rise.
        """
        times = self.within(last)
        return float(np.diff(self.cdf(times))[np.diff(times) > 1].max(initial=0.0))

    def distance_if_stretched(self, last: float, share: float) -> float:
        """Lower bound on the distance on t <= last from the cdf of the time stretched by 1 + share or 1 - share.

        The stretched cdf at t, F(t / (1 + share)), lies between the cdf at the times around t / (1 + share).
        """
        times = self.within(last)
        back = times / (1.0 + share)
        after = np.searchsorted(self.times, back, side="left")
        most = self.values[np.minimum(after, len(self.values) - 1)]
        least, cdf = self.cdf(np.floor(back)), self.cdf(times)
        return float(np.max(np.maximum(cdf - most, least - cdf), initial=0.0))
