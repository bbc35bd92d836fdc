"""Prices of a ledger: the engine knows no prices, so that a table of runs can be priced again without new runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo.costs.ledger import EARLIER, LEDGER
from evo.errors import InputError
from evo.parameters import non_negative, positive, shown
from evo.protocols import CostModel, FloatArray
from evo.text import is_read_back

MOST_A_TOKEN = 0.01
"""Above it a price of a token is asked whether it is one of a million tokens."""


MOST_OF_CURRENCY = 8


def is_currency(word: str) -> bool:
    """Whether a word can stand beside a number: it is short, printable, and has no spaces, quotes and brackets."""
    return len(word) <= MOST_OF_CURRENCY and all(sign.isprintable() and sign not in " '\"[](){}\\" for sign in word)


def _weights(**prices: float) -> FloatArray:
    return np.array([prices.get(entry, 0.0) for entry in LEDGER])


def are_weights(weights: NDArray[Any]) -> bool:
    """Whether an array has one finite number for each entry of the ledger, or for those of earlier versions."""
    counted = weights.shape in ((len(LEDGER),), (EARLIER,)) and weights.dtype.kind in "iuf"
    return counted and bool(np.isfinite(weights).all())


def expect_weights(cost: CostModel) -> None:
    """Refuse prices that would spoil the table after the runs were made.

    Raises: InputError.
    """
    if not are_weights(np.asarray(cost.weights)):
        raise InputError(
            f"{type(cost).__name__}: weights must be {EARLIER} finite numbers ({', '.join(LEDGER[:EARLIER])}), or "
            f"{len(LEDGER)} with those of {' and '.join(LEDGER[EARLIER:])}, got {shown(cost.weights)}"
        )


def weights_of(cost: CostModel) -> FloatArray:
    """The prices of all entries of the ledger, float [8]; those that a model of an earlier version lacks are 0.

    >>> weights_of(LLMPrimitive(m=2)).tolist()
    [0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0]
    """
    weights = np.asarray(cost.weights, dtype=np.float64)
    return np.append(weights, np.zeros(len(LEDGER) - EARLIER)) if weights.shape == (EARLIER,) else weights


@dataclass(frozen=True)
class LLMPrimitive:
    """The paper's cost: a forward pass of a model of size m over c tokens costs m c (Definition 2.2).

    A call that writes o tokens after a prompt of c costs per_call + m (c o + o(o-1)/2) (theory 12a).

    Attributes:
        m: size of the model.
        per_call: fixed price of a call, in the same unit.
        per_evaluation: price of an evaluation, in the same unit; the paper has none.

    >>> from evo.costs.ledger import call_entries
    >>> float(LLMPrimitive(m=2).weights @ (1, 1, *call_entries(200, 200)))
    119800.0
    """

    m: float = 1.0
    per_call: float = 0.0
    per_evaluation: float = 0.0

    def __post_init__(self) -> None:
        non_negative(self, "m", "per_call", "per_evaluation")

    @property
    def weights(self) -> FloatArray:
        """Weights of the ledger's entries, float [8]."""
        return _weights(calls=self.per_call, evaluations=self.per_evaluation, pass_tokens=self.m)


@dataclass(frozen=True)
class QuadraticPrimitive:
    """A forward pass of a model of size m over c tokens costs m c^2 (the paper's exercise; theory 12d).

    Attributes:
        m: size of the model.
        per_call: fixed price of a call, in the same unit.
        per_evaluation: price of an evaluation, in the same unit.
    """

    m: float = 1.0
    per_call: float = 0.0
    per_evaluation: float = 0.0

    def __post_init__(self) -> None:
        non_negative(self, "m", "per_call", "per_evaluation")

    @property
    def weights(self) -> FloatArray:
        """Weights of the ledger's entries, float [8]."""
        return _weights(calls=self.per_call, evaluations=self.per_evaluation, pass_tokens_squared=self.m)


@dataclass(frozen=True)
class TokenPrices:
    """The bill of an API: pi_in new prompt tokens + pi_c cached ones + pi_out generated ones (theory 13.8, 18f).

    Attributes:
        prompt: price of a prompt token.
        generated: price of a generated token.
        per_call: fixed price of a call.
        cached: price of a prompt token that the provider had read before; None: that of any prompt token.
        reasoning: price of a generated token that is not part of the answer; None: that of any generated token.
        evaluation: price of an evaluation.
        unit: number of tokens that the prices of tokens are for, such as 1e6; None: one. A price above 0.01 may be one
            of a million tokens, so that its unit must be said: 1 if it is really that of a token.
        currency: what prices are in, such as "$", which is printed beside a cost; empty where nothing is said.

    Raises: InputError for prices that are none, or whose unit must be said. Cells of stored folders are read as they
        are.

    >>> from evo.costs.ledger import call_entries
    >>> prices = TokenPrices(prompt=3, generated=15, cached=0.3, unit=1e6)
    >>> round(float(prices.weights @ (1, 0, *call_entries(1000, 100, cached=800))), 9)  # dollars
    0.00234
    """

    prompt: float
    generated: float
    per_call: float = 0.0
    cached: float | None = None
    reasoning: float | None = None
    evaluation: float = 0.0
    unit: float | None = None
    currency: str = ""

    def __post_init__(self) -> None:
        given = [name for name in ("cached", "reasoning") if getattr(self, name) is not None]
        non_negative(self, "prompt", "generated", "per_call", "evaluation", *given)
        if self.unit is not None:
            positive(self, "unit")
        if not isinstance(self.currency, str) or not is_currency(self.currency):
            raise InputError(
                f"TokenPrices: currency must be a word of at most {MOST_OF_CURRENCY} signs, such as $ or EUR, "
                f"got {shown(self.currency)}"
            )
        if self._doubt and not is_read_back():
            raise InputError(self._doubt)

    @classmethod
    def published(
        cls, name: str, file: str | Path | None = None, package: str | None = None, day: date | str | None = None
    ) -> TokenPrices:
        """The prices of a model as its provider published them; `evo.costs.published.published` tells day and source.

        Raises: InputError naming the names that there are.

        >>> TokenPrices.published("gemini-2.5-pro").generated
        10.0
        """
        from evo.costs.published import published

        return published(name, file, package, day).prices

    @property
    def weights(self) -> FloatArray:
        """Weights of the ledger's entries, float [8]; those of cached and reasoning tokens are differences."""
        unit = 1.0 if self.unit is None else self.unit
        cached = self.prompt if self.cached is None else self.cached
        reasoning = self.generated if self.reasoning is None else self.reasoning
        return _weights(
            calls=self.per_call,
            evaluations=self.evaluation,
            prompt_tokens=self.prompt / unit,
            generated_tokens=self.generated / unit,
            cached_tokens=(cached - self.prompt) / unit,
            reasoning_tokens=(reasoning - self.generated) / unit,
        )

    @property
    def _doubt(self) -> str:
        """Why a price may be one of a million tokens, in words that name it; empty where a unit is given."""
        names = ("prompt", "generated", "cached", "reasoning")
        high = [name for name in names if (getattr(self, name) or 0.0) > MOST_A_TOKEN]
        if self.unit is not None or not high:
            return ""
        return (
            f"TokenPrices: {high[0]}: expected the price of a token, got {getattr(self, high[0]):g}: per million? "
            "write unit = 1e6 for prices of a million tokens, or unit = 1 if it is the price of one"
        )
