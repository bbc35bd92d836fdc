"""What the terminal shows of a forecast: a row a cell, notes on some cells, and the totals."""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING, Any

from rich.console import Console

from evo.statistics import LEAST_TOLD, probability_text
from experiments.cli.predicting.singles import show_singles
from experiments.cli.progress import duration
from experiments.grids.labels import place_of
from experiments.grids.stopping import Runs, in_words
from experiments.predictions.refusals import kind_of_reason
from experiments.reports.listing.rows import Row, print_rows
from experiments.reports.measured import number
from experiments.reports.overview import MOST_LISTED
from experiments.reports.wording import alike, cost_heading, cost_unit, counted, more, size_text, title, unit_note

if TYPE_CHECKING:
    import pandas as pd

    from experiments.grids.grid import Grid


def tell_forecast(grid: Grid, console: Console, errors: Console, json: bool = False, whole: bool = False) -> None:
    """Forecast a grid, with progress on another console, and show it, or print it as JSON.

    Raises: InputError for a cell without a budget whose mean is not known to be finite.
    """
    from experiments.cli.progress import ProgressDisplay
    from experiments.predictions.forecast import check_budgets, forecast
    from experiments.running.speed import slowness

    if grid.engine == "law":  # what it cannot draw is known at once, before a forecast that would be of no use
        check_budgets(grid)
    with ProgressDisplay(errors) as display:
        expected = forecast(grid, slowness(grid.engine), display.predicting)
    if json:
        from experiments.cli.as_json.before import forecast_json

        print(forecast_json(grid, expected, os.cpu_count() or 1))
    else:
        most = len(expected) if whole else MOST_LISTED
        show_forecast(expected, grid.runs, os.cpu_count() or 1, console, most)
    if grid.engine != "law":
        check_budgets(grid)


def tell_fitness(grid: Grid, calls: int, console: Console, json: bool = False, whole: bool = False) -> None:
    """Show the fitness of all cells of a grid after so many calls, or print it as JSON."""
    from experiments.cli.predicting.fitness import show_fitness
    from experiments.predictions.quality.table import fitness_table

    table = fitness_table(grid, calls=calls)
    if json:
        from experiments.cli.as_json.before import fitness_json

        print(fitness_json(grid, table, calls))
    else:
        show_fitness(table, calls, console, len(table) if whole else MOST_LISTED)


def show_forecast(table: pd.DataFrame, runs: Runs, cores: int, console: Console, most: int = MOST_LISTED) -> None:
    """What a grid will take: `experiments.predictions.forecast.forecast` a row a cell, and totals over all runs.

    Args:
        table: the forecast.
        runs: of a cell, a number or a stopping rule.
        cores: processes that would run at the same time.
        console: where to.
        most: rows of a table that are shown.
    """
    of_programs = table["lam"].isna()
    if not of_programs.all():
        _show_rows(table[~of_programs], runs, console, most)
    if of_programs.any():
        _show_programs(table[of_programs], runs, console, most)
    show_singles(table, console, most)
    noted = table[table["note"] != ""].to_dict("records")
    reasons = ((_called(row), row["note"]) for row in noted)
    for told, _ in alike(reasons, _kind)[:MOST_LISTED]:
        console.print(told, markup=False)
    for line in totals(table, cores):
        console.print(line, markup=False)


def totals(table: pd.DataFrame, cores: int) -> list[str]:
    """What all cells come to, in sentences; cells of which a number is not known are counted apart."""
    known = table[table["spent"].notna()]
    made = known[known["made"] > 0]  # what cells share is run once, and counts at the prices of the first
    lines = []
    if len(known):
        calls = number((made["made"] * made["spent"]).sum())
        sums = [f"{calls} calls"]
        priced = made[made["read"].notna() & made["paid"].notna()]
        if len(priced):
            read, written = (number((priced["made"] * priced[name]).sum()) for name in ("read", "written"))
            sums.append(f"{read} tokens read and {written} written")
            one = priced["prices"].nunique() == 1
            paid = number((priced["made"] * priced["paid"]).sum())
            sums.append(
                f"cost {paid} {cost_unit(priced['prices'])}".rstrip() if one else "cost by several models, not added"
            )
        which = f"{counted(len(known), 'cell')}, {counted(int(made['made'].sum()), 'run')}"
        most = " (at most, where calls differ in price)" if made["at_most"].any() else ""
        within = "" if made["lam"].isna().all() else " within their budgets"
        lines.append(f"{which}{within}: {', '.join(sums)}{most}")
        lines += _more_than_asked(known)
        lines += _notcounted(len(made) - len(priced), "whose tokens or cost are not predicted", "in these")
        of_programs = known["lam"].isna()
        lines += _chances(known[~of_programs], "a run is censored")
        lines += _chances(known[of_programs], "a program's task is not done right")
        timed = made[made["seconds"].notna()]
        seconds = max(timed["seconds"].sum() / cores, timed["longest"].max()) if len(timed) else math.inf
        if math.isfinite(seconds):
            lines.append(f"about {duration(seconds)} on {counted(cores, 'core')} of this machine")
            lines += _notcounted(len(made) - len(timed), "whose time is not predicted", "in this")
    return lines + _notcounted(len(table) - len(known), "without a prediction", "")


def _more_than_asked(known: pd.DataFrame) -> list[str]:
    """That whole batches are run, and cells may share theirs, where these are not the runs that the table will hold."""
    made, lines = known[known["made"] > 0], []
    if (cut := int((made["made"] - made["runs"]).sum())) > 0:
        verb = "is" if cut == 1 else "are"
        lines.append(f"batches are run whole: {counted(cut, 'run')} of these {verb} more than the table keeps")
    if shared := len(known) - len(made):
        verb = "shares its" if shared == 1 else "share their"
        lines.append(f"{counted(shared, 'cell')} {verb} runs with others, from which only prices differ: counted once")
    return lines


def _notcounted(cells: int, which: str, where: str) -> list[str]:
    if not cells:
        return []
    verb = "is" if cells == 1 else "are"
    return [" ".join(f"{counted(cells, 'cell')} {which} {verb} not counted {where}".split())]


def _chances(known: pd.DataFrame, that: str) -> list[str]:
    """The chance that a run fails in this way: over all cells, and in the worst."""
    shares = known["censored"].dropna()
    if not len(shares):
        return []
    worst = known.loc[known["censored"] == shares.max()].iloc[0]
    said = f"chance that {that}: {_share(float(shares.mean()))} over all cells"
    if worst["censored"] >= LEAST_TOLD and len(shares) > 1:
        said += f", at most {_share(float(worst['censored']))} ({_called(worst)})"
    return [said, *_notcounted(len(known) - len(shares), "of which it is not known", "in this")]


def _show_rows(table: pd.DataFrame, runs: Runs, console: Console, most: int) -> None:
    title(f"Before anything runs: exact means of a run that no budget ends ({in_words(runs)} a cell)", console)
    of_runs = [] if isinstance(runs, int) else ["runs"]  # expected ones
    cost = cost_heading(table["prices"])
    rows = [
        Row(str(row["series"]), _forecast(row, cost, of_runs), str(row["source"]))
        for row in table.head(most).to_dict("records")
    ]
    print_rows(rows, console, always=("k", "hit", "calls", cost))
    more(len(table) - most, console)
    console.print(
        "hit: calls to the first optimum; calls: all until then, its generation paid whole; cost: of these calls"
        f"{unit_note(table['prices'])}; censored: share of runs that the budget ends before. What is within the "
        "budgets is added up below",
        markup=False,
    )


def _show_programs(table: pd.DataFrame, runs: Runs, console: Console, most: int) -> None:
    """Programs have no optimum, no lam and no budget; they have a chance that their task is done right."""
    title(f"Programs of calls, before anything runs: exact means of a run ({in_words(runs)} a cell)", console)
    has_k = bool(table["k"].notna().any())
    of_runs = [] if isinstance(runs, int) else ["runs"]
    cost = cost_heading(table["prices"])
    rows = [
        Row(str(row["series"]), _of_program(row, cost, has_k, of_runs), str(row["source"]))
        for row in table.head(most).to_dict("records")
    ]
    print_rows(rows, console, always=("k", "calls", cost))
    more(len(table) - most, console)
    console.print(
        f"calls, cost: of all roles together{unit_note(table['prices'])}; done right: chance that the task is. "
        "`predict(cell, 'ROLE.ENTRY')` in Python tells them role by role",
        markup=False,
    )


def _of_program(row: dict[Any, Any], cost: str, has_k: bool, of_runs: list[str]) -> dict[str, str]:
    """Place and expected numbers of a program in words."""
    told = {"k": size_text(row["k"])} if has_k else {}
    told |= {"calls": number(row["calls"]), cost: number(row["cost"]), "done right": _done(row)}
    return told | {name: number(row[name]) for name in of_runs}


def _done(row: dict[Any, Any]) -> str:
    censored = row["censored"]
    return number(None if censored is None else 1.0 - censored)


def _forecast(row: dict[Any, Any], cost: str, of_runs: list[str]) -> dict[str, str]:
    """Place and expected numbers of a cell in words."""
    told = {"k": size_text(row["k"]), "lam": size_text(row["lam"])}
    told |= {"hit": number(row["hit"]), "calls": number(row["calls"]), cost: number(row["cost"])}
    return told | {"censored": _share(row["censored"])} | {name: number(row[name]) for name in of_runs}


def _called(row: Any) -> str:
    return ", ".join([row["series"], *place_of(row["k"], row["lam"])])


def _share(share: float | None) -> str:
    """A share in a few characters, so that the table fits 80 columns."""
    if share is None or not share < 1e-3:
        return number(share)
    return f"{share:.1e}" if share >= LEAST_TOLD else probability_text(share)


def _kind(reason: str) -> str:
    """Means beyond a budget are alike whatever their numbers; other reasons as on reports."""
    return re.sub(r"\d[\d.e+]*", "#", reason) if reason.startswith(("mean ", "the mean ")) else kind_of_reason(reason)
