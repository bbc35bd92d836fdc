"""10, 50 and 90 % of the hours of single runs: by a formula where calls take a fixed time, else from drawn ones."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.costs.latency import Latency
from evo.errors import NoPrediction
from evo.protocols import FloatArray, IntArray
from evo.theory import TimeLaw
from experiments.grids.cell import Cell
from experiments.planning.candidates import Candidate
from experiments.planning.numbers import HOUR, LEVELS, Aim, Numbers
from experiments.planning.seconds import SEED, makespans
from experiments.planning.simulated import A_RUN, NotSimulatedError, Sample, Simulator, SpentToTarget
from experiments.planning.target import TimeTo, time_to
from experiments.predictions.predict import predict
from experiments.predictions.seconds import same_chunk, width_of

HOURS = ("hours_low", "hours_median", "hours_high")
RUNS = 2000
"""Runs whose hours are drawn."""
TIMES, FARTHEST = 1025, 1e-5
"""Places at which a law of generations is looked at, and the share of the runs beyond the last one."""
MANY = 1024
"""Drawn one by one are so many seconds of a run; the sum of the others is normal, of their mean and variance."""


def with_hours_band(candidate: Candidate, aim: Aim, found: Numbers, simulator: Simulator | None) -> Numbers:
    """The same with 10, 50 and 90 % of the hours of single runs; unchanged where they are not known.

    Exact where the seconds of a run are a multiple of its generations, as without a tail. Else 2,000 runs: generations
    by their exact law if all take as long in law, from simulated runs if not; and the seconds of each call are drawn.
    """
    if math.isnan(found.hours) or not math.isfinite(found.hours):
        return found
    cell, latency = candidate.cell, candidate.model.latency
    try:
        exact = _exact(cell, latency, aim)
        if exact is not None:
            band: dict[str, Any] = dict(zip(HOURS, exact, strict=True))
            return replace(found, **band)
        drawn = _drawn(candidate, aim, found, simulator)
    except (NoPrediction, NotSimulatedError):
        return found
    told: dict[str, Any] = {name: drawn.quantile(u) / HOUR for name, u in zip(HOURS, LEVELS, strict=True)}
    errors = ((name, drawn.quantile_error(u) / HOUR) for name, u in zip(HOURS, LEVELS, strict=True))
    return replace(found, **told, errors=(*found.errors, *errors))


def _exact(cell: Cell, latency: Latency, aim: Aim) -> list[float] | None:
    """The quantiles where every generation takes the same time; None where it does not."""
    try:
        seconds = predict(cell, "seconds", latency=latency, workers=aim.workers)
        band = [seconds.quantile(u) / HOUR for u in LEVELS]
    except NoPrediction:
        return None
    if aim.target is None:
        return band
    each = seconds.mean / predict(cell, "generations").mean
    time = time_to(cell, aim.target)
    return [each * time.quantile(u) / HOUR for u in LEVELS]


def _drawn(candidate: Candidate, aim: Aim, found: Numbers, simulator: Simulator | None) -> Sample:
    """The seconds of drawn runs.

    Raises: NoPrediction, NotSimulatedError where nothing tells how long a run is.
    """
    cell, latency, rng = candidate.cell, candidate.model.latency, np.random.default_rng(SEED)
    full, short = latency.means(cell.tokens)
    width = width_of(cell)
    one_by_one = min(aim.workers, width) == 1
    if full == short and not hasattr(cell.mutator, "mean_calls"):
        law: TimeLaw | TimeTo = predict(cell, "generations") if aim.target is None else time_to(cell, aim.target)  # type: ignore[assignment]  # it has the methods of a law
        generations = times_drawn(law, RUNS)
        if one_by_one:
            seconds = full * factor_sums(generations * width, latency.tail, rng) + latency.evaluation * (
                generations * width
            )
            return Sample(seconds)
        pool = makespans(full, full, latency, width, aim.workers, 0.0)
        return Sample(sums_of(pool, generations, rng))
    if simulator is None or not found.calls < A_RUN / 2.0:
        raise NoPrediction("generations differ in how long they take, and which ones a run has is not known")
    return _of_runs(simulator.until(cell, aim.target), latency, aim.workers, rng)


def _of_runs(spent: SpentToTarget, latency: Latency, workers: int, rng: Generator) -> Sample:
    """The seconds of simulated runs, whose calls and generations are known, those of each call drawn.

    Raises: NoPrediction where it is not known which calls of a generation are on the shorter chunk.
    """
    cell = spent.cell
    (full, short), width = latency.means(cell.tokens), width_of(cell)
    generations, calls = spent.generations.values.astype(np.int64), spent.calls.values.astype(np.int64)
    shorter = spent.short.astype(np.int64)
    if min(workers, width) == 1:
        on_full, on_short = (factor_sums(each, latency.tail, rng) for each in (calls - shorter, shorter))
        return Sample(full * on_full + short * on_short + latency.evaluation * generations * width)
    if hasattr(cell.mutator, "mean_calls") or not same_chunk(cell):
        raise NoPrediction("which calls of a generation are on the shorter last chunk is not known")
    turns = shorter // width
    pools = [makespans(each, each, latency, width, workers, 0.0) for each in (full, short)]
    return Sample(sums_of(pools[0], generations - turns, rng) + sums_of(pools[1], turns, rng))


def times_drawn(law: TimeLaw | TimeTo, runs: int) -> IntArray:
    """Times at the levels (r + 1/2)/runs, whole numbers [runs]; between 1,025 places the cdf is taken as straight.

    >>> from evo.theory.times.closed import NegativeBinomial
    >>> times_drawn(NegativeBinomial(1, 0.2), 8).tolist()
    [1, 1, 2, 3, 4, 6, 8, 13]
    """
    first, last = law.quantile(FARTHEST), law.quantile(1.0 - FARTHEST)
    levels = (np.arange(runs) + 0.5) / runs
    if last - first < TIMES:
        places = np.arange(first, last + 1.0)
        reached = np.minimum(np.searchsorted(law.cdf(places), levels - 1e-12), len(places) - 1)
        return np.asarray(places[reached], dtype=np.int64)
    places = np.unique(np.round(np.geomspace(max(first, 1.0), last, TIMES)))
    return np.asarray(np.round(np.interp(levels, law.cdf(places), places)), dtype=np.int64)


def factor_sums(numbers: IntArray, tail: float, rng: Generator) -> FloatArray:
    """Sums of so many log-normal factors of mean 1, exp(tail Z - tail^2/2), float [runs]."""
    if not tail:
        return numbers.astype(np.float64)
    drawn = np.minimum(numbers, MANY)
    factors = np.exp(tail * rng.standard_normal(int(drawn.sum())) - tail**2 / 2.0)
    return _summed(factors, drawn) + _of_the_rest(numbers - drawn, 1.0, math.expm1(tail**2), rng)


def sums_of(pool: FloatArray, numbers: IntArray, rng: Generator) -> FloatArray:
    """Sums of so many of a sample, drawn with repeats, float [runs]."""
    drawn = np.minimum(numbers, MANY)
    chosen = pool[rng.integers(0, len(pool), int(drawn.sum()))]
    return _summed(chosen, drawn) + _of_the_rest(numbers - drawn, float(pool.mean()), float(pool.var()), rng)


def _summed(values: FloatArray, numbers: IntArray) -> FloatArray:
    """Of values in a row the sums of the first `numbers[0]`, of the next `numbers[1]`, and so on."""
    return np.diff(np.append(0.0, np.cumsum(values))[np.append(0, np.cumsum(numbers))])


def _of_the_rest(numbers: IntArray, mean: float, variance: float, rng: Generator) -> FloatArray:
    """Sums of many, by the normal law."""
    return np.asarray(numbers * mean + np.sqrt(numbers * variance) * rng.standard_normal(len(numbers)))
