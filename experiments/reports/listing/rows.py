"""A row a cell: rows of an arm under its label, what varies within it in columns, what is constant said once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from experiments.reports.listing.columns import Group, lines_of, print_lines, width_of

PARAMETER = re.compile(r", (?=[A-Za-z_]\w* = )")
SIZES = ("k", "lam")
"""They stand first, and not at all where no cell has one, as in tables of programs without k."""
NONE = "-"
MOST_COLUMNS = 3
"""Parameters that have columns of their own; of more a label names all."""


@dataclass(frozen=True)
class Row:
    """What is told of a cell.

    Attributes:
        series: its arm with what varies within it, as `name = value`.
        cells: texts by their heading, with markup; the same headings in all rows.
        beside: what stands beside the label, such as where a formula is from.
    """

    series: str
    cells: dict[str, str]
    beside: str = ""


@dataclass(frozen=True)
class Layout:
    """How rows are shown.

    Attributes:
        headings: of the columns.
        groups: labels and rows.
        constant: what is the same in all rows, in words; empty if nothing is.
        by_columns: whether what varies within an arm has columns, or stands in labels.
    """

    headings: tuple[str, ...]
    groups: tuple[Group, ...]
    constant: str
    by_columns: bool = True

    @property
    def width(self) -> int:
        """Characters that a row takes."""
        return width_of(self.headings, self.groups)


def split(series: str) -> tuple[str, dict[str, str]]:
    """The label of an arm, and the parameters that vary within it.

    >>> split("1 sample, sigma = 0.5, samples = 3")
    ('1 sample', {'sigma': '0.5', 'samples': '3'})
    """
    head, *rest = PARAMETER.split(series)
    return head, dict(each.split(" = ", 1) for each in rest)


def laid_out(rows: Sequence[Row], width: int, always: Iterable[str] = ()) -> Layout:
    """Rows with columns for what varies within an arm if these fit the width, else with whole labels.

    Args:
        rows: at least one.
        width: of the terminal.
        always: headings that stand in the table though they are constant.
    """
    wide = _layout(rows, always, columns=True)
    return wide if wide.width <= width else _layout(rows, always, columns=False)


def print_rows(rows: Sequence[Row], console: Console, always: Iterable[str] = ()) -> None:
    """Print rows, and above them what is the same in all of them."""
    layout = laid_out(rows, console.width, always)
    if layout.constant:
        console.print(f"in all rows: {layout.constant}", markup=False)
    print_lines(lines_of(layout.headings, layout.groups, console.width), console)


def _layout(rows: Sequence[Row], always: Iterable[str], columns: bool) -> Layout:
    heads: dict[str, list[tuple[Row, dict[str, str]]]] = {}
    for row in rows:
        head, values = split(row.series) if columns else (row.series, {})
        heads.setdefault(head, []).append((row, values))
    heads = {head: _by_curve(group) for head, group in heads.items()}
    moving = {head: _moving([values for _, values in group]) for head, group in heads.items()}
    named = list(dict.fromkeys(name for names in moving.values() for name in names))
    if len(named) > MOST_COLUMNS:
        return _layout(rows, always, columns=False)
    numbers = list(rows[0].cells)
    sizes = [name for name in SIZES if any(row.cells.get(name, NONE) != NONE for row in rows)]
    headings = [*sizes, *(name for name in named if name not in numbers), *(n for n in numbers if n not in SIZES)]
    texts = {
        head: [[row.cells.get(name, escape(values.get(name, ""))) for name in headings] for row, values in group]
        for head, group in heads.items()
    }
    same = _constant(headings, [line for lines in texts.values() for line in lines], always)
    kept = [place for place, name in enumerate(headings) if name not in same]
    sources = {
        head: "; ".join(dict.fromkeys(row.beside for row, _ in group if row.beside)) for head, group in heads.items()
    }
    one = len(set(sources.values())) == 1
    groups = tuple(
        Group(
            _label(head, group[0][1], named, "" if one else sources[head]),
            tuple(tuple(line[place] for place in kept) for line in texts[head]),
        )
        for head, group in heads.items()
    )
    told = [f"{name} = {text}" for name, text in same.items()]
    told += [f"from {next(iter(sources.values()))}"] if one and any(sources.values()) else []
    return Layout(tuple(headings[place] for place in kept), groups, ", ".join(told), columns)


def _by_curve(group: list[tuple[Row, dict[str, str]]]) -> list[tuple[Row, dict[str, str]]]:
    """The rows of an arm, those that differ in k alone together, in the order in which the others come first."""
    found: dict[tuple[object, ...], list[tuple[Row, dict[str, str]]]] = {}
    for row, values in group:
        found.setdefault((*values.items(), row.cells.get("lam")), []).append((row, values))
    if any(len({row.cells.get("k") for row, _ in curve}) < len(curve) for curve in found.values()):
        return group
    return [each for curve in found.values() for each in curve]


def _moving(values: Sequence[dict[str, str]]) -> list[str]:
    """The parameters that differ within a group."""
    names = dict.fromkeys(name for each in values for name in each)
    return [name for name in names if len({each.get(name) for each in values}) > 1]


def _label(head: str, values: dict[str, str], named: Sequence[str], beside: str) -> str:
    """The arm with what no column says, and what stands beside it."""
    fixed = [f"{name} = {value}" for name, value in values.items() if name not in named]
    return ", ".join([head, *fixed]) + (f"  ({beside})" if beside else "")


def _constant(headings: Sequence[str], lines: Sequence[Sequence[str]], always: Iterable[str]) -> dict[str, str]:
    """What every row says alike; of one row nothing, which is a table by itself."""
    if len(lines) < 2:
        return {}
    kept = set(always)
    found = {}
    for place, name in enumerate(headings):
        texts = {line[place] for line in lines}
        if len(texts) == 1 and name not in kept:
            found[name] = texts.pop()
    return found
