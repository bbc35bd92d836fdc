"""How good the solution is before it is optimal: at a budget of calls, tokens and money, and for a target."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from experiments.reports.html.content import Content
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.figures.chart import NOTHING, Chart, Line
from experiments.reports.html.figures.figure import figure
from experiments.reports.html.table import Entry, measure, table
from experiments.reports.measured import Value
from experiments.reports.quality.in_report import QualityCurve, up_to_its_end
from experiments.reports.wording import cost_axis, size_text

TARGETS = 16
"""Targets of a curve, at most."""


def fixed_budget_and_target(content: Content) -> Html:
    """Fitness against calls, tokens and money, and the calls that a target takes."""
    curves = content.curves
    if not curves:
        none = (
            "Of no cell here is the fitness before the optimum known exactly, and its best above 0 (docs/quality.md)."
        )
        return tag("p", none)
    k, lam = curves[0].cell.k, curves[0].cell.lam
    where = f"k = {size_text(k)}, lam = {size_text(lam)}" if len({(e.cell.k, e.cell.lam) for e in curves}) == 1 else ""
    budget = [_budget_chart(curves, "calls", "calls")]
    if any(each.table["tokens"].notna().any() for each in curves):
        budget.append(_budget_chart(curves, "tokens", "tokens read and written"))
    if any(each.table["cost"].notna().any() for each in curves):
        budget.append(_budget_chart(curves, "cost", cost_axis(each.cell.text for each in curves)))
    note = "lines: exact means; bands: 10 to 90 % of single runs"
    if any(each.runs for each in curves):
        note += "; points and bars: the same of measured runs"
    told = [f"{each.label}: {each.told}" for each in curves if each.told]
    judged = tag("p", f"Measured runs against the exact law at some budgets: {'; '.join(told)}.") if told else ""
    target = _target_chart(curves)
    return joined([
        tag("h3", f"Fixed budget{f': {where}' if where else ''}"), figure(budget, note, "", "budget-figure"), judged,
        tag("h3", "Fixed target"),
        figure([target], "lines: calls after which half of the runs are at least so good (exact); bands: 90 to 10 % of "
               "the runs, at the budgets that were looked at", "", "target-figure"),
        _target_table(curves),
    ])  # fmt: skip


def _budget_chart(curves: Sequence[QualityCurve], column: str, words: str) -> Chart:
    lines = []
    for slot, each in enumerate(curves):
        whole = up_to_its_end(each.table[each.table[column].notna()])
        best = whole["best"].to_numpy(dtype=np.float64)
        share = {name: whole[name].to_numpy(dtype=np.float64) / best for name in ("mean", "low", "high")}
        runs = whole[whole["measured"].notna()]
        top = runs["best"].to_numpy(dtype=np.float64)
        names = ("measured", "measured_low", "measured_high")
        values = [runs[name].to_numpy(dtype=np.float64) / top for name in names]
        lines.append(Line(
            each.label, slot, x=whole[column].to_numpy(dtype=np.float64), y=share["mean"], low=share["low"],
            high=share["high"], points_x=runs[column].to_numpy(dtype=np.float64),
            points=[Value(*each) for each in zip(*values, strict=True)],
        ))  # fmt: skip
    return Chart("", words, "fitness of the current solution / best", lines, log_x=True)


def _targets(curve: QualityCurve) -> list[tuple[float, float, float, float]]:
    """Of some shares of the best fitness: calls after which 90, 50 and 10 % of the runs are at least so good.

    Infinite where that is beyond the budgets that were looked at.
    """
    shown = curve.table
    best = float(shown["best"].iloc[-1])
    levels = curve.held
    calls = shown["calls"].to_numpy(dtype=np.float64)
    values = np.unique(levels)
    if len(values) > TARGETS:
        values = values[np.unique(np.linspace(0, len(values) - 1, TARGETS).round().astype(int))]
    found = []
    for value in values.tolist():
        reached = levels >= value - 1e-9
        at = [float(calls[np.argmax(column)]) if column.any() else math.inf for column in reached.T]
        found.append((value / best, at[0], at[1], at[2]))
    return found


def _target_chart(curves: Sequence[QualityCurve]) -> Chart:
    lines = []
    for slot, each in enumerate(curves):
        found = np.array(_targets(each), dtype=np.float64).reshape(-1, 4)
        found[np.isinf(found)] = math.nan
        share, slow, half, fast = found.T if len(found) else (NOTHING,) * 4
        lines.append(Line(each.label, slot, x=share, y=half, low=fast, high=slow))
    return Chart("", "target: fitness / best", "calls", lines, log_y=True)


def _target_table(curves: Sequence[QualityCurve]) -> Html:
    rows = [
        [Entry(each.label), Entry(f"{share:.3g}", share), measure(fast), measure(half), measure(slow)]
        for each in curves
        for share, slow, half, fast in _targets(each)
    ]
    headings = ("series", "target: fitness / best", "10 % of the runs", "half", "90 %")
    caption = (
        "Calls after which so many runs are at least so good, exact, at the budgets that were looked at; all are in "
        "quality.csv."
    )
    return tag(
        "details", tag("summary", "Calls to a target, as a table"), table(headings, rows, caption, "quality.csv")
    )
