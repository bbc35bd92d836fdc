"""Figures: measured points with intervals over predicted curves, readable without a caption."""

from __future__ import annotations

import math
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evo.costs.ledger import LEDGER
from evo.errors import InputError
from evo.parameters import shown
from evo.protocols import FloatArray
from evo.statistics import normal_quantile
from experiments.fits.along import expect_to_vary, main_axis
from experiments.fits.series import Series, predicted, series
from experiments.fits.tails import Tail
from experiments.grids.arguments import expect_a
from experiments.grids.labels import words
from experiments.predictions.verdict import CONFIDENCE
from experiments.reports.drawing.axes import height_of, new_axes
from experiments.reports.drawing.labels import INCHES_A_LINE, LABEL_WIDTH, OF_TITLE, End, folded_title, label_ends
from experiments.reports.drawing.powers import ROUND, ticks_at_powers
from experiments.reports.wording import currency_of
from experiments.store.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#868E96")
"""Of Okabe and Ito, with a grey for their yellow."""
MARKERS = "osDvPXp*h"  # with the colours 72 pairs; no "^", which marks lower bounds
MOST_COLUMNS = 3
UNITS = {"cost": "", "hit": "mean calls to the optimum", "calls": "mean calls a run"}
"""Of what can be drawn; that of costs follows from the prices."""
HEIGHT = 5.6
"""Of a panel, in inches."""


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
    units = {each.label: unit_of(results, each, quantity) for each in found}
    panels = sorted({(units[each.label], _panel(each)) for each in found})
    several = len(set(units.values())) > 1  # sums in different units have no axis in common
    names = list(dict.fromkeys(_name(each) for each in found))
    lines = sum(1 + name.count("\n") for name in names)
    height = max(HEIGHT, 1.4 + INCHES_A_LINE * lines)
    columns = min(MOST_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    across = 6.4 * columns + 1.6
    figure = Figure(figsize=(across, height * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, sharey=not several, squeeze=False).flat)
    ends = {
        panel: [
            _draw(ax, results, each, names.index(_name(each)), quantity)
            for each in found
            if (units[each.label], _panel(each)) == panel
        ]
        for panel, ax in zip(panels, axes, strict=False)
    }
    # Scales and limits first: labels are placed on shares of the axes that all panels have in common.
    x = np.concatenate([each.x for each in found])
    for ax in axes[: len(panels)]:
        _scale(ax, x, any((each.mean > 0).any() for each in found))
    lams = {lam for _, lam in panels}
    for place, (panel, ax) in enumerate(zip(panels, axes, strict=False)):
        searches = along == "k" and "problem.k" in results.cells
        ax.set_xlabel("k  (blocks of the solution)" if searches else along)
        ax.set_title(f"lam = {panel[1]:g} offspring a generation" if len(lams) > 1 else "", fontsize=11)
        if several or place % columns == 0:
            ax.set_ylabel(panel[0])
        label_ends(ax, ends[panel], INCHES_A_LINE / (height - 1.4))
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    figure.suptitle(folded_title(title or _title(quantity, along, x), int(OF_TITLE * across)), fontsize=13)
    legend = textwrap.fill(_legend(results, found, quantity), 100 * columns)
    figure.supxlabel(legend, fontsize=8.5, color="#444444")
    return figure


def plot_growth(results: Results, along: str | None = None, quantity: str = "cost", ax: Axes | None = None) -> Axes:
    """The mean of a quantity along a parameter on one pair of axes, a colour a series, lam in its name.

    Args:
        results: of `run_grid` or `load`.
        along: the parameter; the one that varies unless said.
        quantity: "cost", "hit" or "calls".
        ax: where to draw; a new figure's unless said.

    Raises: InputError for a parameter or quantity that the grid does not have, a parameter with one value, a grid
    without runs, or series in several units, which have no axis in common.
    """
    expect_a(Results, "plot_growth", results, "results of run_grid or load")
    along = main_axis(results.cells) if along is None else along
    expect_to_vary(results, along, "plot")
    if quantity not in UNITS:
        raise InputError(f"plot: expected the quantity {', '.join(UNITS)}, got {shown(quantity)}")
    found = [each for each in series(results, along, quantity) if len(each.x)]
    if not found:
        raise InputError("plot: expected results with runs, got none; run the grid first")
    units = dict.fromkeys(unit_of(results, each, quantity) for each in found)
    if len(units) > 1:
        raise InputError(
            f"plot: the costs are in several units ({'; '.join(units)}); choose quantity='hit', or fewer arms"
        )
    ax = new_axes(ax)
    several = len({_panel(each) for each in found}) > 1
    called = {each.label: _name(each) + (f", lam = {_panel(each)}" if several else "") for each in found}
    names = list(dict.fromkeys(called.values()))
    ends = [
        replace(_draw(ax, results, each, names.index(called[each.label]), quantity), text=called[each.label])
        for each in found
    ]
    x = np.concatenate([each.x for each in found])
    _scale(ax, x, any((each.mean > 0).any() for each in found))
    ax.set_xlabel("k  (blocks of the solution)" if along == "k" and "problem.k" in results.cells else along)
    ax.set_ylabel(next(iter(units)))
    ax.set_title(_title(quantity, along, x), fontsize=11)
    label_ends(ax, [replace(end, text=end.text.replace("$", r"\$")) for end in ends], INCHES_A_LINE / height_of(ax))
    return ax


def _title(quantity: str, along: str, x: FloatArray) -> str:
    if x.min() == x.max():
        return f"{quantity.capitalize()} at {along} = {x.min():g}"
    return f"Growth of {quantity} with k" if along == "k" else f"{quantity.capitalize()} along {along}"


def _panel(each: Series) -> int:
    return 1 if each.lam is None else each.lam


def _name(each: Series) -> str:
    """The arm with what varies within it, except lam, which has panels."""
    shown = {name: value for name, value in each.fixed.items() if name != "runner.lam"} | each.tied
    whole = [text.replace(" = ", "\xa0=\xa0") for text in words(shown)]  # lines end between parameters, not within
    return textwrap.fill(", ".join([each.arm, *whole]), LABEL_WIDTH).replace("\xa0", " ")


def unit_of(results: Results, each: Series, quantity: str) -> str:
    """Label of the axis: what is summed, by the entries of the ledger that have a price."""
    if quantity != "cost":
        return UNITS.get(quantity, quantity)
    cells = results.cells.loc[list(each.cells)]
    priced = {entry for entry in LEDGER if (cells[f"weight.{entry}"] != 0).any()}
    passes = {
        "pass_tokens": "m c",
        "pass_tokens_squared": "m c^2",
    }
    paid = priced & passes.keys()
    if not paid and priced:
        money = currency_of(cells["text"]) or "money"
        return f"mean cost of a run  ({money}: prices per token, call or evaluation)"
    unit = f"sum of {passes[paid.pop()]} over forward passes" if len(priced) == 1 else "unit of the cost model"
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
        ax.autoscale_view()
        ticks_at_powers(ax.yaxis)
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
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=ROUND))
    ax.grid(alpha=0.25, which="major")
    ax.spines[["top", "right"]].set_visible(False)
