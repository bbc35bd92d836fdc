"""How far a grid is, for those who watch."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.grids.any_cell import AnyCell


@dataclass(frozen=True)
class Progress:
    """How far a grid is.

    Attributes:
        cell: the cell that last had a batch finished; None at the start.
        batches, of_batches: batches that are there or failed, earlier launches included, and all.
        cells, of_cells: cells that are whole, and all.
        runs, of_runs: runs that are there, and all.
        failures: batches that failed in this launch.
        left: seconds left at the pace so far; None while it is not known.
        there: cells that were whole before this launch; told once, at the start.
    """

    cell: AnyCell | None
    batches: int
    of_batches: int
    cells: int = 0
    of_cells: int = 0
    runs: int = 0
    of_runs: int = 0
    failures: int = 0
    left: float | None = None
    there: int = 0
