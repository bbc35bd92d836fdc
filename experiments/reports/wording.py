"""How the terminal says things: numbers of things, names on several lines, reasons that are alike, tables."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.markup import escape

from experiments.predictions.refusals import in_short, kind_of_reason
from experiments.predictions.verdict import Verdict
from experiments.reports.measured import MARKS

if TYPE_CHECKING:
    pass

COLOURED = {Verdict.AGREES: "[green]✓[/]", Verdict.DIFFERS: "[red bold]✗[/]", Verdict.CANNOT_TELL: "[yellow]?[/]"}
PAID_IN = re.compile(r"TokenPrices\([^()]*\bcurrency='([^'()]{1,8})'")
UNITS = {
    "TokenPrices": "units of its prices",
    "QuadraticPrimitive": "squared pass tokens",
    "LLMPrimitive": "pass tokens",
}
"""Of costs without a currency: forward passes on c tokens cost m c or m c^2 (Definition 2.2)."""
SUMS = {
    "pass tokens": "sum of m c over forward passes",
    "squared pass tokens": "sum of m c^2 over forward passes",
}
"""The units of passes, where there is room for what they are."""
OWN_COST = re.compile(r"\bcost=|^[\w.]+\.\w+\(")
ONE_K = re.compile(r", k = ([\d.e+]+)")
NUMBER = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?(?!\w)")
MOST_OF_NAME = 20
"""Characters of a line of a name, on narrow terminals, unless a word is longer."""


def alike(reasons: Iterable[tuple[str, str]], kind: Callable[[str], str] = kind_of_reason) -> list[tuple[str, int]]:
    """Cells and their reasons put together where the reason is the same: in words, and how many cells it is."""
    found: dict[str, list[tuple[str, str]]] = {}
    for cell, reason in reasons:
        found.setdefault(kind(reason), []).append((cell, reason))
    return [(_in_words(same), len(same)) for same in found.values()]


def merged(reasons: Iterable[tuple[str, str]]) -> list[tuple[str, int]]:
    """As `alike`, and first in one those of an arm that differ in k, or in numbers of the reason, only.

    >>> merged([("a, k = 2, lam = 1", "9 more runs"), ("a, k = 8, lam = 1", "24 more runs")])
    [('a, k = 2 .. 8, lam = 1 (2 cells): 9 to 24 more runs', 2)]
    """
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for cell, reason in reasons:
        kind = NUMBER.sub("#", reason).replace("# more runs", "# more run")
        found.setdefault((ONE_K.sub(", k", cell), kind), []).append((cell, reason))
    told: dict[str, list[tuple[str, str, int]]] = {}
    for same in found.values():
        cell, reason = same[0] if len(same) == 1 else _over_k(same)
        told.setdefault(kind_of_reason(reason), []).append((cell, reason, len(same)))
    return [_together(each) for each in told.values()]


def _over_k(same: list[tuple[str, str]]) -> tuple[str, str]:
    """Several cells of an arm, and their reasons, as one with ranges of k and of numbers."""
    sizes = sorted({float(match[1]) for cell, _ in same if (match := ONE_K.search(cell))})
    cell = ONE_K.sub(f", k = {sizes[0]:g} .. {sizes[-1]:g}", same[0][0]) if len(sizes) > 1 else same[0][0]
    numbers = zip(*(NUMBER.findall(reason) for _, reason in same), strict=True)
    ranges = iter([_range_of(each) for each in numbers])
    return f"{cell} ({counted(len(same), 'cell')})", NUMBER.sub(
        lambda _: next(ranges), max((reason for _, reason in same), key=len)
    )


def _range_of(numbers: tuple[str, ...]) -> str:
    """The least and the largest of some numbers, as they were written."""
    ordered = sorted(set(numbers), key=lambda each: float(each.replace(",", "")))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def _together(same: list[tuple[str, str, int]]) -> tuple[str, int]:
    """The first of some that have the same reason, and how many cells the others are."""
    cell, reason, _ = same[0]
    others = sum(count for *_, count in same[1:])
    more = f" (and {counted(others, 'more cell')}, for the same reason)" if others else ""
    return f"{cell}{more}: {in_short(reason)}", sum(count for *_, count in same)


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


def cost_axis(texts: Iterable[str]) -> str:
    """The name of an axis of costs, with their unit.

    >>> cost_axis(["TokenPrices(prompt=3, generated=15, currency='$')"]), cost_axis(["LLMPrimitive()"])
    ('cost ($)', 'cost (sum of m c over forward passes)')
    """
    unit = cost_unit(texts)
    return f"cost ({SUMS.get(unit, unit) or 'unit of each cost model'})"


def unit_note(texts: Iterable[str]) -> str:
    """The unit of costs that have no currency, which stands in the heading, as the rest of a sentence.

    >>> unit_note(["LLMPrimitive()"]), unit_note(["TokenPrices(prompt=3, generated=15, currency='$')"])
    (' in pass tokens', '')
    """
    texts = list(texts)
    if currency_of(texts):
        return ""
    return f" in {cost_unit(texts) or 'the unit of each cost model'}"


def title(text: str, console: Console) -> None:
    """A heading, with a blank line above it."""
    console.print(f"\n[bold]{escape(text)}[/]")


def more(rows: int, console: Console, where: str = "--all shows them") -> None:
    """How many rows are not shown, if any."""
    if rows > 0:
        console.print(f"and {counted(rows, 'more row')}; {where}", markup=False)


def cost_heading(texts: Iterable[str], more: str = "") -> str:
    """The heading of a column of costs, with their currency where all have the same.

    >>> cost_heading(["TokenPrices(prompt=3, generated=15, currency='EUR')"], "expected")
    'cost (EUR, expected)'
    """
    inside = ", ".join(filter(None, (currency_of(texts), more)))
    return escape(f"cost ({inside})") if inside else "cost"


def share_text(share: float) -> str:
    """A share in percent, never 0 or 100 % of what is neither.

    >>> share_text(0.16), share_text(0.0), share_text(0.0001), share_text(0.9999)
    ('16.0%', '0.0%', '<0.1%', '>99.9%')
    """
    said = f"{share:.1%}"
    if said == "0.0%" and share > 0:
        return "<0.1%"
    return ">99.9%" if said == "100.0%" and share < 1 else said


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
    """A name on lines of a sixth of the terminal, that end between words and not within `p = 0.5`.

    >>> folded("LOCAL, p = 0.5, UniformChunk", 60).split(chr(10))
    ['LOCAL,', 'p = 0.5,', 'UniformChunk']
    """
    whole = name.replace(" = ", "\xa0=\xa0")
    least = min(MOST_OF_NAME, longest_word(name))
    return escape(textwrap.fill(whole, max(least, width // 6)).replace("\xa0", " "))


def marked(text: str) -> str:
    """Text with its marks in their colours."""
    text = escape(text)
    for verdict, mark in MARKS.items():
        text = text.replace(f" {mark}", f" {COLOURED[verdict]}")
    return text


class Titled(Protocol):
    """What is printed under its title: a table of rich, or of ours."""

    title: Any


def print_table(table: Titled, console: Console) -> None:
    """The title as a line of its own, since a narrow table would fold it."""
    console.print(f"\n[bold]{table.title}[/]")
    table.title = None
    console.print(table)


def longest_word(*texts: str) -> int:
    """Characters of the longest word in some texts.

    >>> longest_word("of a run", "", "mean calls"), longest_word("")
    (5, 0)
    """
    return max(len(word) for text in texts for word in text.split() or [""])
