"""What the terminal shows of the fitness that budgets leave: of cells of which they end runs before the optimum."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.console import Console

from experiments.reports.listing.rows import Row, print_rows
from experiments.reports.measured import number
from experiments.reports.overview import MOST_LISTED
from experiments.reports.quality.at_budget import COLUMNS
from experiments.reports.wording import more, size_text, title

if TYPE_CHECKING:
    import pandas as pd


def show_budgets(summary: pd.DataFrame, console: Console) -> None:
    """The fitness at the budget, measured (exact), with the band of single runs, a row a cell that was censored."""
    known = summary[summary["fitness_from"].notna()] if "fitness_from" in summary else summary.iloc[:0]
    if not len(known):
        return
    title("Fitness when the budget ends a run: measured mean (exact)", console)
    rows = [Row(str(row["series"]), _row(row)) for row in known.head(MOST_LISTED).to_dict("records")]
    print_rows(rows, console, always=("k", "fitness", "10 / 50 / 90 %"))
    more(len(known) - MOST_LISTED, console, "all in summary.csv")
    console.print("10 / 50 / 90 %: of single runs, exact, or measured where that is all there is", markup=False)


def _row(row: dict[Any, Any]) -> dict[str, str]:
    exact = "" if math.isnan(row["fitness_predicted"]) else f" ({number(row['fitness_predicted'])})"
    band = " / ".join(number(row[name]) for name in COLUMNS[2:])
    told = {"k": size_text(row["k"]), "lam": size_text(row["lam"]), "fitness": number(row["fitness"]) + exact}
    return told | {"10 / 50 / 90 %": band, "band": str(row["fitness_from"])}
