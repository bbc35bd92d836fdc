"""What the terminal shows of single runs: their quantiles beside the exact means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from experiments.predictions.singles import OF, PER_CENT
from experiments.reports.measured import number
from experiments.reports.wording import add_rows, by_series, cost_heading, folded, print_table, size_text

if TYPE_CHECKING:
    import pandas as pd

BAND = "10 / 50 / 90 %"
NO_LIMIT = 10_000
"""Columns of a terminal on which no table is cut."""


def show_singles(table: pd.DataFrame, console: Console) -> None:
    """Means of calls and cost beside the quantiles of single runs, of cells of which the law of one is known.

    Where the terminal is too narrow the means are left out: they stand in the table above.

    Args:
        table: a forecast.
        console: where to.
    """
    known = table[table[[f"{name}_{level}" for name in OF for level in PER_CENT]].notna().any(axis=1)]
    if not len(known):
        return
    for means in (True, False):
        shown = _table(known, means, console.width)
        if console.measure(shown, options=console.options.update(width=NO_LIMIT)).maximum <= console.width:
            break
    print_table(shown, console)


def _table(table: pd.DataFrame, means: bool, width: int) -> Table:
    shown = Table(
        title=f"What one run may take: {BAND} of single runs" + (" beside the mean" if means else ""),
        caption="10 % of runs take no more than the first, half no more than the second, 90 % no more than the third"
        + ("" if table["cost_50"].notna().all() else "; -: calls differ in price, and only the mean is known"),
        caption_justify="left",
    )
    shown.add_column("arm", no_wrap=True)
    headings = {"calls": "calls", "cost": cost_heading(table["prices"])}
    columns = [(name, headings[name] if means else f"{headings[name]}, {BAND}") for name in OF]
    sizes = [name for name in ("k", "lam") if table[name].notna().any()]  # a program has no lam, and may have no k
    for heading in sizes:
        shown.add_column(heading, justify="right", no_wrap=True)
    for _, heading in columns:
        shown.add_column(heading, justify="right", no_wrap=means)
        if means:
            shown.add_column(BAND, justify="right", no_wrap=True)
    for series, rows in by_series(table):
        add_rows(shown, folded(series, width), [_row(row, sizes, means) for row in rows])
    return shown


def _row(row: dict[Any, Any], sizes: list[str], means: bool) -> tuple[str, ...]:
    told = [size_text(row[name]) for name in sizes]
    for name in OF:
        told += [number(row[name]), band(row, name)] if means else [band(row, name)]
    return tuple(told)


def band(row: dict[Any, Any], name: str) -> str:
    """The three quantiles to three digits, whole numbers to all of theirs.

    >>> band({"calls_10": 0.012345, "calls_50": 11.0, "calls_90": 1234.0}, "calls")
    '0.0123 / 11 / 1,234'
    """
    told = [number(value if value >= 100 else float(f"{value:.3g}")) for value in _quantiles(row, name)]
    return "-" if "-" in told else " / ".join(told)


def _quantiles(row: dict[Any, Any], name: str) -> list[float]:
    return [float(row[f"{name}_{level}"]) for level in PER_CENT]
