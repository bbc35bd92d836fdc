"""Figures: measured points with intervals over predicted curves, readable without a caption."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evo.statistics import normal_quantile
from experiments.predictions import predicted_mean
from experiments.series import Series, series
from experiments.store import Results
from experiments.summary import CONFIDENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito
MARKERS = "osD^vPX"
LEAST_LABEL_GAP = 0.055
"""Between the labels at the ends of curves, as a share of the height."""


def growth_figure(results: Results, along: str = "k", quantity: str = "cost", title: str = "") -> Figure:
    """The mean of a quantity along a parameter on a log scale, a colour an arm, a panel a value of lam.

    Args:
        results: of `run_grid` or `load`.
        along: the parameter.
        quantity: "cost", "hit" or "calls".
        title: what the figure shows.

    Raises: InputError for a parameter or quantity that the grid does not have.
    """
    from matplotlib.figure import Figure

    found = [each for each in series(results, along, quantity) if len(each.x)]
    panels = sorted({_panel(each) for each in found})
    figure = Figure(figsize=(6.4 * len(panels) + 1.6, 5.6), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    colours = {arm: number for number, arm in enumerate(dict.fromkeys(each.arm for each in found))}
    for panel, ax in zip(panels, axes, strict=True):
        shown = [each for each in found if _panel(each) == panel]
        ends = [_draw(ax, results, each, colours[each.arm], quantity) for each in shown]
        wide = max(each.x.max() / each.x.min() for each in shown) >= 20
        _finish(ax, along, wide, f"lam = {panel:g} offspring a generation" if len(panels) > 1 else "")
        _label_ends(ax, ends, wide)
    unit = {"cost": "mean cost of a run  (sum of m c over forward passes)", "hit": "mean calls to the optimum"}
    axes[0].set_ylabel(unit.get(quantity, f"mean {quantity} a run"))
    figure.suptitle(title or f"Growth of {quantity} with {along}", fontsize=13)
    figure.supxlabel(
        f"points: measured means with {CONFIDENCE:.0%} intervals;  lines: exact predictions (not fitted);  "
        "open triangles: lower bounds, some runs were censored",
        fontsize=8.5, color="#444444",
    )  # fmt: skip
    return figure


def _panel(each: Series) -> float:
    return float(str(each.fixed.get("runner.lam", 1)))


def _draw(ax: Axes, results: Results, each: Series, number: int, quantity: str) -> tuple[float, float, str, str]:
    """Points and curve of one series; gives where its label belongs: x, y, text, colour."""
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    predicted = [predicted_mean(results.cell(cell), quantity) for cell in each.cells]
    line = np.array([np.nan if mean is None or math.isinf(mean) else mean for mean in predicted])
    ax.plot(each.x, line, color=colour, linewidth=1.3, alpha=0.8, zorder=2)
    known = each.censored == 0
    half = normal_quantile(0.5 + CONFIDENCE / 2) * np.sqrt(each.variance / each.runs)
    lower = np.minimum(half, 0.999 * each.mean)  # a log scale has no place for zero
    ax.errorbar(
        each.x[known], each.mean[known], yerr=(lower[known], half[known]), fmt=marker, color=colour,
        markersize=4, linewidth=1, capsize=2, zorder=3,
    )  # fmt: skip
    ax.plot(each.x[~known], each.mean[~known], marker="^", linestyle="none", mfc="none", color=colour, zorder=3)
    last = line[-1] if np.isfinite(line[-1]) else each.mean[-1]
    return float(each.x[-1]), float(last), each.arm, colour


def _finish(ax: Axes, along: str, wide: bool, title: str) -> None:
    ax.set_yscale("log")
    if wide:
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    ax.set_xlabel({"k": "k  (blocks of the solution)"}.get(along, along))
    ax.set_title(title, fontsize=11)
    ax.grid(alpha=0.25, which="major")
    ax.spines[["top", "right"]].set_visible(False)


def _label_ends(ax: Axes, ends: list[tuple[float, float, str, str]], wide: bool) -> None:
    """The arms' names at the right ends of their curves, pushed apart where they would overlap."""
    low, high = (math.log(end) for end in ax.get_ylim())
    right = max(end[0] for end in ends)
    for group in ([end for end in ends if end[0] == right], [end for end in ends if end[0] != right]):
        ordered = sorted(group, key=lambda end: end[1])
        heights = _spread([(math.log(y) - low) / (high - low) for _, y, _, _ in ordered])
        for (x, _, text, colour), height in zip(ordered, heights, strict=True):
            ax.annotate(
                text, (x, math.exp(low + height * (high - low))), xytext=(8, 0), textcoords="offset points",
                color=colour, fontsize=9, va="center", annotation_clip=False,
            )  # fmt: skip
    ticks = [tick for tick in ax.get_xticks() if tick <= right]
    ax.set_xlim(ax.get_xlim()[0], right * (10 if wide else 1.35))
    ax.set_xticks(ticks)


def _spread(heights: list[float]) -> list[float]:
    """Heights in rising order, moved apart to the least gap; close neighbours move evenly, up and down."""
    clusters: list[list[float]] = []
    for height in heights:
        clusters.append([height])
        while len(clusters) > 1 and _bottom(clusters[-1]) < _bottom(clusters[-2]) + len(clusters[-2]) * LEAST_LABEL_GAP:
            clusters[-2:] = [clusters[-2] + clusters[-1]]
    return [_bottom(cluster) + place * LEAST_LABEL_GAP for cluster in clusters for place in range(len(cluster))]


def _bottom(cluster: list[float]) -> float:
    """Height of the lowest label of a cluster that is centred on its curves."""
    return sum(cluster) / len(cluster) - (len(cluster) - 1) * LEAST_LABEL_GAP / 2
