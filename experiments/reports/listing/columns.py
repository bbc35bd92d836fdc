"""Columns on a terminal: headings, and groups of rows under a label that takes a line of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

GAP = "  "
INDENT = "  "


@dataclass(frozen=True)
class Group:
    """Rows under a label.

    Attributes:
        label: on a line of its own; empty for none. Without markup.
        rows: of as many texts as there are headings, with markup.
        notes: below its rows. Without markup.
    """

    label: str
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def width_of(headings: Sequence[str], groups: Sequence[Group]) -> int:
    """Characters that the rows take."""
    sizes = _sizes(headings, groups)
    return len(INDENT) + sum(sizes) + len(GAP) * (len(sizes) - 1)


def lines_of(headings: Sequence[str], groups: Sequence[Group], width: int, left: int = 0) -> list[Text]:
    """Headings and groups, line by line; no row is cut or folded, whatever the terminal.

    Args:
        headings: of the columns, with markup.
        groups: of rows.
        width: at which labels fold.
        left: so many columns from the first on are texts, which stand left; the others are numbers.
    """
    headings = _folded(headings, groups, width)
    sizes = _sizes(headings, groups)
    deep = [heading.split("\n") for heading in headings]
    most = max(map(len, deep))
    lines = zip(*([""] * (most - len(each)) + each for each in deep), strict=True)
    found = [Text(INDENT, style="bold").append_text(_line(line, sizes, left)) for line in lines]
    found.append(Text(INDENT + "─" * (width_of(headings, groups) - len(INDENT))))
    for group in groups:
        label = group.label.replace(" = ", "\xa0=\xa0")  # lines end between parameters, not within
        folded = textwrap.wrap(label, width, subsequent_indent=INDENT)
        found += [Text(line.replace("\xa0", " "), style="bold") for line in folded]
        found += [Text(INDENT).append_text(_line(row, sizes, left)) for row in group.rows]
        for note in group.notes:
            folded = textwrap.wrap(note, width, initial_indent=INDENT, subsequent_indent=2 * INDENT)
            found += [Text(line) for line in folded]
    return found


def print_lines(lines: Sequence[Text], console: Console) -> None:
    """Print lines as they are."""
    for line in lines:
        console.print(line, soft_wrap=True)


def _folded(headings: Sequence[str], groups: Sequence[Group], width: int) -> Sequence[str]:
    """Headings on several lines where the rows would be wider than the terminal for their headings' sake."""
    if width_of(headings, groups) <= width:
        return headings
    sizes = _sizes([""] * len(headings), groups)
    return [
        textwrap.fill(each, max(size, 1), break_long_words=False) for each, size in zip(headings, sizes, strict=True)
    ]


def _sizes(headings: Sequence[str], groups: Sequence[Group]) -> list[int]:
    rows = [row for group in groups for row in group.rows]
    return [
        max(Text.from_markup(each).cell_len for each in (*heading.split("\n"), *(row[place] for row in rows)))
        for place, heading in enumerate(headings)
    ]


def _line(row: Sequence[str], sizes: Sequence[int], left: int) -> Text:
    found = Text()
    for place, (text, size) in enumerate(zip(row, sizes, strict=True)):
        cell = Text.from_markup(text)
        blanks = " " * (size - cell.cell_len)
        found.append(GAP if place else "")
        if place < left:
            found.append_text(cell).append(blanks if place < len(row) - 1 else "")
        else:
            found.append(blanks).append_text(cell)
    return found
