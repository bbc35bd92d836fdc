"""Growth as charts: measured means on their exact curve, along the parameter that varies, a chart a value of lam."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evo.protocols import FloatArray
from evo.statistics import normal_quantile
from experiments.fits.laws import ScalingLaw
from experiments.fits.quantities import MEAN
from experiments.fits.series import Series, predicted, series
from experiments.fits.tails import Tail
from experiments.predictions.verdict import CONFIDENCE
from experiments.reports.figures import unit_of
from experiments.reports.html.figures.chart import NOTHING, Chart, Line
from experiments.reports.measured import Value
from experiments.store.results import Results

MOST_CHARTS, MOST_LINES, MOST_POINTS = 6, 12, 120
"""Of a figure on the page."""
MOST_TICKS = 8
"""Values of the parameter that all have a tick."""
LONG = 20.0
"""Ratio of the ends of a range from which on it is on a log scale."""
BAND_PLACES, BEYOND = 60, 1.5
"""Places of a band of a law, and how far beyond the range it is drawn, as a factor."""


@dataclass(frozen=True, eq=False)
class Grown:
    """Charts of growth, and what they leave out.

    Attributes:
        charts: one a value of lam, or of a unit.
        left_out: in words; empty if nothing.
    """

    charts: list[Chart]
    left_out: str


def growth_charts(results: Results, along: str, quantity: str, laws: Mapping[str, ScalingLaw] | None = None) -> Grown:
    """The mean of a quantity along a parameter, a line a series.

    Args:
        results: with runs.
        along: the parameter.
        quantity: "hit", "calls" or "cost".
        laws: by series; the lines are then the laws with their bands, and the exact curves lie beneath.

    Raises: InputError as `series`.
    """
    found = [each for each in series(results, along, quantity) if len(each.x)]
    if laws is not None:
        found = [each for each in found if each.label in laws]
    groups: dict[tuple[str, int], list[Series]] = {}
    for each in found:
        groups.setdefault((unit_of(results, each, quantity), 1 if each.lam is None else each.lam), []).append(each)
    slots = {name: i for i, name in enumerate(dict.fromkeys(map(_name, found)))}
    several = len({lam for _, lam in groups}) > 1
    charts = []
    for (unit, lam), members in sorted(groups.items())[:MOST_CHARTS]:
        lines = [_line(results, each, quantity, slots[_name(each)], laws) for each in members[:MOST_LINES]]
        x = np.concatenate([each.x for each in members])
        positive = any((each.mean > 0).any() for each in members)
        long = bool(x.min() > 0 and x.max() / x.min() >= LONG)
        title = f"lam = {lam:g} offspring a generation" if several else ""
        ticks = np.unique(x) if len(np.unique(x)) <= MOST_TICKS else x[:0]
        charts.append(
            Chart(title, _axis(along), unit, lines, log_x=long, log_y=positive, base=2, x_ticks=tuple(ticks.tolist()))
        )
    left = sum(len(members) for members in groups.values()) - sum(len(chart.lines) for chart in charts)
    more = f"{left} more series are left out here: their cells are in summary.csv" if left else ""
    return Grown(charts, more)


def legend_of(grown: Grown, of_laws: bool = False) -> str:
    """What the marks of such charts mean."""
    lines = [line for chart in grown.charts for line in chart.lines]
    parts = [f"points: measured means with {CONFIDENCE:.0%} intervals"]
    if of_laws:
        parts.append(f"lines: fitted laws with {CONFIDENCE:.0%} bands, dashed places beyond the runs are not drawn")
        parts[-1] = f"lines: fitted laws with {CONFIDENCE:.0%} bands, a little beyond the range that was run"
        if any(len(line.under_x) for line in lines):
            parts.append("broad pale lines: exact means")
    elif any(np.isfinite(line.y).any() for line in lines):
        parts.append("lines: exact predictions (not fitted)")
    values = [value for line in lines for value in line.points]
    if any(value.bound for value in values):
        parts.append("open triangles: lower bounds, since runs were censored or the mean is infinite")
    if any(math.isnan(value.low) for value in values):
        parts.append("points without bars: the variance is infinite")
    return "; ".join([*parts, *([grown.left_out] if grown.left_out else [])])


def _axis(along: str) -> str:
    return "k, blocks of the solution" if along == "k" else along


def _name(each: Series) -> str:
    """The series without lam, which has charts of its own."""
    if each.lam is None or "runner.lam" not in each.fixed:
        return each.label
    return each.label.replace(f", lam = {each.lam:g}", "")


def _line(results: Results, each: Series, quantity: str, slot: int, laws: Mapping[str, ScalingLaw] | None) -> Line:
    kept = np.unique(np.linspace(0, len(each.x) - 1, min(len(each.x), MOST_POINTS)).round().astype(int))
    known = [predicted(results, each.cells[i], quantity) for i in kept]
    exact = np.array([math.nan if mean is None or math.isinf(mean) else mean for mean in known], dtype=np.float64)
    x, points = each.x[kept], [_value(each, i) for i in kept.tolist()]
    if laws is None:
        return Line(_name(each), slot, x=x, y=exact, points_x=x, points=points)
    at, mean, low, high = _band(laws[each.label], x)
    under = (x, exact) if np.isfinite(exact).any() else (NOTHING, NOTHING)
    return Line(
        _name(each), slot, x=at, y=mean, low=low, high=high, points_x=x, points=points, under_x=under[0],
        under_y=under[1], told="law",
    )  # fmt: skip


def _band(law: ScalingLaw, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Places, the law there, and its band."""
    least, most = float(x.min()), float(x.max())
    if law.curve is None or least <= 0:
        return NOTHING, NOTHING, NOTHING, NOTHING
    at = np.union1d(np.geomspace(least, most * BEYOND, BAND_PLACES), x)
    logs, errors = law.curve.at(at)
    z = normal_quantile(0.5 + CONFIDENCE / 2)
    with np.errstate(over="ignore"):
        mean, low, high = np.exp(logs), np.exp(logs - z * errors), np.exp(logs + z * errors)
    return at, mean, low, high


def _value(each: Series, i: int) -> Value:
    mean = float(each.mean[i])
    if each.statistic == MEAN and (each.censored[i] or each.tails[i] is Tail.NO_MEAN):
        return Value(mean, mean, math.inf)
    if each.tails[i] is Tail.NO_VARIANCE or math.isnan(each.variance[i]):
        return Value(mean, math.nan, math.nan)
    half = normal_quantile(0.5 + CONFIDENCE / 2) * math.sqrt(each.variance[i] / each.runs[i])
    return Value(mean, mean - half, mean + half)
