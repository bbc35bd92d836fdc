"""Growth as charts: measured means on their exact curve, along the parameter that varies, a chart a value of lam."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray
from evo.statistics import median_interval, normal_quantile
from experiments.fits.laws import Growth, ScalingLaw, Told
from experiments.fits.quantities import MEAN, MEDIAN
from experiments.fits.series import Series, predicted, series
from experiments.fits.tails import Tail
from experiments.predictions.verdict import CONFIDENCE
from experiments.reports.figures import unit_of
from experiments.reports.html.figures.chart import MOST_LINES, NOTHING, Chart, Line
from experiments.reports.html.figures.labels import WHOLE
from experiments.reports.html.figures.palette import DASHES
from experiments.reports.measured import Value
from experiments.store.results import Results

MOST_CHARTS, MOST_POINTS = 6, 120
"""Of a figure on the page."""
MOST_TICKS = 8
"""Values of the parameter that all have a tick."""
LONG = 20.0
"""Ratio of the ends of a range from which on it is on a log scale."""
BAND_PLACES, BEYOND = 60, 1.5
"""Places of a band of a law, and how far beyond the range it is drawn, as a factor."""

MOST_FAMILIES = 3
"""Of a series, that are drawn each by itself."""
NO_FAMILY = {Told.NONE: "none of the families fits", Told.UNDECIDED: "undecided, too few places"}
"""Of a series that has no law to draw."""


@dataclass(frozen=True, eq=False)
class Grown:
    """Charts of growth, and what they leave out.

    Attributes:
        charts: one a value of lam, or of a unit.
        left_out: in words; empty if nothing.
        statistic: what the points are, mean or median.
    """

    charts: list[Chart]
    left_out: str
    statistic: str = "mean"


def growth_charts(results: Results, along: str, quantity: str, grown: Mapping[str, Growth] | None = None) -> Grown:
    """The mean of a quantity along a parameter, a line a series.

    Args:
        results: with runs.
        along: the parameter.
        quantity: "hit", "calls" or "cost", or the median of one.
        grown: by series what the runs leave of the families; the lines are then the law with its band, or each family
            that is left, and the exact curves lie beneath.

    Raises: InputError as `series`.
    """
    found = [each for each in series(results, along, quantity) if len(each.x)]
    if grown is not None:
        found = [each for each in found if each.label in grown]
    groups: dict[tuple[str, int], list[Series]] = {}
    for each in found:
        groups.setdefault((_unit(results, each, quantity), 1 if each.lam is None else each.lam), []).append(each)
    statistic = "median" if any(each.statistic == MEDIAN for each in found) else "mean"
    slots = {name: i for i, name in enumerate(dict.fromkeys(map(_name, found)))}
    several = len({lam for _, lam in groups}) > 1
    charts = []
    for (unit, lam), members in sorted(groups.items())[:MOST_CHARTS]:
        shown = members[:MOST_LINES]
        lines: list[Line] = []
        for each in shown:
            dashed = sum(line.dashed > 0 for line in lines)
            lines += _lines(results, each, quantity, slots[_name(each)], grown, dashed)
        x = np.concatenate([each.x for each in members])
        positive = any((each.mean > 0).any() for each in members)
        long = bool(x.min() > 0 and x.max() / x.min() >= LONG)
        title = f"lam = {lam:g} offspring a generation" if several else ""
        ticks = np.unique(x) if len(np.unique(x)) <= MOST_TICKS else x[:0]
        charts.append(
            Chart(title, _axis(along), unit, lines, log_x=long, log_y=positive, base=2, x_ticks=tuple(ticks.tolist()))
        )
    drawn = sum(min(len(members), MOST_LINES) for _, members in sorted(groups.items())[:MOST_CHARTS])
    left = len(found) - drawn
    more = f"{left:,} more series left out here: their cells are in summary.csv" if left else ""
    return Grown(charts, more, statistic)


def legend_of(grown: Grown, of_laws: bool = False) -> str:
    """What the marks of such charts mean."""
    lines = [line for chart in grown.charts for line in chart.lines]
    parts = [f"points: measured {grown.statistic}s with {CONFIDENCE:.0%} intervals"]
    if of_laws:
        if any(len(line.low) and not line.thin for line in lines):
            parts.append(f"lines: fitted laws with {CONFIDENCE:.0%} bands, a little beyond the range that was run")
        if any(line.thin and len(line.low) for line in lines):
            parts.append("bands about a thin dashed line: all families of growth that the runs leave, where many are")
        if any(line.thin and not len(line.low) for line in lines):
            parts.append("thin dashed lines: families of growth that the runs leave, where they tell no law")
        if any(len(line.under_x) for line in lines):
            parts.append(f"broad pale lines: exact {grown.statistic}s")
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


def _lines(
    results: Results, each: Series, quantity: str, slot: int, grown: Mapping[str, Growth] | None, dashed: int
) -> list[Line]:
    """The points on their exact curve; with the law, or the families that are left, or that there is none.

    Families are dashed, each otherwise than the `dashed` lines before.
    """
    kept = np.unique(np.linspace(0, len(each.x) - 1, min(len(each.x), MOST_POINTS)).round().astype(int))
    known = [_exact(results, each, i, quantity) for i in kept]
    exact = np.array([math.nan if mean is None or math.isinf(mean) else mean for mean in known], dtype=np.float64)
    x, points = each.x[kept], [_value(each, i) for i in kept.tolist()]
    if grown is None:
        return [Line(_name(each), slot, x=x, y=exact, points_x=x, points=points)]
    growth, name = grown[each.label], _name(each)
    under = (x, exact) if np.isfinite(exact).any() else (NOTHING, NOTHING)
    measured = Line(name, slot, points_x=x, points=points, under_x=under[0], under_y=under[1], told="law")
    if growth.law is not None:
        at, mean, low, high = _band(growth.law, x)
        return [replace(measured, x=at, y=mean, low=low, high=high)]
    if not growth.left:
        return [replace(measured, label=f"{name}: {NO_FAMILY[growth.told]}")]
    return _families(growth, measured, x, dashed)


def _families(growth: Growth, measured: Line, x: FloatArray, dashed: int) -> list[Line]:
    """The families that are left, each by its own dash and name, the first with the points; or a band over them."""
    if len(growth.left) > MOST_FAMILIES:
        return [replace(_span(growth, measured, x), dashed=_dash(dashed))]
    lines = []
    for i, law in enumerate(growth.left):
        at, mean, _, _ = _band(law, x)
        said = law.text.partition(" = ")[2]
        label = f"{measured.label}: {'or ' if i else ''}{said.replace(' ', WHOLE)}"
        line = measured if i == 0 else Line(label, measured.slot)
        lines.append(replace(line, label=label, x=at, y=mean, dashed=_dash(dashed + i), thin=True, told=said))
    return lines


def _dash(number: int) -> int:
    """The kind of the dashes of a family; all kinds but none come in turn."""
    return 1 + number % (len(DASHES) - 1)


def _span(growth: Growth, measured: Line, x: FloatArray) -> Line:
    """A band from the least to the largest of the families that are left, about their middle, on the log scale."""
    at = _band(growth.left[0], x)[0]
    means = np.array([_band(law, x)[1] for law in growth.left])
    if not len(at):
        return measured
    low, high = means.min(axis=0), means.max(axis=0)
    label = f"{measured.label}: one of {len(growth.left)} families"
    return replace(
        measured, label=label, x=at, y=np.sqrt(low) * np.sqrt(high), low=low, high=high, thin=True,
        told="middle of the families",
    )  # fmt: skip


def _unit(results: Results, each: Series, quantity: str) -> str:
    """The name of the axis, of means or of medians."""
    if each.statistic != MEDIAN:
        return unit_of(results, each, quantity)
    return unit_of(results, each, _of_median(quantity)).replace("mean", MEDIAN, 1)


def _of_median(quantity: str) -> str:
    """What a median is of.

    >>> _of_median("median cost"), _of_median("median")
    ('cost', 'hit')
    """
    return quantity.removeprefix(MEDIAN).strip() or "hit"


def _exact(results: Results, each: Series, i: int, quantity: str) -> float | None:
    """The predicted mean of a cell, or its median where that is fitted; None if it is not known."""
    if each.statistic != MEDIAN:
        return predicted(results, each.cells[i], quantity)
    try:
        return results.predict(each.cells[i], _of_median(quantity)).quantile(0.5)
    except (InputError, NoPrediction):
        return None


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
    if each.statistic == MEDIAN:
        low, high = median_interval(np.sort(each.samples[i]), 1 - CONFIDENCE)
        return Value(float(each.median[i]), low, high)
    mean = float(each.mean[i])
    if each.statistic == MEAN and (each.censored[i] or each.tails[i] is Tail.NO_MEAN):
        return Value(mean, mean, math.inf)
    if each.tails[i] is Tail.NO_VARIANCE or math.isnan(each.variance[i]):
        return Value(mean, math.nan, math.nan)
    half = normal_quantile(0.5 + CONFIDENCE / 2) * math.sqrt(each.variance[i] / each.runs[i])
    return Value(mean, mean - half, mean + half)
