"""Is the table whole? Rows that are missing, copied, or priced by other prices than the cell's text says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.grids.cells_table import prices_in
from experiments.grids.programs.cell import AnyCell
from experiments.grids.stopping import kept_of
from experiments.store.failures import FailedBatch

if TYPE_CHECKING:
    import pandas as pd

    from experiments.store.results import Results

FEWEST_COPIES = 20
"""Runs a batch from which two equal batches are copies and no chance."""


def missing_runs(results: Results, cell_id: str, runs: pd.DataFrame) -> str:
    """What to do if a cell has fewer runs than its grid asks for, or its stopping rule is not decided; else empty.

    Runs that are missing may be the slow ones, so no mean of the others is unbiased.
    """
    asked, failed = results.asked, results.failures.get(cell_id, ())
    if runs.empty:
        missing = "no runs" if failed else "no runs yet"
    elif isinstance(asked, int):
        missing = f"{asked - len(runs)} of {asked} runs are missing" if len(runs) < asked else ""
    else:
        more = f"after {len(runs)} runs the rule asks for more ({asked.words})"
        missing = "" if kept_of(asked, runs).decided else more
    if not missing:
        return ""
    return f"{missing}: {_failed(failed)}" if failed else f"{missing}; run the grid again to go on"


def _failed(failed: Sequence[FailedBatch]) -> str:
    """That batches failed and are left alone until somebody asks for them."""
    kinds = ", ".join(dict.fromkeys(each.kind for each in failed))
    what, them = ("batch", "it") if len(failed) == 1 else ("batches", "them")
    return f"{len(failed):,} {what} failed ({kinds}); --retry-failed runs {them} again"


def table_fault(results: Results, cell_id: str, cell: AnyCell | None, runs: pd.DataFrame) -> str:
    """What is wrong with the rows of a cell, in words; empty if nothing is. Without the cell prices are believed."""
    seen: dict[bytes, int] = {}
    batches = runs["batch"].to_numpy()
    order = np.argsort(batches, kind="stable")
    numbers, firsts = np.unique(batches[order], return_index=True)
    all_hits = runs["hit"].to_numpy(dtype=float, na_value=np.nan)[order]
    for batch, hits in zip(numbers.tolist(), np.split(all_hits, firsts[1:]), strict=False):
        if len(hits) >= FEWEST_COPIES and len(np.unique(hits)) > 2:
            first = seen.setdefault(hits.tobytes(), batch)
            if first != batch:
                return f"batch {batch} is a copy of batch {first}"
    prices = prices_in(results.cells.loc[cell_id])  # type: ignore[arg-type]  # ids are unique
    if cell is not None and prices != cell.prices:
        return "the prices in the table of cells are not those of the cell's text"
    cost = np.zeros(len(runs))
    for name, price in prices.items():
        if name not in runs:
            return f"the table has no column {name}, which has a price"
        cost += price * runs[name].to_numpy(dtype=float, na_value=np.nan)
    if not np.allclose(runs["cost"].to_numpy(dtype=float), cost, rtol=1e-12, atol=0.0):
        return "the cost is not the ledger times the prices"
    return ""
