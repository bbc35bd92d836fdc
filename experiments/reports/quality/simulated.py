"""The fitness at a budget of every search: exact where its law is known, else simulated, and marked as such."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from evo.costs.budget import ROUNDING, Budget
from evo.errors import NoPrediction
from evo.foreign import blame_part
from evo.runners.protocol import Adjusting, OwnGenerations
from experiments.grids.arguments import a_number
from experiments.grids.cell import Cell
from experiments.predictions.quality.fitness import Quality, predict_fitness
from experiments.reports.quality.measured import BATCH, MeasuredFitness, expect_runs_of, measured_fitness
from experiments.running.at_budget import fitness_at_budget

SIMULATED = "simulated"


def fitness_or_simulated(
    cell: Cell,
    calls: int | None = None,
    generations: int | None = None,
    cost: float | None = None,
    runs: int = 1000,
    seed: int = 1,
) -> Quality | MeasuredFitness:
    """The fitness at a budget: of the kind "exact" where it is predicted, else "simulated", with a standard error.

    Where calls differ in price, and when the cheap ones come is random, each run makes as many calls as its own cost
    buys: those whose sum is no more than the budget.

    Args:
        cell: any cell that `measured_fitness` simulates.
        calls: the budget, as in `predict(cell, "fitness", ..)`.
        generations: the budget.
        cost: the budget.
        runs: that are simulated.
        seed: of their streams.

    Raises: InputError for what is no budget, and for runners whose rounds are not lam calls; NoPrediction where a cost
    is asked for that neither tells: lam > 1 and calls that differ in price, or no evaluator.

    >>> from evo import OnePlusLambda, OnlyIncorrect, UniformChunk
    >>> from operators import FixKeep
    >>> from problems import BlockOneMax
    >>> parts = BlockOneMax(k=5, l=16), FixKeep(0.3, 0.8)
    >>> exact, simulated = (
    ...     fitness_or_simulated(Cell(*parts, schedule, OnePlusLambda()), cost=9000.0, runs=400)
    ...     for schedule in (UniformChunk(1), OnlyIncorrect(2))
    ... )
    >>> exact.kind, simulated.kind, simulated.standard_error < 0.1
    ('exact', 'simulated', True)
    """
    expect_runs_of("fitness_or_simulated", cell, runs, seed)
    try:
        return predict_fitness(cell, calls, generations, cost)
    except NoPrediction as error:
        refused = error
    try:
        found = measured_fitness(cell, calls, generations, cost, runs, seed)
    except NoPrediction:
        if cost is None:
            raise
        found = _within(cell, a_number("fitness at a budget: cost", cost), runs, seed, refused)
    return replace(found, kind=SIMULATED)


def _within(cell: Cell, cost: float, runs: int, seed: int, refused: NoPrediction) -> MeasuredFitness:
    """The fitness of runs each of which makes the calls that the cost buys."""
    runner = cell.runner
    loop = getattr(runner, "accept", "") == "always"
    if isinstance(runner, OwnGenerations | Adjusting) or runner.lam > 1 or loop or len(runner.founders) > 1:
        raise refused
    limited = replace(cell, budget=Budget(calls=None, cost=cost))
    size = cell.batch_size(BATCH)
    most = cost * (1 + ROUNDING)
    with blame_part(cell):
        batches = [fitness_at_budget(limited, seed, batch, size, most) for batch in range(math.ceil(runs / size))]
    fitness, made = (
        np.concatenate(parts)[:runs] for parts in zip(*((b.fitness, b.generations) for b in batches), strict=True)
    )
    return MeasuredFitness(int(made.max()), np.sort(fitness))
