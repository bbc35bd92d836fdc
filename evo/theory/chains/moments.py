"""Means and variances of absorption times by forward substitution, with non-negative terms only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from evo.laws.counts import FloatArray


@dataclass(frozen=True)
class LastGeneration:
    """The calls made in the generation that generates the optimum, up to and including the call that does.

    R in 1..lam has P(R = r) proportional to (1-s)^(r-1), s the chance of one offspring; float [n] each.
    """

    mean: FloatArray
    variance: FloatArray

    @classmethod
    def of(cls, offspring_hit: FloatArray, lam: int) -> LastGeneration:
        """Sums over r; the closed form 1/s - lam (1-s)^lam / (1-(1-s)^lam) cancels for small s."""
        weight = np.ones_like(offspring_hit)
        total, first, second = np.zeros((3, len(offspring_hit)))
        for r in range(1, lam + 1):
            total += weight
            first += r * weight
            second += r * r * weight
            weight = weight * (1.0 - offspring_hit)
        mean = first / total
        return cls(mean, np.maximum(second / total - mean**2, 0.0))


def absorption_moments(
    rows: Any, finish: FloatArray, leave: FloatArray, unit: float, last: LastGeneration
) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of the time to absorption from each state; float [n] each.

    From a state, T = unit (N-1) + X: N ~ Geom(leave) generations there, and independent of N the move, with
    X = R for absorption and unit + T_j for a move to j, so (theory 1f, by total variance)
    E = unit (1-leave)/leave + E[X] and Var = unit^2 (1-leave)/leave^2 + E[Var[X|move]] + Var[E[X|move]].

    Args:
        rows: csr [n, n], moves to lower states only.
        finish: probability of absorption per generation, [n].
        leave: row sums plus finish, [n].
        unit: length of a generation, 1 or lam.
        last: mean and variance of the length of the last generation.
    """
    mean, variance = np.full((2, len(leave)), math.inf)
    starts, targets, values = rows.indptr, rows.indices, rows.data
    with np.errstate(over="ignore"):
        for i in np.flatnonzero(leave > 0.0):
            to = targets[starts[i] : starts[i + 1]]
            if not np.isfinite(mean[to]).all():
                continue
            weight = np.append(values[starts[i] : starts[i + 1]], finish[i]) / leave[i]
            after = np.append(unit + mean[to], last.mean[i])
            spread = np.append(variance[to], last.variance[i])
            expected = weight @ after
            stay = (1.0 - leave[i]) / leave[i]
            mean[i] = unit * stay + expected
            variance[i] = unit**2 * stay / leave[i] + weight @ (spread + (after - expected) ** 2)
    return mean, variance


def mixed(weights: FloatArray, zero: float, mean: FloatArray, variance: FloatArray) -> tuple[float, float]:
    """Mean and variance of a mixture over starting states, with mass `zero` at time 0."""
    used = weights > 0.0
    if not used.any():
        return 0.0, 0.0
    if not np.isfinite(mean[used]).all():
        return math.inf, math.inf
    centre = float(weights[used] @ mean[used])
    with np.errstate(over="ignore"):
        spread = weights[used] @ (variance[used] + (mean[used] - centre) ** 2)
        return centre, float(spread + np.float64(zero) * np.float64(centre) ** 2)


def absorption_chance(rows: Any, finish: FloatArray, leave: FloatArray) -> FloatArray:
    """Probability of ever being absorbed from each state; float [n], exactly 1 where nothing can trap."""
    chance = np.zeros(len(leave))
    for i in np.flatnonzero(leave > 0.0):
        row = slice(rows.indptr[i], rows.indptr[i + 1])
        ahead = chance[rows.indices[row]]
        sure = bool((ahead == 1.0).all())
        chance[i] = 1.0 if sure else (rows.data[row] @ ahead + finish[i]) / leave[i]
    return chance
