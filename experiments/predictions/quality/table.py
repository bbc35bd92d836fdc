"""The fitness at a budget of the cells of a grid, and along budgets: tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from evo.errors import InputError, NoPrediction
from experiments.grids.any_cell import AnyCell
from experiments.grids.arguments import expect_a, expect_whole
from experiments.grids.cell import Cell
from experiments.grids.cells_table import cells_table
from experiments.grids.grid import Grid
from experiments.grids.labels import labels
from experiments.predictions.quality.budgets import generations_at
from experiments.predictions.quality.fitness import Quality, qualities

if TYPE_CHECKING:
    import pandas as pd

LEVELS = (0.1, 0.5, 0.9)
NAMES = ("low", "median", "high")


def fitness_table(
    grid: Grid, calls: int | None = None, generations: int | None = None, cost: float | None = None
) -> pd.DataFrame:
    """A row a cell: the law of the fitness at a budget.

    Columns: `cell`, `series`, `k`, `lam`, `best` (the highest fitness), `generations`, `mean`, `low`, `median`, `high`
    (10, 50 and 90 % of single runs), `solved` (P(optimal)), `improve` (P(the last generation improved)), `gain` (what
    the next call is worth) and `source`. Where there is no prediction numbers are null, and `note` says why;
    else it says what stands against them: rates that a mutator extrapolates.

    Args:
        grid: of searches.
        calls: the budget, as in `predict(cell, "fitness", ..)`.
        generations: the budget.
        cost: the budget.

    Raises: InputError for what is no budget.
    """
    import pandas as pd

    expect_a(Grid, "fitness_table", grid, "a Grid")
    series = labels(cells_table(grid))
    rows: list[dict[str, Any]] = []
    for cell in grid.cells:
        row = {"cell": cell.id, "series": series[cell.id], "k": cell.k, "lam": cell.lam}
        try:
            rows.append(row | _at(cell, calls=calls, generations=generations, cost=cost))
        except NoPrediction as error:
            rows.append(row | {"source": "", "note": str(error)})
    columns = ["cell", "series", "k", "lam", "best", "generations", "mean", *NAMES, "solved", "improve", "gain"]
    return pd.DataFrame(rows).reindex(columns=[*columns, "source", "note"])


@singledispatch
def _at(cell: AnyCell, **budget: float | None) -> dict[str, Any]:
    """The columns of the table for one cell at a budget.

    Raises: NoPrediction; InputError for what is no budget.
    """
    raise NoPrediction("a program of calls has no fitness")


@_at.register
def _(cell: Cell, **budget: Any) -> dict[str, Any]:
    (found,) = qualities(cell, [generations_at(cell, **budget)])
    return told(found) | {"source": found.source, "note": "; ".join(found.doubts)}


def fitness_curve(cell: Cell, calls: Sequence[int]) -> pd.DataFrame:
    """The fitness against calls: a row a budget, with the band of single runs between 10 and 90 %.

    Columns: `calls`, and those of `fitness_table`.

    Args:
        cell: any cell whose fitness at a budget is predicted.
        calls: budgets, any order.

    Raises: NoPrediction naming the nearest rules; InputError for what is no budget.

    >>> from evo import OnePlusLambda, UniformChunk
    >>> from operators import FixKeep
    >>> from problems import BlockOneMax
    >>> cell = Cell(BlockOneMax(k=8, l=16), FixKeep(0.4, 0.8), UniformChunk(), OnePlusLambda())
    >>> fitness_curve(cell, [10, 20, 40])[["calls", "mean", "low", "high"]].round(3).to_numpy().tolist()
    [[10.0, 3.21, 2.0, 5.0], [20.0, 5.132, 4.0, 7.0], [40.0, 6.972, 6.0, 8.0]]
    """
    expect_a(Cell, "fitness_curve", cell, "a Cell")
    if not calls:
        raise InputError("fitness_curve: expected one budget of calls at least, got none")
    for budget in calls:
        expect_whole("fitness_curve: calls", budget, 1)
    return as_curve(calls, laws_along(cell, calls))


def laws_along(cell: Cell, calls: Sequence[int]) -> list[Quality]:
    """The laws of the fitness at some budgets of calls.

    Raises: NoPrediction naming the nearest rules; InputError for what is no budget.
    """
    return qualities(cell, [generations_at(cell, budget) for budget in calls])


def as_curve(calls: Sequence[int], laws: Sequence[Quality]) -> pd.DataFrame:
    """The table of `fitness_curve` of the laws at some budgets."""
    import pandas as pd

    return pd.DataFrame([{"calls": budget} | told(one) for budget, one in zip(calls, laws, strict=True)])


def told(found: Quality) -> dict[str, Any]:
    """The numbers of a row; null where they are not known."""
    quantiles = dict(zip(NAMES, (found.quantile(u) for u in LEVELS), strict=True))
    row: dict[str, Any] = {"best": float(found.values[-1]), "generations": found.generations, "mean": found.mean}
    row |= quantiles | {"solved": found.solved}
    for name, quantity in (("improve", "improve"), ("gain", "gain_of_a_call")):
        try:
            row[name] = getattr(found, quantity)
        except NoPrediction:
            row[name] = None
    return row
