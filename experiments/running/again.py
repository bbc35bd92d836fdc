"""Stored batches executed again, for the table of runs keeps no traces: the same streams give the same runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evo.batch import RunCounts, Trace
from evo.errors import InputError
from experiments.grids.cell import Cell
from experiments.grids.stopping import hits_of
from experiments.running.simulation import simulate, simulate_traced
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd


def executed_again(
    results: Results, cell: Cell, batch: int, rows: pd.DataFrame, otherwise: str = ""
) -> tuple[RunCounts, Trace]:
    """A stored batch with its traces.

    Args:
        results: of `run_grid` or `load`, of another engine than `law`.
        cell: whose batch it is.
        batch: its number.
        rows: those of the table of runs.
        otherwise: what else to do if the runs come out otherwise.

    Raises: InputError if the runs are not the stored ones.
    """
    grid = results.grid
    size = cell.batch_size(grid["batch"])
    counts, trace = simulate_traced(cell, grid["seed"], batch, size, grid["engine"])
    _expect_the_same(results, cell, batch, rows, counts, otherwise)
    return counts, trace


def _expect_the_same(
    results: Results, cell: Cell, batch: int, rows: pd.DataFrame, counts: RunCounts, otherwise: str
) -> None:
    """Refuse traces of other runs than the stored ones."""
    runs = rows["run"].to_numpy()
    where = f"{results.path or 'results'}: {cell.text}, batch {batch}"
    why = (
        "the seed or batch in grid.json are not those of the runs, or numpy or a part has changed since they were made"
    )
    if runs.max() >= len(counts.hit):
        raise InputError(f"{where}: expected at most {len(counts.hit)} runs a batch, got run {runs.max()}; {why}")
    hit = hits_of(rows)
    other = (hit != counts.hit[runs]) | (rows["generations"].to_numpy() != counts.generations[runs])
    if other.any():
        at = int(np.argmax(other))
        found, again = (
            f"hit {'none' if h < 0 else h}, generations {generations}"
            for h, generations in (
                (hit[at], rows["generations"].iloc[at]),
                (counts.hit[runs[at]], counts.generations[runs[at]]),
            )
        )
        raise InputError(
            f"{where}: {other.sum()} of {len(runs)} runs come out otherwise when executed again (run {runs[at]}: "
            f"stored {found}; again {again}); {why}; run the grid into another folder{otherwise}"
        )


def executed_otherwise(results: Results, cell: Cell, other: Cell) -> pd.DataFrame:
    """As many runs of another cell as are stored of a cell, in batches of the same seed: hit, seconds and cost.

    Args:
        results: of `run_grid` or `load`.
        cell: whose runs are stored.
        other: what is run instead.
    """
    import pandas as pd

    grid, size, parts = results.grid, other.batch_size(results.grid["batch"]), []
    left = len(results.by_cell[cell.id])
    for batch in range(-(-left // size)):
        counts = simulate(other, grid["seed"], batch, size, grid["engine"])
        cost = other.tokens.ledger(counts.calls, counts.evaluations, counts.shortfalls) @ other.weights
        hit = np.where(counts.hit < 0, np.nan, counts.hit)
        parts.append(pd.DataFrame({"hit": hit, "makespan": counts.seconds, "cost": cost}))
    return pd.concat(parts, ignore_index=True).iloc[:left]
