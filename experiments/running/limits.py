"""Limits of a whole grid: when a launch sends nothing more, at the end of a batch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields

from evo.errors import InputError
from experiments.store.table import Columns

ON_RUNS = ("calls", "tokens", "cost")
"""What runs come to; limits of these count earlier launches."""
COUNTED = ("calls", "prompt_tokens", "generated_tokens")
Amounts = Mapping[str, float]
"""Calls, tokens and cost of a batch."""


@dataclass(frozen=True)
class GridLimits:
    """The most a grid may come to. What is at work when a limit is reached is finished and stored.

    Attributes:
        calls: LLM calls of all runs, earlier launches included, also of runs of a last batch that the table cuts off;
            runs that cells share, since they differ in price only, count once, at the prices of the first.
        tokens: tokens read and written, in the same way.
        cost: cost, in the unit of the cells' cost models.
        seconds: wall-clock time of this launch, its planning included.

    >>> GridLimits(calls=1000).reached(Spent(calls=1200))
    'calls: 1,200 of at most 1,000'
    """

    calls: float | None = None
    tokens: float | None = None
    cost: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            most = getattr(self, each.name)
            if most is not None and (isinstance(most, bool) or not isinstance(most, int | float) or not most > 0):
                raise InputError(f"GridLimits: {each.name} must be a number > 0 or None, got {most!r}")

    @property
    def on_runs(self) -> bool:
        """Whether what earlier launches came to matters."""
        return any(getattr(self, name) is not None for name in ON_RUNS)

    def reached(self, spent: Spent) -> str:
        """Which limit is reached, in words; empty if none is."""
        for each in fields(self):
            most, got = getattr(self, each.name), getattr(spent, each.name)
            if most is not None and got >= most:
                return f"{each.name}: {got:,.10g} of at most {most:,.10g}"
        return ""


class Spent:
    """What a grid has come to.

    Attributes:
        calls, tokens, cost: of all runs.
        seconds: wall-clock time since this was made.
    """

    def __init__(self, calls: float = 0.0, tokens: float = 0.0, cost: float = 0.0) -> None:
        self.calls, self.tokens, self.cost = calls, tokens, cost
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since this was made."""
        return time.monotonic() - self._begun

    def add(self, columns: Columns, prices: Mapping[str, float]) -> Amounts:
        """Count the rows of a batch; what they came to.

        Args:
            columns: its columns.
            prices: of its columns.
        """
        sums = {name: float(columns[name].sum()) for name in {*COUNTED, *prices}}
        came = {
            "calls": sums["calls"],
            "tokens": sums["prompt_tokens"] + sums["generated_tokens"],
            "cost": sum(price * sums[name] for name, price in prices.items()),
        }
        for name, amount in came.items():
            setattr(self, name, getattr(self, name) + amount)
        return came
