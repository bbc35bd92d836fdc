"""Budgets, and who decides that a run is censored: limits on calls, cost or other entries of the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from evo.costs.ledger import LEDGER, CallTokens
from evo.errors import InputError
from evo.parameters import non_negative, whole
from evo.protocols import BoolArray, FloatArray, IntArray

DEFAULT_CALLS = 10_000_000
ROUNDING = 1e-12
"""Relative: the rounding of a price such as 3e-7 must not buy another generation."""


@dataclass(frozen=True)
class Budget:
    """The most a run may spend; it stops after the first generation that reaches a limit and is then censored.

    A hit in that last generation is a hit. A censored run is a lower bound, never dropped, never a success. Each limit
    is on an entry of the ledger, all LLM work beside the calls included, or on cost; None for no limit.

    Attributes:
        calls: LLM calls a run, overhead included.
        cost: cost a run, in the unit of the cell's cost model.
        evaluations: evaluations a run; malformed offspring are not evaluated.
        prompt_tokens: tokens read.
        generated_tokens: tokens written.
        pass_tokens: sum of c over forward passes on c tokens (Definition 2.2).
        pass_tokens_squared: sum of c^2 over forward passes.
        cached_tokens: tokens read that the provider had read before.
        reasoning_tokens: tokens written that are not part of the answer.

    A call that reads and writes 4 tokens makes 16 + 6 = 22 pass tokens (theory 12a):

    >>> from evo.costs.ledger import Prompt
    >>> budget = Budget(calls=None, pass_tokens=66)
    >>> (limit,) = budget.limits(CallTokens.equal(Prompt(), k=4, l=4, g=1), np.zeros(8))
    >>> limit.reached(np.array([2, 3]), np.array([2, 3])).tolist()
    [False, True]
    """

    calls: int | None = DEFAULT_CALLS
    cost: float | None = None
    evaluations: int | None = None
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    pass_tokens: int | None = None
    pass_tokens_squared: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.cost is None and not self.entries:
            raise InputError(
                f"Budget: expected a limit on calls, cost, {', '.join(LEDGER[1:-1])} or {LEDGER[-1]}, got none; use "
                "budget=None for no budget"
            )
        for name in self.entries:
            whole(self, name, least=1)
        if self.cost is not None:
            non_negative(self, "cost")

    @property
    def entries(self) -> dict[str, int]:
        """The limits on entries of the ledger, by their names."""
        limits = {name: getattr(self, name) for name in LEDGER}
        return {name: most for name, most in limits.items() if most is not None}

    def reached(self, ledger: FloatArray, weights: FloatArray, slack: float = 0.0) -> BoolArray:
        """Where runs have reached a limit, by their ledgers alone; bool [runs].

        Args:
            ledger: float [runs, 8].
            weights: the cell's cost model, float [8].
            slack: relative tolerance within which a limit counts as reached.
        """
        reached = np.zeros(len(ledger), dtype=np.bool_)
        for name, most in self.entries.items():
            reached |= ledger[:, LEDGER.index(name)] >= most * (1 - slack)
        if self.cost is not None:
            reached |= ledger @ weights >= self.cost * (1 - max(ROUNDING, slack))
        return reached

    def limits(self, tokens: CallTokens, weights: FloatArray) -> tuple[Limit, ...]:
        """The budget as thresholds on the engine's counts.

        Args:
            tokens: ledger entries of the cell's calls.
            weights: the cell's cost model, float [8].
        """
        units = np.eye(len(LEDGER))
        limits = [Limit.of(tokens, units[LEDGER.index(name)], most) for name, most in self.entries.items()]
        if self.cost is not None:
            limits.append(Limit.of(tokens, weights, self.cost, ROUNDING))
        return tuple(limits)


@dataclass(frozen=True)
class Limit:
    """A threshold on a weighted sum of a run's counts.

    Attributes:
        per_call: weight of a call.
        per_evaluation: weight of an evaluation.
        most: the run stops after the first generation at which the sum is at least this.
        per_shortfall: weights of the sums of s, s^2, s^3 over calls (see `evo.costs.ledger.ChunkLengths`); none where
            all chunks are equally long.
        rounding: relative; 0 where weights are whole numbers, so that sums are exact (up to 2^53).
    """

    per_call: float
    per_evaluation: float
    most: float
    per_shortfall: tuple[float, ...] = ()
    rounding: float = 0.0

    @classmethod
    def of(cls, tokens: CallTokens, weights: FloatArray, most: float, rounding: float = 0.0) -> Limit:
        """The threshold on `ledger @ weights`.

        Args:
            tokens: ledger entries of the cell's calls.
            weights: of the ledger's entries, float [8].
            most: the threshold.
            rounding: of the weights, relative.
        """
        scale = tokens.denominator  # in sixths, if need be, of which every entry is a whole number
        per_call, *others = tokens.prices(scale * weights)
        per_shortfall = tuple(others) if any(others) else ()
        return cls(per_call, scale * float(weights[1]), scale * most, per_shortfall, rounding)

    def price(self, s: int) -> float:
        """Weight of a call whose chunk has the shortfall s."""
        return self.per_call + sum(weight * float(s**i) for i, weight in enumerate(self.per_shortfall, start=1))

    def reached(self, calls: IntArray, evaluations: IntArray, shortfalls: IntArray | None = None) -> BoolArray:
        """Where the counts have reached the threshold, bool of their shape; `shortfalls` has one more axis."""
        spent = calls * self.per_call
        if self.per_evaluation:
            spent = spent + evaluations * self.per_evaluation
        if self.per_shortfall and shortfalls is not None:
            spent = spent + shortfalls @ np.array(self.per_shortfall)
        return np.asarray(spent >= self.most * (1 - self.rounding))


def any_reached(
    limits: Iterable[Limit], calls: IntArray, evaluations: IntArray, shortfalls: IntArray | None = None
) -> BoolArray:
    """Where some limit is reached, bool of the counts' shape."""
    reached: BoolArray | None = None
    for limit in limits:
        one = limit.reached(calls, evaluations, shortfalls)
        reached = one if reached is None else reached | one
    return np.zeros(np.shape(calls), dtype=np.bool_) if reached is None else reached
