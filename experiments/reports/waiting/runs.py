"""Waiting time of each run, read off the table later: parallel rounds, and seconds with drawn latencies.

The runs are those of the table. Latencies come from a stream of their own, so that time touches no other draw and the
same runs can be timed for any number of workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.costs.latency import Latency
from evo.errors import InputError
from evo.parameters import shown
from evo.protocols import IntArray
from evo.runners.parallel import Asynchronous
from evo.seeding import streams
from evo.text import canonical
from experiments.grids.any_cell import AnyCell
from experiments.grids.arguments import expect_a, expect_whole
from experiments.grids.cell import Cell
from experiments.grids.programs.cell import ProgramCell
from experiments.reports.waiting.programs import seconds_of_runs
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd
from experiments.reports.waiting.barriers import times_of_batch


def timed(results: Results, workers: int | None, latency: Latency, seed: int = 1) -> pd.DataFrame:
    """The runs of a grid with their waiting time on W workers, a row a run.

    Columns beside those of `results.runs`:

    * rounds: sum over generations of ceil(calls/W): generations ceil(lam/W) for (1+lam) runs (theory 11c), generations
      for Merged where W is no less than its own workers; null for Asynchronous, which has none.
    * makespan: seconds. The calls of a generation go to the workers in order, each to the first that is free, which
      evaluates the answer before it takes the next call (`Latency.evaluation`), and all wait for the last one. For
      lam = 1 the sum of all. Where evaluators err every evaluation of the ledger takes that long, one after the other:
      known for one call at a time. A censored run's is a lower bound. For Asynchronous
      its `seconds`; null where it was run with another latency or other workers than asked for, since its runs would
      have been others (`waiting` says which).

    The latencies of a batch are drawn run by run, so that more runs of a cell leave those of the others as they were.
    Rounds of Merged under OnlyIncorrect are not in the table: their batches are run again.

    Args:
        results: of `run_grid` or `load`.
        workers: W; None: as many as a generation has calls.
        latency: seconds of a call; its tokens are those of the cell's prompt.
        seed: names the stream of the latencies, with the cell's text and the batch.

    Raises: InputError for cells whose calls' lengths are not known from the table: answers of several calls, or calls
    on chunks of different lengths within a generation; or where evaluators err, whose evaluations are known by run.
    """
    expect_a(Results, "timed", results, "results of run_grid or load")
    expect_timing("timed", workers, latency, seed)
    found, refused = times_of_runs(results, workers, latency, seed)
    for error in refused.values():
        raise error
    return found


def expect_timing(role: str, workers: int | None, latency: Latency, seed: int) -> None:
    """Check how runs are to be timed.

    Raises: InputError.
    """
    expect_a(Latency, role, latency, "a Latency of calls")
    expect_whole(f"{role}: seed", seed, 0)
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int | np.integer) or workers < 1):
        raise InputError(f"{role}: expected for workers a whole number >= 1 or None, got {shown(workers)}")


def times_of_runs(
    results: Results, workers: int | None, latency: Latency, seed: int
) -> tuple[pd.DataFrame, dict[str, InputError]]:
    """The runs with their waiting time, and why some cells, by their id, have none."""
    runs = results.runs
    rounds, makespan = np.full((2, len(runs)), np.nan)
    refused = {}
    for name, of_cell in results.by_cell.items():
        try:
            cell = results.cell(name)
        except InputError:
            continue
        try:
            for rows, its_rounds, its_makespan in _timed_parts(cell, of_cell, results, workers, latency, seed):
                rounds[rows], makespan[rows] = its_rounds, its_makespan
        except InputError as error:
            refused[name] = error
    return runs.assign(rounds=rounds, makespan=makespan), refused


Timed = tuple[IntArray, Any, Any]
"""Rows of the table of runs, their rounds and their seconds."""


@singledispatch
def _timed_parts(
    cell: AnyCell, of_cell: pd.DataFrame, results: Results, workers: int | None, latency: Latency, seed: int
) -> Iterator[Timed]:
    """The times of the runs of a cell, some rows after others.

    Raises: InputError for runs that cannot be timed.
    """
    raise NotImplementedError(type(cell).__name__)


@_timed_parts.register(ProgramCell)
def _(
    cell: ProgramCell, of_cell: pd.DataFrame, results: Results, workers: int | None, latency: Latency, seed: int
) -> Iterator[Timed]:
    yield of_cell.index.to_numpy(), of_cell["generations"], seconds_of_runs(cell, of_cell, workers, latency)


@_timed_parts.register(Cell)
def _(
    cell: Cell, of_cell: pd.DataFrame, results: Results, workers: int | None, latency: Latency, seed: int
) -> Iterator[Timed]:
    for batch, part in of_cell.groupby("batch", sort=False):
        rows, number = part.index.to_numpy(), int(str(batch))
        if isinstance(cell.runner, Asynchronous):
            yield rows, np.nan, np.nan if kept_as_run(cell, workers, latency) else part["seconds"]
            continue
        rng = streams(seed, f"timed {cell.text}", number).latency
        yield rows, *times_of_batch(results, cell, number, part, workers, latency, rng)


def kept_as_run(cell: Cell, workers: int | None, latency: Latency) -> str:
    """Why a cell cannot be timed as asked: its runner never waits, so that latency and workers shaped its runs."""
    runner = cell.runner
    if not isinstance(runner, Asynchronous) or (runner.latency == latency and workers in (None, runner.workers)):
        return ""
    return (
        f"no seconds: run with {canonical(runner.latency)} on {runner.workers} workers, and its runs would be others "
        "with what is asked for"
    )
