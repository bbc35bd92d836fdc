"""The tests of one cell: its runs beside its prediction, computed anew or stored when they were made.

A stored law is known at some times only: the largest difference there is at most the largest anywhere, so the DKW bound
holds; means are not tested then, as two moments do not tell the law of a total.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from evo import statistics
from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.times.at_times import LawAtTimes
from experiments.checks.power import RESOLUTION_OF_CDF, Level, missing, missing_of_law, too_censored
from experiments.checks.short_calls import ShortCalls
from experiments.predictions.predict import Prediction
from experiments.store.by_cell import RunArrays

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Outcome:
    """One test of one cell.

    Attributes:
        test: "mean", "law", "calls", "short" or "ledger".
        p_value: bound on the probability of a discrepancy this large if the prediction holds; 0 for a broken identity.
            Where a rule stopped the runs it holds at every stop.
        found: what was found, in words.
    """

    test: str
    p_value: float
    found: str


def made_tests(
    predict: Callable[[str], Prediction],
    fault: str | None,
    lam: int,
    unit: str,
    short: ShortCalls | None,
    runs: RunArrays | pd.DataFrame,
    level: Level,
    resolution: float,
) -> tuple[tuple[Outcome, ...], str, str]:
    """The tests that can be made, what is missing for AGREES (empty if nothing is), and what they would find.

    Args:
        predict: gives the prediction of a quantity.
        fault: what does not add up in the ledger.
        lam: offspring a generation.
        unit: what hit counts, in words.
        short: calls on the shorter last chunk; None where there is none, or nothing is known of them.
        runs: of the cell, at least one.
        level: significance level of a test, by the number of runs.
        resolution: relative discrepancy that must be found.
    """
    books = Outcome("ledger", 1.0, "the ledger adds up") if fault is None else Outcome("ledger", 0.0, fault)
    try:
        hit, calls = predict("hit"), predict("calls")
    except NoPrediction as error:
        return (books,), str(error), ""
    runs = RunArrays.of(runs)
    hits, generations, paid = (runs.floats(name) for name in ("hit", "generations", "calls"))
    censored = np.isnan(hits)
    last = float(lam * generations[censored].min()) if censored.any() else math.inf
    p_value = cache(statistics.mean_p_value)  # with one offspring a generation hit and calls are the same time
    means = () if censored.any() else (("mean", hit, hits), ("calls", calls, paid))
    made = (books, law_test(hit, hits, last), *(mean_test(*each, p_value) for each in means))
    outcomes = tuple(outcome for outcome in made if outcome is not None)
    if short is not None and not censored.any():
        outcomes = _with_short_calls(outcomes, short, len(runs), calls)
    tested = {outcome.test for outcome in outcomes}
    if math.isinf(hit.mean):
        told = f"the mean is infinite; a cdf off by {RESOLUTION_OF_CDF:g} {_within(hit, last, unit)}"
        return outcomes, missing_of_law(hit, last, len(runs), level, "law" in tested), told
    open_, told = missing(hit, len(runs), level, resolution, last, "mean" in tested)
    return outcomes, too_censored(int(censored.sum()), len(runs)) or open_, told


def _with_short_calls(
    outcomes: tuple[Outcome, ...], short: ShortCalls, runs: int, calls: Prediction
) -> tuple[Outcome, ...]:
    """The tests, that of calls in two parts at half its level each: of all calls, and of those on the short chunk."""
    p_value = short.p_value(runs, calls.law)
    if p_value is None:
        return outcomes
    both = [replace(each, p_value=min(1.0, 2 * each.p_value)) if each.test == "calls" else each for each in outcomes]
    found = f"{short.found(runs)} ({statistics.p_value_text(p_value, '<=')})"
    return (*both, Outcome("short", min(1.0, 2 * p_value), found))


def _within(hit: Prediction, last: float, unit: str) -> str:
    """Up to which time a law was compared, in words."""
    if isinstance(hit.law, LawAtTimes):
        times = hit.law.within(last)
        last = float(times[np.isfinite(times)].max())
    return "anywhere" if math.isinf(last) else f"within the first {last:,.0f} {unit}"


def law_test(hit: Prediction, hits: FloatArray, last: float) -> Outcome | None:
    """The whole law of `hit`; None where only moments are known.

    Args:
        hit: its prediction.
        hits: of the runs, NaN where one was censored.
        last: the censoring time that all runs share, the last offspring of the run that was censored first; infinite
            if none was. Of each run it is known whether it has hit until then.
    """
    if hit.law is None:
        return None
    runs = len(hits)
    try:
        distance = statistics.law_distance(hits[~np.isnan(hits)], runs, hit.law, last)
    except NoPrediction:
        return None
    p_value = statistics.dkw_p_value(runs, distance)
    its = "stored cdf" if isinstance(hit.law, LawAtTimes) else "cdf"
    found = f"the law of {hit.quantity} is {distance:.3f} off its {its} ({statistics.p_value_text(p_value, '<=')})"
    return Outcome("law", p_value, found)


def mean_test(
    test: str, predicted: Prediction, values: FloatArray, p_value_of: Callable[..., tuple[float, str]]
) -> Outcome | None:
    """A mean; None if no finite variance is known, or the law is and that of the total is not."""
    law = predicted.law
    if law is None or isinstance(law, LawAtTimes) or math.isinf(predicted.mean):
        return None
    try:
        if math.isinf(predicted.variance):
            return None
        p_value, how = p_value_of(float(values.sum()), len(values), law)
    except NoPrediction:
        return None
    found = f"mean {predicted.quantity} {values.mean():.5g}, predicted {predicted.mean:.5g}"
    return Outcome(test, p_value, f"{found} ({statistics.p_value_text(p_value)}, {how})")
