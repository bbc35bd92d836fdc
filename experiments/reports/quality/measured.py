"""The fitness at a budget as runs come to it, and whether that is what is predicted (theory 17a)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from evo.costs.budget import Budget
from evo.errors import InputError, NoPrediction
from evo.foreign import blame_part
from evo.protocols import FloatArray
from evo.runners.protocol import Adjusting, OwnGenerations
from evo.statistics import dkw_halfwidth, dkw_p_value, normal_quantile
from evo.theory.times.law import check_level
from experiments.checks.power import more, runs_for_distance
from experiments.grids.arguments import expect_a, expect_whole
from experiments.grids.cell import Cell
from experiments.predictions.quality.budgets import calls_of_a_generation, generations_at
from experiments.predictions.quality.fitness import LEVEL_SLACK, Quality, qualities
from experiments.predictions.quality.table import LEVELS, NAMES
from experiments.predictions.verdict import Verdict
from experiments.running.at_budget import fitness_after
from experiments.running.simulation import simulate_traced

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE = 0.95
BATCH = 500


@dataclass(frozen=True, eq=False)
class MeasuredFitness:
    """The true fitness of the current solution of independent runs after so many generations.

    Attributes:
        generations: whole ones.
        fitness: of each run, ascending, float [runs].
        kind: "measured", or "simulated" where it stands in for an exact law.
    """

    generations: int
    fitness: FloatArray = field(repr=False)
    kind: str = "measured"

    @property
    def runs(self) -> int:
        """How many."""
        return len(self.fitness)

    @property
    def mean(self) -> float:
        """Mean fitness."""
        return float(self.fitness.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean; infinite for one run."""
        return float(self.fitness.std(ddof=1)) / math.sqrt(self.runs) if self.runs > 1 else math.inf

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean by the normal law: the fitness is bounded."""
        half = normal_quantile(0.5 + CONFIDENCE / 2) * self.standard_error
        return self.mean - half, self.mean + half

    def cdf(self, fitness: ArrayLike) -> FloatArray:
        """Share of runs with fitness <= v, in the shape of v."""
        return np.asarray(np.searchsorted(self.fitness, np.asarray(fitness), side="right") / self.runs)

    def at_least(self, fitness: ArrayLike) -> FloatArray:
        """Share of runs with fitness >= v, in the shape of v."""
        return np.asarray(1.0 - np.searchsorted(self.fitness, np.asarray(fitness), side="left") / self.runs)

    @property
    def band(self) -> float:
        """Half-width of the 95 % band around `cdf` that holds the true one everywhere."""
        return dkw_halfwidth(self.runs, 1.0 - CONFIDENCE)

    def quantile(self, u: float) -> float:
        """The least fitness v that a share u of the runs does not exceed."""
        check_level(u)
        return float(self.fitness[max(0, math.ceil((u - LEVEL_SLACK) * self.runs) - 1)])


def measured_fitness(
    cell: Cell,
    calls: int | None = None,
    generations: int | None = None,
    cost: float | None = None,
    runs: int = 1000,
    seed: int = 1,
    engine: str = "blocks",
) -> MeasuredFitness:
    """The fitness at a budget by simulation, for every cell whose generations are whole ones of lam calls.

    The runs are those of `trace`: the first ones of a grid with the same seed. Without an evaluator (`accept="always"`)
    they are others, which go on at the optimum.

    Args:
        cell: any cell; its own budget is not looked at, but where an answer takes a random number of calls.
        calls: the budget, as in `predict(cell, "fitness", ..)`.
        generations: the budget.
        cost: the budget.
        runs: how many.
        seed: of the streams.
        engine: "blocks" or "deap".

    Raises: InputError for what is no budget, and for runners whose rounds are not lam calls; NoPrediction where calls
    differ in number or price.

    >>> from evo import AllBlocks, OnePlusLambda
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> cell = Cell(BlockOneMax(k=5, l=16), Resample(p=0.5), AllBlocks(), OnePlusLambda())
    >>> found = measured_fitness(cell, calls=20)
    >>> found.interval[0] < 4.454329 < found.interval[1]  # what `predict` says
    True
    """
    expect_runs_of("measured_fitness", cell, runs, seed)
    expect_lam_calls("measured_fitness", cell)
    with blame_part(cell):
        last = generations_at(cell, calls, generations, cost)
        (fitness,) = _simulated(cell, [last], runs, seed, engine)
    return MeasuredFitness(last, fitness)


def measured_curve(cell: Cell, calls: Sequence[int], runs: int = 1000, seed: int = 1) -> pd.DataFrame:
    """The fitness of the same runs at several budgets of calls.

    Columns: calls, mean, low, median and high (10, 50 and 90 % of the runs).

    Raises: as `measured_fitness`.
    """
    import pandas as pd

    expect_runs_of("measured_curve", cell, runs, seed)
    expect_lam_calls("measured_curve", cell)
    with blame_part(cell):
        times = [generations_at(cell, budget) for budget in calls]
        found = [MeasuredFitness(t, f) for t, f in zip(times, _simulated(cell, times, runs, seed), strict=True)]
    rows = [
        {"calls": budget, "mean": one.mean} | {name: one.quantile(u) for name, u in zip(NAMES, LEVELS, strict=True)}
        for budget, one in zip(calls, found, strict=True)
    ]
    return pd.DataFrame(rows)


def expect_runs_of(name: str, cell: object, runs: object, seed: object) -> None:
    """Check what a function of so many simulated runs of a cell is given.

    Raises: InputError naming the function.
    """
    expect_a(Cell, name, cell, "a Cell(problem, mutator, schedule, runner)")
    expect_whole(f"{name}: runs", runs, 1)
    expect_whole(f"{name}: seed", seed, 0)


def expect_lam_calls(name: str, cell: Cell) -> None:
    """Refuse runners whose generations are not lam calls each.

    Raises: InputError naming the function.
    """
    if isinstance(cell.runner, OwnGenerations | Adjusting):
        raise InputError(f"{name}: the generations of {type(cell.runner).__name__} are not lam calls each")


def _simulated(cell: Cell, times: list[int], runs: int, seed: int, engine: str = "blocks") -> FloatArray:
    """The fitness of runs after several numbers of generations, each row ascending, float [n, runs]."""
    size, limited = cell.batch_size(BATCH), _within(cell, max(times))
    batches = [_after(limited, times, seed, batch, size, engine) for batch in range(math.ceil(runs / size))]
    return np.sort(np.concatenate(batches, axis=1)[:, :runs], axis=1)


def _within(cell: Cell, generations: int) -> Cell:
    """The cell with a budget of so many generations; its own where they are no number of calls."""
    try:
        return replace(cell, budget=Budget(calls=max(1, generations * calls_of_a_generation(cell))))
    except NoPrediction:
        return cell


def _after(cell: Cell, times: list[int], seed: int, batch: int, size: int, engine: str) -> FloatArray:
    """The fitness of each run of a batch: that of the last change up to each time, float [n, size]."""
    loop = getattr(cell.runner, "accept", "") == "always"
    counts, trace = simulate_traced(cell, seed, batch, size, engine, past_optimum=loop)
    if ((counts.hit < 0) & (counts.generations < max(times))).any():
        raise InputError(
            f"measured_fitness: the cell's budget ends runs before generation {max(times)}; give it a larger one"
        )
    return fitness_after(trace, [cell.runner.lam * time for time in times], size)


@dataclass(frozen=True, eq=False)
class FitnessCheck:
    """Whether measured fitness is what is predicted.

    Attributes:
        verdict: DIFFERS if the p-value is below alpha; AGREES if a cdf off by `resolution` would have been found.
        p_value: bound on the probability of such a distance (Dvoretzky, Kiefer, Wolfowitz).
        distance: the largest difference of the cdfs.
        measured, predicted: what was compared.
        missing: what is missing for a verdict; empty if there is one.
    """

    verdict: Verdict
    p_value: float
    distance: float
    measured: MeasuredFitness = field(repr=False)
    predicted: Quality = field(repr=False)
    missing: str = ""


def check_fitness(
    cell: Cell,
    calls: int | None = None,
    generations: int | None = None,
    cost: float | None = None,
    runs: int = 2000,
    seed: int = 1,
    alpha: float = 1e-3,
    resolution: float = 0.1,
) -> FitnessCheck:
    """Compare the fitness of runs at a budget with its exact law.

    Args:
        cell: any cell whose fitness at a budget is predicted.
        calls: the budget.
        generations: the budget.
        cost: the budget.
        runs: simulated runs.
        seed: of the streams.
        alpha: rate of false alarms.
        resolution: a cdf that is so far off somewhere is found w.p. 0.95 if the verdict is AGREES.

    Raises: InputError, NoPrediction as `measured_fitness` and `predict`.

    >>> from evo import OnePlusLambda, UniformChunk
    >>> from operators import FixKeep
    >>> from problems import BlockOneMax
    >>> cell = Cell(BlockOneMax(k=8, l=16), FixKeep(0.4, 0.8), UniformChunk(), OnePlusLambda())
    >>> str(check_fitness(cell, calls=20).verdict), check_fitness(cell, calls=20, runs=100).missing
    ('AGREES', '669 more runs would tell a cdf off by 0.1')
    """
    expect_runs_of("check_fitness", cell, runs, seed)
    for name, share in (("alpha", alpha), ("resolution", resolution)):
        if not 0.0 < share < 1.0:
            raise InputError(f"check_fitness: {name} must lie between 0 and 1, got {share!r}")
    last = generations_at(cell, calls, generations, cost)
    (predicted,) = qualities(cell, [last])
    measured = measured_fitness(cell, generations=last, runs=runs, seed=seed)
    return compared(predicted, measured, alpha, resolution)


def compared(predicted: Quality, measured: MeasuredFitness, alpha: float, resolution: float) -> FitnessCheck:
    """Whether measured fitness is what is predicted, as `check_fitness` says it."""
    points = np.union1d(predicted.values, measured.fitness)
    distance = float(np.abs(measured.cdf(points) - predicted.cdf(points)).max())
    runs = measured.runs
    p_value, needed = dkw_p_value(runs, distance), runs_for_distance(resolution, alpha)
    if p_value < alpha:
        return FitnessCheck(Verdict.DIFFERS, p_value, distance, measured, predicted)
    if runs < needed:
        missing = f"{more(needed - runs)} would tell a cdf off by {resolution:g}"
        return FitnessCheck(Verdict.CANNOT_TELL, p_value, distance, measured, predicted, missing)
    return FitnessCheck(Verdict.AGREES, p_value, distance, measured, predicted)
