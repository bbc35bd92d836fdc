"""Speed-ups: the cost of one arm over that of another, cell by cell, beside the exact ratio and Eq. 14."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from evo.errors import InputError, NoPrediction
from evo.parameters import shown
from evo.statistics import normal_quantile
from experiments.fits.evidence.reading import FEWEST_RUNS
from experiments.fits.ratios import MEAN, Ratio, Side
from experiments.fits.series import Series, series
from experiments.grids.arguments import a_number, expect_a
from experiments.grids.stopping import every_stop, kept_of
from experiments.predictions.verdict import ALPHA, RESOLUTION, Verdict
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd

NOTHING: dict[str, object] = {
    **dict.fromkeys(("speedup", "low", "high", "exact"), math.nan),
    "verdict": str(Verdict.CANNOT_TELL),
    "of": "",
    **dict.fromkeys(("medians", "medians_low", "medians_high"), math.nan),
    "note": "",
}
"""The columns of a pair of cells without a ratio."""

Ends = tuple[tuple[Series, int], ...]
"""Of the slow and the fast arm: its series, and the place of a cell in it."""


def speedup(results: Results, slow: str, fast: str, along: str = "k", alpha: float = ALPHA) -> pd.DataFrame:
    """How many times as much a run of one arm costs as one of another, a row a pair of cells with the same parameters.

    Columns: the parameter; slow and fast, the series; lam; other parameters that vary within an arm; speedup with `low`
    and `high`; exact, the ratio of the predicted means (12e where that applies); verdict; `of`, what the speed-up is a
    ratio of; `medians`, the ratio of the median costs, with `medians_low` and `medians_high` by order statistics, which
    any law allows; note. `of` is

    * mean: of the means of the cost, where all runs hit;
    * ERT: of cost of all runs / hits, where some were censored: what a success costs with restarts at the budget. For
      times without memory it is the ratio of the means; else it speaks of these budgets. Where one arm has no hit the
      ratio is infinite or 0, with one end of the interval;
    * empty, and `speedup` null, where there is no such ratio: an infinite mean, no hit in either arm, a cost of 0, or a
      cell without runs. The note says which.

    The intervals, two-sided, null below 100 runs that hit and where a mean or variance is infinite, are of the log of
    the ratio, by the delta method and the normal law from the sample variances. They hold for all rows together w.p.
    1 - alpha, nearly: with exponential times, 16 rows and alpha = 0.001 the measured error rate is 4 alpha at 100 runs,
    2 alpha at 400, alpha at 1,000.

    The verdict takes the exact variances instead (1.6 alpha at 100 runs): DIFFERS if a ratio of means is further off
    than they allow, CANNOT TELL where a ratio off by 25 % would pass, there are fewer than 100 runs, a run was
    censored, or a mean or variance is infinite or not predicted.

    Where a stopping rule looked at the runs, the error rate of a row is divided by b (b + 1) for both cells, after b
    batches each: intervals and verdicts hold at every stop (`experiments.checks.check`).

    Args:
        results: of `run_grid` or `load`.
        slow: arm above the line.
        fast: arm below the line.
        along: the parameter.
        alpha: error rate over all rows.

    Raises: InputError if an arm is not in the grid.
    """
    import pandas as pd

    expect_a(Results, "speedup", results, "results of run_grid or load")
    alpha = a_number("speedup: alpha", alpha)
    found = series(results, along, "cost")
    ratios = [
        (x, place, ratio)
        for above in _of(found, slow)
        for below in _of(found, fast)
        if _alike(above, below)
        for x, place, ratio in _ratios(results, above, below)
    ]
    rows = max(1, sum(isinstance(ratio, Ratio) for _, _, ratio in ratios))
    made = [{along: x} | place | _columns(ratio, alpha / rows) for x, place, ratio in ratios]
    return pd.DataFrame(made) if made else pd.DataFrame(columns=[along, "slow", "fast", "lam", *NOTHING])


def _columns(ratio: Ratio | str, alpha: float) -> dict[str, object]:
    """The columns of a ratio at an error rate of a row, or of a note on why there is none."""
    if isinstance(ratio, str):
        return NOTHING | {"note": ratio}
    alpha /= ratio.stops
    low, high = (
        (ratio.value, ratio.value) if ratio.exact_error == 0 else ratio.interval(alpha)
    )  # all runs cost the same
    medians, medians_low, medians_high = ratio.medians(alpha)
    return {
        "speedup": ratio.value,
        "low": low,
        "high": high,
        "exact": ratio.exact,
        "verdict": str(_verdict(ratio, alpha)),
        "of": ratio.of,
        "medians": medians,
        "medians_low": medians_low,
        "medians_high": medians_high,
        "note": ratio.note,
    }


def _of(found: tuple[Series, ...], arm: str) -> list[Series]:
    chosen = [each for each in found if each.arm == arm]
    if not chosen:
        raise InputError(
            f"expected an arm of the grid, got {shown(arm)}; known: "
            f"{', '.join(dict.fromkeys(each.arm for each in found))}"
        )
    return chosen


def _alike(above: Series, below: Series) -> bool:
    """Whether two series have the same lam and agree in all other varying parameters that both have."""
    return above.lam == below.lam and all(above.fixed[name] == below.fixed[name] for name in _shared(above, below))


def _shared(above: Series, below: Series) -> list[str]:
    return [name for name in above.fixed if "." in name and name in below.fixed]


def _ratios(results: Results, above: Series, below: Series) -> Iterator[tuple[float, dict[str, object], Ratio | str]]:
    """Where both series have a cell: the parameter, what else names the place, and the ratio or why there is none."""
    place: dict[str, object] = {"slow": above.label, "fast": below.label}
    place |= {} if above.lam is None else {"lam": above.lam}
    place |= {name: above.fixed[name] for name in _shared(above, below) if name != "runner.lam"}
    for x in sorted({*above.x, *above.unrun} & {*below.x, *below.unrun}):
        unrun = [each.label for each in (above, below) if x in each.unrun]
        yield float(x), place, f"no runs yet of {' and '.join(unrun)}" if unrun else _ratio(results, above, below, x)


def _ratio(results: Results, above: Series, below: Series, x: float) -> Ratio | str:
    ends = tuple((each, each.x.tolist().index(x)) for each in (above, below))
    slower, faster = (Side.of(results.numbers(each.cells[n]), each.tails[n]) for each, n in ends)
    if slower.cost <= 0 or faster.cost <= 0:
        return f"no ratio: runs of {' and '.join(each.label for each, n in ends if each.mean[n] <= 0)} cost nothing"
    if not slower.hits and not faster.hits:
        return "no ratio: no run of either hit; give a larger budget"
    enough = all(each.sure or each.runs[n] >= FEWEST_RUNS for each, n in ends)
    return Ratio(slower, faster, *_exact(results, ends, enough), _stops(results, ends))


def _stops(results: Results, ends: Ends) -> int:
    asked = results.asked
    if isinstance(asked, int):
        return 1
    runs = [results.numbers(each.cells[n]) for each, n in ends]
    return math.prod(every_stop(kept_of(asked, each["batch"], each["hit"]).batches) for each in runs)


def _exact(results: Results, ends: Ends, enough: bool) -> tuple[float, float]:
    """The ratio of the predicted means and the exact standard error of the log of the measured one."""
    try:
        over, under = (results.predict(each.cells[n], "cost") for each, n in ends)
    except (NoPrediction, InputError):
        return math.nan, math.nan
    if not (0 < over.mean < math.inf and 0 < under.mean < math.inf):
        return math.nan, math.nan
    try:
        squares = [
            made.variance / made.mean**2 / each.runs[n] for made, (each, n) in zip((over, under), ends, strict=True)
        ]
    except NoPrediction:
        squares = [math.nan]
    return over.mean / under.mean, math.sqrt(sum(squares)) if enough else math.nan


def _verdict(ratio: Ratio, alpha: float) -> Verdict:
    if ratio.of != MEAN or math.isnan(ratio.exact) or not math.isfinite(ratio.exact_error):
        return Verdict.CANNOT_TELL
    allowed = -normal_quantile(alpha / 2) * ratio.exact_error
    if abs(math.log(ratio.value / ratio.exact)) > allowed + 1e-9:  # sums of floats are rounded
        return Verdict.DIFFERS
    return Verdict.AGREES if allowed <= math.log1p(RESOLUTION) else Verdict.CANNOT_TELL
