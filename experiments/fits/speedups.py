"""Speed-ups: the cost of one arm over that of another, cell by cell, beside the exact ratio and Eq. 14."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evo.errors import InputError, NoPrediction
from evo.parameters import shown
from evo.statistics import normal_quantile
from experiments.fits.likelihoods import FEWEST_RUNS
from experiments.fits.series import Series, series
from experiments.grids.arguments import a_number, expect_a
from experiments.grids.stopping import every_stop, kept_of
from experiments.predictions.verdict import Verdict
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd

RESOLUTION = 0.25
"""Relative discrepancy of a ratio that lies outside the interval of one that AGREES."""


def speedup(results: Results, slow: str, fast: str, along: str = "k", alpha: float = 1e-3) -> pd.DataFrame:
    """Ratio of the mean costs of two arms where both were run, with the same parameters, without a censored run.

    Columns: the parameter; slow and fast, the series; lam; other parameters that vary within an arm; speedup with
    `low` and `high`; exact, the ratio of the predicted means (12e where that applies); verdict.

    The intervals, null below 100 runs, are of the log of the ratio, by the delta method and the normal law from the
    sample variances of both means. They hold for all rows together w.p. 1 - alpha, nearly: with exponential times,
    16 rows and alpha = 0.001 the measured error rate is 4 alpha at 100 runs, 2 alpha at 400, alpha at 1,000.

    The verdict takes the exact variances instead (1.6 alpha at 100 runs): DIFFERS if the ratio is further off than
    they allow, CANNOT_TELL where a ratio off by 25 % would pass, there are fewer than 100 runs, or a mean or variance
    is not predicted.

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
        ratio
        for above in _of(found, slow)
        for below in _of(found, fast)
        if _alike(above, below)
        for ratio in _ratios(results, above, below)
    ]
    z = [-normal_quantile(alpha / (2 * len(ratios) * ratio.stops)) for ratio in ratios]
    rows = [
        {along: ratio.x}
        | ratio.place
        | {
            "speedup": ratio.value,
            "low": ratio.value * math.exp(-z_at * ratio.error),
            "high": ratio.value * math.exp(z_at * ratio.error),
            "exact": ratio.exact,
            "verdict": str(_verdict(ratio, z_at)),
        }
        for ratio, z_at in zip(ratios, z, strict=True)
    ]
    return (
        pd.DataFrame(rows)
        if rows
        else pd.DataFrame(columns=[along, "slow", "fast", "lam", "speedup", "low", "high", "exact", "verdict"])
    )


@dataclass(frozen=True)
class _Ratio:
    """A ratio of two means.

    Attributes:
        x: the parameter.
        place: lam, and what else varies.
        value: the ratio of the means.
        error: standard error of its log from the sample variances; NaN if there are too few runs.
        exact: ratio of the predicted means; NaN if it is not known.
        exact_error: standard error of the log from the predicted variances; NaN if it is not known.
        stops: what the error rate is divided by so that it holds wherever a rule stopped the two cells; 1 without one.
    """

    x: float
    place: dict[str, object]
    value: float
    error: float
    exact: float
    exact_error: float
    stops: int


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


def _ratios(results: Results, above: Series, below: Series) -> Iterator[_Ratio]:
    """The ratios where both series have a cell without a censored run, and a cost."""
    places = {x: place for place, x in enumerate(below.x)}
    place: dict[str, object] = {"slow": above.label, "fast": below.label}
    place |= {} if above.lam is None else {"lam": above.lam}
    place |= {name: above.fixed[name] for name in _shared(above, below) if name != "runner.lam"}
    for i, x in enumerate(above.x):
        j = places.get(x)
        if j is None or above.censored[i] or below.censored[j] or min(above.mean[i], below.mean[j]) <= 0:
            continue
        ends = ((above, i), (below, j))
        enough = min(each.runs[n] for each, n in ends) >= FEWEST_RUNS
        square = sum(each.variance[n] / (each.runs[n] * each.mean[n] ** 2) for each, n in ends)
        error = math.sqrt(square) if enough else math.nan
        yield _Ratio(
            float(x),
            place,
            float(above.mean[i] / below.mean[j]),
            error,
            *_exact(results, ends, enough),
            _stops(results, ends),
        )


def _stops(results: Results, ends: tuple[tuple[Series, int], ...]) -> int:
    asked = results.asked
    if isinstance(asked, int):
        return 1
    cells = (results.runs[results.runs["cell"] == each.cells[n]] for each, n in ends)
    return math.prod(every_stop(kept_of(asked, rows).batches) for rows in cells)


def _exact(results: Results, ends: tuple[tuple[Series, int], ...], enough: bool) -> tuple[float, float]:
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


def _verdict(ratio: _Ratio, z: float) -> Verdict:
    if math.isnan(ratio.exact) or math.isnan(ratio.exact_error):
        return Verdict.CANNOT_TELL
    if abs(math.log(ratio.value / ratio.exact)) > z * ratio.exact_error + 1e-9:  # sums of floats are rounded
        return Verdict.DIFFERS
    return Verdict.AGREES if z * ratio.exact_error <= math.log1p(RESOLUTION) else Verdict.CANNOT_TELL
