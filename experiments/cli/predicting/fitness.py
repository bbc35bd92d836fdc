"""What the terminal shows of the fitness at a budget: a row a cell, and why some have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console

from experiments.reports.listing.rows import Row, print_rows
from experiments.reports.measured import number
from experiments.reports.overview import MOST_LISTED
from experiments.reports.wording import alike, counted, more, place, title

if TYPE_CHECKING:
    import pandas as pd


def show_fitness(table: pd.DataFrame, calls: int, console: Console, most: int = MOST_LISTED) -> None:
    """The fitness of the current solution after so many calls, by `fitness_table`.

    Args:
        table: a row a cell.
        calls: the budget.
        console: where to.
        most: rows that are shown.
    """
    known = table[table["mean"].notna()]
    if len(known):
        title(f"Fitness of the current solution after {calls:,} call{'' if calls == 1 else 's'}", console)
        rows = [Row(str(row["series"]), _row(row)) for row in known.head(most).to_dict("records")]
        print_rows(rows, console, always=("k", "mean", "10-50-90 %"))
        more(len(known) - most, console)
        console.print(
            "10-50-90 %: of single runs; optimal: share of runs; improves: chance that the last generation raised it. "
            'In Python: predict(cell, "fitness", calls=..)',
            markup=False,
        )
        sources = dict.fromkeys(source for row in known["source"] for source in row.split("; "))
        console.print(f"exact, from {'; '.join(sources)}", markup=False)
    noted = table[table["note"] != ""].to_dict("records")
    for told, _ in alike((place(row), row["note"]) for row in noted)[:MOST_LISTED]:
        console.print(told, markup=False)
    if unknown := len(table) - len(known):
        console.print(f"{counted(unknown, 'cell')} without an exact fitness at a budget", markup=False)


def _row(row: dict[Any, Any]) -> dict[str, str]:
    band = "-".join(number(row[name]) for name in ("low", "median", "high"))
    optimal, improves = (_short(number(row[name])) for name in ("solved", "improve"))
    told = {"k": str(row["k"]), "lam": str(row["lam"]), "mean": number(row["mean"])}
    return told | {"10-50-90 %": band, "optimal": optimal, "improves": improves}


def _short(share: str) -> str:
    """A share in few characters, so that the table fits 80 columns."""
    return share if len(share) <= 7 else f"{float(share):.1e}"
