"""Is the table whole? Rows that are missing, copied, or priced by other prices than the cell's text says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.grids.any_cell import AnyCell
from experiments.grids.stopping import kept_of
from experiments.store.failures import FailedBatch

if TYPE_CHECKING:
    from experiments.store.results import Results

FEWEST_COPIES = 20
"""Runs a batch from which two equal batches are copies and no chance."""


def missing_runs(results: Results, cell_id: str) -> str:
    """What to do if a cell has fewer runs than its grid asks for, or its stopping rule is not decided; else empty.

    Runs that are missing may be the slow ones, so no mean of the others is unbiased.
    """
    asked, failed, runs = results.asked, results.failures.get(cell_id, ()), results.numbers(cell_id)
    if not len(runs):
        missing = "no runs" if failed else "no runs yet"
    elif isinstance(asked, int):
        missing = f"{asked - len(runs)} of {asked} runs are missing" if len(runs) < asked else ""
    else:
        more = f"after {len(runs)} runs the rule asks for more ({asked.words})"
        missing = "" if kept_of(asked, runs["batch"], runs["hit"]).decided else more
    if not missing:
        return ""
    return f"{missing}: {_failed(failed)}" if failed else f"{missing}; run the grid again to go on"


def _failed(failed: Sequence[FailedBatch]) -> str:
    """That batches failed and are left alone until somebody asks for them."""
    kinds = ", ".join(dict.fromkeys(each.kind for each in failed))
    what, them = ("batch", "it") if len(failed) == 1 else ("batches", "them")
    return f"{len(failed):,} {what} failed ({kinds}); --retry-failed runs {them} again"


def table_fault(results: Results, cell_id: str, cell: AnyCell | None) -> str:
    """What is wrong with the rows of a cell, in words; empty if nothing is. Without the cell prices are believed."""
    seen: dict[bytes, int] = {}
    columns = results.numbers(cell_id)
    batches = columns["batch"]
    order = np.argsort(batches, kind="stable")
    numbers, firsts = np.unique(batches[order], return_index=True)
    all_hits = columns["hit"][order]
    for batch, hits in zip(numbers.tolist(), np.split(all_hits, firsts[1:]), strict=False):
        if len(hits) >= FEWEST_COPIES and len(np.unique(hits)) > 2:
            first = seen.setdefault(hits.tobytes(), batch)
            if first != batch:
                return f"batch {batch} is a copy of batch {first}"
    prices = results.prices[cell_id]
    if cell is not None and prices != cell.prices:
        return "the prices in the table of cells are not those of the cell's text"
    cost = np.zeros(len(columns))
    for name, price in prices.items():
        if name not in columns:
            return f"the table has no column {name}, which has a price"
        cost += price * columns.floats(name)
    if not np.allclose(columns.floats("cost"), cost, rtol=1e-12, atol=0.0):
        return "the cost is not the ledger times the prices"
    return ""
