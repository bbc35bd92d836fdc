"""Chunks called at the times of Poisson processes: laws and moments of UniformChunk (theory 3b, 5a, 5b).

With each of m chunks called at rate 1, all are finished by x w.p. F(x). The time X of the last is a sum of T times
Exp(m), T the number of calls: E[T] = m E[X], E[T(T+1)] = m^2 E[X^2], and P(T <= t) is a coefficient of F.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evo.chunks import Chunks
from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.calls.gains import chunk_steps
from evo.theory.calls.starts import Start
from evo.theory.times.law import ByTail

_NODES = 24  # to a doubling of x; the trapezoidal rule's error is about exp(-2 pi d/step), d > 0.3 up to m = 10^6
_STEP = math.log(2.0) / _NODES
_DIGITS = 42.0
_FAR = 45.0  # nodes whose weight is below e^-45 are left out
_MOST = 1 << 40  # calls, beyond which rounding leaves less than 1e-9


@dataclass(frozen=True, eq=False)
class PoissonTime(ByTail):
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

    def cdf_at(self, t: FloatArray) -> FloatArray:
        """P(T <= t)."""
        unique, back = np.unique(t, return_inverse=True)
        return np.array([self._at(float(time)) for time in unique])[back]

    def tail_at(self, t: FloatArray) -> FloatArray:
        """P(T > t)."""
        return 1.0 - self.cdf_at(t)

    def _at(self, t: float) -> float:
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


def poisson_moments(
    tail: Callable[[FloatArray], FloatArray], m: int, slowest: float, states: int = 1
) -> tuple[float, float]:
    """Mean and variance of T from P(X > x): integrals over ln x, where the trapezoidal rule converges exponentially.

    Args:
        tail: P(X > x) for x [doublings, nodes], each row twice the one before and the first one tiny; same shape.
        m: chunks.
        slowest: the least rate at which a state of a chunk is left; infinite moments at 0.
        states: the most states that a chunk passes through.

    >>> mean, variance = poisson_moments(lambda x: 1 - (1 - np.exp(-x / 2)) ** 2, 2, 0.5)
    >>> round(mean, 12), round(variance, 12)  # Geom(1/2) + Geom(1/4)
    (6.0, 14.0)
    """
    if slowest == 0.0:
        return math.inf, math.inf
    last = math.log((_DIGITS + math.log(m) + 2.0) * 2 * states / slowest)
    doublings = np.arange(math.ceil((last + _DIGITS) / math.log(2.0)) + 1)
    x = np.exp2(doublings)[:, None] * np.exp(_STEP * np.arange(_NODES) - _DIGITS)
    values = tail(x)
    mean = m * _STEP * float((values * x).sum())
    rising = 2.0 * m**2 * _STEP * float((values * x * x).sum())
    return mean, rising - mean - mean**2


def poissonized_moments(gains: dict[int, list[FloatArray]], chunks: Chunks, start: Start) -> tuple[float, float]:
    """Mean and variance of the number of calls, for lam = 1 and blocks independent at the start.

    P(X > x) = 1 - prod_c (1-S_c(x)), S_c(x) = P(chunk c needs more than Poisson(x) calls).

    Args:
        gains: by the size of a chunk, the laws of gains of `evo.theory.calls.gains.gains_of`.
        chunks: the chunks.
        start: the initial law.

    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.theory.calls.gains import gains_of
    >>> pairs = {2: gains_of(IndependentBlocks(0.5, 0.9), 2)}
    >>> round(poissonized_moments(pairs, Chunks.cut(4, 2), Start(4))[0], 10)
    8.1975308642
    """
    numbers = {chunks.g: chunks.full, chunks.short: 1}
    parts = [(numbers[size], _Part(gains[size], start)) for size in numbers if size]

    def tail(x: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            finished = [number * np.log1p(-np.minimum(part.unfinished(x), 1.0)) for number, part in parts]
        return np.asarray(-np.expm1(np.sum(finished, axis=0)))

    return poisson_moments(tail, chunks.m, min(part.slowest for _, part in parts), chunks.g)


class _Part:
    """One chunk called at the times of a Poisson process of rate 1: a triangular generator."""

    def __init__(self, gains: list[FloatArray], start: Start) -> None:
        step, finish, _ = chunk_steps(gains, 1)
        self._leave = step.sum(axis=1) + finish
        self._step = step
        self._start = start.chunk_law(len(gains) - 1)[1:]
        reached = np.cumsum(self._start[::-1])[::-1] > 0.0
        self.slowest = float(self._leave[reached].min(initial=1.0))

    def unfinished(self, x: FloatArray) -> FloatArray:
        """S(x) for x [doublings, nodes], each row twice the one before and the first one tiny; same shape.

        exp(2Qx) = exp(Qx)^2, with the diagonal known to be exp(-leave x): only non-negative terms.
        """
        unfinished = np.empty_like(x)
        moves = x[0][:, None, None] * self._step
        for row, now in enumerate(x):
            stay = np.exp(-np.multiply.outer(now, self._leave))
            unfinished[row] = ((self._start @ moves) + self._start * stay).sum(axis=-1)
            moves = moves @ moves + moves * stay[:, None, :] + stay[:, :, None] * moves
        return np.minimum(unfinished, 1.0)


def _log_poisson_front(t: float) -> float:
    """ln(t! e^t/t^t), by Stirling's series for large t, where the terms cancel."""
    if t < 50:
        return math.lgamma(t + 1.0) + t - t * math.log(t)
    return 0.5 * math.log(2.0 * math.pi * t) + 1.0 / (12.0 * t) - 1.0 / (360.0 * t**3) + 1.0 / (1260.0 * t**5)
