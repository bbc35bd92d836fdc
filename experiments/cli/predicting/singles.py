"""What the terminal shows of single runs: their quantiles beside the exact means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console

from experiments.predictions.singles import OF, PER_CENT
from experiments.reports.listing.rows import Row, laid_out, print_rows
from experiments.reports.measured import number
from experiments.reports.overview import MOST_LISTED
from experiments.reports.wording import cost_heading, more, size_text, title

if TYPE_CHECKING:
    import pandas as pd

BAND = "10 / 50 / 90 %"


def show_singles(table: pd.DataFrame, console: Console, most: int = MOST_LISTED) -> None:
    """The quantiles of single runs, of cells of which the law of one is known; with the means where there is room.

    Args:
        table: a forecast.
        console: where to.
        most: rows that are shown.
    """
    known = table[table[[f"{name}_{level}" for name in OF for level in PER_CENT]].notna().any(axis=1)]
    if not len(known):
        return
    headings = {"calls": "calls", "cost": cost_heading(table["prices"])}
    sizes = [name for name in ("k", "lam") if known[name].notna().any()]  # a program has no lam, and may have no k
    always = ("k", *headings.values())
    for means in (True, False):
        rows = [_row(row, headings, sizes, means) for row in known.head(most).to_dict("records")]
        layout = laid_out(rows, console.width, always)
        if layout.by_columns and layout.width <= console.width:
            break
    free = "" if known["lam"].isna().all() else " without a budget"
    title(f"What one run may take{free}: {BAND} of runs" + (" beside the mean" if means else ""), console)
    print_rows(rows, console, always)
    more(len(known) - most, console)
    console.print(
        "10 % of runs take no more than the first, half no more than the second, 90 % no more than the third"
        + ("" if known["cost_50"].notna().all() else "; -: calls differ in price, and only the mean is known"),
        markup=False,
    )


def _row(row: dict[Any, Any], headings: dict[str, str], sizes: list[str], means: bool) -> Row:
    told = {name: size_text(row[name]) for name in sizes}
    for name, heading in headings.items():
        told |= (
            {heading: number(row[name]), f"{heading}: {BAND}": band(row, name)} if means else {heading: band(row, name)}
        )
    return Row(str(row["series"]), told)


def band(row: dict[Any, Any], name: str) -> str:
    """The three quantiles to three digits, whole numbers to all of theirs.

    >>> band({"calls_10": 0.012345, "calls_50": 11.0, "calls_90": 1234.0}, "calls")
    '0.0123 / 11 / 1,234'
    """
    told = [number(value if value >= 100 else float(f"{value:.3g}")) for value in _quantiles(row, name)]
    return "-" if "-" in told else " / ".join(told)


def _quantiles(row: dict[Any, Any], name: str) -> list[float]:
    return [float(row[f"{name}_{level}"]) for level in PER_CENT]
