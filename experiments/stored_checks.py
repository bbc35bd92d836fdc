"""Checks of a cell whose parts are not imported: against the prediction that was stored when it was run.

The tests are those of `experiments.checks`, from less: the law of hit at the stored times only, where the largest
difference is at most the largest anywhere, so that the DKW bound holds; means by a gamma law of the exact mean and
variance of the total. In the ledger, calls, the last generation, the budget and all entries of tokens must add up.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from evo import statistics
from evo.budget import ROUNDING
from evo.errors import NoPrediction
from evo.ledger import LEDGER
from experiments.stored_predictions import ENTRIES, StoredPrediction

if TYPE_CHECKING:
    import pandas as pd

FEWEST_RUNS = 100
"""Of a mean by the gamma law, which is not the exact law of a total.

At 2.5e-4, 100 runs of a geometric law raise at most 0.99 of the false alarms stated for p <= 0.5, 2.1 times as many for
p = 0.9 (1.03 times with 1,000 runs).
"""
Found = tuple[str, float, str]
"""A test, its p-value, and what was found."""


def stored_tests(
    stored: StoredPrediction, place: pd.Series[Any], runs: pd.DataFrame, alpha: float, resolution: float, off: float
) -> tuple[list[Found], str, str]:
    """The tests that can be made, what is missing for AGREES (empty if nothing is), and what they would find.

    Args:
        stored: of the cell.
        place: the cell's row of the table of cells.
        runs: its runs, at least one.
        alpha: false-alarm rate of one test.
        resolution: relative discrepancy of the mean that must be found.
        off: difference of the cdf that must be found where the mean is infinite.
    """
    fault = _ledger_fault(stored, place, runs)
    books = ("ledger", 1.0, "the ledger adds up") if fault is None else ("ledger", 0.0, fault)
    if "hit" not in stored.means:
        return [books], stored.refused or "no prediction was stored", ""
    censored = runs.loc[runs["hit"].isna(), "generations"]
    last = float(stored.lam * censored.min()) if len(censored) else math.inf
    made = [books, _law(stored, runs, last), *(_mean(stored, runs, quantity) for quantity in ("hit", "calls"))]
    found = [each for each in made if each is not None]
    if math.isinf(stored.means["hit"]):
        times = stored.times if stored.times is not None else np.zeros(1)
        seen = float(times[(times <= last) & np.isfinite(times)].max())
        told = f"the mean is infinite; a cdf off by {off:g} within the first {seen:,.0f} offspring"
        return found, _missing_of_law(stored, last, len(runs), alpha, off), told
    return found, _missing(stored, runs, last, alpha, resolution), f"a mean off by {resolution:.0%}"


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


def _mean(stored: StoredPrediction, runs: pd.DataFrame, quantity: str) -> Found | None:
    """The mean; None if a run is censored, there are few runs, or no finite variance is known."""
    mean, variance = (known.get(quantity, math.inf) for known in (stored.means, stored.variances))
    if runs["hit"].isna().any() or math.isinf(mean) or math.isinf(variance):
        return None
    n, total = len(runs), float(runs[quantity].sum())
    if variance <= 1e-13 * mean**2:  # what rounding leaves of a difference of squares
        p_value, how = float(abs(total - n * mean) < 0.5), "deterministic"
    elif n < FEWEST_RUNS:
        return None
    else:
        p_value, how = gamma_p_value(total, n * mean, n * variance), "gamma law, exact standard error"
    test = "mean" if quantity == "hit" else quantity
    return test, p_value, f"mean {quantity} {total / n:.5g}, predicted {mean:.5g} (p = {p_value:.2g}, {how})"


def gamma_p_value(total: float, mean: float, variance: float) -> float:
    """Two-sided p-value of a total of whole numbers >= 0, by the gamma law of the same mean and variance.

    Hitting times are skewed to the right, as the gamma law is: of geometric times it is the limit.

    >>> from evo.theory import NegativeBinomial
    >>> exact = NegativeBinomial(100, 0.01)
    >>> round(2 * float(exact.tail(14000 - 1)), 6), round(gamma_p_value(14000, exact.mean, exact.variance), 6)
    (0.000303, 0.000301)
    """
    from scipy.special import gammainc, gammaincc

    shape, scale = mean**2 / variance, variance / mean
    below = gammainc(shape, (total + 0.5) / scale)
    above = gammaincc(shape, max(total - 0.5, 0.0) / scale)
    return min(1.0, 2.0 * float(min(below, above)))


def _missing(stored: StoredPrediction, runs: pd.DataFrame, last: float, alpha: float, resolution: float) -> str:
    """What is missing for AGREES where the mean is finite; empty if nothing is."""
    mean, variance = stored.means["hit"], stored.variances.get("hit", math.inf)
    if mean == 0:
        return ""
    if math.isinf(last) and math.isfinite(variance) and len(runs) >= FEWEST_RUNS:
        needed: float = statistics.runs_to_resolve(math.sqrt(variance) / mean, resolution, alpha)
    elif stored.times is None:
        return "runs are censored or the spread of hit is not known, and the law of hit was not stored"
    else:
        distance = min(stored.distance_if_stretched(last, share) for share in (resolution, -resolution) if share > -1)
        if distance <= 0:
            return f"a mean off by {resolution:.0%} would not show within the budget; give a larger one"
        needed = _by_law(distance, alpha)
    if needed <= len(runs):
        return ""
    return f"{_more(needed - len(runs))} would tell a mean off by {resolution:.0%} ({needed:.0f} in all)"


def _missing_of_law(stored: StoredPrediction, last: float, runs: int, alpha: float, off: float) -> str:
    """What is missing for AGREES where the mean is infinite; empty if nothing is."""
    try:
        _, cdf = stored.within(last)
    except NoPrediction:
        return "the mean is infinite, and the law of hit was not stored"
    if float(cdf[-1] if len(cdf) else 0.0) < min(off, stored.ever / 2):
        return "the mean is infinite, and too few of the runs hit within the budget; give a larger one to see the law"
    shown = off - stored.gap(last)
    if shown <= 0:
        return f"the mean is infinite, and the stored law has gaps of more than {off:g}"
    needed = _by_law(shown, alpha)
    if needed <= runs:
        return ""
    return f"the mean is infinite; {_more(needed - runs)} would tell a cdf off by {off:g} within the budget"


def _by_law(distance: float, alpha: float) -> int:
    """Runs whose empirical cdf tells one that is so far off w.p. 0.95, as in `statistics.runs_to_resolve_by_law`."""
    z = math.sqrt(math.log(2 / alpha) / 2) + statistics.normal_quantile(0.95) / 2
    return math.ceil((z / distance) ** 2)


def _more(runs: float) -> str:
    return f"{runs:.0f} more run{'' if runs == 1 else 's'}"


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
