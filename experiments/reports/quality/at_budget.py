"""The fitness that the budget of a cell leaves: exact where it is predicted, measured where runs can be traced."""

from __future__ import annotations

import math
from typing import Any

from evo.errors import InputError, NoPrediction
from experiments.grids.cell import Cell
from experiments.predictions.quality.fitness import Quality, qualities
from experiments.predictions.quality.table import LEVELS
from experiments.predictions.within_budget import generations_within
from experiments.reports.quality.measured import MeasuredFitness
from experiments.reports.quality.traced import traced_fitness
from experiments.store.results import Results

COLUMNS = ("fitness", "fitness_predicted", *(f"fitness_{100 * level:.0f}" for level in LEVELS))
MOST_OF_STORED = 10_000
"""Generations up to which a stored noisy value is followed call by call: more take seconds a cell."""


def fitness_columns(results: Results, cell_id: str) -> dict[str, Any]:
    """Of a cell: `fitness` (mean of the runs), `fitness_predicted`, `fitness_10`, `_50`, `_90` and `fitness_from`.

    All are of the generation after which the budget ends a run; null where that is no fixed number of generations, or
    where no run was censored: all are optimal.
    """
    row: dict[str, Any] = dict.fromkeys((*COLUMNS, "fitness_from"), math.nan)
    try:
        cell = results.cell(cell_id)
    except InputError:
        return row
    if not isinstance(cell, Cell):
        return row
    fewest, most = generations_within(cell)
    runs = results.numbers(cell_id)
    if not fewest == most < math.inf or runs.hits == len(runs):
        return row
    exact = _exact(cell, int(most))
    measured = next(iter(traced_fitness(results, cell_id, cell, [int(most)])), None)
    if measured is not None:
        row["fitness"] = measured.mean
    if exact is not None:
        row["fitness_predicted"] = exact.mean
    return row | _band(exact or measured)


def _band(law: Quality | MeasuredFitness | None) -> dict[str, Any]:
    if law is None:
        return {}
    quantiles = zip(COLUMNS[2:], (law.quantile(level) for level in LEVELS), strict=True)
    return dict(quantiles) | {"fitness_from": law.kind}


def _exact(cell: Cell, generations: int) -> Quality | None:
    if getattr(cell.problem, "reevaluate", True) is False and generations > MOST_OF_STORED:
        return None
    try:
        (found,) = qualities(cell, [generations])
    except (NoPrediction, InputError):
        return None
    return found
