"""A law in a few numbers: some 64 times, spread so that the cdf rises by equal shares from one to the next.

Quantiles would say where, but searching for 64 of them takes up to a second a cell (chains of a thousand states). Here
the cdf is asked at doubled times until it has nearly all its mass, or the budget ends, and then four times more at 64
times at once, each time spread better: milliseconds.
"""

from __future__ import annotations

import math

import numpy as np

from evo.protocols import FloatArray
from experiments.grids.cell import Cell
from experiments.predictions.predict import Prediction
from experiments.predictions.within_budget import answers_after, generations_within

POINTS = 64
ROUNDS = 4
SEEN = 1.0 - 1.0 / 128
"""Share of a law's mass beyond which no time is of interest."""
LARGEST = 2.0**53


def law_points(cell: Cell, hit: Prediction) -> tuple[FloatArray, FloatArray]:
    """Times and the cdf there, float [at most 66] each; the last time is infinite, its cdf P(the optimum is ever hit).

    Args:
        cell: the cell, beyond whose budget no time is of interest.
        hit: the prediction of `hit`.

    Raises: NoPrediction if the cdf is not known.
    """
    times = _bracket(hit, min(LARGEST, _budget(cell)))
    for _ in range(ROUNDS):
        times = _spread(times, _rising(hit.cdf(times)))
    times = np.append(times, math.inf)
    return times, _rising(hit.cdf(times))


def _bracket(hit: Prediction, last: float) -> FloatArray:
    """Times from 0 to where nearly all mass is, or to `last`, by factors of 2."""
    enough = SEEN * float(hit.cdf(math.inf))
    time = min(last, max(1.0, 2.0 ** math.floor(math.log2(hit.mean)))) if 0 < hit.mean < math.inf else 1.0
    times = [0.0, *np.geomspace(1.0, time, 16)]
    while time < last and float(hit.cdf(time)) < enough:
        time = min(last, 2 * time)
        times.append(time)
    return np.unique(np.rint(times))


def _spread(times: FloatArray, cdf: FloatArray) -> FloatArray:
    """Whole times at which the cdf, straight between those asked so far, has risen by equal shares."""
    levels = cdf[-1] * (np.arange(POINTS - 1) + 0.5) / (POINTS - 1)
    return np.unique(np.append(np.rint(np.interp(levels, cdf, times)), [0.0, times[-1]]))


def _rising(cdf: FloatArray) -> FloatArray:
    """A cdf without what rounding did to it: within [0, 1], and never falling."""
    return np.maximum.accumulate(np.clip(cdf, 0.0, 1.0))


def _budget(cell: Cell) -> float:
    """The last offspring within the budget; infinite where there is none."""
    return answers_after(cell, generations_within(cell)[1])
