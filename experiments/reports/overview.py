"""The table that a report opens with: the measured mean of hit beside the exact one, with its verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from experiments.grids.cell_text import PROGRAM
from experiments.predictions.verdict import Verdict
from experiments.reports.listing.columns import lines_of
from experiments.reports.listing.rows import Row, laid_out
from experiments.reports.measured import number
from experiments.reports.wording import COLOURED, cost_heading, cost_unit, longest_word, size_text, unit_note

if TYPE_CHECKING:
    import pandas as pd

MOST_LISTED = 40
Wrong = Mapping[str, frozenset[str]]
NONE_WRONG: Wrong = MappingProxyType({})
DONE = "done"
"""The test of the share of tasks done right."""
MOST_ACROSS = 7
"""Arms side by side; with more of them, or with names that take more than two lines, a row is a cell."""
WIDTH_OF_K, WIDTH_OF_ARM, LEAST_OF_ARM = 8, 20, 10


@dataclass
class Listing:
    """A table with a row a cell, which `print_table` prints.

    Attributes:
        title: above it; None where it is printed already.
        rows: of the cells that are listed.
        left: how many more there are.
    """

    title: str | None
    rows: list[Row]
    left: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        layout = laid_out(self.rows, options.max_width, always=("k", *list(self.rows[0].cells)[2:]))
        told = [Text(f"in all rows: {layout.constant}")] if layout.constant else []
        told += lines_of(layout.headings, layout.groups, options.max_width)
        told += [Text(f"and {self.left} more, see summary.csv")] if self.left > 0 else []
        for line in told:
            line.no_wrap, line.overflow = True, "ignore"
            yield line


def overview(summary: pd.DataFrame, width: int, wrong: Wrong = NONE_WRONG) -> list[Table | Listing]:
    """Measured beside exact mean of hit, and of cost: a table a value of lam with k down and arms across if unique.

    Args:
        summary: a row a cell.
        width: of the terminal.
        wrong: the tests that found a discrepancy, by cell (`Check.wrong`): they say which number of a program is off.
    """
    of_programs = summary["text"].str.startswith(PROGRAM)
    if of_programs.any():
        rest = overview(summary[~of_programs], width) if not of_programs.all() else []
        return [_programs_table(summary[of_programs], wrong), *rest]
    names = list(dict.fromkeys(summary["series"]))
    long = any(len(name) > 2 * max(LEAST_OF_ARM, longest_word(name)) for name in names)
    if long or len(names) > MOST_ACROSS or summary.duplicated(["series", "k", "lam"]).any():
        return [_long_table(summary)]
    columns = _side_by_side(names, width)
    return [
        _pivot(part[part["series"].isin(shown)], lam, width, of)
        for of in ("hit", "cost")
        for lam, part in summary.groupby("lam", dropna=False)
        for shown in columns
        if of in part and part["series"].isin(shown).any()
    ]


def _side_by_side(series: list[str], width: int) -> list[list[str]]:
    """The series in tables that fit the width, so that no heading breaks within a word."""
    tables: list[list[str]] = [[]]
    for each in series:
        taken = sum(_column_width(one) for one in tables[-1])
        if tables[-1] and WIDTH_OF_K + taken + _column_width(each) > width:
            tables.append([])
        tables[-1].append(each)
    return tables


def _column_width(series: str) -> int:
    return 3 + max(LEAST_OF_ARM, longest_word(series))


def _pivot(summary: pd.DataFrame, lam: Any, width: int, of: str) -> Table:
    unit = cost_unit(summary["text"]) or "in the unit of each cost model"
    what = "Calls to the optimum" if of == "hit" else f"Cost of a run ({unit})"
    table = Table(title=f"{what}, lam = {size_text(lam)}: measured mean{', verdict' * (of == 'hit')} (exact mean)")
    tell = _measured_cell if of == "hit" else _cost_cell
    table.add_column("k", justify="right")
    arms = list(dict.fromkeys(summary["series"]))
    for arm in arms:
        table.add_column(escape(arm), justify="right", overflow="fold", min_width=longest_word(arm))
    between = " " if width >= WIDTH_OF_K + WIDTH_OF_ARM * len(arms) else "\n"
    ks = sorted(summary["k"].unique())
    rows = {(row["k"], row["series"]): row for row in summary.to_dict("records")}
    for k in ks if len(ks) <= MOST_LISTED // 3 else [k for k in ks if math.log2(k).is_integer()] or ks[:MOST_LISTED]:
        table.add_row(str(k), *(tell(rows[k, arm], between) if (k, arm) in rows else "" for arm in arms))
    return table


def _measured_cell(row: Mapping[Any, Any] | pd.Series, between: str = " ") -> str:
    measured = number(row["hit"]) if row["censored"] == 0 else f"{row['censored']:,} censored"
    if row["censored"] == 0 and row["hit_predicted"] == math.inf:
        measured = f"median {number(row['median'])}"
    exact = "" if math.isnan(row["hit_predicted"]) else f"{between}({number(row['hit_predicted'])})"
    return f"{measured} {COLOURED[Verdict(row['verdict'])]}{exact}"


def _cost_cell(row: Mapping[Any, Any] | pd.Series, between: str = " ") -> str:
    exact = "" if math.isnan(row["cost_predicted"]) else f"{between}({number(row['cost_predicted'])})"
    return f"{number(row['cost'])}{exact}"


def _long_table(summary: pd.DataFrame) -> Listing:
    cost = cost_heading(summary["text"])
    rows = [_cell_of_summary(row, cost) for row in summary.head(MOST_LISTED).to_dict("records")]
    title = f"Calls to the optimum, measured (exact), and costs{unit_note(summary['text'])}"
    return Listing(title, rows, len(summary) - MOST_LISTED)


def _programs_table(summary: pd.DataFrame, wrong: Wrong) -> Listing:
    """Cells that run programs: cost beside the expected one, with the verdict, and how many tasks were done right."""
    cost = cost_heading(summary["text"], "expected")
    rows = [
        _cell_of_program(row, cost, wrong.get(row["cell"], frozenset()))
        for row in summary.head(MOST_LISTED).to_dict("records")
    ]
    title = f"Programs of calls: measured mean cost{unit_note(summary['text'])}, verdict (expected)"
    return Listing(title, rows, len(summary) - MOST_LISTED)


def _cell_of_program(row: dict[Any, Any], heading: str, wrong: frozenset[str]) -> Row:
    """k, cost beside the expected one, calls and share of tasks done right, each marked if it is wrong, in words."""
    expected = "" if math.isnan(row["cost_predicted"]) else f" ({number(row['cost_predicted'])})"
    done = "-" if math.isnan(row["success_ratio"]) else f"{row['success_ratio']:.3f}"
    calls = row["ert"] * row["success_ratio"] if row["success_ratio"] else math.nan
    verdict = Verdict.AGREES if wrong == {DONE} else Verdict(row["verdict"])  # of the rest, where the share is off
    cost = f"{number(row['cost'])} {COLOURED[verdict]}{expected}"
    done += f" {COLOURED[Verdict.DIFFERS]}" if DONE in wrong else ""
    if row["success_predicted"] < 1 or DONE in wrong:
        done += f" ({number(row['success_predicted'])})"
    told = {"k": size_text(row["k"]), "lam": "-", heading: cost, "calls": number(calls), "done right": done}
    return Row(str(row["series"]), told)


def _cell_of_summary(row: dict[Any, Any], cost: str) -> Row:
    """Place, measured mean, share of hits and cost of a cell in words."""
    success = "-" if math.isnan(row["success_ratio"]) else f"{row['success_ratio']:.3f}"
    told = {"k": size_text(row["k"]), "lam": size_text(row["lam"]), "measured (exact)": _measured_cell(row)}
    return Row(str(row["series"]), told | {"success": success, cost: number(row["cost"])})
