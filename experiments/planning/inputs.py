"""Inputs of a plan that may be other than they are said to be, each with the values between which it may lie."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from experiments.planning.candidates import Candidate
from experiments.planning.model import Model
from experiments.planning.values import with_values

ODDS = 1.1
"""Where no interval of a chance is given, its odds may be a tenth more or less."""
FACTORS = {"prices": 2.0, "seconds": 2.0, "tokens": 1.25}
"""Prices and seconds may be half or double of what is said, tokens a quarter more, or less by as much."""
WORDS = {
    "prices.prompt": "price of a prompt token", "prices.cached": "price of a cached token",
    "prices.generated": "price of a generated token", "prices.reasoning": "price of a reasoning token",
    "prices.call": "price of a call", "prices.evaluation": "price of an evaluation",
    "seconds.fixed": "seconds of a call", "seconds.per_prompt_token": "seconds of a prompt token",
    "seconds.per_generated_token": "seconds of a generated token", "seconds.tail": "tail of the seconds",
    "seconds.evaluation": "seconds of an evaluation", "tokens.instructions": "tokens of instructions",
    "tokens.block": "tokens of a block", "tokens.cached_share": "cached share", "tokens.reasoning": "reasoning tokens",
    "problem.l": "tokens of a block",
}  # fmt: skip
"""What keys of the file are called in a sentence."""
MOST_CALLS = 10_000
"""Of a pilot."""
SETTLED = {
    "prices": "a price list tells", "tokens": "counting the tokens of a few calls tells",
    "problem": "counting the tokens of a few calls tells", "seconds": "timing a few tells",
}  # fmt: skip
"""What tells an input where no pilot of so many calls does."""


@dataclass(frozen=True)
class Hang:
    """One input, the others as they are said to be.

    Attributes:
        model: whose; empty where there is only one.
        key: of the calibration file.
        g: blocks of the calls that it is about, None where it is about all.
        value, low, high: what is said, and between which values it may lie.
        given: whether that interval is the file's; otherwise it is that of `ODDS` or `FACTORS`.
        flip: the nearest value at which another becomes the best; NaN if there is none within 10 times the odds, or 10
            times the value of what is no chance.
        to: which one, in words.
        pilot: calls (of g blocks, if it is about a g) after which a 95 % interval leaves the flip out with chance 0.8
            if the value is what it is said to be; None where none is needed, or no pilot tells.
        price: of that pilot; NaN without prices.
        stake: what keeping the choice costs at the end of the interval where it loses: how many times the best there,
            or how much less it reaches.
        negligible: whether less than 1 % of the best is at stake.
        tied: whether that is so, or a pilot would take more than 10,000 calls.
        odds: factor of the odds that was taken where no interval of a chance is given.
        simulated: whether the flip rests on runs, which tell about where it is.
    """

    model: str
    key: str
    g: int | None
    value: float
    low: float
    high: float
    given: bool
    flip: float = math.nan
    to: str = ""
    pilot: int | None = None
    price: float = math.nan
    stake: float = math.nan
    negligible: bool = False
    tied: bool = False
    odds: float = ODDS
    simulated: bool = False

    @property
    def inside(self) -> bool:
        """Whether the flip lies within the interval."""
        return self.low <= self.flip <= self.high

    @property
    def is_chance(self) -> bool:
        """Whether it is moved by its odds."""
        return self.key.startswith("operator.") or self.key == "tokens.cached_share"

    @property
    def kind(self) -> str:
        """What inputs of its range are called."""
        if self.is_chance:
            return "chances"
        return "tokens" if self.table in ("tokens", "problem") else "prices and seconds"

    @property
    def range(self) -> str:
        """The interval that is taken where the file gives none, in words."""
        words = {"chances": f"odds {odds_words(self.odds)}", "tokens": "a quarter more or less"}
        return "" if self.given else words.get(self.kind, "half to double")

    @property
    def table(self) -> str:
        """The table of the file that it stands in."""
        return self.key.partition(".")[0]

    def moved(self, factor: float) -> float:
        """The value whose odds, or which itself, is a multiple."""
        return with_odds(self.value, factor) if self.is_chance else factor * self.value

    def place(self, value: float) -> float:
        """A value on the scale on which it is moved: its logit or its logarithm."""
        if not self.is_chance:
            return math.log(value)
        return math.log(value / (1.0 - value)) if 0.0 < value < 1.0 else math.copysign(math.inf, value - 0.5)

    def __str__(self) -> str:
        name = WORDS.get(self.key, self.key.partition(".")[2].replace("_", " "))
        name += f" at g = {self.g}" if self.g else ""
        return f"{name} ({self.model})" if self.model else name


def uncertain(model: Model, by: str, odds: float = ODDS) -> Iterator[Hang]:
    """What a model's values may be other than said, as far as the quantity of a ranking looks at it.

    Args:
        model: whose.
        by: the quantity.
        odds: factor of the odds of a chance of which no interval is given.
    """
    operator = model.values.operator
    for name in ("fix", "keep"):
        intervals = dict(getattr(operator.interval, name))
        for g, value in getattr(operator, name):
            if g <= model.k:
                yield _between(model, f"operator.{name}", value, odds, g, intervals.get(g))
    for name in ("refusals", "malformed", "rho_fix", "rho_keep"):
        if value := getattr(operator, name):
            yield _between(model, f"operator.{name}", value, odds, None, getattr(operator.interval, name))
    for key in _looked_at(model, by):
        table, _, name = key.partition(".")
        if value := getattr(getattr(model.values, table), name):
            yield _between(model, key, value, odds)


def _looked_at(model: Model, by: str) -> list[str]:
    """The keys of what is no chance of a call that a quantity depends on."""
    block = "problem.l" if model.values.problem.l else "tokens.block"
    tokens = ["tokens.instructions", block, "tokens.reasoning"]
    if by == "calls":
        return []
    if by == "tokens":
        return tokens
    if by == "hours":
        return [*tokens, *(key for key in WORDS if key.startswith("seconds."))]
    if not model.priced:
        return []
    return ["tokens.cached_share", *tokens, *(key for key in WORDS if key.startswith("prices."))]


def _between(
    model: Model,
    key: str,
    value: float,
    odds: float,
    g: int | None = None,
    interval: tuple[float, float] | None = None,
) -> Hang:
    said = Hang(model.name, key, g, value, value, value, interval is not None)
    factor = odds if said.is_chance else FACTORS[{"problem": "tokens"}.get(said.table, said.table)]
    low, high = interval or (said.moved(1.0 / factor), said.moved(factor))
    return Hang(model.name, key, g, value, min(low, value), max(high, value), interval is not None, odds=odds)


def changed(candidate: Candidate, hang: Hang, value: float) -> Candidate:
    """The candidate with another value of the input, if it is its model's."""
    if candidate.model.name != hang.model:
        return candidate
    values: Any = max(1, round(value)) if hang.table == "problem" else value
    if hang.g is not None:
        table = getattr(candidate.model.values.operator, hang.key.partition(".")[2])
        values = dict(table) | {hang.g: value}
    return replace(
        candidate, model=replace(candidate.model, values=with_values(candidate.model.values, {hang.key: values}))
    )


def odds_words(odds: float) -> str:
    """By how much the odds of a chance may be off.

    >>> odds_words(1.1), odds_words(2.0)
    ('a tenth more or less', '2 times more or less')
    """
    return "a tenth more or less" if odds == ODDS else f"{odds:g} times more or less"


def with_odds(p: float, factor: float) -> float:
    """The chance whose odds are a multiple of those of p.

    >>> round(with_odds(0.5, 1.1), 6), with_odds(1.0, 0.5)
    (0.52381, 1.0)
    """
    return factor * p / (1.0 - p + factor * p)
