"""Values of a calibration file: each read from TOML or refused with what was expected, and written again."""

from __future__ import annotations

import math
import re
from typing import Any

from evo.costs.latency import MOST_TAIL
from evo.costs.prices import MOST_OF_CURRENCY, is_currency
from experiments.grids.outside.arm_toml import toml_string

Interval = tuple[float, float]
PerG = tuple[tuple[int, float], ...]
"""Pairs of g, the blocks of a call, and a value."""
MOST_G = 2**20
MOST_WORD = 500


def _real(value: Any, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected {expected}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"expected {expected}") from None


def chance(value: Any) -> float:
    """A probability.

    >>> chance(1)
    1.0
    """
    number = _real(value, "a probability in [0, 1]")
    if not 0.0 <= number <= 1.0:
        raise ValueError("expected a probability in [0, 1]")
    return number


def correlation(value: Any) -> float:
    """A correlation of two blocks of one call."""
    number = _real(value, "a correlation in [0, 1)")
    if not 0.0 <= number < 1.0:
        raise ValueError("expected a correlation in [0, 1)")
    return number


def non_negative(value: Any) -> float:
    """A finite number that is not below 0."""
    number = _real(value, "a finite number >= 0")
    if not 0.0 <= number < math.inf:
        raise ValueError("expected a finite number >= 0")
    return number


def tail(value: Any) -> float:
    """The sigma of a logarithm of seconds, up to that beyond which sums of seconds mean nothing."""
    number = _real(value, f"a number from 0 to {MOST_TAIL:g}")
    if not 0.0 <= number <= MOST_TAIL:
        raise ValueError(f"expected a number from 0 to {MOST_TAIL:g}")
    return number


def whole(value: Any) -> int:
    """A whole number from 1 on."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**63:
        raise ValueError("expected a whole number >= 1")
    return value


def word(value: Any) -> str:
    """A short text on one line."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > MOST_WORD:
        raise ValueError(f"expected a text of one line, at most {MOST_WORD} characters")
    return value


def currency(value: Any) -> str:
    """What prices are in: a word that can stand beside a number.

    >>> currency("$")
    '$'
    """
    if not isinstance(value, str) or not value or not is_currency(value):
        raise ValueError(f"expected a word of at most {MOST_OF_CURRENCY} signs, such as $ or EUR")
    return value


def digest(value: Any) -> str:
    """A sha256 in hexadecimal."""
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
        raise ValueError("expected a sha256, 64 hexadecimal digits")
    return value


def an_interval(value: Any) -> Interval:
    """Two probabilities that rise."""
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("expected [low, high], two numbers in [0, 1]")
    low, high = chance(value[0]), chance(value[1])
    if low > high:
        raise ValueError("expected [low, high] with low <= high")
    return low, high


def per_g(value: Any) -> PerG:
    """A probability for each number of blocks a call, in order of g.

    >>> per_g({"5": 0.2, "1": 0.35})
    ((1, 0.35), (5, 0.2))
    """
    return tuple((g, chance(inner)) for g, inner in _by_g(value))


def intervals_per_g(value: Any) -> tuple[tuple[int, Interval], ...]:
    """An interval for each number of blocks a call, in order of g."""
    return tuple((g, an_interval(inner)) for g, inner in _by_g(value))


def _by_g(value: Any) -> list[tuple[int, Any]]:
    expected = "expected a table by blocks a call, such as { 1 = 0.9, 5 = 0.8 }"
    if not isinstance(value, dict) or not value:
        raise ValueError(expected)
    for name in value:
        if not re.fullmatch("[1-9][0-9]{0,6}", name) or int(name) > MOST_G:
            raise ValueError(f"{expected}, with keys from 1 to {MOST_G:,}")
    return sorted((int(name), inner) for name, inner in value.items())


def toml_value(value: Any) -> str:
    """A value as TOML.

    >>> toml_value(((1, (0.31, 0.39)),)), toml_value("a"), toml_value((0.5, 1.0))
    ('{ 1 = [0.31, 0.39] }', '"a"', '[0.5, 1.0]')
    """
    if isinstance(value, str):
        return toml_string(value)
    if isinstance(value, tuple) and isinstance(value[0], tuple):
        return "{ " + ", ".join(f"{g} = {toml_value(inner)}" for g, inner in value) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(inner) for inner in value) + "]"
    return repr(value)
