"""What the terminal shows of the fitness at a budget: a row a cell, and why some have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console

from experiments.reports.measured import number
from experiments.reports.overview import MOST_LISTED
from experiments.reports.wording import add_rows, alike, by_series, counted, folded, place, print_table, series_table

if TYPE_CHECKING:
    import pandas as pd


def show_fitness(table: pd.DataFrame, calls: int, console: Console) -> None:
    """The fitness of the current solution after so many calls, by `fitness_table`.

    Args:
        table: a row a cell.
        calls: the budget.
        console: where to.
    """
    known = table[table["mean"].notna()]
    if len(known):
        _show_rows(known, calls, console)
        sources = dict.fromkeys(source for row in known["source"] for source in row.split("; "))
        console.print(f"exact, from {'; '.join(sources)}", markup=False)
    noted = table[table["note"] != ""].to_dict("records")
    for told, _ in alike((place(row), row["note"]) for row in noted)[:MOST_LISTED]:
        console.print(told, markup=False)
    if unknown := len(table) - len(known):
        console.print(f"{counted(unknown, 'cell')} without an exact fitness at a budget", markup=False)


def _show_rows(table: pd.DataFrame, calls: int, console: Console) -> None:
    shown = series_table(
        f"Fitness of the current solution after {calls:,} call{'' if calls == 1 else 's'}",
        "10-50-90 %: of single runs; optimal: share of runs; improves: chance that the last generation raised it. "
        'In Python: predict(cell, "fitness", calls=..)',
        ("k", "lam", "mean", "10-50-90 %", "optimal", "improves"),
    )
    for series, rows in by_series(table):
        add_rows(shown, folded(series, console.width), [_row(row) for row in rows])
    print_table(shown, console)


def _row(row: dict[Any, Any]) -> tuple[str, ...]:
    band = "-".join(number(row[name]) for name in ("low", "median", "high"))
    shares = (_short(number(row[name])) for name in ("solved", "improve"))
    return str(row["k"]), str(row["lam"]), number(row["mean"]), band, *shares


def _short(share: str) -> str:
    """A share in few characters, so that the table fits 80 columns."""
    return share if len(share) <= 7 else f"{float(share):.1e}"
