"""Expected seconds of a run: of its generations, whose calls are made in parallel and evaluated by who made them."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from evo.costs.latency import Latency
from evo.errors import NoPrediction
from evo.runners.parallel import Merged
from evo.schedules import OnlyIncorrect, UniformChunk
from experiments.grids.cell import Cell
from experiments.predictions.predict import mean_calls_on_last_chunk, predict

DRAWN, SEED = 20_000, 1
"""Generations that are drawn where no formula is known, and the seed."""
WIDEST, STEPS = 12.0, 4001
EXACT, AT_MOST, SIMULATED = "exact", "at most", "simulated"


def seconds_of(cell: Cell, latency: Latency, workers: int) -> tuple[float, str]:
    """Expected seconds of a run, and whether they are exact, an upper bound, or rest on drawn generations.

    How long a generation takes does not depend on what was before it, and all are waited for, so that E[seconds] =
    E[generations] E[seconds of a generation] (Wald's identity). Rounds of Merged on incorrect chunks are smaller near
    the end, so that it is an upper bound there if calls differ in their seconds, and where a chunk is shorter.

    Args:
        cell: any that is predicted.
        latency: seconds of a call and of an evaluation.
        workers: calls at the same time; answers of several calls make them one after the other.

    Raises: NoPrediction where a mean is not known.

    >>> from evo import OnePlusLambda, UntilResolved
    >>> from operators import FixKeep
    >>> from problems import BlockOneMax
    >>> cell = Cell(BlockOneMax(k=4, l=16), FixKeep(0.5, 0.9), UntilResolved(), OnePlusLambda())
    >>> seconds_of(cell, Latency(fixed=2.0, evaluation=12.0), workers=1)
    (112.0, 'exact')
    """
    generations = predict(cell, "generations").mean
    full, short = latency.means(cell.tokens)
    if hasattr(cell.mutator, "mean_calls"):
        if cell.runner.lam > 1:
            raise NoPrediction("how long answers of several calls take side by side is not known; lam = 1 is")
        calls = predict(cell, "calls").mean
        return calls * full + generations * latency.evaluation, EXACT
    width, kind = _width(cell, latency)
    many = _each(full, latency, width, workers)
    kind = SIMULATED if _drawn(latency, width, workers) else kind
    if full == short:
        return generations * many, kind
    if isinstance(cell.runner, Merged):
        return generations * many, AT_MOST
    if type(cell.schedule) is UniformChunk and width > 1:
        return generations * _makespan(full, short, latency, width, workers, 1.0 / cell.chunks.m), SIMULATED
    on_last = mean_calls_on_last_chunk(cell) / width
    return (generations - on_last) * many + on_last * _each(short, latency, width, workers), kind


def _width(cell: Cell, latency: Latency) -> tuple[int, str]:
    """The calls of a generation, or the most."""
    if isinstance(cell.runner, Merged):
        same = not latency.tail or type(cell.schedule) is not OnlyIncorrect
        return cell.runner.width(cell.schedule, cell.problem.k), EXACT if same else AT_MOST
    return cell.runner.lam, EXACT


def _drawn(latency: Latency, width: int, workers: int) -> bool:
    return bool(latency.tail) and 1 < workers < width


def _each(mean: float, latency: Latency, width: int, workers: int) -> float:
    """Expected seconds of a generation whose calls take equally long on average."""
    turns = -(-width // workers)
    if not latency.tail or workers == 1:
        return turns * (mean + latency.evaluation)
    if turns == 1:
        return mean * largest_factor(width, latency.tail) + latency.evaluation
    return _makespan(mean, mean, latency, width, workers, 0.0)


@cache
def largest_factor(n: int, tail: float) -> float:
    """E[the largest of n factors X = exp(tail Z - tail^2/2)] = n E[Phi(Z + tail)^(n-1)], Z standard normal.

    For exp(tail z - tail^2/2) phi(z) = phi(z - tail), the density n Phi^(n-1) phi of the largest Z moves by tail.

    >>> largest_factor(1, 0.3), round(largest_factor(2, 0.3), 12)  # 2 Phi(tail / sqrt 2)
    (1.0, 1.167995971427)
    """
    from scipy.special import ndtr

    if n == 1:
        return 1.0
    z = np.linspace(-WIDEST - tail, WIDEST, STEPS)  # the trapezoid rule is exact to the last digits here
    density = np.exp(-(z**2) / 2.0) / math.sqrt(2.0 * math.pi)
    return float(n * np.trapezoid(ndtr(z + tail) ** (n - 1) * density, z))


@cache
def _makespan(full: float, short: float, latency: Latency, width: int, workers: int, share: float) -> float:
    """The mean over drawn generations: calls go in order to the first worker that is free."""
    rng = np.random.default_rng(SEED)
    free = np.zeros((DRAWN, min(workers, width)))
    rows = np.arange(DRAWN)
    for _ in range(width):
        means = np.where(rng.random(DRAWN) < share, short, full)
        first = np.argmin(free, axis=1)
        free[rows, first] += means * latency.factors(DRAWN, rng) + latency.evaluation
    return float(free.max(axis=1).mean())
