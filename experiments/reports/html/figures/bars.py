"""Bars of HTML: what is measured where nothing varies but the arm, and what costs are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.figures.palette import COLOURS
from experiments.reports.measured import Value, number

MOST_BARS = 24


@dataclass(frozen=True)
class Bar:
    """A measured value.

    Attributes:
        label: what it is of.
        value: with its interval.
        exact: what is predicted; NaN where it is not known.
    """

    label: str
    value: Value
    exact: float = math.nan


@dataclass(frozen=True)
class Stack:
    """What a sum is made of.

    Attributes:
        label: what it is of.
        parts: by what they are of.
        told: the sum in words.
    """

    label: str
    parts: dict[str, float]
    told: str


def bars(rows: Sequence[Bar], unit: str) -> Html:
    """Bars of measured values, with a line where the exact one is."""
    shown = rows[:MOST_BARS]
    known = [each for row in shown for each in (row.value.value, row.value.high, row.exact) if math.isfinite(each)]
    widest = max(known, default=0.0) or 1.0
    items = [_bar(row, widest) for row in shown]
    left = len(rows) - len(shown)
    more = tag("p", f"{left} more are left out here: they are in summary.csv.", class_="left") if left else ""
    return tag(
        "figure", tag("figcaption", tag("strong", unit, class_="point")), tag("div", joined(items), class_="bars"), more
    )


def _bar(row: Bar, widest: float) -> Html:
    value = row.value
    said = f"at least {number(value.value)}" if value.bound else number(value.value)
    if math.isfinite(value.low) and math.isfinite(value.high):
        said += f" ({number(value.low)} to {number(value.high)})"
    said += "" if math.isnan(row.exact) else f"; exact {number(row.exact)}"
    filled = tag("i", class_="c0", style=f"width:{_share(value.value, widest)}%")
    exact = "" if not math.isfinite(row.exact) else tag("u", style=f"left:{_share(row.exact, widest)}%")
    return tag("div", tag("span", row.label), tag("em", said), tag("div", filled, exact, class_="track"), class_="row")


def stacks(rows: Sequence[Stack]) -> Html:
    """Bars of shares, with a key: each sum is as long as the others, and its parts are shares of it."""
    names = list(dict.fromkeys(name for row in rows for name in row.parts))
    items = []
    for row in rows[:MOST_BARS]:
        total = sum(row.parts.values()) or 1.0
        pieces = [
            tag(
                "i",
                class_=f"c{names.index(name) % COLOURS}",
                style=f"width:{100 * part / total:.2f}%",
                data_tip=f"{row.label}, {name}: {100 * part / total:.1f} %",
                tabindex=0,
            )
            for name, part in row.parts.items()
            if part > 0
        ]
        items.append(
            tag("div", tag("span", row.label), tag("em", row.told), tag("div", *pieces, class_="track"), class_="row")
        )
    key = [tag("li", tag("i", class_=f"chip c{i % COLOURS}"), " ", name) for i, name in enumerate(names)]
    return tag("figure", tag("div", joined(items), class_="bars"), tag("ul", joined(key), class_="key"))


def _share(value: float, widest: float) -> str:
    return f"{100 * min(1.0, max(0.0, value / widest)):.2f}"
