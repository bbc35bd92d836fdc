"""The waiting time of each cell beside its cost, with quantiles of single runs."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.costs.latency import Latency
from evo.errors import InputError, NoPrediction
from evo.runners.parallel import Asynchronous
from evo.text import canonical
from experiments.checks.completeness import missing_runs
from experiments.grids.any_cell import AnyCell
from experiments.grids.arguments import expect_a
from experiments.grids.cell import Cell
from experiments.grids.labels import lams_of, sizes_of
from experiments.grids.programs.cell import ProgramCell
from experiments.predictions.predict import predict
from experiments.reports.waiting.programs import NOT_KEPT
from experiments.running.again import executed_otherwise
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd
from experiments.reports.waiting.runs import expect_timing, kept_as_run, times_of_runs

LEVELS = (10, 50, 90)
"""Per cent of the quantiles of single runs."""


def waiting(results: Results, workers: int | None, latency: Latency, seed: int = 1) -> pd.DataFrame:
    """The waiting time of each cell beside its cost: series, k, lam, mean rounds, seconds and cost, censored share.

    Columns `makespan_10`, `makespan_50` and `makespan_90` are quantiles of single runs (seconds that so many per cent
    do not exceed; infinite where it is of runs that the budget ended); `makespan_predicted` is the exact mean without
    the budget, null where it is not known. Runs of Asynchronous are shaped by their latency: where another one is asked
    for, or other workers, as many are simulated anew with it, and the note says so. A column `note` says why a
    cell has no seconds, no numbers at all, or fewer runs than its grid asks for. Arguments are those of
    `timed`; rounds are null where there are none.
    """
    import pandas as pd

    expect_a(Results, "waiting", results, "results of run_grid or load")
    expect_timing("waiting", workers, latency, seed)
    timed_runs, refused = times_of_runs(results, workers, latency, seed)
    groups = results.with_runs(timed_runs).by_cell
    names, k, lam = results.labels, sizes_of(results.cells), lams_of(results.cells)
    texts, rows = results.cells["text"], []
    for cell_id in map(str, results.cells.index):
        runs = groups.get(cell_id, timed_runs.iloc[:0])
        note = missing_runs(results, cell_id)
        if len(runs):
            note = _note(results, cell_id, workers, latency, runs) or str(refused.get(cell_id, note))
        if len(runs) and (other := _other_runner(results, cell_id, workers, latency)) is not None:
            runs = executed_otherwise(results, *other).assign(rounds=math.nan)
            note = "; ".join(filter(None, (_simulated(other[1], runs), missing_runs(results, cell_id))))
        means = {name: runs[name].mean() for name in ("rounds", "makespan", "cost")}
        predicted = {"makespan_predicted": _predicted(results, cell_id, workers, latency)}
        if lam[cell_id] != lam[cell_id]:  # a program ends by itself, whether its task was done right or not
            runs = runs.assign(hit=runs["hit"].fillna(0))
        censored = float(runs["hit"].isna().mean())
        place = {"series": names[cell_id], "k": k[cell_id], "lam": lam[cell_id]}
        rows.append(
            {**place, **means, **_of_single_runs(runs), **predicted, "censored": censored, "note": note}
            | {"text": texts[cell_id]}
        )
    return pd.DataFrame(rows)


def _other_runner(results: Results, cell_id: str, workers: int | None, latency: Latency) -> tuple[Cell, Cell] | None:
    """A cell whose runs depend on the latency, and the same with what is asked for; None for others."""
    try:
        cell: Any = results.cell(cell_id)
    except InputError:
        return None
    runner = getattr(cell, "runner", None)  # a program has none
    if not isinstance(runner, Asynchronous) or not kept_as_run(cell, workers, latency):
        return None
    return cell, replace(cell, runner=replace(runner, latency=latency, workers=workers or runner.workers))


def _simulated(other: Cell, runs: pd.DataFrame) -> str:
    """That the numbers of a row are of other runs than those of the table, and how far their mean may be off."""
    runner: Any = other.runner
    error = runs["makespan"].std() / math.sqrt(len(runs)) if len(runs) > 1 else math.inf
    return (
        f"simulated: {len(runs):,} other runs, with {canonical(runner.latency)} on {runner.workers} workers; standard "
        f"error of the mean {error:.3g} s"
    )


def _of_single_runs(runs: pd.DataFrame) -> dict[str, float]:
    """Quantiles of the seconds of single runs; those that a budget ended took longer than any level."""
    names, seconds = [f"makespan_{level}" for level in LEVELS], runs["makespan"].to_numpy()
    if not len(runs) or np.isnan(seconds).any():
        return dict.fromkeys(names, math.nan)
    seconds = np.where(runs["hit"].isna(), np.inf, seconds)
    found = np.quantile(seconds, np.array(LEVELS) / 100.0, method="inverted_cdf")
    return dict(zip(names, found.tolist(), strict=True))


def _predicted(results: Results, cell_id: str, workers: int | None, latency: Latency) -> float:
    """The exact mean of the seconds; NaN where it is not known, or a part is not imported."""
    try:
        return predict(results.cell(cell_id), "seconds", latency=latency, workers=workers).mean
    except (InputError, NoPrediction):
        return math.nan


def _note(results: Results, cell_id: str, workers: int | None, latency: Latency, runs: pd.DataFrame) -> str:
    """Why a cell with runs has no times: it was run with its own, or a part of it is not imported."""
    try:
        cell = results.cell(cell_id)
        return _why_untimed(cell, workers, latency, runs)
    except InputError as error:
        return str(error)


@singledispatch
def _why_untimed(cell: AnyCell, workers: int | None, latency: Latency, runs: pd.DataFrame) -> str:
    """Why a cell with runs has no times; empty if it has."""
    raise NotImplementedError(type(cell).__name__)


@_why_untimed.register(Cell)
def _(cell: Cell, workers: int | None, latency: Latency, runs: pd.DataFrame) -> str:
    return kept_as_run(cell, workers, latency)


@_why_untimed.register(ProgramCell)
def _(cell: ProgramCell, workers: int | None, latency: Latency, runs: pd.DataFrame) -> str:
    return NOT_KEPT if runs["makespan"].isna().any() else ""
