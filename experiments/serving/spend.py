"""What was spent on real calls, and what may still be: caps that hold before a request is sent."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evo.errors import InputError
from experiments.logs.recorded import answers_asked_for

PRICES = ("prompt", "cached", "generated", "reasoning", "call")


@dataclass(frozen=True)
class Amount:
    """Calls, tokens and money; money None where there are no prices."""

    calls: int = 0
    tokens: int = 0
    money: float | None = None

    def plus(self, other: Amount, sign: int = 1) -> Amount:
        """The sum; unknown money counts as none."""
        money = None
        if self.money is not None or other.money is not None:
            money = (self.money or 0.0) + sign * (other.money or 0.0)
        return Amount(self.calls + sign * other.calls, self.tokens + sign * other.tokens, money)


@dataclass(frozen=True)
class Prices:
    """Prices of a token and of a call, by the names of PRICES; `cached` and `reasoning` default to their wholes.

    >>> Prices({"prompt": 0.25, "generated": 0.5}).of(1000, 100, cached=200, reasoning=50)
    300.0
    """

    each: Mapping[str, float]

    def __post_init__(self) -> None:
        for name, price in self.each.items():
            if name not in PRICES or not 0.0 <= price < float("inf"):
                raise InputError(f"--prices: expected {', '.join(PRICES)} >= 0, got {name}={price:g}")
        if missing := [name for name in ("prompt", "generated") if name not in self.each]:
            raise InputError(f"--prices: expected prompt and generated, got no {' and no '.join(missing)}")

    def of(self, read: int, written: int, cached: int = 0, reasoning: int = 0) -> float:
        """The money of a call."""
        prompt, generated = self.each["prompt"], self.each["generated"]
        return (
            prompt * (read - cached)
            + self.each.get("cached", prompt) * cached
            + generated * (written - reasoning)
            + self.each.get("reasoning", generated) * reasoning
            + self.each.get("call", 0.0)
        )

    def most_of(self, read: int, written: int) -> float:
        """The most that a call of no more tokens may cost."""
        prompt = max(self.each["prompt"], self.each.get("cached", 0.0))
        generated = max(self.each["generated"], self.each.get("reasoning", 0.0))
        return prompt * read + generated * written + self.each.get("call", 0.0)


class CapReached(Exception):
    """A request that could overstep a cap; the text says which."""


@dataclass
class Caps:
    """The most that may be spent. What is under way counts with the most that it may come to.

    Attributes:
        calls, tokens, money: None for no cap.
        spent: before.
    """

    calls: float | None = None
    tokens: float | None = None
    money: float | None = None
    spent: Amount = field(default_factory=Amount)

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "money"):
            cap = getattr(self, name)
            if cap is not None and not 0.0 <= cap < float("inf"):
                raise InputError(f"--max-{'cost' if name == 'money' else name}: expected a number >= 0, got {cap:g}")
        self._lock = threading.Lock()

    @property
    def needs_length(self) -> bool:
        """Whether a request must say how long its answer may be."""
        return self.tokens is not None or self.money is not None

    def take(self, most: Amount) -> None:
        """Set aside what a request may come to.

        Raises: CapReached if that and what is spent and set aside is more than a cap.
        """
        with self._lock:
            after = self.spent.plus(most)
            for name in ("calls", "tokens", "money"):
                cap, value, spent = getattr(self, name), getattr(after, name), getattr(self.spent, name)
                if cap is not None and (value or 0.0) > cap:
                    raise CapReached(
                        f"the cap of {cap:g} {name} would be overstepped: {spent or 0:g} are spent or under way, and "
                        f"this request may take {(value or 0.0) - (spent or 0.0):g}"
                    )
            self.spent = after

    def settle(self, most: Amount, paid: Amount) -> None:
        """Put what a request came to in the place of what was set aside."""
        with self._lock:
            self.spent = self.spent.plus(most, -1).plus(paid)


def spent_in(rows: list[dict[str, Any]], prices: Prices | None = None) -> Amount:
    """What the calls of a log came to; of a call that never came back, the most that it may have come to.

    A request for several answers is as many calls.

    Args:
        rows: of the calls.
        prices: for calls that were logged without money.

    >>> spent_in([{"tokens_in": 10, "tokens_out": 2, "price": 0.5}, {"most_tokens": 100, "most_price": 1.0}])
    Amount(calls=2, tokens=112, money=1.5)
    """
    total = Amount()
    for row in rows:
        read, written = row.get("tokens_in"), row.get("tokens_out")
        money = row.get("price")
        if isinstance(read, int) and isinstance(written, int):
            tokens = read + written
            if money is None and prices is not None:
                money = prices.of(read, written, row.get("tokens_cached") or 0, row.get("tokens_reasoning") or 0)
        else:
            tokens, money = int(row.get("most_tokens") or 0), row.get("most_price")
            if money is None and prices is not None:
                money = prices.most_of(tokens, tokens)
        calls = answers_asked_for(row)
        total = total.plus(Amount(calls, tokens, None if money is None else float(money)))
    return total
