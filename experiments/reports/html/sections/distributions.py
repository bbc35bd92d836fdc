"""How runtimes are spread: the share of the runs that have hit by a call, measured over the exact law."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray
from experiments.reports.html.content import Content
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.figures.chart import NOTHING, Chart, Line
from experiments.reports.html.figures.figure import figure
from experiments.reports.html.figures.of_series import MOST_LINES
from experiments.reports.wording import size_text
from experiments.store.results import Results

MOST_CHARTS = 2
MOST_STEPS = 120
LONG = 20.0


def runtime_distributions(content: Content) -> Html:
    """A chart for the largest value of what varies that most series share, and one for a smaller one."""
    made = content.made
    if content.of_programs or made.results.runs.empty:
        return tag("p", "Programs end by themselves: their calls and cost are in the table of cells.")
    charts = [chart for place in _places(content) if (chart := _chart(content, *place)) is not None]
    if not charts:
        return tag("p", "No cell with runs to show.")
    note = (
        "thin steps: measured share of the runs that have hit by a call; broad pale lines: the exact law, where it is "
        "known (at some 64 times); a curve that ends below 1 was ended by its budget"
    )
    return joined([figure(charts, note, "", "distributions-figure")])


def _places(content: Content) -> list[tuple[float, float]]:
    """Values of the parameter (NaN without one) and of lam that are drawn."""
    rows = [row for row in content.rows if row["runs"]]
    lams = [row["lam"] for row in rows if row["lam"] == row["lam"]]
    lam = min(lams, default=math.nan)
    if content.along == "lam" or not content.along:
        return [(math.nan, math.nan if content.along == "lam" else lam)]
    at = [float(content.place[row["cell"]]) for row in rows if row["lam"] == lam or lam != lam]
    if not at:
        return []
    counts = Counter(at)
    most = max(counts.values())
    shared = sorted(value for value in counts if counts[value] == most)
    chosen = [shared[-1], shared[len(shared) // 2]] if len(shared) > 2 else shared[::-1]
    return [(value, lam) for value in dict.fromkeys(chosen)][:MOST_CHARTS]


def _chart(content: Content, at: float, lam: float) -> Chart | None:
    rows = [
        row
        for row in content.rows
        if row["runs"]
        and (lam != lam or row["lam"] == lam or row["lam"] != row["lam"])
        and (at != at or float(content.place[row["cell"]]) == at)
    ]
    lines: list[Line] = []
    seen: set[str] = set()
    for row in rows:
        name = str(row["series"]) + (f", lam = {size_text(row['lam'])}" if content.along == "lam" else "")
        if name in seen or len(lines) == MOST_LINES:
            continue
        seen.add(name)
        lines.append(_line(content.made.results, str(row["cell"]), name, len(lines)))
    if not lines:
        return None
    lines = [line for line in lines if len(line.steps_x)]
    ends = np.concatenate([np.concatenate([line.steps_x, line.under_x]) for line in lines] or [NOTHING])
    long = bool(len(ends)) and ends.min() > 0 and ends.max() / ends.min() >= LONG
    said = [f"{content.along} = {size_text(at)}"] if at == at else []
    said += [f"lam = {size_text(lam)}"] if lam == lam and "lam" in content.shown_axes else []
    return Chart(
        ", ".join(said), "calls", "share of the runs that have hit", lines, log_x=bool(long), y_range=(0.0, 1.04)
    )


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
