"""Laws of hitting times: what every exact prediction answers with.

A time counts generations or calls; it is a whole number >= 0, or infinite with the probability missing in the cdf.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from numpy.typing import ArrayLike

from evo.errors import InputError
from evo.laws import FloatArray


@runtime_checkable
class TimeLaw(Protocol):
    """The law of a whole random time T >= 0."""

    @property
    def mean(self) -> float:
        """E[T], infinite if T can be infinite; raises NoPrediction where it is not known."""
        ...

    @property
    def variance(self) -> float:
        """Var[T], infinite if the mean is; raises NoPrediction where it is not known."""
        ...

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t) for any real t, in the shape of t."""
        ...

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t), accurate where it is small; in the shape of t."""
        ...

    def quantile(self, u: float) -> float:
        """The least whole t with P(T <= t) >= u, infinite if there is none; 0 <= u < 1."""
        ...

    def total(self, runs: int) -> TimeLaw | None:
        """The law of the sum of `runs` independent copies, None where it has no closed form."""
        ...


def check_level(u: float) -> None:
    """Check that u is a level of a quantile, 0 <= u < 1.

    Raises: InputError.
    """
    if not 0.0 <= u < 1.0:
        raise InputError(f"the level of a quantile must be in [0, 1), got {u!r}")


def below(cdf: float, tail: float, u: float) -> bool:
    """Whether P(T <= t) < u, judged from the smaller of cdf and tail: a cdf near 1 has no digits left."""
    return cdf < u if u <= 0.5 else tail > 1.0 - u


def least_time(law: TimeLaw, u: float) -> float:
    """The least whole t with cdf(t) >= u, by doubling and bisection; the cdf must reach u."""

    def early(t: int) -> bool:
        return below(float(law.cdf(t)), float(law.tail(t)), u)

    if not early(0):
        return 0.0
    low, high = 0, 1
    while early(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if early(middle) else (low, middle)
    return float(high)
