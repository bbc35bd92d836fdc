"""When a run is given up: a budget on calls, on cost, or on both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from evo.errors import InputError
from evo.ledger import CallTokens, UnequalTokens
from evo.parameters import non_negative, whole
from evo.protocols import BoolArray, FloatArray, IntArray

DEFAULT_CALLS = 10_000_000
ROUNDING = 1e-12
"""Relative: the rounding of a price such as 3e-7 must not buy another generation."""


@dataclass(frozen=True)
class Budget:
    """The most a run may spend; it stops after the first generation that reaches a limit and is then censored.

    A hit in that last generation is a hit. A censored run is a lower bound, never dropped, never a success.

    Attributes:
        calls: LLM calls a run, overhead included; None for no limit.
        cost: cost a run, in the unit of the cell's cost model; None for no limit.
    """

    calls: int | None = DEFAULT_CALLS
    cost: float | None = None

    def __post_init__(self) -> None:
        if self.calls is None and self.cost is None:
            raise InputError("Budget: expected a limit on calls or cost, got none; use budget=None for no budget")
        if self.calls is not None:
            whole(self, "calls", least=1)
        if self.cost is not None:
            non_negative(self, "cost")

    def limits(self, tokens: CallTokens | UnequalTokens, weights: FloatArray) -> tuple[Limit, ...]:
        """The budget as thresholds on what the engine counts.

        Args:
            tokens: ledger entries of the cell's calls.
            weights: the cell's cost model, float [6].
        """
        limits, evaluation = [], float(weights[1])
        if self.calls is not None:
            each = float(tokens.calls)
            limits.append(Limit(per_call=each, per_short_call=each, per_evaluation=0.0, most=self.calls))
        if self.cost is not None and isinstance(tokens, UnequalTokens):
            per_call, *per_tokens = tokens.power_prices(weights)
            limits.append(Limit(per_call, per_call, evaluation, self.cost, tuple(per_tokens)))
        elif self.cost is not None:
            per_call, per_short = tokens.prices(weights)
            limits.append(Limit(per_call, per_short, evaluation, self.cost))
        return tuple(limits)


@dataclass(frozen=True)
class Limit:
    """A threshold on a weighted sum of a run's counts.

    Attributes:
        per_call: weight of a call on a full chunk.
        per_short_call: weight of a call on the shorter last chunk.
        per_evaluation: weight of an evaluation.
        most: the run stops after the first generation at which the sum is at least this.
        per_tokens: weights of the sums of T, T^2, T^3 over calls on T tokens; none where blocks are equally long.
    """

    per_call: float
    per_short_call: float
    per_evaluation: float
    most: float
    per_tokens: tuple[float, ...] = ()

    def reached(
        self, calls: IntArray, short_calls: IntArray, evaluations: IntArray, lengths: IntArray | None = None
    ) -> BoolArray:
        """Where the counts have reached the threshold, bool of their shape; `lengths` has one more axis, [..., 3]."""
        spent = (
            (calls - short_calls) * self.per_call
            + short_calls * self.per_short_call
            + evaluations * self.per_evaluation
        )
        if self.per_tokens and lengths is not None:
            spent = spent + lengths @ np.array(self.per_tokens)
        return np.asarray(spent >= self.most * (1 - ROUNDING))


def any_reached(
    limits: Iterable[Limit],
    calls: IntArray,
    short_calls: IntArray,
    evaluations: IntArray,
    lengths: IntArray | None = None,
) -> BoolArray:
    """Where some limit is reached, bool of the counts' shape."""
    reached = np.zeros(np.shape(calls), dtype=np.bool_)
    for limit in limits:
        reached |= limit.reached(calls, short_calls, evaluations, lengths)
    return reached
