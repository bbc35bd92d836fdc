"""Numbers that the page tells: an exact one, what runs gave in its place, and of which cells both are made.

A number keeps its cells through sums, products and ratios. `said` and formats leave them in the text as marks, which
`Entry` takes out again: so each statement knows the cells whose runs its numbers are from.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import NamedTuple

BEGIN, BETWEEN, END = "\x02", "\x1f", "\x03"
MARK = re.compile(f"{BEGIN}([^{END}]*){END}")


class Leaf(NamedTuple):
    """A quantity of a cell: "hit", "cost", "generations", "done", or a column of a role such as "qa.pass_tokens"."""

    cell: str
    quantity: str


class Number(float):
    """A number of the page; as a float it is the exact one.

    Attributes:
        measured: what runs gave; NaN where some of its cells were not run.
        leaves: the quantities of cells that it is made of.

    >>> calls = Number(65536.0, 65712.0, frozenset({Leaf("a", "hit")}))
    >>> plain(f"{calls / 2:.0f} and {-1 + calls / calls:g}"), plain(f"{Number(0.5):.0%}")
    ('32856 [32768] and 0', '50% [exact]')
    """

    measured: float
    leaves: frozenset[Leaf]

    def __new__(cls, exact: float, measured: float = math.nan, leaves: frozenset[Leaf] = frozenset()) -> Number:
        """Both numbers, and their cells."""
        made = super().__new__(cls, exact)
        made.measured, made.leaves = measured, leaves
        return made

    def __add__(self, other: float) -> Number:
        return combined(operator.add, self, other)

    def __sub__(self, other: float) -> Number:
        return combined(operator.sub, self, other)

    def __mul__(self, other: float) -> Number:
        return combined(operator.mul, self, other)

    def __truediv__(self, other: float) -> Number:
        return combined(operator.truediv, self, other)

    def __radd__(self, other: float) -> Number:
        return combined(operator.add, other, self)

    def __rmul__(self, other: float) -> Number:
        return combined(operator.mul, other, self)

    def __rtruediv__(self, other: float) -> Number:
        return combined(operator.truediv, other, self)

    def __format__(self, spec: str) -> str:
        return self.text(lambda number: format(number, spec))

    def text(self, write: Callable[[float], str]) -> str:
        """Measured, and in brackets what is exact where that is written otherwise; a mark for each of its leaves."""
        marks = "".join(f"{BEGIN}{BETWEEN.join(leaf)}{END}" for leaf in sorted(self.leaves))
        exact = write(float(self))
        if math.isnan(self.measured):
            return f"{exact} [exact]{marks}"
        found = write(self.measured)
        return f"{found}{marks}" if found == exact else f"{found} [{exact}]{marks}"


def combined(of: Callable[..., float], *numbers: float) -> Number:
    """What a function makes of numbers: of the exact ones, and of what runs gave."""
    leaves = frozenset[Leaf]().union(*(getattr(each, "leaves", ()) for each in numbers))
    measured = [getattr(each, "measured", each) for each in numbers]
    known = not any(math.isnan(each) for each in measured)
    return Number(of(*map(float, numbers)), of(*measured) if known else math.nan, leaves)


def said(number: float, digits: int = 3) -> str:
    """A number to so many digits, as the page writes it.

    >>> said(5198.1), said(0.25), said(2.0**60)
    ('5,198', '0.25', '1.2e+18')
    >>> plain(said(Number(100.0, 100.3))), plain(said(Number(100.0, 102.3)))
    ('100', '102 [100]')
    """
    if isinstance(number, Number):
        return number.text(lambda one: _written(one, digits))
    return _written(number, digits)


def _written(number: float, digits: int) -> str:
    if number >= 1e9:
        return f"{number:.1e}"
    if number >= 10**digits:
        return f"{number:,.0f}"
    return f"{float(f'{number:.{digits}g}'):,.12g}"


def plain(text: str) -> str:
    """A text without its marks."""
    return MARK.sub("", text)


def leaves_of(text: str) -> list[Leaf]:
    """The leaves of the numbers in a text, as they come."""
    return [Leaf(*mark.split(BETWEEN)) for mark in dict.fromkeys(MARK.findall(text))]
