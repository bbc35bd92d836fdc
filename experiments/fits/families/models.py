"""A family as a function of its free parameters: the log of the mean, and its slopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from evo.protocols import FloatArray
from experiments.fits.families.forms import Form

LEAST = 1e-300
"""Stands for a mean that is not positive: no law has one."""
FARTHEST = 10.0
"""Shift of a power law, in units of the end of the range, beyond which it is an exponential."""
STRAIGHT = 1e-5
"""Curve times the range below which slopes along the curve are those of its series: differences would be rounding."""
TERMS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "1": lambda x: np.ones(len(x)),
    "x": lambda x: x,
    "x^2": lambda x: x**2,
    "x^3": lambda x: x**3,
    "ln x": np.log,
    "x ln x": lambda x: x * np.log(x),
    "ln ln x": lambda x: np.asarray(np.log(np.log(x))),
    "sqrt x": np.sqrt,
    "ln^2 x": lambda x: np.asarray(np.log(x) ** 2),
}
"""Of sums, and of linear predictors."""


@dataclass(frozen=True, eq=False)
class Model:
    """A family over a range.

    The free parameters of a sum are its coefficients, in units of its summands at the end of the range; those of a
    linear predictor are its coefficients.

    A curved sum, A u + c with u = x^b or base^x, has the logs of its means at both ends of the range, then its curve b
    or log base, which says what lies between: the share w = (u(x) - u(begin)) / (u(end) - u(begin)) of the mean at the
    end. A and c would go to infinity where the curve goes to 0, and u to ln x or x: an iteration by them creeps there,
    and never comes to a curve of the other sign. Positive at both ends, the mean is so between them.

    A (x + c)^b likewise, with z = ln((end + c) / (begin + c)) as its curve and the share w = ln(1 + s (e^z - 1)) / z of
    the log of the mean at the end, at the share s of the range: where z goes to 0, w goes to s, the law to an
    exponential, and c to infinity.

    Attributes:
        form: the family.
        begin: the smallest x.
        end: the largest x.
        knot: where the law may bend, mu times (x / knot)^d beyond it; None: it does not.
    """

    form: Form
    begin: float
    end: float
    knot: float | None = None
    _fixed: dict[bytes, FloatArray] = field(default_factory=dict, init=False, repr=False)

    @property
    def size(self) -> int:
        """How many free parameters."""
        return len(self.form.parameters) + (self.knot is not None)

    def logs(self, free: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Log of the mean at x, float [cells], and its slopes, float [cells, parameters]."""
        found = self._curve if self.form.curved else self._sum if self.form.summands else self._predictor
        if self.knot is None:
            return found(free, x)
        hinge = np.maximum(0.0, np.log(x / self.knot))
        logs, slopes = found(free[:-1], x)
        return logs + free[-1] * hinge, np.column_stack([slopes, hinge])

    def columns(self, x: FloatArray) -> FloatArray:
        """Of a family without a curve the summands at x, each 1 at the end of the range; or the terms of log E."""
        key = x.tobytes()
        if key not in self._fixed:
            self._fixed[key] = self._design(x)
        return self._fixed[key]

    def _design(self, x: FloatArray) -> FloatArray:
        if self.form.summands:
            return np.column_stack([TERMS[name](x) / self.scale(name) for name in self.form.summands])
        return np.column_stack([np.ones(len(x)), *(TERMS[term](x) for term in self.form.terms)])

    @property
    def reach(self) -> float:
        """How far a curved summand is followed: end - begin, or ln(end / begin) of x^b."""
        return float(np.log(self.end / self.begin)) if self.form.curved == "x^b" else self.end - self.begin

    def _shares(self, x: FloatArray, curve: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The shares of the means at the begin and at the end in that at x, and the slope of the second one."""
        far = np.asarray(np.log(x / self.begin) if self.form.curved == "x^b" else x - self.begin)
        reach = self.reach
        if abs(curve * reach) < STRAIGHT:
            last = far / reach * (1 + curve * (far - reach) / 2)
            return 1 - last, last, last * ((far - reach) / 2 + curve * (far**2 - reach**2) / 12)
        z, whole = np.minimum(np.maximum(curve * far, -700), 700), min(max(curve * reach, -700.0), 700.0)
        if whole > 0:  # by what does not overflow
            first, last = np.expm1(z - whole) / np.expm1(-whole), np.exp(z - whole) * np.expm1(-z) / np.expm1(-whole)
        else:
            first, last = np.exp(z) * np.expm1(whole - z) / np.expm1(whole), np.expm1(z) / np.expm1(whole)
        return first, last, last * (_steepness(z) - _steepness(np.array(whole))) / curve

    def _curve(self, free: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        *shares, by_curve = self._shares(x, float(free[2]))
        first, last = np.exp(np.minimum(free[:2], 700))
        parts = np.column_stack(shares) * (first, last)
        means = np.maximum(parts.sum(axis=1), LEAST)
        slopes = np.column_stack([parts, (last - first) * by_curve])
        return np.log(means), np.asarray(slopes / np.maximum(means, 1e-9 * np.abs(parts).sum(axis=1))[:, None])

    def scale(self, name: str) -> float:
        """A summand at the end of the range."""
        return float(TERMS[name](np.array([self.end]))[0]) or 1.0

    def _predictor(self, free: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        if not self.form.shifted:
            design = self.columns(x)
            return design @ free, design
        first, last, curve = free
        share, by_curve = _share_of_log(self.share_of_range(x), float(curve))
        return first + (last - first) * share, np.column_stack([1 - share, share, (last - first) * by_curve])

    @property
    def least_of_shift(self) -> float:
        """The curve of A (x + c)^b of the largest shift; of a larger one it is an exponential."""
        return float(np.log1p((self.end - self.begin) / (FARTHEST * self.end + self.begin)))

    def share_of_range(self, x: FloatArray) -> FloatArray:
        """How far from the begin to the end."""
        return np.asarray((x - self.begin) / (self.end - self.begin))

    def _sum(self, free: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        columns = self.columns(x)
        means = np.maximum(columns @ free, LEAST)
        return np.log(means), np.asarray(columns / np.maximum(means, 1e-9 * np.abs(columns).sum(axis=1))[:, None])

    def exponent(self, free: FloatArray) -> tuple[float, FloatArray]:
        """The local exponent d ln mu / d ln x at the end of the range, and its slopes, by differences."""
        x = self.end * np.exp([-1e-4, 1e-4])
        logs, slopes = self.logs(free, x)
        return float(logs[1] - logs[0]) / 2e-4, np.asarray((slopes[1] - slopes[0]) / 2e-4)


def _share_of_log(s: FloatArray, curve: float) -> tuple[FloatArray, FloatArray]:
    """ln(1 + s (e^z - 1)) / z at the curve z, and its slope along z."""
    if abs(curve) < STRAIGHT:  # of a share s of ones: its cumulants
        bow = s * (1 - s)
        return s + curve * bow / 2, np.asarray(bow / 2 + curve * bow * (1 - 2 * s) / 3)
    if curve < 0:  # seen from the other end
        share, by_curve = _share_of_log(1 - s, -curve)
        return 1 - share, by_curve
    grown = s * np.expm1(min(curve, 700.0))  # within the range it is positive; below -1 there is no law
    share = np.log1p(grown) / curve
    return share, np.asarray((s * np.exp(min(curve, 700.0)) / (1 + grown) - share) / curve)


def _steepness(z: FloatArray) -> FloatArray:
    """The slope of ln(e^z - 1) along ln z, z / (1 - e^-z), which is 1 at z = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(z == 0, 1.0, z / -np.expm1(-z))
