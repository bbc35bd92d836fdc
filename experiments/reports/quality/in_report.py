"""The fitness before the optimum in a report: exact curves of some cells, and their runs, against calls and money."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray
from experiments.grids.cell import Cell
from experiments.grids.labels import lams_of, place_of, sizes_of
from experiments.predictions.predict import predict
from experiments.predictions.quality.fitness import Quality
from experiments.predictions.quality.table import LEVELS, as_curve, fitness_curve, laws_along
from experiments.predictions.verdict import ALPHA, Verdict
from experiments.reports.drawing.labels import OF_LEGEND, OF_TITLE, folded_title
from experiments.reports.drawing.powers import ticks_at_powers
from experiments.reports.quality.measured import compared
from experiments.reports.quality.traced import traced_fitness
from experiments.reports.wording import cost_axis
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CURVES, MOST_K = 5, 32
"""Cells that are drawn, and the largest k of which a law is asked: what a glance holds, and a second."""
POINTS, FURTHER = 28, 10
"""Budgets of a curve up to where 99 % of its runs are optimal, and from there to where 90 % of the slowest's are."""
COVERED = 0.01
"""Curves that are nowhere further apart lie on each other."""
NEARLY_ALL, HARDLY_ONE_LEFT = 0.9, 0.99
AT_ITS_END = 0.999
"""Share of the best fitness from which on a curve is not drawn any further: its runs spend no more."""
MOST_CALLS = 10**6
NAME_WIDTH = 34
TRACED = ("measured", "measured_low", "measured_high")
TRACED_POINTS = 8
"""Budgets of a curve at which runs are measured."""
STAGGERED = 0.03
RESOLUTION = 0.1
"""The distance of a cdf that runs must be able to tell before they agree."""


@dataclass(frozen=True, eq=False)
class QualityCurve:
    """The fitness of a cell against calls.

    Attributes:
        label: its arm, with all that varies within it beside k and lam.
        cell: the cell.
        held: what 90, 50 and 10 % of the runs have at least, a row a budget.
        table: of `fitness_curve`, with `tokens` (read and written) and `cost`, null where calls differ in them; and the
            same runs measured at some budgets, `measured`, `measured_low`, `measured_high`, null elsewhere.
        runs: that were measured; 0 where runs have no traces that are quickly had.
        verdict: on the measured runs; None without any.
        missing: what is missing for a verdict; empty if there is one.
    """

    label: str
    cell: Cell
    held: FloatArray
    table: pd.DataFrame
    runs: int = 0
    verdict: Verdict | None = None
    missing: str = ""

    @property
    def told(self) -> str:
        """How many runs were measured, and what they say of the law."""
        if self.verdict is None:
            return ""
        return f"{self.runs:,} runs measured: {self.verdict.words}{f', {self.missing}' if self.missing else ''}"


def quality_curves(results: Results) -> list[QualityCurve]:
    """The curves of one cell a series, all of the same k and lam where there are such; none without an exact law.

    None either where the best fitness is not above 0: curves are drawn as shares of it.

    Taken are the largest k up to 32 that most series have, the least lam, and five series at most, in the order of the
    grid. Budgets go up to where 90 % of the runs of the slowest are optimal.
    """
    chosen = _chosen(results)
    last = max((_calls_of(cell, NEARLY_ALL) for cell in chosen.values()), default=0)
    curves = []
    for label, cell in chosen.items():
        budgets = _budgets(cell.runner.lam, min(_calls_of(cell, HARDLY_ONE_LEFT), last), last)
        try:
            laws = laws_along(cell, budgets)
            if laws[0].values[-1] <= 0:
                continue
            table = _priced(cell, as_curve(budgets, laws))
            held = np.array([[one.held(1.0 - u) for u in LEVELS] for one in laws])
            curves.append(QualityCurve(label, cell, held, *_measured(results, cell, table, laws)))
        except (NoPrediction, InputError):
            continue
    return curves


def _measured(
    results: Results, cell: Cell, table: pd.DataFrame, laws: Sequence[Quality]
) -> tuple[pd.DataFrame, int, Verdict | None, str]:
    """The curve with the stored runs at some of its budgets, how many runs there are, the verdict, what is missing.

    Each budget is a test of its own of the whole law, at the level of all budgets of all curves together.
    """
    table = table.assign(**dict.fromkeys(TRACED, math.nan))
    rows = np.unique(np.linspace(0, len(table) - 1, TRACED_POINTS).round().astype(int))
    times = table["generations"].iloc[rows].astype(int).tolist()
    found = traced_fitness(results, cell.id, cell, times)
    if not found:
        return table, 0, None, ""
    alpha, verdicts = ALPHA / (TRACED_POINTS * MOST_CURVES), {}
    for row, one in zip(rows.tolist(), found, strict=False):
        check = compared(laws[row], one, alpha, RESOLUTION)
        verdicts[check.verdict] = check.missing
        table.loc[row, list(TRACED)] = one.mean, one.quantile(LEVELS[0]), one.quantile(LEVELS[-1])
    worst = next(each for each in (Verdict.DIFFERS, Verdict.CANNOT_TELL, Verdict.AGREES) if each in verdicts)
    return table, found[0].runs, worst, verdicts[worst]


def _budgets(first: int, end: int, last: int) -> list[int]:
    """Budgets of calls in equal ratios, denser to the end of a curve than from there to that of the last one."""
    end = max(end, 2 * first)
    near, far = np.geomspace(first, end, POINTS), np.geomspace(end, max(last, end), FURTHER)
    return [int(calls) for calls in np.unique(np.append(near, far).round())]


def quality_table(curves: list[QualityCurve]) -> pd.DataFrame:
    """The curves as one table: cell, series, k, lam, measured runs and their verdict before the columns of each."""
    import pandas as pd

    parts = []
    for each in curves:
        place = {"cell": each.cell.id, "series": each.label, "k": each.cell.k, "lam": each.cell.lam}
        place |= {"runs": each.runs, "verdict": str(each.verdict or "")}
        parts.append(pd.DataFrame(place, index=each.table.index).join(each.table))
    return pd.concat(parts, ignore_index=True)


def quality_figure(curves: list[QualityCurve]) -> Figure:
    """Mean fitness, as a share of the best, with the band of single runs, against calls, tokens and money."""
    from matplotlib.figure import Figure

    axes_of = [("calls", "calls")]
    if any(each.table["tokens"].notna().any() for each in curves):
        axes_of.append(("tokens", "tokens read and written"))
    if any(each.table["cost"].notna().any() for each in curves):
        axes_of.append(("cost", cost_axis(each.cell.text for each in curves)))
    across = 4.6 * len(axes_of)
    figure = Figure(figsize=(across, 4.9), layout="constrained")
    for ax, (column, words) in zip(
        figure.subplots(1, len(axes_of), squeeze=False, sharey=True).flat, axes_of, strict=True
    ):
        _draw(ax, curves, column)
        ax.set_xlabel(words)
    figure.axes[0].set_ylabel("fitness of the current solution / best")
    lines, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=len(names), frameon=False, fontsize=9,
                  title=folded_title(_explained(curves), int(OF_LEGEND * across)), title_fontsize=8.5)  # fmt: skip
    where = sorted({", ".join(place_of(each.cell.k, each.cell.lam)) for each in curves})
    title = f"How good the solution is before it is optimal ({'; '.join(where)})"
    figure.suptitle(folded_title(title, int(OF_TITLE * across)), fontsize=12, fontweight="bold")
    return figure


def _draw(ax: Axes, curves: list[QualityCurve], column: str) -> None:
    from matplotlib.ticker import NullLocator

    from experiments.reports.figures import COLOURS

    for number, each in enumerate(curves):
        table = up_to_its_end(each.table[each.table[column].notna()])
        width = 6 if any(_covers(other, each) for other in curves[number + 1 :]) else 2
        best, colour = table["best"], COLOURS[number % len(COLOURS)]
        ax.fill_between(table[column], table["low"] / best, table["high"] / best, color=colour, alpha=0.15, linewidth=0)
        ax.plot(
            table[column],
            table["mean"] / best,
            color=colour,
            linewidth=width,
            label=_called(each),
            marker="o",
            markevery=[len(table) - 1] if len(table) and table["mean"].iloc[-1] >= AT_ITS_END * best.iloc[-1] else [],
        )
        _draw_runs(ax, table, column, colour, 1.0 + STAGGERED * number)
    ax.set_xscale("log")
    ax.xaxis.set_minor_locator(NullLocator())  # they take longer to lay out and draw than all else
    ax.autoscale_view()
    ticks_at_powers(ax.xaxis)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)


def up_to_its_end(table: pd.DataFrame) -> pd.DataFrame:
    """The curve up to where nearly all of its runs are optimal and have ended."""
    ended = np.flatnonzero(table["mean"] >= AT_ITS_END * table["best"])
    return table.iloc[: ended[0] + 1] if len(ended) else table


def _draw_runs(ax: Axes, table: pd.DataFrame, column: str, colour: str, aside: float) -> None:
    """The measured runs as points and bars, each curve's a little aside, so that none hides another."""
    runs = table[table["measured"].notna()]
    x, best = runs[column] * aside, runs["best"]
    ax.vlines(x, runs["measured_low"] / best, runs["measured_high"] / best, color=colour, linewidth=1.2, alpha=0.8)
    ax.plot(x, runs["measured"] / best, "o", color=colour, markerfacecolor="white", markersize=5)


def _called(curve: QualityCurve) -> str:
    name = textwrap.fill(curve.label, NAME_WIDTH)
    return "\n".join([name, *textwrap.wrap(curve.told, NAME_WIDTH)])


def _explained(curves: list[QualityCurve]) -> str:
    told = "lines: exact means; bands: 10 to 90 % of single runs"
    if any(len(up_to_its_end(each.table)) < len(each.table) for each in curves):
        told += f"; a curve ends, at a dot, where its mean is {AT_ITS_END:.1%} of the best"
    return told + ("; points and bars: the same of measured runs" if any(each.runs for each in curves) else "")


def _covers(upper: QualityCurve, lower: QualityCurve) -> bool:
    """Whether a curve would not be seen under another one, against calls."""
    x, y = (lower.table[name].to_numpy(dtype=np.float64) for name in ("calls", "mean"))
    above = np.interp(x, upper.table["calls"], upper.table["mean"])
    return bool((np.abs(above - y) < COVERED * lower.table["best"]).all())


def _chosen(results: Results) -> dict[str, Cell]:
    """The cells that are drawn, by their series."""
    k, lam, names = sizes_of(results.cells), lams_of(results.cells), results.labels
    small = results.cells.index[(k <= MOST_K) & lam.notna()]
    small = small[lam[small] == lam[small].min()]
    if not len(small):
        return {}
    shared = k[small].groupby(k[small]).size()
    size = shared[shared == shared.max()].index.max()
    found: dict[str, Cell] = {}
    for cell_id, label in ((cell_id, names[str(cell_id)]) for cell_id in small[k[small] == size]):
        if len(found) == MOST_CURVES:
            break
        cell = _with_a_law(results, str(cell_id))
        if cell is not None:
            found.setdefault(str(label), cell)
    return found


def _with_a_law(results: Results, cell_id: str) -> Cell | None:
    """The cell if its fitness at a budget is known exactly; None also where a part of it is not imported."""
    try:
        cell = results.cell(cell_id)
        if not isinstance(cell, Cell):
            return None
        fitness_curve(cell, [cell.runner.lam])
    except (NoPrediction, InputError):
        return None
    return cell


def _calls_of(cell: Cell, share: float) -> int:
    """Calls within which that share of the runs are optimal, a million at most."""
    try:
        calls = cell.runner.lam * predict(cell, "generations").quantile(share)
    except NoPrediction:
        return MOST_CALLS // 100
    return int(min(calls, MOST_CALLS)) if math.isfinite(calls) else MOST_CALLS


def _priced(cell: Cell, table: pd.DataFrame) -> pd.DataFrame:
    """The curve with the tokens and the cost of its calls, null where calls differ in length."""
    tokens = cell.tokens
    alike = tokens.powers == 0 and not hasattr(cell.mutator, "mean_calls")
    read, written, *_ = tokens.entries()
    each = (read + written) / tokens.calls if alike else math.nan
    price = sum(tokens.prices(cell.weights)) / tokens.calls if alike and not cell.weights[1] else math.nan
    made = table["generations"] * cell.runner.lam * tokens.calls
    return table.assign(tokens=made * each, cost=made * price)
