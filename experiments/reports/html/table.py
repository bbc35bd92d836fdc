"""Tables that sort and filter: each number is shown as it is read, and kept beside it as it is sorted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.predictions.verdict import Verdict
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.measured import MARKS, number

MOST_ROWS = 500
"""Rows of a table on the page; the others are in its file."""
FILTERED = 10
"""Rows from which on a table can be filtered."""
CLASSES = {Verdict.AGREES: "ok", Verdict.DIFFERS: "bad", Verdict.CANNOT_TELL: "open"}


@dataclass(frozen=True)
class Entry:
    """What stands in a place of a table.

    Attributes:
        shown: text, or markup.
        sorted_by: number by which its column is sorted; NaN comes last; None: the text.
        small: what stands beside it in smaller letters.
    """

    shown: str
    sorted_by: float | None = None
    small: str = ""


def measure(value: float, low: float = math.nan, high: float = math.nan, sign: str = "") -> Entry:
    """A number, with its interval if it has one."""
    value, low, high = float(value), float(low), float(high)
    known = not math.isnan(value)
    interval = "" if math.isnan(low) or math.isnan(high) or not known else f"{number(low)} to {number(high)}"
    return Entry((sign if known else "") + number(value), value, interval)


def verdict_entry(verdict: Verdict) -> Entry:
    """A verdict, with its mark and colour."""
    return Entry(told_verdict(verdict), None)


def told_verdict(verdict: Verdict) -> Html:
    """A verdict as markup.

    >>> told_verdict(Verdict.AGREES)
    '<span class="v ok">✓ agrees</span>'
    """
    return tag("span", f"{MARKS[verdict]} {verdict.words.lower()}", class_=f"v {CLASSES[verdict]}")


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[Entry]],
    caption: object = "",
    file: str = "",
    of: int = 0,
    words: bool = False,
) -> Html:
    """A table; empty without rows. Columns without an entry are left out.

    Args:
        headings: of the columns; the first one stays in sight where a table is scrolled.
        rows: an entry a column.
        caption: how to read it.
        file: where rows are that are left out here.
        of: how many rows there are, where not all of them were made.
        words: whether most of it is text, which is folded so that the table is no wider than the page.
    """
    if not rows:
        return Html("")
    shown = rows[:MOST_ROWS]
    kept = [i for i in range(len(headings)) if i == 0 or any(row[i].shown not in ("", "-") for row in shown)]
    numeric = [any(row[i].sorted_by is not None for row in shown) for i in kept]
    head = joined(
        tag(
            "th",
            tag("button", headings[i], type="button"),
            scope="col",
            class_="n" if of_numbers else None,
            data_t=headings[i],  # printed at the head of each page, where no button is
        )
        for i, of_numbers in zip(kept, numeric, strict=True)
    )
    named = headings if words else [""] * len(headings)
    body = joined(tag("tr", *(_cell(row[i], named[i], first=i == 0) for i in kept)) for row in shown)
    left_out = max(of, len(rows)) - len(shown)
    more = tag("p", f"{left_out:,} more rows are left out here: they are in {file}.", class_="left") if left_out else ""
    told = tag("p", caption, class_="caption") if caption else ""
    inner = tag("table", tag("thead", tag("tr", head)), tag("tbody", body), class_="words" if words else None)
    filtered = len(shown) >= FILTERED
    return tag(
        "div", told, tag("div", inner, class_="scroll", tabindex="0"), more, class_="sheet", data_filter=filtered
    )


def _cell(entry: Entry, heading: str, first: bool) -> Html:
    small = tag("small", entry.small) if entry.small else ""
    between = " " if entry.small else ""
    value = None
    if entry.sorted_by is not None:
        value = "" if math.isnan(entry.sorted_by) else repr(float(entry.sorted_by))
    name, scope = ("th", "row") if first else ("td", None)
    return tag(
        name,
        entry.shown,
        between,
        small,
        scope=scope,
        class_="n" if value is not None else None,
        data_v=value,
        data_h=heading or None,
    )
