"""Cells with censored runs that are not without memory: the likelihood of their mean, by a law known up to its scale.

The law is the predicted one, scaled, where the runs follow it; else a Gamma law whose shape is profiled out. Runs enter
in classes: up to so many of hits, and one of those censored, whose chances are differences of the cdf.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import gammainc

from evo.protocols import FloatArray

MOST_CLASSES = 20
SHAPES = np.geomspace(0.25, 4000, 70)
"""Shapes of Gamma laws that are tried: relative variances from 4 to 1/4000."""
COARSELY = 6
"""Every sixth shape is tried first, then those around the best."""
MUCH = 8.0
"""Log-likelihood that a Gamma law may be better before the predicted law is given up."""
Scaled = Callable[[FloatArray], FloatArray]
"""P(T <= z E[T]) of a law, by z."""


class RootTable(NamedTuple):
    """Grid of log mu, signed roots of the deviance there, the likeliest log mu, and whether a Gamma law was assumed.

    An infinite likeliest log mu is a bound only.
    """

    grid: FloatArray
    roots: FloatArray
    best: float
    assumed: bool = False


def root_table(values: FloatArray, reach: float, step: float, law: Scaled | None) -> RootTable:
    """The likelihood of the mean of runs of which some are censored.

    Args:
        values: of the runs, infinite where censored.
        reach: value up to which every run was seen.
        step: between two values that a run may have.
        law: the predicted law, scaled by its mean; None without one.
    """
    hits = np.sort(values[values <= reach])
    classes = _classes(hits, len(values), reach, step)
    middle = np.log(max(hits.sum() + reach * (len(values) - len(hits)), step) / max(len(hits), 0.5))
    grid, logs = _profiled(middle, classes, law)
    if law is not None and len(hits) and not _follow(classes, float(grid[np.argmax(logs)]), float(logs.max())):
        law = None
        grid, logs = _profiled(middle, classes, law)
    top = int(np.argmax(logs))
    if len(hits) == 0 or logs[-1] > logs[top] - 0.5:
        logs = np.minimum.accumulate(logs[::-1])[::-1]
        return RootTable(grid, -np.sqrt(2 * np.maximum(0.0, logs.max() - logs)), np.inf, law is None)
    best, most = _vertex(grid, logs, top)
    roots = np.sign(grid - best) * np.sqrt(2 * np.maximum(0.0, most - logs))
    return RootTable(grid, roots, best, law is None)


def _vertex(grid: FloatArray, logs: FloatArray, top: int) -> tuple[float, float]:
    """The vertex of the parabola through the three largest entries."""
    if not 0 < top < len(grid) - 1:
        return float(grid[top]), float(logs[top])
    near = slice(top - 1, top + 2)
    a, b, c = np.polyfit(grid[near] - grid[top], logs[near], 2)
    if a >= 0:
        return float(grid[top]), float(logs[top])
    return float(grid[top] - b / (2 * a)), float(c - b**2 / (4 * a))


Classes = tuple[FloatArray, FloatArray]
"""Upper ends of the classes but the last, and how many runs are in each."""


def _classes(hits: FloatArray, runs: int, reach: float, step: float) -> Classes:
    """Classes of about equally many hits, cut between two values, and those beyond the reach."""
    cuts = [reach + step / 2]
    if len(hits):
        shares = np.arange(1, min(MOST_CLASSES, len(hits))) / min(MOST_CLASSES, len(hits))
        cuts += list(np.quantile(hits, shares, method="lower") + step / 2)
    ends = np.unique(cuts)
    below = np.searchsorted(hits, ends, side="right")
    return ends, np.diff(np.r_[0, below, runs]).astype(float)


def _profiled(middle: float, classes: Classes, law: Scaled | None) -> tuple[FloatArray, FloatArray]:
    """A grid of log mu, fine where the log-likelihood is not far below its maximum, and the log-likelihood there."""
    grid = middle + np.linspace(-4, 6, 161)
    for _ in range(2):
        logs = _profile(grid, classes, law)
        low, high = grid[logs > logs.max() - 40][[0, -1]]
        grid = np.unique(np.r_[grid[::8], np.linspace(low - 0.05, high + 0.05, 201)])
    return grid, _profile(grid, classes, law)


def _profile(grid: FloatArray, classes: Classes, law: Scaled | None) -> FloatArray:
    """Log-likelihood at each log mu, of the scaled law or of the best Gamma law: along shapes it has one maximum."""
    ends, counts = classes
    z = ends / np.exp(grid)[:, None]
    if law is not None:
        return _chances(law(z), counts)
    some = np.arange(0, len(SHAPES), COARSELY)
    logs = np.stack([_chances(gammainc(a, a * z), counts) for a in SHAPES[some]])
    best, top = some[logs.argmax(axis=0)], logs.max(axis=0)
    for off in range(1 - COARSELY, COARSELY):
        a = SHAPES[np.clip(best + off, 0, len(SHAPES) - 1)][:, None]
        top = np.maximum(top, _chances(gammainc(a, a * z), counts))
    return np.asarray(top)


def _follow(classes: Classes, log: float, most: float) -> bool:
    """Whether runs follow the predicted law: no Gamma law is much better than that is at its best log mu."""
    from scipy.optimize import fmin

    ends, counts = classes
    ends_of_shapes = np.log(SHAPES[[0, -1]])

    def worse(at: FloatArray) -> float:
        a = np.exp(np.clip(at[1], *ends_of_shapes))
        return -float(_chances(gammainc(a, a * ends / np.exp(at[0]))[None, :], counts)[0])

    shapes = np.log(SHAPES[::COARSELY])
    start = np.array([log, min(shapes, key=lambda shape: worse(np.array([log, shape])))])
    simplex = start + np.array([[0, 0], [0.1, 0], [0, 0.3]])
    found = fmin(worse, start, xtol=0.01, ftol=0.01, initial_simplex=simplex, disp=False)
    return most > -worse(np.asarray(found)) - MUCH


def _chances(below: FloatArray, counts: FloatArray) -> FloatArray:
    edges = np.column_stack([np.zeros(len(below)), below, np.ones(len(below))])
    chances = np.maximum(np.diff(edges, axis=1), 1e-200)
    return np.asarray((counts * np.log(chances)).sum(axis=1))


def median_table(values: FloatArray, level: float = 0.5) -> RootTable:
    """As `root_table` of a quantile of any law: runs up to it are binomial.

    Between two values that runs have the count is linear; infinite values are those of censored runs.
    """
    n = len(values)
    found, counts = np.unique(values[np.isfinite(values) & (values > 0)], return_counts=True)
    if len(found) == 0:
        return RootTable(np.array([-1.0, 1.0]), np.zeros(2), np.inf)
    below = n - counts[::-1].cumsum()[::-1] - int(np.isinf(values).sum()) + counts / 2
    share = np.clip(below / n, 1e-12, 1 - 1e-12)
    half = share * np.log(share / level) + (1 - share) * np.log((1 - share) / (1 - level))
    roots = np.sign(share - level) * np.sqrt(2 * n * np.maximum(half, 0.0))
    logs = np.log(found)
    if roots[-1] < 0:  # most runs were censored: beyond the last hit nothing speaks against any quantile
        return RootTable(np.r_[logs, logs[-1] + 0.01, logs[-1] + 1], np.r_[roots, 0.0, 0.0], np.inf)
    if len(found) == 1:
        return RootTable(np.array([logs[0] - 0.01, logs[0] + 0.01]), np.array([-9.0, 9.0]), float(logs[0]))
    return RootTable(logs, roots, float(np.interp(0.0, roots, logs)))
