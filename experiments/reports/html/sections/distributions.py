"""How runtimes are spread: the share of the runs that have hit by a call, measured over the exact law."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray
from experiments.grids.labels import words
from experiments.reports.html.content import Content
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.figures.chart import MOST_LINES, NOTHING, Chart, Line
from experiments.reports.html.figures.figure import BESIDE, figure
from experiments.reports.html.figures.palette import SHADES, shade
from experiments.reports.html.figures.svg import draw
from experiments.reports.html.sections.first import without_axis
from experiments.reports.wording import size_text
from experiments.store.results import Results

MOST_SERIES, FEWEST_VALUES = 5, 3
"""Series with a chart of their own, and values of the parameter that such a chart has at least, if there are."""
MOST_STEPS = 120
LONG = 20.0


def runtime_distributions(content: Content) -> Html:
    """A chart for the largest value of what varies that most series share; a chart a series for up to five values."""
    made = content.made
    if content.of_programs or made.results.runs.empty:
        return tag("p", "Programs end by themselves: their calls and cost are in the table of cells.")
    lam = _least_lam(content)
    several = len({row["series"] for row in content.rows if row["runs"]}) > 1
    at = _shared(content, lam) if several or not content.along else []
    charts = [chart for value in at if (chart := _chart(content, value, lam)) is not None]
    grown, left = _by_series(content, lam)
    charts += grown
    if not charts:
        return tag("p", "No cell with runs to show.")
    note = (
        "thin steps: measured share of the runs that have hit by a call; broad pale lines: the exact law, where it is "
        "known (at some 64 times); a curve that ends below 1 was ended by its budget"
        + (f"; {left:,} more series not drawn here" if left else "")
    )
    return joined([figure(charts, note, "", "distributions-figure")])


def _least_lam(content: Content) -> float:
    """The lam that is drawn; NaN where it is what varies, or there is none."""
    lams = [row["lam"] for row in content.rows if row["runs"] and row["lam"] == row["lam"]]
    return math.nan if content.along == "lam" else min(lams, default=math.nan)


def _shared(content: Content, lam: float) -> list[float]:
    """The largest value of the parameter that most series share; NaN without a parameter."""
    if not content.along:
        return [math.nan]
    counts = Counter(content.place[row["cell"]] for row in content.rows if row["runs"] and _has(row, lam))
    return [max(counts, key=lambda value: (counts[value], value))] if counts else []


def _has(row: dict[Any, Any], lam: float) -> bool:
    """Whether a cell is one of those with that lam, or lam is of no matter."""
    return bool(lam != lam or row["lam"] == lam or row["lam"] != row["lam"])


def _by_series(content: Content, lam: float) -> tuple[list[Chart], int]:
    """A chart a series, for the values of the parameter that fit, from pale to dark; and how many series are left."""
    if not content.along:
        return [], 0
    members: dict[str, dict[float, str]] = {}
    for row in content.rows:
        if row["runs"] and _has(row, lam):
            members.setdefault(without_axis(content, row), {})[content.place[row["cell"]]] = str(row["cell"])
    found = {name: cells for name, cells in members.items() if len(cells) > 1}
    charts = [_over_values(content, name, cells) for name, cells in list(found.items())[:MOST_SERIES]]
    return [chart for chart in charts if chart is not None], max(0, len(found) - MOST_SERIES)


def _over_values(content: Content, name: str, cells: dict[float, str]) -> Chart | None:
    """The runtimes of a series at the values of the parameter whose names have room, five at most, with both ends.

    Where not even three have room, five are shown, by letters.
    """
    values = sorted(cells)

    @cache
    def line(value: float) -> Line:
        return _line(content.made.results, cells[value], words({content.along: value})[0], 0)

    tried = []
    for most in range(SHADES, FEWEST_VALUES - 1, -1):
        kept = np.unique(np.linspace(0, len(values) - 1, min(len(values), most)).round().astype(int)).tolist()
        lines = [replace(line(values[i]), slot=shade(n, len(kept))) for n, i in enumerate(kept)]
        chart = _axes(name, lines)
        if chart is None or not draw(chart, *BESIDE, letters=False)[1]:
            return chart
        tried.append(chart)
    return tried[0]


def _chart(content: Content, at: float, lam: float) -> Chart | None:
    rows = [
        row for row in content.rows if row["runs"] and _has(row, lam) and (at != at or content.place[row["cell"]] == at)
    ]
    lines: list[Line] = []
    seen: set[str] = set()
    for row in rows:
        name = str(row["series"])
        if name in seen or len(lines) == MOST_LINES:
            continue
        seen.add(name)
        lines.append(_line(content.made.results, str(row["cell"]), name, len(lines)))
    said = [f"{content.along} = {size_text(at)}"] if at == at else []
    said += [f"lam = {size_text(lam)}"] if lam == lam and "lam" in content.shown_axes else []
    return _axes(", ".join(said), lines)


def _axes(title: str, lines: list[Line]) -> Chart | None:
    """A chart of these lines; None if no run of theirs has hit."""
    lines = [line for line in lines if len(line.steps_x)]
    if not lines:
        return None
    ends = np.concatenate([np.concatenate([line.steps_x, line.under_x]) for line in lines])
    long = bool(ends.min() > 0 and ends.max() / ends.min() >= LONG)
    return Chart(title, "calls", "share of the runs that have hit", lines, log_x=long, y_range=(0.0, 1.04))


def _line(results: Results, cell_id: str, name: str, slot: int) -> Line:
    """The measured steps, and the exact law beneath them."""
    runs = results.numbers(cell_id)
    hit = runs.floats("hit")
    ordered = np.sort(hit[~np.isnan(hit)])
    if not len(ordered):
        return Line(name, slot)
    kept = np.unique(np.linspace(0, len(ordered) - 1, min(len(ordered), MOST_STEPS)).round().astype(int))
    x, y = ordered[kept], (kept + 1) / len(hit)
    _, last = np.unique(x[::-1], return_index=True)
    last = len(x) - 1 - last
    x, y = np.maximum(x[last], 1.0), y[last]
    times, cdf = _law(results, cell_id, float(x[-1]))
    return Line(name, slot, steps_x=x, steps_y=y, under_x=times, under_y=cdf)


def _law(results: Results, cell_id: str, last: float) -> tuple[FloatArray, FloatArray]:
    """The exact law at some times: as it was stored, or computed; of no length where it is not known."""
    stored = results.prediction(cell_id)
    if stored is not None and stored.law is not None:
        times, cdf = stored.law.times, stored.law.values
        known = np.isfinite(times) & (times >= 1)
        return times[known], cdf[known]
    try:
        times = np.unique(np.geomspace(1.0, max(2.0, last), 64).round())
        return times, results.predict(cell_id).cdf(times)
    except (NoPrediction, InputError):
        return NOTHING, NOTHING
