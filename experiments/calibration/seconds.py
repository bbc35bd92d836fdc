"""Seconds of calls: log-normal given the tokens that were generated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import chi2, norm, t

from evo.protocols import FloatArray
from experiments.calibration.blocks import FEWEST_CLUSTERS, LEVEL, Counts, Estimate, spread

FEWEST = 30
"""Calls from which seconds are estimated."""
HALF = 0.5 + LEVEL / 2.0


@dataclass(frozen=True)
class SecondsLaw:
    """ln seconds = ln(fixed + per_token o) + sigma Z for o generated tokens.

    Attributes:
        per_thousand: median of the seconds per 1,000 generated tokens.
        sigma: of the logarithm over all calls, whatever they wrote.
        fixed, per_token: fitted by least squares on the logarithm; `per_token` in seconds a token.
        tail: sigma of the logarithm given the tokens, what that fit leaves.
    """

    per_thousand: Estimate
    sigma: Estimate
    fixed: Estimate
    per_token: Estimate
    tail: Estimate


def seconds_law(seconds: FloatArray, tokens: FloatArray, clusters: np.ndarray | None = None) -> SecondsLaw | None:
    """The law of the seconds of calls that wrote tokens; None for fewer than 30 calls with both.

    >>> o = np.linspace(100, 5000, 50)
    >>> made = seconds_law(0.5 + 0.008 * o, o)
    >>> round(made.fixed.value, 4), round(made.per_token.value, 6), round(made.tail.value, 6)
    (0.5, 0.008, 0.0)
    """
    there = np.isfinite(seconds) & (tokens > 0)
    if there.sum() < FEWEST:
        return None
    s, o = seconds[there], tokens[there]
    names = clusters[there] if clusters is not None else None
    logs = np.log(s)
    fixed, per_token, tail = _fitted(logs, o, names)
    return SecondsLaw(_median(1000.0 * s / o, names), _sigma(logs, names), fixed, per_token, tail)


def _median(values: FloatArray, names: np.ndarray | None) -> Estimate:
    """The median, with the values between whose ranks it lies; wider where clusters differ in it."""
    ordered, n, middle = np.sort(values), len(values), float(np.median(values))
    below = Counts(np.ones(n), (values < middle) + 0.5 * (values == middle))
    factor, quantile = spread(below, 0.5, 0.0, names)
    low = max(int(n / 2.0 - np.sqrt(quantile * factor * n) / 2.0), 0)
    return Estimate(middle, float(ordered[low]), float(ordered[n - 1 - low]), n)


def _sigma(values: FloatArray, names: np.ndarray | None) -> Estimate:
    """Standard deviation; its interval from the spread of the squares, which tails that are not normal widen."""
    return _sigma_of(values - values.mean(), 1, names)


def _sigma_of(residuals: FloatArray, parameters: int, names: np.ndarray | None) -> Estimate:
    n = len(residuals)
    variance = float(residuals @ residuals) / (n - parameters)
    if variance < 1e-24:
        return Estimate(0.0, 0.0, 0.0, n)
    squares = residuals**2 - variance
    groups = _codes(names, n)
    sums = np.bincount(groups, squares)
    robust = float(sums @ sums) / n**2
    plain = 2.0 * variance**2 / (n - parameters)  # of normal logarithms
    if robust <= plain:
        low, high = ((n - parameters) * variance / chi2.ppf(p, n - parameters) for p in (HALF, 1.0 - HALF))
        return Estimate(float(np.sqrt(variance)), float(np.sqrt(low)), float(np.sqrt(high)), n)
    error = np.sqrt(robust) / variance * _quantile(groups)
    value, low, high = (float(np.sqrt(variance * np.exp(x))) for x in (0.0, -error, error))
    return Estimate(value, low, high, n)


def _codes(names: np.ndarray | None, n: int) -> np.ndarray:
    """The number of each call's cluster: its own where clusters are few or not known."""
    if names is not None:
        _, codes = np.unique(names.astype(str), return_inverse=True)
        if codes.max() + 1 >= FEWEST_CLUSTERS:
            return np.asarray(codes)
    return np.arange(n)


def _quantile(groups: np.ndarray) -> float:
    number = int(groups.max()) + 1
    return float(norm.ppf(HALF) if number > 200 else t.ppf(HALF, number - 1))


def _fitted(logs: FloatArray, o: FloatArray, names: np.ndarray | None) -> tuple[Estimate, Estimate, Estimate]:
    """fixed, per_token and sigma; errors from residuals summed over clusters (sandwich)."""
    n, scale = len(logs), float(np.exp(np.median(logs - np.log(o))))
    unit = scale * float(np.median(o))

    def law(x: FloatArray) -> FloatArray:
        return np.asarray(np.maximum(unit * x[0] + scale * x[1] * o, 1e-300))

    def residuals(x: FloatArray) -> FloatArray:
        return np.asarray(logs - np.log(law(x)))

    found = least_squares(residuals, [0.01, 1.0], bounds=([0.0, 0.0], [np.inf, np.inf]), xtol=1e-12, ftol=1e-12)
    x = found.x
    jacobian = np.column_stack([np.full(n, unit), scale * o]) / law(x)[:, None]
    groups = _codes(names, n)
    bread = np.linalg.pinv(jacobian.T @ jacobian)
    leverage = np.minimum(np.einsum("ij,jk,ik->i", jacobian, bread, jacobian), 0.9)
    pulls = found.fun / (1.0 - leverage)  # residuals that a call has where it is left out
    scores = np.column_stack([np.bincount(groups, jacobian[:, j] * pulls) for j in range(2)])
    errors = np.sqrt(np.diag(bread @ (scores.T @ scores) @ bread)) * _quantile(groups)
    made = []
    for factor, value, error in zip((unit, scale), x, errors, strict=True):
        ends = (float(factor * max(value - error, 0.0)), float(factor * (value + error)))
        made.append(Estimate(float(factor * value), *ends, n))
    return made[0], made[1], _sigma_of(found.fun, 2, names)
