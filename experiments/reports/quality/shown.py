"""What the terminal shows of the fitness that budgets leave: of cells of which they end runs before the optimum."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.console import Console

from experiments.reports.measured import number
from experiments.reports.overview import MOST_LISTED
from experiments.reports.quality.at_budget import COLUMNS
from experiments.reports.wording import add_rows, by_series, folded, print_table, series_table, size_text

if TYPE_CHECKING:
    import pandas as pd


def show_budgets(summary: pd.DataFrame, console: Console) -> None:
    """The fitness at the budget, measured (exact), with the band of single runs, a row a cell that was censored."""
    known = summary[summary["fitness_from"].notna()] if "fitness_from" in summary else summary.iloc[:0]
    if not len(known):
        return
    rest = f"; and {len(known) - MOST_LISTED} more in summary.csv" if len(known) > MOST_LISTED else ""
    shown = series_table(
        "Fitness when the budget ends a run: measured mean (exact)",
        "10 / 50 / 90 %: of single runs, exact, or measured where that is all there is" + rest,
        ("k", "lam", "fitness", "10 / 50 / 90 %", "band"),
    )
    for series, rows in by_series(known.head(MOST_LISTED)):
        add_rows(shown, folded(series, console.width), [_row(row) for row in rows])
    print_table(shown, console)


def _row(row: dict[Any, Any]) -> tuple[str, ...]:
    exact = "" if math.isnan(row["fitness_predicted"]) else f" ({number(row['fitness_predicted'])})"
    band = " / ".join(number(row[name]) for name in COLUMNS[2:])
    return size_text(row["k"]), size_text(row["lam"]), number(row["fitness"]) + exact, band, row["fitness_from"]
