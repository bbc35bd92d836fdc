"""Figures: measured points with intervals over predicted curves, readable without a caption."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.costs.ledger import LEDGER
from evo.errors import InputError
from evo.protocols import FloatArray
from evo.statistics import normal_quantile
from experiments.fits.series import Series, predicted, series
from experiments.fits.tails import Tail
from experiments.grids.labels import words
from experiments.predictions.verdict import CONFIDENCE
from experiments.store.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito
MARKERS = "osDvPXp*"  # with the colours 56 pairs; no "^", which marks lower bounds
MOST_COLUMNS = 3
HEIGHT, INCHES_A_LINE = 5.6, 0.2
"""Of a panel, and of a line of a label at the end of a curve."""
LABEL_WIDTH = 30
"""Characters in a line of a label."""


@dataclass(frozen=True)
class End:
    """Where a curve ends, for its label, in which text between dollars is a formula; `left` of the end if asked."""

    x: float
    y: float
    text: str
    colour: str
    left: bool = False


def growth_figure(results: Results, along: str = "k", quantity: str = "cost", title: str = "") -> Figure:
    """The mean of a quantity along a parameter on a log scale, a colour a series, a panel a value of lam.

    Args:
        results: of `run_grid` or `load`.
        along: the parameter.
        quantity: "cost", "hit" or "calls".
        title: what the figure shows.

    Raises: InputError for a parameter or quantity that the grid does not have, or a grid without runs.
    """
    from matplotlib.figure import Figure

    found = [each for each in series(results, along, quantity) if len(each.x)]
    if not found:
        raise InputError("growth_figure: expected results with runs, got none; run the grid first")
    panels = sorted({_panel(each) for each in found})
    names = list(dict.fromkeys(_name(each) for each in found))
    lines = sum(1 + name.count("\n") for name in names)
    height = max(HEIGHT, 1.4 + INCHES_A_LINE * lines)
    columns = min(MOST_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(6.4 * columns + 1.6, height * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    ends = {
        panel: [_draw(ax, results, each, names.index(_name(each)), quantity) for each in found if _panel(each) == panel]
        for panel, ax in zip(panels, axes, strict=False)
    }
    # Scales and limits first: labels are placed on shares of the axes that all panels have in common.
    x = np.concatenate([each.x for each in found])
    for ax in axes[: len(panels)]:
        _scale(ax, x, any((each.mean > 0).any() for each in found))
    for panel, ax in zip(panels, axes, strict=False):
        searches = along == "k" and "problem.k" in results.cells
        ax.set_xlabel("k  (blocks of the solution)" if searches else along)
        ax.set_title(f"lam = {panel:g} offspring a generation" if len(panels) > 1 else "", fontsize=11)
        label_ends(ax, ends[panel], INCHES_A_LINE / (height - 1.4))
    for row in range(rows):
        axes[row * columns].set_ylabel(_unit(results, quantity))
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    figure.suptitle(title or f"Growth of {quantity} with {along}", fontsize=13)
    legend = textwrap.fill(_legend(results, found, quantity), 100 * columns)
    figure.supxlabel(legend, fontsize=8.5, color="#444444")
    return figure


def _panel(each: Series) -> int:
    return 1 if each.lam is None else each.lam


def _name(each: Series) -> str:
    """The arm with what varies within it, except lam, which has panels."""
    shown = {name: value for name, value in each.fixed.items() if name != "runner.lam"}
    whole = [text.replace(" = ", "\xa0=\xa0") for text in words(shown)]  # lines end between parameters, not within
    return textwrap.fill(", ".join([each.arm, *whole]), LABEL_WIDTH).replace("\xa0", " ")


def _unit(results: Results, quantity: str) -> str:
    """Label of the axis; the paper's unit only if nothing else has a price."""
    if quantity != "cost":
        return {"hit": "mean calls to the optimum", "calls": "mean calls a run"}[quantity]
    priced = [entry for entry in LEDGER if (results.cells[f"weight.{entry}"] != 0).any()]
    unit = "sum of m c over forward passes" if priced == ["pass_tokens"] else "unit of the cost model"
    return f"mean cost of a run  ({unit})"


def _legend(results: Results, found: list[Series], quantity: str) -> str:
    """What the marks in the figure mean."""
    parts = [f"points: measured means with {CONFIDENCE:.0%} intervals"]
    if any(predicted(results, cell, quantity) is not None for each in found for cell in each.cells):
        parts.append("lines: exact predictions (not fitted)")
    if any(each.censored.any() for each in found):
        parts.append("open triangles: lower bounds, some runs were censored")
    tails = {tail for each in found for tail in each.tails}
    if Tail.NO_MEAN in tails:
        parts.append("open triangles, too: the mean is infinite")
    if Tail.NO_VARIANCE in tails:
        parts.append("points without bars: the variance is infinite")
    return "; ".join(parts)


def _draw(ax: Axes, results: Results, each: Series, number: int, quantity: str) -> End:
    """Points and curve of one series; those drawn first are larger, so that equal ones do not hide each other."""
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    size = max(4.5, 7.5 - 0.6 * number)
    line = _finite([predicted(results, cell, quantity) for cell in each.cells])
    ax.plot(each.x, line, color=colour, linewidth=size / 3, alpha=0.8, zorder=2)
    no_mean, no_variance = (np.array([of is tail for of in each.tails]) for tail in (Tail.NO_MEAN, Tail.NO_VARIANCE))
    known = (each.censored == 0) & ~no_mean
    half = np.nan_to_num(normal_quantile(0.5 + CONFIDENCE / 2) * np.sqrt(each.variance / each.runs))
    half[no_variance] = np.nan  # a point without a bar
    lower = np.minimum(half, 0.999 * each.mean)  # a log scale has no place for zero
    ax.errorbar(
        each.x[known], each.mean[known], yerr=[list(lower[known]), list(half[known])], fmt=marker, color=colour,
        markersize=size, markeredgecolor="white", markeredgewidth=0.4, linewidth=1, capsize=2, zorder=3,
    )  # fmt: skip
    ax.plot(
        each.x[~known], each.mean[~known], marker="^", linestyle="none", mfc="none", color=colour, markersize=7,
        zorder=3,
    )  # fmt: skip
    last = line[-1] if np.isfinite(line[-1]) else each.mean[-1]
    return End(float(each.x[-1]), float(last), _name(each).replace("$", r"\$"), colour)  # a user's $ is no formula


def _finite(means: list[float | None]) -> FloatArray:
    """Means for a curve: NaN, a gap, where there is no prediction, an infinite one, or zero."""
    return np.array([np.nan if mean is None or math.isinf(mean) or mean <= 0 else mean for mean in means])


def _scale(ax: Axes, x: FloatArray, positive: bool) -> None:
    """Scales, limits that leave the right side to the labels, and a quiet grid."""
    from matplotlib.ticker import MaxNLocator

    if positive:
        ax.set_yscale("log", nonpositive="mask")
    least, most = float(x.min()), float(x.max())
    if least > 0 and most / least >= 20:
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(lambda tick, _: f"{tick:g}")
        ax.set_xlim(least / (most / least) ** 0.03, most * (most / least) ** 0.03)
    else:
        margin = 0.05 * (most - least) or 0.5
        ax.set_xlim(least - margin, most + margin)
        if least == most:
            ax.set_xticks([least])
        elif (x == np.round(x)).all():
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.25, which="major")
    ax.spines[["top", "right"]].set_visible(False)


def label_ends(ax: Axes, ends: list[End], line: float) -> None:
    """Names at the ends of the curves: to the right of the axes, or above a curve that ends within them.

    Args:
        ax: the axes.
        ends: where the curves end.
        line: height of a line of text, as a share of the height of the axes.
    """
    from matplotlib.patheffects import withStroke

    look: dict[str, Any] = {
        "textcoords": "offset points", "fontsize": 9, "va": "center", "annotation_clip": False,
        "path_effects": [withStroke(linewidth=3, foreground="white")],
    }  # fmt: skip
    for end in (end for end in ends if end.left):
        ax.annotate(end.text, (end.x, end.y), xytext=(-8, 0), ha="right", color=end.colour, **look)
    right = max(end.x for end in ends)
    for outer in (True, False):
        ordered = sorted((end for end in ends if (end.x == right) is outer and not end.left), key=lambda end: end.y)
        heights = [_share(ax, end.y) + (0.0 if outer else line) for end in ordered]
        places = spread(heights, [line * (1 + end.text.count("\n")) for end in ordered])
        for end, place in zip(ordered, places, strict=True):
            share = 1.0 if outer else float(ax.transAxes.inverted().transform(ax.transData.transform((end.x, 1.0)))[0])
            beside = (4 if outer else 8, 0)  # beside its last point, where there is one
            ax.annotate(end.text, (share, place), xycoords="axes fraction", xytext=beside, color=end.colour, **look)


def _share(ax: Axes, y: float) -> float:
    """A value as a share of the height of the axes; the bottom for what a log scale cannot show."""
    low, high = ax.get_ylim()
    if ax.get_yscale() == "log":
        return math.log(y / low) / math.log(high / low) if y > 0 else 0.0
    return (y - low) / (high - low)


def spread(centres: list[float], sizes: list[float]) -> list[float]:
    """Centres in rising order, moved apart so that labels of these sizes do not overlap, and into 0..1 if they fit.

    Close neighbours move evenly, up and down.

    >>> [round(place, 2) for place in spread([0.5, 0.5, 1.0], [0.1, 0.1, 0.1])]
    [0.45, 0.55, 0.95]
    """
    clusters: list[tuple[list[float], list[float]]] = []
    for centre, size in zip(centres, sizes, strict=True):
        clusters.append(([centre], [size]))
        while len(clusters) > 1 and _bottom(*clusters[-1]) < _bottom(*clusters[-2]) + sum(clusters[-2][1]) - 1e-12:
            last = clusters.pop()
            clusters[-1] = (clusters[-1][0] + last[0], clusters[-1][1] + last[1])
    return [
        _bottom(*cluster) + sum(cluster[1][:place]) + cluster[1][place] / 2
        for cluster in clusters
        for place in range(len(cluster[0]))
    ]


def _bottom(centres: list[float], sizes: list[float]) -> float:
    """Lower edge of a cluster that is centred on its curves, or moved to stay inside the axes."""
    return max(0.0, min(sum(centres) / len(centres) - sum(sizes) / 2, 1.0 - sum(sizes)))
