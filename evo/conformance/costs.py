"""The checks of a cost model."""

from __future__ import annotations

from typing import Any

import numpy as np

from evo.conformance.common import part_checks
from evo.conformance.results import Check, CheckResult, NotConforming, results
from evo.ledger import LEDGER
from evo.protocols import CostModel


def check_cost(cost: CostModel) -> tuple[CheckResult, ...]:
    """Run all checks of a cost model."""
    return results(cost_checks(cost))


def cost_checks(cost: CostModel) -> list[Check]:
    """The checks of a cost model, to be run one by one."""
    return [
        *part_checks(cost),
        Check("weights", cost, lambda: _weights(cost)),
        Check("fixed prices", cost, lambda: _fixed(cost)),
    ]


def _weights(cost: CostModel) -> str:
    weights: Any = np.asarray(cost.weights)
    if weights.shape != (len(LEDGER),) or weights.dtype.kind not in "iuf" or not np.isfinite(weights).all():
        raise NotConforming(
            f"{type(cost).__name__}.weights must be {len(LEDGER)} finite numbers, one for each of {', '.join(LEDGER)}, "
            f"got {cost.weights!r}"
        )
    if weights.min() < 0:
        entry = LEDGER[int(weights.argmin())]
        raise NotConforming(f"{type(cost).__name__}.weights must be >= 0, got {weights.min():g} for {entry}")
    return f"{len(LEDGER)} prices: " + ", ".join(
        f"{entry} {price:g}" for entry, price in zip(LEDGER, weights, strict=True)
    )


def _fixed(cost: CostModel) -> str:
    first, second = (np.array(cost.weights, dtype=np.float64) for _ in range(2))
    if not np.array_equal(first, second):
        raise NotConforming(f"{type(cost).__name__}.weights gives other prices each time; a price is a fixed number")
    return "the same prices each time"
