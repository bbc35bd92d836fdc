"""The table that a report opens with: the measured mean of hit beside the exact one, with its verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from experiments.grids.cell_text import PROGRAM
from experiments.predictions.verdict import Verdict
from experiments.reports.measured import number
from experiments.reports.wording import COLOURED, add_rows, by_series, cost_heading, folded, longest_word, size_text

if TYPE_CHECKING:
    import pandas as pd

MOST_LISTED = 40
Wrong = Mapping[str, frozenset[str]]
NONE_WRONG: Wrong = MappingProxyType({})
DONE = "done"
"""The test of the share of tasks done right."""
WIDTH_OF_K, WIDTH_OF_ARM, LEAST_OF_ARM = 8, 20, 10


def overview(summary: pd.DataFrame, width: int, wrong: Wrong = NONE_WRONG) -> list[Table]:
    """Measured beside exact mean of hit: a table a value of lam with k down and arms across, where that is unique.

    Args:
        summary: a row a cell.
        width: of the terminal.
        wrong: the tests that found a discrepancy, by cell (`Check.wrong`): they say which number of a program is off.
    """
    of_programs = summary["text"].str.startswith(PROGRAM)
    if of_programs.any():
        rest = overview(summary[~of_programs], width) if not of_programs.all() else []
        return [_programs_table(summary[of_programs], width, wrong), *rest]
    if summary.duplicated(["series", "k", "lam"]).any() or summary["series"].nunique() > 7:
        return [_long_table(summary, width)]
    columns = _side_by_side(list(dict.fromkeys(summary["series"])), width)
    return [
        _pivot(part[part["series"].isin(shown)], lam, width)
        for lam, part in summary.groupby("lam", dropna=False)
        for shown in columns
        if part["series"].isin(shown).any()
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


def _pivot(summary: pd.DataFrame, lam: Any, width: int) -> Table:
    table = Table(title=f"Calls to the optimum, lam = {size_text(lam)}: measured mean, verdict (exact mean)")
    table.add_column("k", justify="right")
    arms = list(dict.fromkeys(summary["series"]))
    for arm in arms:
        table.add_column(escape(arm), justify="right", overflow="fold", min_width=longest_word(arm))
    between = " " if width >= WIDTH_OF_K + WIDTH_OF_ARM * len(arms) else "\n"
    ks = sorted(summary["k"].unique())
    rows = {(row["k"], row["series"]): row for row in summary.to_dict("records")}
    for k in ks if len(ks) <= MOST_LISTED // 3 else [k for k in ks if math.log2(k).is_integer()] or ks[:MOST_LISTED]:
        table.add_row(str(k), *(_measured_cell(rows[k, arm], between) if (k, arm) in rows else "" for arm in arms))
    return table


def _measured_cell(row: Mapping[Any, Any] | pd.Series, between: str = " ") -> str:
    measured = number(row["hit"]) if row["censored"] == 0 else f"{row['censored']:,} censored"
    if row["censored"] == 0 and row["hit_predicted"] == math.inf:
        measured = f"median {number(row['median'])}"
    exact = "" if math.isnan(row["hit_predicted"]) else f"{between}({number(row['hit_predicted'])})"
    return f"{measured} {COLOURED[Verdict(row['verdict'])]}{exact}"


def _long_table(summary: pd.DataFrame, width: int) -> Table:
    table = Table(title="Calls to the optimum")
    for heading in ("arm", "k", "lam", "measured (exact)", "success", cost_heading(summary["text"])):
        table.add_column(heading, justify="left" if heading == "arm" else "right", no_wrap=True)
    for series, rows in by_series(summary.head(MOST_LISTED)):
        add_rows(table, folded(series, width), [_cell_of_summary(row) for row in rows])
    if len(summary) > MOST_LISTED:
        table.caption = f"and {len(summary) - MOST_LISTED} more, see summary.csv"
    return table


def _programs_table(summary: pd.DataFrame, width: int, wrong: Wrong) -> Table:
    """Cells that run programs: cost beside the expected one, with the verdict, and how many tasks were done right."""
    table = Table(title="Programs of calls: measured mean cost, verdict (expected)")
    for heading in ("arm", "k", cost_heading(summary["text"], "expected"), "calls", "done right"):
        table.add_column(heading, justify="left" if heading == "arm" else "right", no_wrap=True)
    for series, rows in by_series(summary.head(MOST_LISTED)):
        cells = [_cell_of_program(row, wrong.get(row["cell"], frozenset())) for row in rows]
        add_rows(table, folded(series, width), cells)
    if len(summary) > MOST_LISTED:
        table.caption = f"and {len(summary) - MOST_LISTED} more, see summary.csv"
    return table


def _cell_of_program(row: dict[Any, Any], wrong: frozenset[str]) -> tuple[str, ...]:
    """k, cost beside the expected one, calls and share of tasks done right, each marked if it is wrong, in words."""
    expected = "" if math.isnan(row["cost_predicted"]) else f" ({number(row['cost_predicted'])})"
    done = "-" if math.isnan(row["success_ratio"]) else f"{row['success_ratio']:.3f}"
    calls = row["ert"] * row["success_ratio"] if row["success_ratio"] else math.nan
    verdict = Verdict.AGREES if wrong == {DONE} else Verdict(row["verdict"])  # of the rest, where the share is off
    cost = f"{number(row['cost'])} {COLOURED[verdict]}{expected}"
    done += f" {COLOURED[Verdict.DIFFERS]}" if DONE in wrong else ""
    if row["success_predicted"] < 1 or DONE in wrong:
        done += f" ({number(row['success_predicted'])})"
    return size_text(row["k"]), cost, number(calls), done


def _cell_of_summary(row: dict[Any, Any]) -> tuple[str, ...]:
    """Place, measured mean, share of hits and cost of a cell in words."""
    success = "-" if math.isnan(row["success_ratio"]) else f"{row['success_ratio']:.3f}"
    return size_text(row["k"]), size_text(row["lam"]), _measured_cell(row), success, number(row["cost"])
