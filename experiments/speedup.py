"""Speed-ups: the cost of one arm over that of another, cell by cell, beside the exact ratio and Eq. 14."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evo.errors import InputError
from evo.statistics import normal_quantile
from experiments.checks import Verdict
from experiments.predictions import predicted_mean
from experiments.series import Series, series
from experiments.store import Results

if TYPE_CHECKING:
    import pandas as pd


def speedup(results: Results, slow: str, fast: str, along: str = "k", alpha: float = 1e-3) -> pd.DataFrame:
    """Ratio of the mean costs of two arms where both were run without a censored run.

    Columns: the parameter; lam; speedup with `low` and `high`, which hold for all rows together w.p. 1 - alpha; exact,
    the ratio of the predicted means (12e where that applies); verdict.

    The interval is that of the log of the ratio, by the delta method, from the sample variances of both means.

    Args:
        results: of `run_grid` or `load`.
        slow: arm above the line.
        fast: arm below the line.
        along: the parameter.
        alpha: error rate over all rows.

    Raises: InputError if an arm is not in the grid.
    """
    import pandas as pd

    found = series(results, along, "cost")
    ratios = [
        ratio
        for above in _of(found, slow)
        for below in _of(found, fast)
        if above.fixed.get("runner.lam") == below.fixed.get("runner.lam")
        for ratio in _ratios(results, above, below)
    ]
    z = normal_quantile(1 - alpha / (2 * max(1, len(ratios))))
    rows = [
        {
            along: ratio.x,
            "lam": ratio.lam,
            "speedup": ratio.value,
            "low": ratio.value / math.exp(z * ratio.error),
            "high": ratio.value * math.exp(z * ratio.error),
            "exact": ratio.exact,
            "verdict": str(_verdict(ratio, z)),
        }
        for ratio in ratios
    ]
    return pd.DataFrame(rows, columns=[along, "lam", "speedup", "low", "high", "exact", "verdict"])


@dataclass(frozen=True)
class _Ratio:
    """A ratio of two means with the standard error of its log, and the ratio of the predicted means."""

    x: float
    lam: object
    value: float
    error: float
    exact: float | None


def _of(found: list[Series], arm: str) -> list[Series]:
    chosen = [each for each in found if each.arm == arm]
    if not chosen:
        raise InputError(
            f"expected an arm of the grid, got {arm!r}; known: {', '.join(dict.fromkeys(each.arm for each in found))}"
        )
    return chosen


def _ratios(results: Results, above: Series, below: Series) -> Iterator[_Ratio]:
    """The ratios where both series have a cell without a censored run."""
    places = {x: place for place, x in enumerate(below.x)}
    for i, x in enumerate(above.x):
        j = places.get(x)
        if j is None or above.censored[i] or below.censored[j]:
            continue
        ends = ((above, i), (below, j))
        error = math.sqrt(sum(each.variance[n] / (each.runs[n] * each.mean[n] ** 2) for each, n in ends))
        over, under = (predicted_mean(results.cell(each.cells[n]), "cost") for each, n in ends)
        exact = None if over is None or under is None else over / under
        yield _Ratio(float(x), above.fixed.get("runner.lam", 1), above.mean[i] / below.mean[j], error, exact)


def _verdict(ratio: _Ratio, z: float) -> Verdict:
    if ratio.exact is None:
        return Verdict.CANNOT_TELL
    return Verdict.AGREES if abs(math.log(ratio.value / ratio.exact)) <= z * ratio.error else Verdict.DIFFERS
