"""Expectations over a Beta law, of difficulties or qualities that are fixed for a run (theory 5b, 5c, 6a)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evo.errors import NoPrediction
from evo.laws.gamma import log_gamma_ratio
from evo.protocols import FloatArray

_DIGITS = 44.0
_UNDERFLOW = 760.0  # p < e^-760 is 0 among floats
_MOST_NODES = 1 << 21


def expm1(z: Any) -> Any:
    """The difference e^z - 1 to full accuracy for complex z too.

    Real part expm1(x) cos y - 2 sin(y/2)^2, imaginary part e^x sin y.

    >>> f"{expm1(complex(1e-15, 5e-16)):.12g}"
    '1e-15+5e-16j'
    """
    if not np.iscomplexobj(z):
        return np.expm1(z)
    x, y = np.real(z), np.imag(z)
    return np.expm1(x) * np.cos(y) - 2.0 * np.sin(y / 2.0) ** 2 + 1j * np.exp(x) * np.sin(y)


def survival(a: float, b: float, n: FloatArray) -> FloatArray:
    """P(a block needs more than n own calls) = B(a, b+n)/B(a, b), p ~ Beta(a, b) (theory 5c).

    By Gamma(b+n)/Gamma(a+b+n) or, where n < a, by Gamma(a+b)/Gamma(a+b+n): the smaller shift keeps more digits.

    >>> round(float(survival(0.5, 1.5, np.array(1000.0))), 12)
    0.035660201102
    """
    with np.errstate(invalid="ignore", over="ignore"):
        steps = np.minimum(n, a)  # n itself where it counts
        few = log_gamma_ratio(a + b, steps) - log_gamma_ratio(b, steps)
        value = np.exp(np.where(n < a, few, log_gamma_ratio(b + n, a) - log_gamma_ratio(b, a)))
    return np.asarray(np.where(n == 0, 1.0, np.where(np.isinf(n), 0.0, value)))


def inverse_moment(a: float, b: float, s: int) -> float:
    """E[p^-s] = prod_{i=1..s} (a+b-i)/(a-i), infinite unless a > s (theory 5b, 6a).

    >>> inverse_moment(5, 3, 1)
    1.75
    """
    if a <= s:
        return math.inf
    try:
        return math.prod((a + b - i) / (a - i) for i in range(1, s + 1))
    except OverflowError:
        return math.inf


def power(base: float, k: int) -> float:
    """base^k, infinite where it is above the largest float."""
    try:
        return base**k
    except OverflowError:
        return math.inf


@dataclass(frozen=True, eq=False)
class BetaNodes:
    """E[f(p)] = sum weight f(p): the trapezoidal rule in ln(p/(1-p)), exact to rounding for analytic f.

    Attributes:
        log_p: ln p of the nodes, float [n].
        log_weight: ln of their weights, float [n], also where a weight is 0 among floats: f may be as large there.
        weight: their weights, float [n], sum 1.
    """

    log_p: FloatArray
    log_weight: FloatArray
    weight: FloatArray

    @classmethod
    def of(cls, a: float, b: float, step: float = 1 / 16, down: float | None = None) -> BetaNodes:
        """Nodes for Beta(a, b).

        Args:
            a: first parameter.
            b: second parameter.
            step: distance of the nodes in ln(p/(1-p)).
            down: the power of p with which weight times f falls as p -> 0; a unless said.
        """
        low = _DIGITS / (a if down is None else down) + math.log(1.0 + a + b)
        high = min(_DIGITS / b, _UNDERFLOW) + math.log(1.0 + a + b)
        zero = down is None and low > _UNDERFLOW
        first, last = -math.ceil((_UNDERFLOW if zero else low) / step), math.ceil(high / step)
        if last - first >= _MOST_NODES:
            raise NoPrediction(f"an expectation over Beta({a:g}, {b:g}) takes more than {_MOST_NODES} nodes")
        y = step * np.arange(first, last + 1)
        log_p, log_q = -np.logaddexp(0.0, -y), -np.logaddexp(0.0, y)
        log_weight = a * log_p + b * log_q
        log_weight -= log_weight.max()
        if zero:  # the nodes below, a geometric series, have p = 0 among floats
            log_p[0] = -math.inf
            log_weight[0] -= math.log(-math.expm1(-a * step))
        if _DIGITS / b > _UNDERFLOW:  # those above have p = 1
            log_p[-1] = 0.0
            log_weight[-1] -= math.log(-math.expm1(-b * step))
        weight = np.exp(log_weight)
        total = weight.sum()
        return cls(log_p, log_weight - math.log(total), weight / total)

    @property
    def p(self) -> FloatArray:
        """The nodes, float [n]."""
        return np.exp(self.log_p)

    def mean(self, f: Callable[[FloatArray], Any], points: Any) -> Any:
        """E[f(p, point)] at each point; `f` takes points [m, 1] and gives [m, n]."""
        flat = np.ravel(points)[:, None]
        size = max(1, (1 << 20) // len(self.weight))
        parts = [
            np.einsum("ij,j->i", f(flat[first : first + size]), self.weight) for first in range(0, len(flat), size)
        ]
        return np.concatenate(parts).reshape(np.shape(points)) if parts else np.zeros(np.shape(points))
