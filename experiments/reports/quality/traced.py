"""The fitness of the stored runs of a cell at some budgets: their batches are executed again, with their traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evo.errors import InputError
from evo.runners.protocol import Adjusting, OwnGenerations
from experiments.grids.cell import Cell
from experiments.predictions.forecast import SECONDS_A_ROUND, Slowness, looks_ahead, seconds_of_batch
from experiments.reports.quality.measured import MeasuredFitness
from experiments.running.again import executed_again
from experiments.running.at_budget import fitness_after
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd

MOST_SECONDS = 0.25
"""Of a cell: about what its runs may take on the machine whose speed the forecast knows, the same on all others."""


def traced_fitness(results: Results, cell_id: str, cell: Cell, generations: list[int]) -> list[MeasuredFitness]:
    """The fitness of the stored runs after so many generations, as many as none of them ended before without a hit.

    Taken are the first batches that take about a quarter of a second; none, and so an empty list, where already the
    first takes longer, where runs come out otherwise when they are executed again, under the engine `law` and runners
    whose generations are not lam calls, which have no such traces, and without an evaluator, where runs end at the
    optimum and the fitness at a budget is of those that go on.

    Args:
        results: of `run_grid` or `load`.
        cell_id: of the cell.
        cell: the cell itself.
        generations: rising.
    """
    own = isinstance(cell.runner, OwnGenerations | Adjusting) or getattr(cell.runner, "accept", "") == "always"
    if own or results.grid["engine"] == "law" or cell_id not in results.by_cell:
        return []
    rows = results.by_cell[cell_id]
    ended = rows.loc[rows["hit"].isna(), "generations"].min()
    times = [time for time in generations if not ended < time]
    found, seconds = [], 0.0
    for batch, part in rows.groupby("batch", sort=True):
        seconds += _seconds(results, cell, part)
        if seconds > MOST_SECONDS:
            break
        try:
            _, trace = executed_again(results, cell, int(str(batch)), part)
        except InputError:
            return []
        size = cell.batch_size(results.grid["batch"])
        found.append(fitness_after(trace, [cell.runner.lam * time for time in times], size)[:, part["run"]])
    if not found:
        return []
    together = np.sort(np.concatenate(found, axis=1), axis=1)
    return [MeasuredFitness(time, fitness) for time, fitness in zip(times, together, strict=True)]


def _seconds(results: Results, cell: Cell, rows: pd.DataFrame) -> float:
    """About what a batch takes with so many generations a run: in lockstep as many rounds as the longest run has."""
    size, engine = cell.batch_size(results.grid["batch"]), str(results.grid["engine"])
    mean, most = float(rows["generations"].mean()), float(rows["generations"].max())
    further = 0.0 if looks_ahead(cell) else SECONDS_A_ROUND * (most - mean)
    return seconds_of_batch(cell, cell.runner.lam * mean, size, engine, Slowness()) + further
