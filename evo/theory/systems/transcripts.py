"""Tokens of calls that are alike, and of calls whose prompt grows by the same number of tokens each time."""

from __future__ import annotations

from typing import NamedTuple

from evo.costs.ledger import call_entries


class Tokens(NamedTuple):
    """Counts of some calls, exact whole numbers: the ledger of a role, but for evaluations and reasoning.

    Attributes:
        calls: how many.
        prompt: tokens read, cached ones included.
        generated: tokens written.
        passes: sum of c over forward passes: the cost of a model of size 1 (Definition 2.2).
        squared: sum of c^2 over forward passes.
        cached: those of the tokens read that were the prompt of the call before.
    """

    calls: int
    prompt: int
    generated: int
    passes: int
    squared: int
    cached: int = 0

    def times(self, number: int) -> Tokens:
        """All counts that many times."""
        return Tokens(*(number * count for count in self))


def alike(calls: int, prompt: int, writes: int) -> Tokens:
    """The counts of calls of the same lengths (theory 12a, 12d).

    >>> alike(3, prompt=10, writes=2)  # 3 (10 + 11), 3 (100 + 121)
    Tokens(calls=3, prompt=30, generated=6, passes=63, squared=663, cached=0)
    """
    read, written, passes, squared = call_entries(prompt, writes)[:4]
    return Tokens(1, read, written, passes, squared).times(calls)


def growing(calls: int, first: int, step: int, writes: int) -> Tokens:
    """The counts of b calls of which call i reads c_i = first + (i-1) step tokens and writes o.

    With S1, S2 the sums of c_i and c_i^2: passes = o S1 + b o(o-1)/2 (theory 12c) and squared = o S2 + o(o-1) S1 +
    b (o-1)o(2o-1)/6 (theory 12d). Call i finds the prompt of call i-1 in the cache (theory 18f).

    Args:
        calls: b.
        first: prompt tokens of the first call.
        step: tokens by which the prompt grows.
        writes: o.

    >>> growing(2, first=10, step=5, writes=2)  # 10 + 11 + 15 + 16, and their squares
    Tokens(calls=2, prompt=25, generated=4, passes=52, squared=702, cached=10)
    """
    b, o = calls, writes
    steps, squares = b * (b - 1) // 2, (b - 1) * b * (2 * b - 1) // 6  # sums of i and i^2 over i < b
    read = b * first + step * steps
    of_squares = b * first**2 + 2 * first * step * steps + step**2 * squares
    passes = o * read + b * o * (o - 1) // 2
    squared = o * of_squares + o * (o - 1) * read + b * ((o - 1) * o * (2 * o - 1) // 6)
    before = read - (first + (b - 1) * step) if b else 0
    return Tokens(b, read, b * o, passes, squared, before)
