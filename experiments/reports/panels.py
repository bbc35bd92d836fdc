"""What the figures of the studies are made of: panels of measured points on exact curves, each named at its end."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from evo.protocols import FloatArray
from experiments.reports.drawing.labels import (
    CHARACTER,
    INCHES_A_LINE,
    LABEL_WIDTH,
    OF_LEGEND,
    OF_TITLE,
    End,
    axes_width,
    folded_title,
    label_ends,
    longest,
    spread,
)
from experiments.reports.drawing.powers import ROUND, plain_ticks
from experiments.reports.figures import COLOURS, MARKERS
from experiments.reports.measured import Measured, Value, exact_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALONE, BESIDE_OTHERS = (6.2, 5.6), (4.6, 4.1)
"""Inches of a panel, width and height: two side by side are no wider than a page of text lets be read."""
AROUND, GAP = 1.4, 0.12
"""Inches of a panel's height that are not its axes, and between two labels."""
COVERED = 0.04
"""Curves whose logarithms differ by less lie on each other."""


@dataclass(frozen=True)
class Curve:
    """One series of a panel.

    Attributes:
        label: stands at the end of the curve; empty for none.
        x: where it was measured.
        values: what was measured.
        line_x, line_y: the exact curve; may reach further than what was measured; empty if there is none.
        colour: number of its colour and marker.
        best: whether its lowest point is marked with a star.
        dashed: whether it is of another kind than the rest.
        left: whether its label stands to the left of its end.
    """

    label: str
    x: FloatArray
    values: Sequence[Value]
    line_x: FloatArray
    line_y: FloatArray
    colour: int = 0
    best: bool = False
    dashed: bool = False
    left: bool = False


def curve(
    label: str,
    cells: Sequence[Measured],
    along: Callable[[Measured], float],
    value: Callable[[Measured], Value],
    predicted: Callable[[Measured], float],
    *,
    colour: int = 0,
    best: bool = False,
    dashed: bool = False,
) -> Curve:
    """What was measured on some cells over what is predicted for the same cells."""
    x = np.array([along(each) for each in cells], dtype=np.float64)
    line = np.array([predicted(each) for each in cells], dtype=np.float64)
    return Curve(label, x, [value(each) for each in cells], x, line, colour, best, dashed)


def growth(label: str, cells: Sequence[Measured], furthest: int = 0, *, colour: int = 0, dashed: bool = False) -> Curve:
    """Mean hit along k over the exact curve at every k, up to `furthest` or the largest k that was run."""
    x = np.array([each.cell.problem.k for each in cells], dtype=np.float64)
    line = np.arange(1, max(furthest, int(x.max())) + 1, dtype=np.float64)
    exact = np.array([mean_at(cells[0], int(k)) for k in line])
    return Curve(label, x, [each.mean() for each in cells], line, exact, colour, dashed=dashed)


def mean_at(each: Measured, k: int) -> float:
    """The exact mean of hit of the same cell with another k; NaN where it is not known."""
    problem: Any = each.cell.problem
    return exact_mean(replace(each.cell, problem=replace(problem, k=k)))


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Attributes:
        title: what it shows.
        xlabel, ylabel: names of the axes.
        curves: what is drawn.
        log_x: whether x is on a log scale, with ticks at the powers of this base; 0 for a linear scale.
        log_y: whether y is on a log scale.
        xticks: places of the ticks of x; empty for the usual.
        y_range: limits of y; None for what the curves need.
        level: place of a horizontal line; None for none.
        upright: place of a vertical line; None for none.
    """

    title: str
    xlabel: str
    ylabel: str
    curves: Sequence[Curve]
    log_x: int = 0
    log_y: bool = True
    xticks: tuple[float, ...] = ()
    y_range: tuple[float, float] | None = None
    level: float | None = None
    upright: float | None = None


@dataclass(frozen=True, eq=False)
class Sheet:
    """What a figure was drawn from.

    Attributes:
        title: the point, in a sentence.
        panels: what is drawn.
        legend: what the marks mean.
    """

    title: str
    panels: Sequence[Panel]
    legend: tuple[str, ...]


_SHEETS: WeakKeyDictionary[Figure, Sheet] = WeakKeyDictionary()


def sheet_of(figure: Figure) -> Sheet | None:
    """What a figure of `panels_figure` was drawn from, to be drawn again otherwise; None of other figures."""
    return _SHEETS.get(figure)


def panels_figure(title: str, panels: Sequence[Panel], note: str = "") -> Figure:
    """A figure of some panels, two side by side.

    Args:
        title: the point, in a sentence.
        panels: what is drawn.
        note: what the marks mean, after what all figures have.
    """
    from matplotlib.figure import Figure

    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    width, height = ALONE if len(panels) == 1 else BESIDE_OTHERS
    across = width * columns + 1.6
    figure = Figure(figsize=(across, height * rows + 0.3), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax, panel in zip(axes, panels, strict=False):
        _draw_panel(ax, panel, INCHES_A_LINE / (height - AROUND))
    figure.suptitle(folded_title(title, int(OF_TITLE * across)), fontsize=13, fontweight="bold")
    if len(axes) > len(panels):
        axes[-1].remove()
        _legend_beside(figure, _legend(panels, note), rows)
    else:
        legend = _wrapped("; ".join(_legend(panels, note)), int(OF_LEGEND * across))
        figure.supxlabel(legend, fontsize=9, color="#444444")
    _SHEETS[figure] = Sheet(title, panels, tuple(_legend(panels, note)))
    return figure


def _legend_beside(figure: Figure, parts: list[str], rows: int) -> None:
    """What the marks mean, a line each, in the place of a panel that is not needed."""
    lines = "\n".join(_wrapped(part, int(0.83 * OF_LEGEND * BESIDE_OTHERS[0])) for part in parts)
    figure.supxlabel(lines, x=0.57, y=0.5 / rows, ha="left", va="center", fontsize=10, color="#444444", linespacing=1.6)


def _wrapped(text: str, width: int) -> str:
    """Text in lines that do not end within `p = 1/2`."""
    return textwrap.fill(text.replace(" = ", "\xa0=\xa0"), width).replace("\xa0", " ")


def _legend(panels: Sequence[Panel], note: str) -> list[str]:
    drawn = [curve for panel in panels for curve in panel.curves]
    parts = ["points: measured, with 95% intervals"] if any(len(each.x) for each in drawn) else []
    if any(np.isfinite(each.line_y).any() for each in drawn):
        parts.append("lines: exact predictions (not fitted)")
        if any(len(each.x) > 1 and np.isfinite(each.line_y).sum() < 2 for each in drawn):
            parts.append("points without a line: no exact prediction")
    if any(value.bound for each in drawn for value in each.values):
        parts.append("open triangles: lower bounds, some runs were censored")
    if any(math.isnan(value.high) for each in drawn for value in each.values):
        parts.append("points without bars: the variance is infinite")
    if any(each.best for each in drawn):
        parts.append("stars: cheapest")
    return [*parts, *note.split("; ")] if note else parts


def _draw_panel(ax: Axes, panel: Panel, line: float) -> None:
    ax.set_xlabel(panel.xlabel)
    ax.set_ylabel(panel.ylabel)
    if panel.log_y:
        ax.set_yscale("log", nonpositive="mask")
    if panel.level is not None:
        ax.axhline(panel.level, color="#888888", linewidth=1, zorder=1)
    if panel.upright is not None:
        ax.axvline(panel.upright, color="#888888", linewidth=1, linestyle=":", zorder=1)
    for place, each in enumerate(panel.curves):
        _draw_curve(ax, each, broad=any(_covers(other, each) for other in panel.curves[place + 1 :]))
    _scale_x(ax, panel)
    if panel.y_range is not None:
        ax.set_ylim(*panel.y_range)
    if panel.log_y:
        plain_ticks(ax.yaxis)
    ax.grid(alpha=0.25, which="major")
    ax.spines[["top", "right"]].set_visible(False)
    lines = _name_curves(ax, panel, line)
    ax.set_title(panel.title, fontsize=11, pad=6 + 14 * lines)


def _name_curves(ax: Axes, panel: Panel, line: float) -> int:
    """Names at the ends of the curves, or above the axes where they leave; how many lines these take."""
    top = ax.get_ylim()[1]
    ends, above = [], []
    for each in panel.curves:
        x, y = _longer(each)
        colour = COLOURS[each.colour % len(COLOURS)]
        if len(x) == 0 or not each.label:
            continue
        if y[-1] <= top:
            ends.append(End(float(x[-1]), float(y[-1]), _folded(each.label), colour, each.left))
        else:
            above.append(End(_leaves(x, y, top), top, each.label, colour))
    if ends:
        label_ends(ax, ends, line)
    if above:
        _label_above(ax, sorted(above, key=lambda end: end.x))
    return max((1 + end.text.count("\n") for end in above), default=0)


def _leaves(x: FloatArray, y: FloatArray, top: float) -> float:
    """Where a curve goes above the axes."""
    out = int(np.argmax(y > top))
    if out == 0:
        return float(x[0])
    share = math.log(top / y[out - 1]) / math.log(y[out] / y[out - 1])
    return float(x[out - 1] * (x[out] / x[out - 1]) ** share)


def _label_above(ax: Axes, ends: list[End]) -> None:
    """Names above the axes, each over its curve or as near as its neighbours let it."""
    to_share = ax.transData + ax.transAxes.inverted()
    shares = [float(to_share.transform((end.x, end.y))[0]) for end in ends]
    widths = [(CHARACTER * longest(end.text) + GAP) / axes_width(ax) for end in ends]
    for end, place in zip(ends, spread(shares, widths), strict=True):
        ax.annotate(end.text, (place, 1.0), xycoords="axes fraction", xytext=(0, 3), fontsize=9,
                    textcoords="offset points", ha="center", va="bottom", color=end.colour,
                    annotation_clip=False)  # fmt: skip


def _covers(upper: Curve, lower: Curve) -> bool:
    """Whether the lower curve would hardly be seen under the upper one: within 4 % all along what both reach."""
    x, y = _longer(lower)
    above_x, above_y = _longer(upper)
    shared = (x >= above_x.min(initial=math.inf)) & (x <= above_x.max(initial=-math.inf)) & (y > 0)
    if np.sum(shared) < 2 or (above_y <= 0).any():
        return False
    there = np.interp(x[shared], above_x, np.log(above_y))
    return bool(np.all(np.abs(there - np.log(y[shared])) < COVERED))


def _draw_curve(ax: Axes, each: Curve, broad: bool = False) -> None:
    """Line, points and star of one series; broad if another one lies upon it."""
    colour, marker = COLOURS[each.colour % len(COLOURS)], MARKERS[each.colour % len(MARKERS)]
    line = np.where(np.isfinite(each.line_y), each.line_y, np.nan)
    ax.plot(
        each.line_x,
        line,
        color=colour,
        linewidth=6 if broad else 2,
        alpha=0.8,
        zorder=2,
        linestyle="--" if each.dashed else "-",
    )
    value, low, high = np.array([(v.value, v.low, v.high) for v in each.values]).reshape(-1, 3).T
    known = ~np.isinf(high)  # NaN: a point without a bar
    floor = np.where(value > 0, 1e-3 * value, 0.0)  # a log scale has no place for zero
    ax.errorbar(
        each.x[known], value[known], yerr=[list((value - np.maximum(low, floor))[known]), list((high - value)[known])],
        fmt=marker, color=colour, markersize=12 if broad else 6.5, markerfacecolor="white" if each.dashed else colour,
        markeredgecolor=colour if each.dashed else "white", markeredgewidth=0.5, linewidth=1, capsize=2, zorder=3,
    )  # fmt: skip
    ax.plot(
        each.x[~known], value[~known], marker="^", linestyle="none", mfc="none", color=colour, markersize=7, zorder=3
    )
    if each.best:
        x, y = _longer(each)
        lowest = int(np.argmin(y))
        ax.plot(x[lowest], y[lowest], marker="*", color=colour, markersize=16, markeredgecolor="black",
                markeredgewidth=0.8, zorder=4)  # fmt: skip


def _longer(each: Curve) -> tuple[FloatArray, FloatArray]:
    """Of the exact curve and the points the one that reaches further, without its gaps; the curve if both do."""
    points = np.array([value.value for value in each.values], dtype=np.float64)
    found = [(x[np.isfinite(y)], y[np.isfinite(y)]) for x, y in ((each.line_x, each.line_y), (each.x, points))]
    return max(found, key=lambda each: each[0][-1] if len(each[0]) else -math.inf)


def _folded(label: str) -> str:
    return "\n".join(textwrap.fill(line, LABEL_WIDTH) for line in label.split("\n"))


def _scale_x(ax: Axes, panel: Panel) -> None:
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter

    drawn = [np.concatenate((each.x, each.line_x)) for each in panel.curves]
    x = np.concatenate(drawn) if drawn else np.empty(0)
    if len(x) == 0:
        return
    least, most = float(x.min()), float(x.max())
    if panel.log_x:
        ax.set_xscale("log", base=panel.log_x)
        stretch = (most / least) ** 0.04 if most > least else 1.5
        ax.set_xlim(least / stretch, most * stretch)
        if panel.log_x == 2:
            ax.xaxis.set_major_formatter(lambda tick, _: f"{tick:g}")
    else:
        margin = 0.05 * (most - least) or 0.5
        ax.set_xlim(least - margin, most + margin)
        if (x == np.round(x)).all():
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=ROUND))
    if panel.xticks:
        ax.xaxis.set_major_locator(FixedLocator(list(panel.xticks)))
        ax.xaxis.set_minor_formatter(NullFormatter())
