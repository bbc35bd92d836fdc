"""Prices of a ledger: the engine knows no prices, so that a table of runs can be priced again without new runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.costs.ledger import LEDGER
from evo.parameters import non_negative
from evo.protocols import FloatArray


def _weights(**prices: float) -> FloatArray:
    return np.array([prices.get(entry, 0.0) for entry in LEDGER])


@dataclass(frozen=True)
class LLMPrimitive:
    """The paper's cost: a forward pass of a model of size m over c tokens costs m c (Definition 2.2).

    A call that writes o tokens after a prompt of c costs per_call + m (c o + o(o-1)/2) (theory 12a).

    Attributes:
        m: size of the model.
        per_call: fixed price of a call, in the same unit.

    >>> from evo.costs.ledger import call_entries
    >>> float(LLMPrimitive(m=2).weights @ (1, 1, *call_entries(200, 200)))
    119800.0
    """

    m: float = 1.0
    per_call: float = 0.0

    def __post_init__(self) -> None:
        non_negative(self, "m", "per_call")

    @property
    def weights(self) -> FloatArray:
        """Weights of the ledger's entries, float [6]."""
        return _weights(calls=self.per_call, pass_tokens=self.m)


@dataclass(frozen=True)
class QuadraticPrimitive:
    """A forward pass of a model of size m over c tokens costs m c^2 (the paper's exercise; theory 12d).

    Attributes:
        m: size of the model.
        per_call: fixed price of a call, in the same unit.
    """

    m: float = 1.0
    per_call: float = 0.0

    def __post_init__(self) -> None:
        non_negative(self, "m", "per_call")

    @property
    def weights(self) -> FloatArray:
        """Weights of the ledger's entries, float [6]."""
        return _weights(calls=self.per_call, pass_tokens_squared=self.m)


@dataclass(frozen=True)
class TokenPrices:
    """The bill of an API: one price for a prompt token, another for a generated token (theory 13.8).

    Attributes:
        prompt: price of a prompt token.
        generated: price of a generated token.
        per_call: fixed price of a call.
    """

    prompt: float
    generated: float
    per_call: float = 0.0

    def __post_init__(self) -> None:
        non_negative(self, "prompt", "generated", "per_call")

    @property
    def weights(self) -> FloatArray:
        """Weights of the ledger's entries, float [6]."""
        return _weights(calls=self.per_call, prompt_tokens=self.prompt, generated_tokens=self.generated)
