"""The summary of a grid: a row a cell, measured beside predicted, with its verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.statistics import binomial_interval, median_interval, normal_quantile
from experiments.checks.check import Check
from experiments.fits.tails import Tail, tail_of
from experiments.grids.arguments import expect_a
from experiments.grids.cell_text import runs_program
from experiments.grids.labels import lams_of, sizes_of
from experiments.grids.stopping import Runs, kept_of
from experiments.predictions.programs import known_done
from experiments.predictions.verdict import CONFIDENCE
from experiments.reports.quality.at_budget import fitness_columns
from experiments.store.by_cell import RunArrays
from experiments.store.predictions import StoredPrediction
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd


def summarise(results: Results, checked: Check) -> pd.DataFrame:
    """A row a cell.

    Columns: cell, arm, series (the arm with all that varies within it beside k and lam), k, lam, text; runs,
    stopped (by their number, a rule or its cap; unfinished where a rule asks for more), censored, success_ratio with
    interval and, of programs, success_predicted; hit, its interval and hit_predicted; cost, its interval and
    cost_predicted; median of hit, its interval; ert (calls of all runs / hits, infinite without a hit) and ert_cost;
    source of the predictions; fitness of the runs when their budget ends them, fitness_predicted, the band of single
    runs fitness_10, fitness_50, fitness_90 and fitness_from, which says whether that is "exact" or "measured", all null
    where no run was censored; verdict, reason.
    Means of cells with censored runs are null: the finished runs alone would be too cheap. So are means that are
    infinite, and the intervals of means whose variance is; medians, by order statistics, are null where most runs were
    censored. Other intervals are at 95 %: exact
    for the success ratio, normal for the means, null for a single run. Those of runs that a rule stopped are computed
    as for a number of runs; measured, they hold the true ratio at 95 % and the mean at 94 to 95 %, if `UntilPrecise`
    asked for 10 % or less.
    """
    import pandas as pd

    expect_a(Results, "summarise", results, "results of run_grid or load")
    expect_a(Check, "summarise", checked, "a Check of these results")
    rows, series = [], results.labels
    of = {"arm": results.cells["arm"], "k": sizes_of(results.cells), "lam": lams_of(results.cells)}
    of["text"] = results.cells["text"]
    places = dict(zip(results.cells.index, zip(*of.values(), strict=True), strict=True))
    for cell_check in checked.cells:
        runs = results.numbers(cell_check.cell)
        arm, k, lam, text = places[cell_check.cell]
        rows.append(
            {"cell": cell_check.cell, "arm": arm, "series": series[cell_check.cell], "k": k, "lam": lam}
            | {"stopped": _stopped(results.asked, runs)}
            | _measured(runs, tail_of(results, cell_check.cell), runs_program(str(text)))
            | _predicted(results, cell_check.cell)
            | fitness_columns(results, cell_check.cell)
            | {"verdict": str(cell_check.verdict), "reason": cell_check.reason, "text": text}
        )
    return pd.DataFrame(rows)


def _stopped(asked: Runs, runs: RunArrays) -> str:
    if isinstance(asked, int):
        return "number"
    kept = kept_of(asked, runs["batch"], runs["hit"])
    return ("rule" if kept.by_rule else "cap") if kept.decided else "unfinished"


def _measured(runs: RunArrays, tail: Tail, of_program: bool) -> dict[str, Any]:
    hit, hits = runs["hit"], runs.hits
    low, high = binomial_interval(hits, len(runs), 1 - CONFIDENCE) if len(runs) else (0.0, 1.0)
    nothing = math.inf if len(runs) else math.nan
    row: dict[str, Any] = {
        "runs": len(runs),
        "censored": len(runs) - hits,
        "success_ratio": hits / len(runs) if len(runs) else math.nan,
        "success_low": low,
        "success_high": high,
        "ert": runs["calls"].sum() / hits if hits else nothing,
        "ert_cost": runs["cost"].sum() / hits if hits else nothing,
    }
    for quantity, values in (("hit", hit), ("cost", runs["cost"])):
        whole = hits == len(values) > 0 or (of_program and quantity == "cost" and len(values) > 0)
        mean = float(values.mean()) if whole and tail is not Tail.NO_MEAN else math.nan
        spread = float(values.std(ddof=1)) if len(values) > 1 and tail is Tail.LIGHT else math.nan
        error = spread / math.sqrt(len(values) or 1)
        half = normal_quantile(0.5 + CONFIDENCE / 2) * error
        row |= {quantity: mean, f"{quantity}_low": mean - half, f"{quantity}_high": mean + half}
    return row | _median(runs)


def _median(runs: RunArrays) -> dict[str, float]:
    """The median of hit and its interval; null where it was not reached."""
    ordered = np.sort(np.nan_to_num(runs["hit"], nan=np.inf))
    middle = float(np.median(ordered)) if len(ordered) else math.inf
    if math.isinf(middle):
        return dict.fromkeys(("median", "median_low", "median_high"), math.nan)
    low, high = median_interval(ordered, 1 - CONFIDENCE)
    return {"median": middle, "median_low": low, "median_high": high}


def _predicted(results: Results, cell_id: str) -> dict[str, Any]:
    def known(ask: Callable[[], Any], of_stored: Callable[[StoredPrediction], Any], otherwise: Any) -> Any:
        try:
            return ask()
        except (NoPrediction, InputError):
            stored = results.prediction(cell_id)
            return otherwise if stored is None else of_stored(stored)

    def mean(quantity: str) -> Any:
        return known(
            lambda: results.predict(cell_id, quantity).mean, lambda kept: kept.means.get(quantity, math.nan), math.nan
        )

    source = known(lambda: results.predict(cell_id).source, lambda kept: kept.source, "")
    done = known(lambda: known_done(results.cell(cell_id)), lambda kept: kept.done, math.nan)
    return {
        "success_predicted": math.nan if done is None else done,
        "hit_predicted": mean("hit"),
        "cost_predicted": mean("cost"),
        "source": source,
    }
