"""Expected hours where `predict` has no formula for them: from above, or from drawn generations."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from evo.costs.latency import Latency
from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.runners.parallel import Merged
from evo.schedules import UniformChunk
from evo.theory.times.seconds import slowest
from experiments.grids.cell import Cell
from experiments.planning.simulated import Sample, SpentToTarget
from experiments.predictions.predict import predict
from experiments.predictions.seconds import same_chunk, width_of, width_varies

DRAWN, SEED = 20_000, 1
"""Generations that are drawn where no formula is known, and the seed."""
EXACT, AT_MOST, SIMULATED = "exact", "at most", "simulated"


def seconds_of(cell: Cell, latency: Latency, workers: int) -> tuple[float, str]:
    """Expected seconds of a run, and whether they are exact, an upper bound, or rest on drawn generations.

    Exact ones are `predict`'s. How long a generation takes does not depend on what was before it, so that E[seconds] =
    E[generations] E[seconds of a generation] (Wald's identity) also where the second is drawn. Rounds of Merged on
    incorrect chunks are smaller near the end, and a shorter chunk is in some of them: an upper bound.

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
    try:
        return predict(cell, "seconds", latency=latency, workers=workers).mean, EXACT
    except NoPrediction:
        if hasattr(cell.mutator, "mean_calls"):
            return _of_votes(cell, latency), EXACT
        generations = predict(cell, "generations").mean
    full, short = latency.means(cell.tokens)
    width = width_of(cell)
    if isinstance(cell.runner, Merged):
        if workers >= width:
            return generations * (full * slowest(width, latency.tail).mean + latency.evaluation), AT_MOST
        return generations * _makespan(full, full, latency, width, workers, 0.0), AT_MOST
    if full != short and type(cell.schedule) is not UniformChunk:
        raise NoPrediction("how long generations on the shorter last chunk take has no formula where workers wait")
    return generations * _makespan(full, short, latency, width, workers, 1.0 / cell.chunks.m), SIMULATED


def seconds_of_runs(spent: SpentToTarget, latency: Latency, workers: int) -> tuple[float, float, str]:
    """Mean seconds of simulated runs, their standard error, and what they rest on, as `seconds_of`.

    Raises: NoPrediction where it is not known which calls of a generation are on the shorter chunk.
    """
    cell = spent.cell
    (full, short), width = latency.means(cell.tokens), width_of(cell)
    if min(workers, width) == 1:
        evaluated = spent.generations.values * width
        seconds = Sample(full * spent.calls.values - (full - short) * spent.short + latency.evaluation * evaluated)
        return seconds.mean, seconds.error, SIMULATED
    if hasattr(cell.mutator, "mean_calls"):
        raise NoPrediction("how long answers of several calls take side by side is not known; lam = 1 is")
    share = spent.short.mean() / spent.calls.mean if full != short else 0.0
    if full == short or type(cell.schedule) is UniformChunk:
        each = _makespan(full, short, latency, width, workers, share)
    elif same_chunk(cell):
        each = (1.0 - share) * _makespan(full, full, latency, width, workers, 0.0)
        each += share * _makespan(short, short, latency, width, workers, 0.0)
    else:
        raise NoPrediction("how long generations on the shorter last chunk take has no formula where workers wait")
    kind = AT_MOST if width_varies(cell) else SIMULATED
    return spent.generations.mean * each, spent.generations.error * each, kind


def _of_votes(cell: Cell, latency: Latency) -> float:
    """The votes of an answer are cast one after the other, and the answer is evaluated."""
    if cell.runner.lam > 1:
        raise NoPrediction("how long answers of several calls take side by side is not known; lam = 1 is")
    each, _ = latency.means(cell.tokens)
    return predict(cell, "calls").mean * each + predict(cell, "generations").mean * latency.evaluation


def _makespan(full: float, short: float, latency: Latency, width: int, workers: int, share: float) -> float:
    """The mean over drawn generations."""
    return float(makespans(full, short, latency, width, workers, share).mean())


@lru_cache(maxsize=32)
def makespans(full: float, short: float, latency: Latency, width: int, workers: int, share: float) -> FloatArray:
    """Seconds of drawn generations: calls go in order to the first worker that is free; a share of them is short.

    Args:
        full: mean seconds of a call on a full chunk.
        short: of one on the shorter last chunk.
        latency: whose tail and evaluations.
        width: calls of a generation.
        workers: calls at the same time.
        share: of the calls that are on the shorter chunk.
    """
    rng = np.random.default_rng(SEED)
    free = np.zeros((DRAWN, min(workers, width)))
    rows = np.arange(DRAWN)
    for _ in range(width):
        means = np.where(rng.random(DRAWN) < share, short, full)
        first = np.argmin(free, axis=1)
        free[rows, first] += means * latency.factors(DRAWN, rng) + latency.evaluation
    return np.asarray(free.max(axis=1))
