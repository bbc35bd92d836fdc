"""The calibration file (TOML): what was measured of a mutator, its tokens, seconds and prices; one reader, one writer.

What was not measured is missing in the file and None here, never 0.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from evo.costs.prices import MOST_A_TOKEN
from evo.errors import InputError
from evo.parameters import shown
from experiments.grids.arguments import a_path
from experiments.grids.measured.keys import unknown_key
from experiments.grids.measured.values import (
    Interval,
    PerG,
    an_interval,
    chance,
    correlation,
    currency,
    digest,
    intervals_per_g,
    non_negative,
    per_g,
    tail,
    toml_value,
    whole,
    word,
)
from experiments.grids.outside.toml_text import grid_text

FORMAT = 1
OF_TOKENS = ("prompt", "cached", "generated", "reasoning")
"""Prices that are of tokens; the others are of a call, or of an evaluation."""


@dataclass(frozen=True)
class Source:
    """The log that a calibration rests on: its name, the sha256 of its bytes, and its rows."""

    log: str | None = None
    sha256: str | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Intervals:
    """95 % intervals (low, high) of the values of an `OperatorValues` of the same names."""

    fix: tuple[tuple[int, Interval], ...] = ()
    keep: tuple[tuple[int, Interval], ...] = ()
    rho_fix: Interval | None = None
    rho_keep: Interval | None = None
    refusals: Interval | None = None
    malformed: Interval | None = None


@dataclass(frozen=True)
class OperatorValues:
    """What one call does to its blocks (theory 17f).

    Attributes:
        fix: pairs of g, the blocks of a call, and P(an incorrect block comes back correct); g rises.
        keep: pairs of g and P(a correct block stays correct).
        rho_fix: correlation of two incorrect blocks of one call, in [0, 1).
        rho_keep: of two correct ones.
        refusals: share of calls that give nothing and are paid.
        malformed: share of answers that cannot be applied.
        interval: 95 % intervals.

    >>> dict(OperatorValues(fix=((1, 0.35), (5, 0.2))).fix)[5]
    0.2
    """

    fix: PerG = ()
    keep: PerG = ()
    rho_fix: float | None = None
    rho_keep: float | None = None
    refusals: float | None = None
    malformed: float | None = None
    interval: Intervals = Intervals()


@dataclass(frozen=True)
class Tokens:
    """Tokens of a call: prompt tokens whatever it works on, of a block, share of them cached, of reasoning."""

    instructions: float | None = None
    block: float | None = None
    cached_share: float | None = None
    reasoning: float | None = None


@dataclass(frozen=True)
class Seconds:
    """A call takes (fixed + per_prompt_token c + per_generated_token o) exp(tail Z): its median is the sum.

    `evo.costs.latency.Latency` has factors of mean 1 instead: its sums are these times exp(tail^2/2).
    """

    fixed: float | None = None
    per_prompt_token: float | None = None
    per_generated_token: float | None = None
    tail: float | None = None
    evaluation: float | None = None


@dataclass(frozen=True)
class Prices:
    """Prices of one token each, of a call and of an evaluation, in `unit`, a currency."""

    unit: str | None = None
    prompt: float | None = None
    cached: float | None = None
    generated: float | None = None
    reasoning: float | None = None
    call: float | None = None
    evaluation: float | None = None


@dataclass(frozen=True)
class ProblemSize:
    """The user's own problem: k blocks of l tokens."""

    k: int | None = None
    l: int | None = None


@dataclass(frozen=True)
class Calibration:
    """All that a calibration file holds; each table may be empty but for `operator`."""

    operator: OperatorValues
    tokens: Tokens = Tokens()
    seconds: Seconds = Seconds()
    prices: Prices = Prices()
    problem: ProblemSize = ProblemSize()
    source: Source = Source()


Read = Callable[[Any], Any]
"""Makes a value of what stands in the file, or raises ValueError with what was expected."""
_SHARES: dict[str, Read] = {"rho_fix": correlation, "rho_keep": correlation, "refusals": chance, "malformed": chance}
TABLES: dict[str, tuple[type, dict[str, Read]]] = {
    "source": (Source, {"log": word, "sha256": digest, "rows": whole}),
    "operator": (OperatorValues, {"fix": per_g, "keep": per_g, **_SHARES}),
    "operator.interval": (
        Intervals,
        {"fix": intervals_per_g, "keep": intervals_per_g, **dict.fromkeys(_SHARES, an_interval)},
    ),
    "tokens": (
        Tokens,
        {"instructions": non_negative, "block": non_negative, "cached_share": chance, "reasoning": non_negative},
    ),
    "seconds": (Seconds, dict.fromkeys((each.name for each in fields(Seconds)), non_negative) | {"tail": tail}),
    "prices": (Prices, dict.fromkeys((each.name for each in fields(Prices)), non_negative) | {"unit": currency}),
    "problem": (ProblemSize, {"k": whole, "l": whole}),
}
"""The tables of a file in their order: what they become, and how their keys are read."""


def read_calibration(path: Path | str) -> Calibration:
    """The calibration in a file.

    Raises: InputError naming the file, the key, what was expected and what came.
    """
    path = a_path("read_calibration", path)
    try:
        return parse_calibration(grid_text(path, "calibration"))
    except InputError as error:
        told = str(error)
        raise InputError(told if told.startswith(f"{path}: ") else f"{path}: {told}") from None


def parse_calibration(text: str) -> Calibration:
    r"""The calibration in a text.

    Raises: InputError naming the key.

    >>> made = parse_calibration("[operator]\nfix = { 1 = 0.35 }\nkeep = { 1 = 0.97 }")
    >>> made.operator.fix, made.tokens.block
    (((1, 0.35),), None)
    """
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise InputError("expected tables of numbers, got deeper nesting") from None
    except ValueError as error:
        raise InputError(f"expected TOML, got a syntax error: {error}") from None
    given = content.pop("format", FORMAT)
    if isinstance(given, bool) or given != FORMAT:
        raise InputError(f"format: expected {FORMAT}, got {shown(given)}")
    _expect_known("", content, [name for name in TABLES if "." not in name])
    made = {name: _table(name, table) for name, table in content.items()}
    operator = made.get("operator", OperatorValues())
    for name in ("fix", "keep"):
        if not getattr(operator, name):
            expected = "expected a table such as { 1 = 0.9 }, chances by blocks a call"
            raise InputError(f"operator.{name}: {expected}, got none")
    expect_intervals(operator)
    return Calibration(**made)


def expect_intervals(operator: OperatorValues) -> None:
    """Check that each interval is one of a value that is given, and holds it.

    Raises: InputError naming the key.
    """
    for name in ("fix", "keep", *_SHARES):
        value, interval = getattr(operator, name), getattr(operator.interval, name)
        if interval is None:
            continue
        per_call = name in ("fix", "keep")
        values = dict(value) if per_call else {name: value}
        for g, (low, high) in interval if per_call else [(name, interval)]:
            place = f"operator.interval.{name}" + (f", g = {g}" if per_call else "")
            if values.get(g) is None:
                raise InputError(f"{place}: expected an interval of a value of operator.{name}, got one of none")
            if not low <= values[g] <= high:
                raise InputError(f"{place}: expected an interval that holds {values[g]:g}, got [{low:g}, {high:g}]")


def _table(place: str, table: Any) -> Any:
    if not isinstance(table, dict):
        raise InputError(f"{place}: expected a table, got {shown(table)}")
    kind, known = TABLES[place]
    if place == "prices":
        table = _of_a_token(table)
    inner = [name.removeprefix(f"{place}.") for name in TABLES if name.startswith(f"{place}.")]
    _expect_known(f"{place}.", table, [*known, *inner])
    values = {}
    for name, value in table.items():
        try:
            values[name] = _table(f"{place}.{name}", value) if name in inner else known[name](value)
        except InputError:
            raise
        except ValueError as error:
            raise InputError(f"{place}.{name}: {error}, got {shown(value)}") from None
    return kind(**values)


def _of_a_token(table: dict[str, Any]) -> dict[str, Any]:
    """Prices of a token each, whatever number of tokens `per` says that they are for; high ones are asked about.

    Raises: InputError naming the price.
    """
    found = dict(table)
    per = found.pop("per", None)
    if per is not None and (isinstance(per, bool) or not isinstance(per, int | float) or not 0.0 < per < math.inf):
        raise InputError(f"prices.per: expected a number of tokens > 0, such as 1e6, got {shown(per)}")
    for name in OF_TOKENS:
        value = found.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue  # refused by its own reader
        if per is None and MOST_A_TOKEN < value < math.inf:
            told = f"prices.{name}: expected the price of a token, got {shown(value)}: per million?"
            raise InputError(f"{told} write per = 1e6 in [prices], or per = 1 if it is the price of one")
        found[name] = value / (per or 1.0)
    return found


def _expect_known(place: str, table: dict[str, Any], known: list[str]) -> None:
    for name in table:
        if name not in known:
            raise unknown_key(place.removesuffix("."), name, known)


def calibration_toml(calibration: Calibration, notes: Sequence[str] = ()) -> str:
    """The text of a calibration file; `parse_calibration` gives the same calibration back.

    Notes stand above it as comments, a line each.

    Chances that a log does not tell stand in it as a comment, to be filled in by hand.

    >>> print(calibration_toml(Calibration(OperatorValues(fix=((1, 0.35),), malformed=0.08))), end="")
    format = 1
    <BLANKLINE>
    [operator]
    fix = { 1 = 0.35 }
    # keep = { 1 = ... }  not in the log: whoever reads this file needs it
    malformed = 0.08
    """
    head = "".join(f"# {' '.join(note.split())}\n" for note in notes)
    parts = [f"{head}format = {FORMAT}\n"]
    for place in TABLES:
        table: Any = calibration
        for name in place.split("."):
            table = getattr(table, name)
        if lines := _lines(place, table):
            parts.append("\n".join([f"[{place}]", *lines]) + "\n")
    return "\n".join(parts)


def _lines(place: str, table: Any) -> list[str]:
    lines = []
    if place == "prices" and any((getattr(table, name) or 0.0) > MOST_A_TOKEN for name in OF_TOKENS):
        lines.append("per = 1")  # read back without a question
    for name in TABLES[place][1]:
        value = getattr(table, name)
        if value is not None and value != ():
            lines.append(f"{name} = {toml_value(value)}")
        elif name in ("fix", "keep") and place == "operator":
            lines.append(f"# {name} = {{ 1 = ... }}  not in the log: whoever reads this file needs it")
    return lines
