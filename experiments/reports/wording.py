"""How the terminal says things: numbers of things, names on several lines, reasons that are alike, tables."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.predictions.refusals import in_short, kind_of_reason
from experiments.predictions.verdict import Verdict
from experiments.reports.measured import MARKS

if TYPE_CHECKING:
    import pandas as pd

COLOURED = {Verdict.AGREES: "[green]✓[/]", Verdict.DIFFERS: "[red bold]✗[/]", Verdict.CANNOT_TELL: "[yellow]?[/]"}
PAID_IN = re.compile(r"TokenPrices\([^()]*\bcurrency='([^'()]{1,8})'")
UNITS = {
    "TokenPrices": "units of its prices",
    "QuadraticPrimitive": "squared pass tokens",
    "LLMPrimitive": "pass tokens",
}
"""Of costs without a currency: forward passes on c tokens cost m c or m c^2 (Definition 2.2)."""
OWN_COST = re.compile(r"\bcost=|^[\w.]+\.\w+\(")
MOST_OF_NAME = 20
"""Characters of a line of a name, on narrow terminals, unless a word is longer."""


def alike(reasons: Iterable[tuple[str, str]], kind: Callable[[str], str] = kind_of_reason) -> list[tuple[str, int]]:
    """Cells and their reasons put together where the reason is the same: in words, and how many cells it is."""
    found: dict[str, list[tuple[str, str]]] = {}
    for cell, reason in reasons:
        found.setdefault(kind(reason), []).append((cell, reason))
    return [(_in_words(same), len(same)) for same in found.values()]


def _in_words(same: list[tuple[str, str]]) -> str:
    """The first cell and its reason, and how many others have it."""
    (cell, reason), *others = same
    more = f" (and {counted(len(others), 'more cell')}, for the same reason)" if others else ""
    return f"{cell}{more}: {in_short(reason)}"


def counted(number: int, what: str) -> str:
    """A number of things: `1 cell`, `2 cells`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def currency_of(texts: Iterable[str]) -> str:
    """The currency of all these cells, or cost models, by their texts; empty if they have none or several.

    >>> currency_of(["TokenPrices(prompt=3, generated=15, currency='$')"]), currency_of(["LLMPrimitive()"])
    ('$', '')
    """
    found = {match[1] if (match := PAID_IN.search(str(text))) else "" for text in texts}
    return found.pop() if len(found) == 1 else ""


def cost_unit(texts: Iterable[str]) -> str:
    """The unit of all these costs, by the texts of the cells or of their cost models; empty if they have several.

    >>> cost_unit(["TokenPrices(prompt=3, generated=15, currency='$')"]), cost_unit(["LLMPrimitive(m=2)", "Cell(...)"])
    ('$', 'pass tokens')
    """
    found = {_unit(str(text)) for text in texts}
    return found.pop() if len(found) == 1 else ""


def _unit(text: str) -> str:
    if match := PAID_IN.search(text):
        return match[1]
    for name, unit in UNITS.items():
        if f"{name}(" in text:
            return unit
    return "units of its cost model" if OWN_COST.search(text) else UNITS["LLMPrimitive"]  # the default is left out


def cost_heading(texts: Iterable[str], more: str = "") -> str:
    """The heading of a column of costs, with their currency where all have the same.

    >>> cost_heading(["TokenPrices(prompt=3, generated=15, currency='EUR')"], "expected")
    'cost (EUR, expected)'
    """
    inside = ", ".join(filter(None, (currency_of(texts), more)))
    return escape(f"cost ({inside})") if inside else "cost"


def size_text(value: float) -> str:
    """A k or a lam; "-" for none.

    >>> size_text(64.0), size_text(float("nan"))
    ('64', '-')
    """
    return "-" if value != value else f"{value:.10g}"


def place(row: Mapping[Any, Any]) -> str:
    """Series, k and lam of a cell in words; programs have no lam.

    >>> place({"series": "local", "k": 8, "lam": float("nan")})
    'local, k = 8'
    """
    sizes = ((name, row[name]) for name in ("k", "lam"))
    return ", ".join([str(row["series"]), *(f"{name} = {size_text(size)}" for name, size in sizes if size == size)])


def folded(name: str, width: int) -> str:
    """A name on lines of a sixth of the terminal, that end between words and not within `p = 0.5`."""
    whole = name.replace(" = ", "\xa0=\xa0")
    least = min(MOST_OF_NAME, longest_word(name))
    return escape(textwrap.fill(whole, max(least, width // 6)).replace("\xa0", " "))


def marked(text: str) -> str:
    """Text with its marks in their colours."""
    text = escape(text)
    for verdict, mark in MARKS.items():
        text = text.replace(f" {mark}", f" {COLOURED[verdict]}")
    return text


def by_series(table: pd.DataFrame) -> list[tuple[str, list[dict[Any, Any]]]]:
    """The rows of a table of cells, those of a series together, in the order in which series come first."""
    found: dict[str, list[dict[Any, Any]]] = {}
    for row in table.to_dict("records"):
        found.setdefault(str(row["series"]), []).append(row)
    return list(found.items())


def series_table(title: str, caption: str, headings: Sequence[str], sourced: bool = False) -> Table:
    """A table of cells: their arm, numbers under some headings, and on demand where formulas are from."""
    table = Table(title=title, caption=caption, caption_justify="left")
    table.add_column("arm", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    if sourced:
        table.add_column("from", overflow="fold")
    return table


def add_rows(table: Table, name: str, rows: Sequence[Sequence[str]], *last: str) -> None:
    """Add the rows of a series beside its name, which may take several lines; `last` stands once for all of them."""
    columns = ("\n".join(column) for column in zip(*rows, strict=True))
    table.add_row(name, *columns, *last, end_section=len(rows) > 1)


def print_table(table: Table, console: Console) -> None:
    """The title as a line of its own, since a narrow table would fold it."""
    console.print(f"\n[bold]{table.title}[/]")
    table.title = None
    console.print(table)


def longest_word(*texts: str) -> int:
    """Characters of the longest word in some texts."""
    return max(len(word) for text in texts for word in text.split() or [""])
