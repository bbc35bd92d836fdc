"""One random block a call: the law of the number of calls from its Poissonization (theory 3b, 5a, 5b)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.laws.counts import FloatArray
from evo.theory.times.law import TimeLaw, check_level, least_time

_NODES = 24  # to a doubling of x
_DIGITS = 42.0
_FAR = 45.0  # nodes whose weight is below e^-45 are left out
_MOST = 1 << 40  # calls, beyond which rounding leaves less than 1e-9


@dataclass(frozen=True, eq=False)
class PoissonClock:
    """T calls, each on one of k blocks drawn uniformly, lam = 1.

    With each block called at rate 1, F(x) = P(all finished by x) = sum_t e^(-kx) (kx)^t/t! P(T <= t), so that
    P(T <= t) = t!/k^t [z^t] e^(kz) F(z): the coefficient by a trapezoidal rule on the circle |z| = t/k, where all
    weights are Poisson probabilities; absolute error about 1e-15 sqrt(t).

    Attributes:
        k: blocks.
        finished: F, for complex z.
        mean, variance: of T.
        never: P(T is infinite).
    """

    k: int
    finished: Callable[[Any], Any]
    mean: float
    variance: float
    never: float = 0.0

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t)."""
        times = np.floor(np.asarray(t, dtype=np.float64))
        unique, back = np.unique(times, return_inverse=True)
        values = np.array([self._at(float(time)) for time in unique])
        return np.asarray(values[back].reshape(times.shape))

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t)."""
        return np.asarray(1.0 - self.cdf(t))

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u, by bisection."""
        check_level(u)
        if self.never > 0.0 and 1.0 - self.never < u + 1e-10:
            return math.inf
        return least_time(self, u)

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None

    def _at(self, t: float) -> float:
        if t < 0:
            return 0.0
        if t == math.inf:
            return 1.0 - self.never
        if t > _MOST:
            raise NoPrediction(f"P(T <= {t:.3g}) is not computed beyond {_MOST:.3g} calls")
        if t == 0:
            return float(np.real(self.finished(np.zeros(1, dtype=np.complex128))[0]))
        nodes = math.ceil(16.0 * math.sqrt(t) + 80.0)
        most = math.pi if t < 2 * _FAR else min(math.pi, 2.0 * math.asin(math.sqrt(_FAR / (2.0 * t))))
        places = np.arange(0, min(nodes // 2, math.ceil(most * nodes / (2 * math.pi))) + 1)
        angle = 2.0 * math.pi * places / nodes
        twice = np.where((places == 0) | (2 * places == nodes), 1.0, 2.0)
        # e^(t cos a) cos(t (sin a - a)), with t! e^t/t^t in front; the conjugate nodes are taken together
        log = -2.0 * t * np.sin(angle / 2.0) ** 2
        terms = np.exp(log + 1j * t * (np.sin(angle) - angle)) * self.finished(t / self.k * np.exp(1j * angle))
        front = math.exp(_log_poisson_front(t))
        return float(min(max(front / nodes * (twice * terms.real).sum(), 0.0), 1.0))


def log_trapezoid(tail: Callable[[FloatArray], FloatArray], k: int, slowest: float) -> tuple[float, float]:
    """Mean and variance of T from P(X > x): E[T] = k E[X], E[T(T+1)] = k^2 E[X^2] (see `poissonized_moments`).

    Args:
        tail: P(X > x), float [n] -> [n].
        k: blocks.
        slowest: tail(x) <= k e^(-slowest x).
    """
    step = math.log(2.0) / _NODES
    last = math.log((_DIGITS + math.log(k) + 2.0) * 2.0 / slowest)
    x = np.exp(np.arange(-_DIGITS, last + step, step))
    values = tail(x)
    mean = k * step * float((values * x).sum())
    rising = 2.0 * k**2 * step * float((values * x * x).sum())
    return mean, rising - mean - mean**2


def _log_poisson_front(t: float) -> float:
    """ln(t! e^t/t^t), by Stirling's series for large t, where the terms cancel."""
    if t < 50:
        return math.lgamma(t + 1.0) + t - t * math.log(t)
    return 0.5 * math.log(2.0 * math.pi * t) + 1.0 / (12.0 * t) - 1.0 / (360.0 * t**3) + 1.0 / (1260.0 * t**5)
