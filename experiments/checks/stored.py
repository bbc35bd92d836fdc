"""Checks of a cell whose parts are not imported: against the prediction that was stored when it was run.

The tests are those of `experiments.checks.check`, from less: the law of hit at the stored times only, where the largest
difference is at most the largest anywhere, so that the DKW bound holds; no means, whose error rates two moments do not
tell. In the ledger, calls, the last generation, the budget and all entries of tokens must add up.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from evo import statistics
from evo.costs.budget import ROUNDING
from evo.costs.ledger import LEDGER
from evo.errors import NoPrediction
from experiments.checks.power import RESOLUTION_OF_CDF, more, runs_for_distance, too_censored, worth
from experiments.store.predictions import ENTRIES, StoredPrediction

if TYPE_CHECKING:
    import pandas as pd

Found = tuple[str, float, str]
"""A test, its p-value, and what was found."""


def stored_tests(
    stored: StoredPrediction, place: pd.Series[Any], runs: pd.DataFrame, alpha: float, resolution: float
) -> tuple[list[Found], str, str]:
    """The tests that can be made, what is missing for AGREES (empty if nothing is), and what they would find.

    Args:
        stored: of the cell.
        place: the cell's row of the table of cells.
        runs: its runs, at least one.
        alpha: false-alarm rate of one test.
        resolution: relative discrepancy of all times that must be found where the mean is finite.
    """
    fault = _ledger_fault(stored, place, runs)
    books = ("ledger", 1.0, "the ledger adds up") if fault is None else ("ledger", 0.0, fault)
    if "hit" not in stored.means:
        return [books], stored.refused or "no prediction was stored", ""
    censored = runs.loc[runs["hit"].isna(), "generations"]
    last = float(stored.lam * censored.min()) if len(censored) else math.inf
    law = _law(stored, runs, last)
    found = [books] if law is None else [books, law]
    if math.isinf(stored.means["hit"]):
        times = stored.times if stored.times is not None else np.zeros(1)
        seen = float(times[(times <= last) & np.isfinite(times)].max())
        told = f"the mean is infinite; a cdf off by {RESOLUTION_OF_CDF:g} within the first {seen:,.0f} offspring"
        return found, _missing_of_law(stored, last, len(runs), alpha), told
    open_ = too_censored(len(censored), len(runs)) or _missing(stored, len(runs), last, alpha, resolution)
    return found, open_, worth(resolution, of_law=True)


def _law(stored: StoredPrediction, runs: pd.DataFrame, last: float) -> Found | None:
    try:
        times, cdf = stored.within(last)
    except NoPrediction:
        return None
    if len(times) == 0:
        return None
    hits = np.sort(runs["hit"].dropna().to_numpy(dtype=float))
    distance = float(np.max(np.abs(np.searchsorted(hits, times, side="right") / len(runs) - cdf)))
    p_value = statistics.dkw_p_value(len(runs), distance)
    return "law", p_value, f"the law of hit is {distance:.3f} off its stored cdf (p <= {p_value:.2g})"


def _missing(stored: StoredPrediction, runs: int, last: float, alpha: float, resolution: float) -> str:
    """What is missing for AGREES where the mean is finite; empty if nothing is."""
    if stored.means["hit"] == 0:
        return ""
    if stored.times is None:
        return "the law of hit was not stored, and means are not tested without the parts"
    distance = min(stored.distance_if_stretched(last, share) for share in (resolution, -resolution) if share > -1)
    told = worth(resolution, of_law=True)
    if distance <= 0:
        return f"{told} would not show within the budget; give a larger one"
    needed = runs_for_distance(distance, alpha)
    return "" if needed <= runs else f"{more(needed - runs)} would tell {told} ({needed} in all)"


def _missing_of_law(stored: StoredPrediction, last: float, runs: int, alpha: float) -> str:
    """What is missing for AGREES where the mean is infinite; empty if nothing is."""
    try:
        _, cdf = stored.within(last)
    except NoPrediction:
        return "the mean is infinite, and the law of hit was not stored"
    off = RESOLUTION_OF_CDF
    if float(cdf[-1] if len(cdf) else 0.0) < min(off, stored.ever / 2):
        return "the mean is infinite, and too few of the runs hit within the budget; give a larger one to see the law"
    shown = off - stored.gap(last)
    if shown <= 0:
        return f"the mean is infinite, and the stored law has gaps of more than {off:g}"
    needed = runs_for_distance(shown, alpha)
    if needed <= runs:
        return ""
    return f"the mean is infinite; {more(needed - runs)} would tell a cdf off by {off:g} within the budget"


def _ledger_fault(stored: StoredPrediction, place: pd.Series[Any], runs: pd.DataFrame) -> str | None:
    """The first identity of the ledger that does not hold, in words; None if all do."""
    calls, short = (runs[name].to_numpy(dtype=float) for name in ("calls", "short_calls"))
    answers = calls / stored.calls
    hit, generations = (runs[name].to_numpy(dtype=float, na_value=np.nan) for name in ("hit", "generations"))
    faults = {
        f"calls are not in groups of {stored.calls}": answers % 1 != 0,
        "a run without a hit ended before its budget": np.isnan(hit) & ~_spent(place, runs),
        "there are more calls on the short chunk than calls": (short < 0) | (short > answers),
    }
    if stored.a_generation is not None:
        first = stored.lam * np.maximum(generations - 1, 0) + (generations > 0)
        faults["calls are not lam x generations"] = calls != stored.a_generation * generations
        faults["hit is not in the last generation"] = (hit > stored.lam * generations) | (hit < first)
    for entry in ENTRIES if stored.call else ():
        expected = (answers - short) * stored.call[entry] + short * stored.short_call[entry]
        written = runs[entry].to_numpy(dtype=float)
        faults[f"{entry} are not those of the calls"] = np.abs(written - expected) > 1e-12 * expected
    return next((words for words, broken in faults.items() if broken.any()), None)


def _spent(place: pd.Series[Any], runs: pd.DataFrame) -> Any:
    """Where a run has reached its budget, bool [runs]."""
    reached = np.zeros(len(runs), dtype=np.bool_)
    for spent in (*LEDGER, "cost"):
        most = place.get(f"budget.{spent}")
        if most is not None and not math.isnan(float(most)):
            rounding = ROUNDING if spent == "cost" else 0.0
            reached |= runs[spent].to_numpy(dtype=float) >= float(most) * (1 - rounding)
    return reached
