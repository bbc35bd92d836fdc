"""The checks of a cost model."""

from __future__ import annotations

from typing import Any

import numpy as np

from evo.conformance.common import guarded, once
from evo.conformance.parts import part_checks
from evo.conformance.results import Check, CheckResult, NotConforming, results
from evo.costs.ledger import LEDGER
from evo.protocols import CostModel

MOST = 1e100
"""Highest price: a ledger entry times it, and the square of that, are floats."""
READINGS = 50


def check_cost(cost: CostModel) -> tuple[CheckResult, ...]:
    """Run all checks of a cost model."""
    return results(cost_checks(cost))


def cost_checks(cost: CostModel) -> list[Check]:
    """The checks of a cost model, to be run one by one."""
    weights = once(lambda: _weights(cost))
    read = guarded(weights, "weights", "the prices are none")
    return [
        *part_checks(cost),
        Check("weights", cost, weights),
        Check("fixed prices", cost, read(lambda: _fixed(cost))),
    ]


def _weights(cost: CostModel) -> str:
    weights: Any = np.asarray(cost.weights)
    if weights.shape != (len(LEDGER),) or weights.dtype.kind not in "iuf" or not np.isfinite(weights).all():
        raise NotConforming(
            f"{type(cost).__name__}.weights must be {len(LEDGER)} finite numbers, one for each of {', '.join(LEDGER)}, "
            f"got {cost.weights!r}"
        )
    if weights.dtype.kind == "f" and weights.dtype.itemsize < 8:
        raise NotConforming(
            f"{type(cost).__name__}.weights are {weights.dtype}, in which prices are rounded; write "
            "np.array([...], dtype=np.float64)"
        )
    if weights.min() < 0:
        entry = LEDGER[int(weights.argmin())]
        raise NotConforming(f"{type(cost).__name__}.weights must be >= 0, got {weights.min():g} for {entry}")
    if weights.max() > MOST:
        entry = LEDGER[int(weights.argmax())]
        raise NotConforming(
            f"{type(cost).__name__}.weights must be at most {MOST:g}, got {weights.max():g} for {entry}"
        )
    return f"{len(LEDGER)} prices: " + ", ".join(
        f"{entry} {price:g}" for entry, price in zip(LEDGER, weights, strict=True)
    )


def _fixed(cost: CostModel) -> str:
    first = np.array(cost.weights, dtype=np.float64)
    for _ in range(READINGS):
        if not np.array_equal(first, np.array(cost.weights, dtype=np.float64), equal_nan=True):
            raise NotConforming(
                f"{type(cost).__name__}.weights gives other prices each time; a price is a fixed number"
            )
    return "the same prices each time"
