"""What the terminal shows of a plan: the answer, a row a candidate, and what the answer rests on."""

from __future__ import annotations

import json
import math
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.planning.answer import answer, cautions
from experiments.planning.plan import Plan
from experiments.predictions.refusals import kind_of_reason
from experiments.reports.measured import number
from experiments.reports.overview import MOST_LISTED
from experiments.reports.wording import alike, counted, print_table

ROWS = 12


def show_plan(plan: Plan, console: Console, rows: int = ROWS) -> None:
    """The answer, the best candidates, and what the answer rests on.

    Args:
        plan: the plan.
        console: where to.
        rows: candidates that are listed.
    """
    console.print(answer(plan), markup=False)
    table = plan.table
    known = table[table["kind"] != "none"]
    shown = _table(plan, len(known))
    for row in known.head(rows).to_dict("records"):
        shown.add_row(*_row(plan, row))
    print_table(shown, console)
    if len(known) > rows:
        console.print(f"{counted(len(known) - rows, 'more candidate')}; --rows {len(known)} lists all", markup=False)
    for told in cautions(plan):
        console.print(f"note: {told}", markup=False)
    missing = [(f"{row['schedule']}, g = {row['g']}", str(row["note"])) for row in _noted(plan)]
    for told, _ in alike(missing, kind_of_reason)[:MOST_LISTED]:
        console.print(f"without a prediction: {told}", markup=False)


def _noted(plan: Plan) -> list[dict[Any, Any]]:
    table = plan.table
    return table[table["kind"] == "none"].to_dict("records")


def _table(plan: Plan, known: int) -> Table:
    of = f"money in {plan.unit}, " if plan.by == "money" and plan.unit else ""
    shown = Table(
        title=f"{counted(known, 'way')} to decompose, by expected {plan.by}: exact, a run to the optimum",
        caption=f"{of}10-50-90 %: of single runs; worse: times the best; *: fix and keep of this g are drawn on "
        "beyond what was measured",
        caption_justify="left",
    )
    for heading in _models(plan):
        shown.add_column(heading, no_wrap=True)
    shown.add_column("schedule", no_wrap=True)
    for heading in ("g", "lam", *_votes(plan), "calls", *_money(plan), "10-50-90 %", "worse"):
        shown.add_column(heading, justify="right", no_wrap=True)
    return shown


def _models(plan: Plan) -> list[str]:
    return ["model"] if any(each.candidate.model.name for each in plan.ranked) else []


def _votes(plan: Plan) -> list[str]:
    return ["votes"] if any(each.candidate.votes > 1 for each in plan.ranked) else []


def _money(plan: Plan) -> list[str]:
    return [plan.by] if plan.by != "calls" else []


def _row(plan: Plan, row: dict[Any, Any]) -> list[str]:
    """A candidate in words."""
    band = "-" if math.isnan(row["low"]) else "-".join(_short(row[name]) for name in ("low", "median", "high"))
    g = f"{row['g']}{'' if row['measured'] else '*'}"
    sums = [_short(row[name]) for name in ("calls", *_money(plan))]
    places = [str(row[name]) for name in _votes(plan)]
    models = [str(row[name]) for name in _models(plan)]
    return [*models, row["schedule"], g, str(row["lam"]), *places, *sums, band, f"{row['worse']:.3g}"]


def _short(value: float) -> str:
    """A number in few characters."""
    return number(value) if value >= 100 or math.isnan(value) else f"{value:.3g}"


def plan_json(plan: Plan) -> str:
    """The plan as JSON, numbers that are not known null."""
    rows = [{name: _json(value) for name, value in row.items()} for row in plan.table.to_dict("records")]
    told = {"answer": answer(plan), "by": plan.by, "unit": plan.unit, "notes": cautions(plan), "candidates": rows}
    return json.dumps(told, indent=2, allow_nan=False)


def _json(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value.item() if hasattr(value, "item") else value
