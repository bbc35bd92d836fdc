"""Probabilities measured at some chunk lengths g, and what is said of the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from evo.errors import InputError
from evo.parameters import shown

Table = Mapping[int, float] | tuple[tuple[int, float], ...]
"""Probabilities by g, as a part is given them; it keeps pairs of g and probability with g rising."""


def keep_table(part: object, name: str) -> None:
    """Check the named field, a table of probabilities by chunk length, and keep it as pairs with g rising.

    Keys may be whole numbers in quotes, as TOML has them.

    Raises: InputError naming the field.
    """
    given = getattr(part, name)
    expected = f"{type(part).__name__}: {name} must be a table of probabilities by chunk length, such as {{1: 0.35}}"
    pairs = list(given.items()) if isinstance(given, Mapping) else given
    if not isinstance(pairs, tuple | list) or not pairs:
        raise InputError(f"{expected}, got {shown(given)}")
    table: dict[int, float] = {}
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InputError(f"{expected}, got {shown(pair)} in it")
        g, p = _length(pair[0]), pair[1]
        if g is None:
            raise InputError(f"{expected}, got the length {shown(pair[0])}; a length is a whole number >= 1")
        if g in table:
            raise InputError(f"{expected}, got g = {g} twice")
        if isinstance(p, bool) or not isinstance(p, Real) or not 0 <= float(p) <= 1:
            raise InputError(f"{expected}, got {shown(p)} for g = {g}; a probability is a number in [0, 1]")
        table[g] = float(p)
    object.__setattr__(part, name, tuple(sorted(table.items())))


def _length(key: Any) -> int | None:
    """The chunk length that a key stands for; None if it is none."""
    if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 10:
        key = int(key)
    if isinstance(key, bool) or not isinstance(key, Integral) or key < 1:
        return None
    return int(key)


def rate(table: Table, g: int, name: str) -> tuple[float, float]:
    """Probability p at chunks of g blocks, and 1 - p.

    Measured ones are taken as they are. Between two measured lengths logit p is linear in log g (theory 17f); beyond
    the first and last that of the nearest is taken (`outside` says so).

    Args:
        table: pairs of g and probability, g rising.
        g: blocks of a call.
        name: of the table, for messages.

    Raises: InputError if the table has one other length only, or if g lies between a probability of 0 or 1 and another,
    between which logits give none.

    >>> round(rate(((1, 0.5), (4, 0.2)), 2, "fix")[0], 12)                     # odds 1, 1/2, 1/4: p = 1/3
    0.333333333333
    """
    pairs = dict(table)
    if g in pairs:
        return pairs[g], 1.0 - pairs[g]
    if len(pairs) == 1:
        (known,) = pairs
        raise InputError(
            f"{name} is measured at g = {known} only, and calls on g = {g} blocks are asked for: how {name} depends on "
            f"g is not known from one length; measure g = {g}, or give the same value at a second length to claim that "
            "it does not"
        )
    low = max((each for each in pairs if each < g), default=min(pairs))
    high = min((each for each in pairs if each > g), default=max(pairs))
    if low >= g or high <= g:
        p = pairs[low]  # which is the nearest on either side
        return p, 1.0 - p
    return _between(pairs[low], pairs[high], math.log(g / low) / math.log(high / low), f"{name} at g = {g}", low, high)


def _between(first: float, last: float, share: float, what: str, low: int, high: int) -> tuple[float, float]:
    if first == last:
        return first, 1.0 - first
    if {first, last} & {0.0, 1.0}:
        raise InputError(
            f"{what} lies between the measured {first:g} (g = {low}) and {last:g} (g = {high}), and a probability of 0 "
            f"or 1 has no logit to interpolate; measure it, or give for 0 of n calls 0.5/(n+1), for all of n "
            "(n+0.5)/(n+1)"
        )
    logit = (1.0 - share) * _logit(first) + share * _logit(last)
    return 1.0 / (1.0 + math.exp(-logit)), 1.0 / (1.0 + math.exp(logit))


def _logit(p: float) -> float:
    return math.log(p) - math.log1p(-p)


def outside(table: Table, g: int, name: str) -> str:
    """What stands against the probability for calls on g blocks: that it was not measured; empty if g is within.

    >>> outside(((1, 0.5), (4, 0.2)), 6, "fix")
    'fix at g = 6 is extrapolated: that of g = 4 is taken, measured from g = 1 to 4'
    """
    lengths = [length for length, _ in dict(table).items()]
    least, most = min(lengths), max(lengths)
    if least <= g <= most:
        return ""
    nearest = least if g < least else most
    return f"{name} at g = {g} is extrapolated: that of g = {nearest} is taken, measured from g = {least} to {most}"
