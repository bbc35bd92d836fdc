"""Moments of UniformChunk by Poissonization: each chunk called at the times of a Poisson process (theory 3b)."""

from __future__ import annotations

import math

import numpy as np

from evo.laws.counts import CallLaw, FloatArray
from evo.theory.calls.gains import Layout, chunk_steps, gains_of
from evo.theory.calls.starts import Start

_NODES = 24  # to a doubling of x; the trapezoidal rule's error is about exp(-2 pi d/step), d > 0.3 up to m = 10^6
_STEP = math.log(2.0) / _NODES
_DIGITS = 42.0


def poissonized_moments(law: CallLaw, layout: Layout, start: Start) -> tuple[float, float]:
    """Mean and variance of the number of calls, for lam = 1 and blocks independent at the start.

    With each chunk called at rate 1, P(X > x) = 1 - prod_c (1-S_c(x)), S_c(x) = P(chunk c needs more than Poisson(x)
    calls); X is a sum of T times Exp(m), so E[T] = m E[X] and E[T(T+1)] = m^2 E[X^2]. The integrals are taken over
    ln x, where the trapezoidal rule converges exponentially.

    >>> from evo.laws.counts import IndependentBlocks
    >>> mean, variance = poissonized_moments(IndependentBlocks(0.5, 0.9), Layout.of(4, 2), Start(4))
    >>> round(mean, 10)
    8.1975308642
    """
    parts = [_Part(law, size, start) for size in (layout.g, layout.short) if size]
    slowest = min(part.slowest for part in parts)
    if slowest == 0.0:
        return math.inf, math.inf
    last = math.log((_DIGITS + math.log(layout.chunks)) * 2 * layout.g / slowest)
    doublings = np.arange(math.ceil((last + _DIGITS) / math.log(2.0)))
    x = np.exp2(doublings)[:, None] * np.exp(_STEP * np.arange(_NODES) - _DIGITS)
    with np.errstate(divide="ignore"):
        finished = layout.full * np.log1p(-parts[0].unfinished(x))
        if layout.short:
            finished = finished + np.log1p(-parts[1].unfinished(x))
    tail = -np.expm1(finished)
    m = layout.chunks
    mean = m * float((tail * x).sum()) * _STEP
    rising = m**2 * 2.0 * float((tail * x * x).sum()) * _STEP
    return mean, rising - mean - mean**2


class _Part:
    """One chunk called at the times of a Poisson process of rate 1: a triangular generator."""

    def __init__(self, law: CallLaw, g: int, start: Start) -> None:
        step, finish, _ = chunk_steps(gains_of(law, g), 1)
        self._leave = step.sum(axis=1) + finish
        self._step = step
        self._start = start.chunk_law(g)[1:]
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
