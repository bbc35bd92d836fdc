"""The parts of a cell that follow from what was measured of a model: its calls, what they read, and their prices."""

from __future__ import annotations

from evo.costs.ledger import Prompt
from evo.costs.prices import MOST_A_TOKEN, TokenPrices
from evo.errors import InputError
from evo.protocols import AnyMutator
from experiments.grids.measured.file import OperatorValues, Prices, Tokens
from operators import Malformed, Measured, Refuse


def call_of(operator: OperatorValues) -> AnyMutator:
    """A call: what is measured of its blocks, in the wrappers of what it gives at all.

    >>> call_of(OperatorValues(fix=((1, 0.35),), keep=((1, 0.97),), malformed=0.08)).law.pmf(1, 1).round(3).tolist()
    [0.598, 0.322]
    """
    call: AnyMutator = Measured(operator.fix, operator.keep, operator.rho_fix or 0.0, operator.rho_keep or 0.0)
    if operator.malformed:
        call = Malformed(call, rate=operator.malformed)
    return Refuse(call, rate=operator.refusals) if operator.refusals else call


def prompt_of(tokens: Tokens, shows: str = "chunk") -> Prompt:
    """What a call reads, and the reasoning that it writes; what was not measured is 0."""
    head = round(tokens.instructions or 0)
    cached = round((tokens.cached_share or 0.0) * head)
    return Prompt(head=head, shows=shows, cached=cached, reasoning=round(tokens.reasoning or 0))


def prices_of(given: Prices) -> TokenPrices:
    """The bill, of a token each.

    Raises: InputError naming the price that is missing.
    """
    for name in ("prompt", "generated"):
        if getattr(given, name) is None:
            raise InputError(f"prices.{name}: expected the price of a token, got none")
    assert given.prompt is not None
    assert given.generated is not None
    tokens = (given.prompt, given.generated, given.cached or 0.0, given.reasoning or 0.0)
    return TokenPrices(
        prompt=given.prompt, generated=given.generated, per_call=given.call or 0.0, cached=given.cached,
        reasoning=given.reasoning, evaluation=given.evaluation or 0.0, currency=given.unit or "",
        unit=1.0 if max(tokens) > MOST_A_TOKEN else None,  # the file says that they are of a token each
    )  # fmt: skip
