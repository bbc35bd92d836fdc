"""Results in words: how many cells and runs, and of each arm how many runs hit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.grids.outside.sheet import Sheet

if TYPE_CHECKING:
    from experiments.store.results import Results


def heading(results: Results) -> str:
    """The name, cells, runs that are asked for, and the folder; nothing is read for it."""
    grid, cells = results.grid, len(results.cells)
    where = "" if results.path is None else f", in {results.path}"
    runs = f"{results.asked:,} runs" if isinstance(results.asked, int) else str(grid["runs"])
    return f"{grid['name']}: {cells:,} cell{'' if cells == 1 else 's'}, {runs} a cell, seed {grid['seed']}{where}"


def sheet(results: Results) -> Sheet:
    """A row an arm: its cells, runs, and the share that hit."""
    runs = results.runs
    arms = results.cells["arm"]
    of_runs = runs["cell"].map(arms)
    counted = runs["hit"].notna().groupby(of_runs, sort=False).agg(["size", "sum"])
    rows = []
    for arm, cells in arms.value_counts(sort=False).items():
        size, hits = (int(counted[name].get(arm, 0)) for name in ("size", "sum"))
        rows.append((str(arm), f"{cells:,}", f"{size:,}", f"{size - hits:,}"))
    engines = ", ".join(sorted(map(str, runs["engine"].unique()))) if len(runs) else "none yet"
    notes = (f"engine: {engines}; no hit: censored by the budget, or a program's task not done right",)
    return Sheet(heading(results), ("arm", "cells", "runs", "no hit"), tuple(rows), notes, (False, True, True, True))
