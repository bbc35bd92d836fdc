"""A family as a function of its free parameters: the log of the mean, and its slopes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from evo.protocols import FloatArray
from experiments.fits.families.forms import Form

LEAST = 1e-300
"""Stands for a mean that is not positive: no law has one."""


@dataclass(frozen=True, eq=False)
class Model:
    """A family over a range.

    The free parameters of a sum are its coefficients, in units of its summands at the end of the range, then the b, log
    base or log r of a curved one; those of a linear predictor are its coefficients, then c in units of the end.

    Attributes:
        form: the family.
        end: the largest x.
        knot: where the law may bend, mu times (x / knot)^d beyond it; None: it does not.
    """

    form: Form
    end: float
    knot: float | None = None
    _fixed: dict[tuple[str, bytes], FloatArray] = field(default_factory=dict, init=False, repr=False)

    @property
    def size(self) -> int:
        """How many free parameters."""
        return len(self.form.parameters) + (self.knot is not None)

    def logs(self, free: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Log of the mean at x, float [cells], and its slopes, float [cells, parameters]."""
        if self.knot is None:
            return self._sum(free, x) if self.form.summands else self._predictor(free, x)
        hinge = np.maximum(0.0, np.log(x / self.knot))
        logs, slopes = Model(self.form, self.end).logs(free[:-1], x)
        return logs + free[-1] * hinge, np.column_stack([slopes, hinge])

    def columns(self, x: FloatArray, curve: float = 0.0) -> FloatArray:
        """The summands at x, each 1 at the end of the range; or the terms of the linear predictor."""
        if not self.form.summands:
            shifted = np.log(np.maximum(x + curve * self.end, LEAST))
            terms = {"x": x, "ln x": np.log(x), "ln(x+c)": shifted}
            return np.column_stack([np.ones(len(x)), *(terms[term] for term in self.form.terms)])
        return np.column_stack([self._summand(name, x, curve) for name in self.form.summands])

    def _summand(self, name: str, x: FloatArray, curve: float) -> FloatArray:
        if name in ("base^x", "r^x"):
            return np.asarray(np.exp(np.minimum(np.maximum(curve * (x - self.end), -700), 700)))
        if name == "x^b":
            return np.asarray((x / self.end) ** curve)
        key = name, x.tobytes()
        if key not in self._fixed:
            self._fixed[key] = np.asarray(_plain(name, x) / self.scale(name))
        return self._fixed[key]

    def scale(self, name: str) -> float:
        """A summand at the end of the range."""
        return float(_plain(name, np.array([self.end]))[0]) or 1.0

    def _predictor(self, free: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        if not self.form.shifted:
            design = self.columns(x)
            return design @ free, design
        design = self.columns(x, float(free[-1]))
        by_shift = free[1] / np.maximum(x / self.end + free[-1], LEAST)
        return design @ free[:-1], np.column_stack([design, by_shift])

    def _sum(self, free: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        curved = bool(self.form.curved)
        columns = self.columns(x, float(free[-1]) if curved else 0.0)
        coefficients = free[:-1] if curved else free
        means = columns @ coefficients
        slopes = columns
        if curved:
            by_curve = np.log(x / self.end) if self.form.curved == "x^b" else x - self.end
            slopes = np.column_stack([columns, coefficients[0] * columns[:, 0] * by_curve])
        safe = np.maximum(means, LEAST)
        return np.log(safe), np.asarray(slopes / np.maximum(safe, 1e-9 * np.abs(columns).sum(axis=1))[:, None])

    def exponent(self, free: FloatArray) -> tuple[float, FloatArray]:
        """The local exponent d ln mu / d ln x at the end of the range, and its slopes, by differences."""
        x = self.end * np.exp([-1e-4, 1e-4])
        logs, slopes = self.logs(free, x)
        return float(logs[1] - logs[0]) / 2e-4, np.asarray((slopes[1] - slopes[0]) / 2e-4)


def _plain(name: str, x: FloatArray) -> FloatArray:
    log = np.log(x)
    return {"1": np.ones(len(x)), "ln x": log, "x": x, "x ln x": x * log, "x^2": x**2, "x^3": x**3}[name]
