"""Each number that a cost model is given weighs what its name says, whichever models there are."""

from dataclasses import fields

import pytest

from evo.costs.ledger import LEDGER
from evo.costs.prices import LLMPrimitive, QuadraticPrimitive, TokenPrices
from experiments.grids.parts import PART_TYPES

PLAIN = {"per_call": {"calls": 7.0}, "per_evaluation": {"evaluations": 7.0}}
PASSES = {LLMPrimitive: "pass_tokens", QuadraticPrimitive: "pass_tokens_squared"}
WEIGHS = {kind: PLAIN | {"m": {entry: 7.0}} for kind, entry in PASSES.items()} | {
    TokenPrices: {
        "prompt": {"prompt_tokens": 7.0, "cached_tokens": -7.0},  # of which the cached ones are free here
        "generated": {"generated_tokens": 7.0, "reasoning_tokens": -7.0},
        "per_call": {"calls": 7.0},
        "evaluation": {"evaluations": 7.0},
        "cached": {"cached_tokens": 7.0},
        "reasoning": {"reasoning_tokens": 7.0},
    }
}
"""What 7 of a field changes, where the others are 0."""
NOTHING = {kind: dict.fromkeys(fields_, 0.0) for kind, fields_ in WEIGHS.items()}


@pytest.mark.parametrize("kind", PART_TYPES["cost"])
def test_a_field_of_a_cost_model_weighs_its_entry_alone(kind):
    assert {each.name for each in fields(kind)} - {"unit", "currency"} == set(WEIGHS[kind])
    more = {"unit": 1.0} if kind is TokenPrices else {}
    assert not kind(**NOTHING[kind], **more).weights.any()
    for name, weighs in WEIGHS[kind].items():
        weights = kind(**NOTHING[kind] | {name: 7.0}, **more).weights
        assert dict(zip(LEDGER, weights.tolist(), strict=True)) == dict.fromkeys(LEDGER, 0.0) | weighs
