"""Where one arm begins to cost less than another along a parameter: k, p, keep, noise, a price."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evo.protocols import FloatArray
from experiments.fits.speedups import speedup
from experiments.predictions.verdict import ALPHA, Verdict
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Crossover:
    """Where the ratio of two costs passes 1.

    Attributes:
        slow, fast: the series above and below the line.
        along: the parameter.
        value: where the measured ratio is 1, between two neighbouring values; NaN where it is at none.
        low, high: where its interval holds 1; the ends of the range where it does at them.
        exact: where the ratio of the exact means is 1; NaN where that is not known, or at no place.
        reason: why there is none; empty where there is one.
        rises: whether the ratio rises, so that the fast arm is the cheaper one beyond.
    """

    slow: str
    fast: str
    along: str
    value: float
    low: float
    high: float
    exact: float
    reason: str
    rises: bool = True

    def __str__(self) -> str:
        head = f"{self.slow} against {self.fast}: "
        if math.isnan(self.value):
            return f"{head}{self.reason}"
        exact = "" if math.isnan(self.exact) else f" (exact means {self.exact:.4g})"
        end = f"; {self.reason}" if self.reason else ""
        place = f"{self.along} = {self.value:.4g} [{self.low:.4g}, {self.high:.4g}]{exact}"
        return f"{head}{self.fast if self.rises else self.slow} is cheaper from {place} on{end}"


def crossovers(results: Results, slow: str, fast: str, along: str = "k", alpha: float = ALPHA) -> list[Crossover]:
    """Where the cost of an arm passes that of another along a parameter, one a pair of series.

    The log of the ratio is linear between two neighbouring values. The interval is where that of the ratio holds 1
    (`experiments.fits.speedups`: all rows together at 1 - alpha); rows without an interval do not count.

    Args:
        results: of `run_grid` or `load`.
        slow: arm above the line.
        fast: arm below the line.
        along: the parameter.
        alpha: error rate over all rows.

    Raises: InputError if an arm is not in the grid.
    """
    table = speedup(results, slow, fast, along, alpha)
    places = [name for name in table.columns[1:] if name in ("slow", "fast", "lam") or "." in name]
    return [_crossed(part, along) for _, part in table.groupby(places, sort=False, dropna=False)]


def _crossed(part: pd.DataFrame, along: str) -> Crossover:
    slow, fast = str(part["slow"].iloc[0]), str(part["fast"].iloc[0])
    known = part[part["speedup"].notna() & part["low"].notna() & (part["speedup"] > 0)].sort_values(along)
    x, exact = (known[name].to_numpy(dtype=float) for name in (along, "exact"))
    with np.errstate(divide="ignore"):
        ratio, low, high = (np.log(known[name].to_numpy(dtype=float)) for name in ("speedup", "low", "high"))
    nowhere = (math.nan, math.nan, math.nan, math.nan)
    if len(x) < 2:
        few = f"{Verdict.CANNOT_TELL.words}, fewer than two values have a ratio with an interval"
        return Crossover(slow, fast, along, *nowhere, few)
    if (low > 0).all() or (high < 0).all():
        which, range_ = (fast if (low > 0).all() else slow), f"{along} = {x[0]:g} .. {x[-1]:g}"
        return Crossover(slow, fast, along, *nowhere, f"no crossover: {which} is cheaper at all of {range_}")
    found = _zeros(x, ratio)
    inside = [*_zeros(x, low), *_zeros(x, high), *x[(low <= 0) & (high >= 0)]]
    if len(found) != 1 or not ((low > 0).any() and (high < 0).any()):
        told = _untold(along, len(found), {fast: x[low > 0], slow: x[high < 0]})
        return Crossover(slow, fast, along, *nowhere, f"{Verdict.CANNOT_TELL.words}, {told}")
    zeros = _zeros(x, np.log(exact)) if (exact > 0).all() else []
    return Crossover(
        slow,
        fast,
        along,
        found[0],
        min(inside),
        max(inside),
        zeros[0] if len(zeros) == 1 else math.nan,
        "",
        bool(ratio[-1] > 0),
    )


def _untold(along: str, places: int, cheaper: dict[str, FloatArray]) -> str:
    """Why no crossover is told, from how often the ratio is 1 and where which arm is cheaper for sure."""
    where = {arm: ", ".join(f"{x:g}" for x in at) for arm, at in cheaper.items() if len(at)}
    told = [f"{arm} is cheaper at {along} = {values}" for arm, values in where.items()]
    if not told:
        return "the intervals of the ratio hold 1 everywhere; run more"
    if len(told) > 1:
        return f"the measured ratio is 1 at {places} places: {', '.join(told)}; run more"
    return f"{told[0]}, and the intervals of the ratio hold 1 elsewhere; run other values, or more"


def _zeros(x: FloatArray, y: FloatArray) -> list[float]:
    """Where a line through points passes 0."""
    found = []
    for i in range(len(x) - 1):
        if y[i] * y[i + 1] < 0 or (y[i] == 0 != y[i + 1]):
            finite = np.isfinite(y[i : i + 2]).all()
            found.append(float(x[i] + (x[i + 1] - x[i]) * (y[i] / (y[i] - y[i + 1])) if finite else x[i]))
    return found
