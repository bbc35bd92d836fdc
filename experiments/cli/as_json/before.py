"""`llm-evo predict --json`: a forecast, or the fitness at a budget, a record a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experiments.cli.as_json.values import answer, records
from experiments.cli.predicting.forecast import totals
from experiments.reports.wording import cost_unit

if TYPE_CHECKING:
    import pandas as pd

    from experiments.grids.grid import Grid

CALLS = ("hit", "calls", "spent", "calls_10", "calls_50", "calls_90")
COSTS = ("cost", "paid", "cost_10", "cost_50", "cost_90")
REASONS = dict.fromkeys(COSTS[2:], "calls differ in price, and only the mean is known")


def forecast_json(grid: Grid, table: pd.DataFrame, cores: int) -> str:
    """A forecast: its rows as `experiments.forecast` gives them, and the sentences of the totals."""
    unit = cost_unit(table["prices"]) or "that of `prices` of the cell"
    units = dict.fromkeys(CALLS, "calls a run") | dict.fromkeys(COSTS, f"{unit}, a run")
    units |= {"read": "tokens a run", "written": "tokens a run", "censored": "chance that a run is, or its task wrong"}
    units |= {"seconds": "seconds of one core, all runs", "longest": "seconds of one core, a batch"}
    content = {"grid": _grid(grid), "cells": records(table, reasons=REASONS), "totals": totals(table, cores)}
    return answer("predict", units, content)


def fitness_json(grid: Grid, table: pd.DataFrame, calls: int) -> str:
    """The fitness of the current solution after so many calls a run."""
    units = dict.fromkeys(("best", "mean", "low", "median", "high", "gain"), "fitness")
    units |= {"solved": "chance", "improve": "chance", "generations": "generations a run"}
    return answer("predict", units, {"grid": _grid(grid), "calls": calls, "cells": records(table)})


def _grid(grid: Grid) -> dict[str, Any]:
    runs = grid.runs if isinstance(grid.runs, int) else str(grid.runs)
    return {"name": grid.name, "cells": len(grid.cells), "runs": runs, "seed": grid.seed, "engine": grid.engine}
