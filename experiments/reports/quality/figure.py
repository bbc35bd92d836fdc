"""The curve that everyone watches: fitness against calls, with the band of single runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evo.errors import InputError, NoPrediction
from experiments.grids.arguments import expect_a
from experiments.grids.cell import Cell
from experiments.predictions.quality.table import fitness_curve
from experiments.reports.drawing.axes import SIZE, new_axes
from experiments.reports.drawing.labels import OF_TITLE, folded_title
from experiments.reports.figures import COLOURS
from experiments.reports.quality.measured import measured_curve

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RUNS = 1000


def fitness_figure(
    cells: Mapping[str, Cell], calls: Sequence[int], runs: int = RUNS, seed: int = 1, title: str = ""
) -> Figure:
    """Mean fitness against calls, a colour a cell, and between 10 and 90 % of single runs a band.

    Solid where the law is exact; dashed, and called measured, where runs are simulated.

    Args:
        cells: by the label that stands in the legend.
        calls: budgets, ascending.
        runs: simulated ones of a cell that is not predicted.
        seed: of these.
        title: what the figure shows.

    Raises: InputError for no cells or budgets, or for a runner whose generations are not lam calls.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    _draw("fitness_figure", figure.subplots(), cells, calls, runs, seed)
    figure.suptitle(folded_title(title or "Fitness against calls", int(OF_TITLE * SIZE[0])), fontsize=13)
    figure.supxlabel("lines: means; bands: 10 to 90 % of single runs", fontsize=8.5, color="#444444")
    return figure


def plot_fitness(
    cells: Mapping[str, Cell], calls: Sequence[int], runs: int = RUNS, seed: int = 1, ax: Axes | None = None
) -> Axes:
    """The same on one pair of axes.

    Args:
        cells: by the label that stands in the legend.
        calls: budgets, ascending.
        runs: simulated ones of a cell that is not predicted.
        seed: of these.
        ax: where to draw; a new figure's unless said.

    Raises: InputError as `fitness_figure`.
    """
    expect_a(Mapping, "plot_fitness", cells, "cells by their labels")
    ax = new_axes(ax)
    _draw("plot_fitness", ax, cells, calls, runs, seed)
    ax.set_title("Fitness against calls: means, and 10 to 90 % of single runs", fontsize=11)
    return ax


def _draw(role: str, ax: Axes, cells: Mapping[str, Cell], calls: Sequence[int], runs: int, seed: int) -> None:
    expect_a(Mapping, role, cells, "cells by their labels")
    if not cells or not calls:
        raise InputError(f"{role}: expected a cell and a budget of calls at least, got none")
    for number, (label, cell) in enumerate(cells.items()):
        table, exact = curve_of(cell, calls, runs, seed)
        colour = COLOURS[number % len(COLOURS)]
        ax.fill_between(table["calls"], table["low"], table["high"], color=colour, alpha=0.18, linewidth=0)
        name = label if exact else f"{label} (measured, {runs:,} runs)"
        ax.plot(table["calls"], table["mean"], color=colour, linestyle="-" if exact else "--", label=name)
    ax.set_xlabel("calls")
    ax.set_ylabel("true fitness of the current solution")
    ax.legend(frameon=False, fontsize=9)


def curve_of(cell: Cell, calls: Sequence[int], runs: int, seed: int) -> tuple[pd.DataFrame, bool]:
    """The curve of a cell, and whether it is exact."""
    try:
        return fitness_curve(cell, list(calls)), True
    except NoPrediction:
        return measured_curve(cell, calls, runs, seed), False
