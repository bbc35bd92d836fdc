"""What the terminal shows of a plan: the answer, a row a candidate, and what the answer rests on."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from experiments.cli.as_json.values import answer as json_answer
from experiments.cli.as_json.values import record, records
from experiments.planning.answer import RISING, answer, told_hangs, told_swings
from experiments.planning.cautions import cautions, unsaid_intervals
from experiments.planning.plan import Plan, Ranked
from experiments.predictions.refusals import kind_of_reason
from experiments.reports.measured import number
from experiments.reports.overview import MOST_LISTED
from experiments.reports.wording import alike, counted, print_table

ROWS = 12
MARKS = {"OnePlusLambda": "", "Merged": "+", "Archive": " A", "MapElites": " E"}


def listed(plan: Plan, rows: int, variants: bool = False) -> list[Ranked]:
    """The candidates that a table has: the best of each decomposition, or of all, of which something is known."""
    of = plan.ranked if variants else plan.firsts
    return [each for each in of if not math.isnan(getattr(each.numbers, plan.by))][:rows]


def show_plan(plan: Plan, console: Console, rows: int = ROWS, hangs: bool = True, variants: bool = False) -> None:
    """The answer, the best candidates, and what the answer rests on.

    Args:
        plan: the plan.
        console: where to.
        rows: candidates that are listed.
        hangs: whether to say what the choice hangs on.
        variants: whether all lam, runners and votes of a schedule and a g are listed, not the best of each.
    """
    console.print(answer(plan), markup=False)
    rated = listed(plan, len(plan.ranked), variants=True)
    _show_rows(plan, len(rated), listed(plan, rows, variants), console)
    for told in _left_out(plan, rows, variants):
        console.print(told, markup=False)
    for told in [*told_hangs(plan), *told_swings(plan), *unsaid_intervals(plan)] if hangs else ():
        console.print(told, markup=False)
    for told in cautions(plan):
        console.print(f"note: {told}", markup=False)
    table = plan.table
    noted = table[table[plan.by].isna()].to_dict("records")
    missing = [(f"{row['schedule']}, g = {row['g']}", str(row["note"])) for row in noted]
    for told, _ in alike(missing, kind_of_reason)[:MOST_LISTED]:
        console.print(f"not known: {told}", markup=False)


def _left_out(plan: Plan, rows: int, variants: bool) -> list[str]:
    """What the table does not list, and how to see it."""
    every, firsts = (len(listed(plan, len(plan.ranked), each)) for each in (True, False))
    there = every if variants else firsts
    told = []
    if there > rows:
        told.append(f"{counted(there - rows, 'more candidate')}; --rows {there} lists all")
    if not variants and every > firsts:
        others = counted(every - firsts, "variant")
        told.append(f"the best lam, runner and votes of each schedule and g; {others} more: --all")
    return told


def _show_rows(plan: Plan, known: int, shown: list[Ranked], console: Console) -> None:
    """The table; with both bands where the console has room for them."""
    records = dict(zip(map(id, plan.ranked), plan.table.to_dict("records"), strict=True))
    rows = [records[id(each)] | {"errors": each.numbers.errors} for each in shown]
    for bands in _bands(plan):
        table = _table(plan, known, bands)
        for row in rows:
            table.add_row(*_row(plan, row, bands))
        if Measurement.get(console, console.options.update(max_width=1000), table).maximum <= console.width:
            break
    print_table(table, console)


def _bands(plan: Plan) -> list[tuple[str, ...]]:
    """Of which numbers the bands of single runs are told, as far as there is room: of both, else of the ranked one."""
    spent = ("money",) if plan.best.candidate.model.priced else ("calls",)
    if not plan.best.candidate.model.timed:
        return [spent]
    return [(*spent, "hours"), ("hours",) if plan.by == "hours" else spent]


def _table(plan: Plan, known: int, bands: tuple[str, ...]) -> Table:
    shown = Table(title=_title(plan, known), caption=_caption(plan, bands), caption_justify="left")
    for heading in _models(plan):
        shown.add_column(heading, no_wrap=True)
    shown.add_column("schedule", no_wrap=True)
    headings = ["10-50-90 %"] if len(bands) == 1 else [f"{band} 10-50-90 %" for band in bands]
    for heading in ("g", "lam", *_votes(plan), *_sums(plan), *_errors(plan), *headings, "worse"):
        shown.add_column(heading, justify="right", no_wrap=True)
    return shown


def _title(plan: Plan, known: int) -> str:
    until = "a run to the optimum" if plan.aim.target is None else f"a run to {plan.aim.target} correct blocks"
    by = {"fitness": "expected fitness at the budget", "reached": "chance to be there at the budget"}
    exact = "exact but for ~" if _errors(plan) else "exact"
    return f"{counted(known, 'way')} to decompose, by {by.get(plan.by, f'expected {plan.by}')}: {exact}, {until}"


def _caption(plan: Plan, bands: tuple[str, ...]) -> str:
    priced = plan.best.candidate.model.priced
    told = [f"money in {plan.unit}"] if priced and plan.unit else []
    told += [f"10-50-90 %: {' and '.join(bands)} of single runs"]
    told += ["worse: less than the best" if plan.by in RISING else "worse: times the best"]
    runners = {each.candidate.runner for each in plan.ranked}
    told += ["+: improvements of a generation are merged"] if "Merged" in runners else []
    told += ["A: an archive of so many"] if "Archive" in runners else []
    told += ["E: elites of so many cells"] if "MapElites" in runners else []
    told += (
        ["*: g was not measured"]
        if any(not each.candidate.model.measured(each.candidate.g) for each in plan.ranked)
        else []
    )
    told += ["<: at most"] if any(each.numbers.hours_kind == "at most" for each in plan.ranked) else []
    told += ["~: simulated"] if _simulated(plan) else []
    told += [f"+-: standard error of the {plan.by}"] if _errors(plan) else []
    return "; ".join(told)


def _models(plan: Plan) -> list[str]:
    return ["model"] if any(each.candidate.model.name for each in plan.ranked) else []


def _votes(plan: Plan) -> list[str]:
    return ["votes"] if any(each.candidate.votes > 1 for each in plan.ranked) else []


def _simulated(plan: Plan) -> bool:
    """Whether some number rests on runs, or on drawn generations."""
    return any(each.numbers.errors or each.numbers.hours_kind == "simulated" for each in plan.ranked)


def _errors(plan: Plan) -> list[str]:
    """The column of standard errors, if they are ranked by a number that is simulated of some."""
    return ["+-"] if any(plan.simulated(each) for each in plan.ranked) else []


def _sums(plan: Plan) -> list[str]:
    """The columns of numbers: what they are ranked by, money and hours; else calls, or tokens."""
    model = plan.best.candidate.model
    at_budget = (["fitness"] if plan.aim.target is None else ["reached"]) if plan.aim.limited else []
    crowded = _errors(plan) and (at_budget or _models(plan) or _votes(plan)) and plan.by != "hours"
    found = [*at_budget, *(["money"] if model.priced else []), *(["hours"] if model.timed and not crowded else [])]
    found = found if len(found) > 1 else ["calls", *found]
    return found if plan.by in found else [*found, plan.by]


def _row(plan: Plan, row: dict[Any, Any], bands: tuple[str, ...]) -> list[str]:
    """A candidate in words."""
    simulated = dict(row["errors"])
    hours = {"at most": "<", "simulated": "~"}.get(row["hours_kind"], "")
    marks = dict.fromkeys(simulated, "~") | {"hours": hours} | ({"hours_low": hours} if hours == "<" else {})
    sums = [marks.get(name, "") + _short(row[name]) for name in _sums(plan)]
    error = "-" if math.isnan(row["error"]) else f"{row['error']:.1g}"
    return [
        *(str(row[name]) for name in _models(plan)),
        row["schedule"] + MARKS[row["runner"]] + (str(row["kept"]) if row["kept"] > 1 else ""),
        f"{row['g']}{'' if row['measured'] else '*'}",
        str(row["lam"]),
        *(str(row[name]) for name in _votes(plan)),
        *sums,
        *(error for _ in _errors(plan)),
        *(_band(row, marks, "hours_" if band == "hours" else "") for band in bands),
        f"{row['worse']:.3f}" if plan.by in RISING else f"{row['worse']:.3g}",
    ]


def _band(row: dict[Any, Any], marks: dict[str, str], of: str) -> str:
    """10, 50 and 90 % of single runs."""
    ends = [row[of + name] for name in ("low", "median", "high")]
    return "-" if math.isnan(ends[0]) else marks.get(of + "low", "") + "-".join(map(_short, ends))


def _short(value: float) -> str:
    """A number in few characters."""
    return number(value) if value >= 100 or math.isnan(value) else f"{value:.3g}"


def plan_json(plan: Plan, hangs: bool = True) -> str:
    """The plan as JSON, in the schema of all commands."""
    candidates = [
        row | {"errors": dict(each.numbers.errors)} for row, each in zip(records(plan.table), plan.ranked, strict=True)
    ]
    told: dict[str, Any] = {
        "answer": answer(plan),
        "by": plan.by,
        "unit": plan.unit,
        "notes": cautions(plan),
        "candidates": candidates,
    }
    if hangs:
        told["hangs"] = [record(asdict(each)) for each in plan.hangs]
        told["swings"] = [
            {"input": str(each.input), "by": each.by, "low": each.input.low, "high": each.input.high}
            | record({name: getattr(each, name) for name in ("value", "at_low", "at_high", "elasticity")})
            for each in plan.swings
        ]
    units = {"money": plan.unit, "hours": "hours", "calls": "calls", "tokens": "tokens", "fitness": "correct blocks"}
    return json_answer("plan", {name: unit for name, unit in units.items() if unit}, told)
