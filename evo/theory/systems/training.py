"""Training as a cost that is paid once: after how many runs it has paid, and what share of all cost is left of it.

Sections 2 and 5.5 of the paper: training is left out, since inference "over a long period of time" dominates. Here a
one-time cost C_f buys runs that cost less, by a larger fix, a smaller model or shorter calls; C_f and the cost of a run
are in the same unit. A token that is trained on costs three forward passes over it, one forward and two backward
(Kaplan et al. 2020), 3 m in the unit of Definition 2.2 (theory 12f).
"""

from __future__ import annotations

import math

from evo.errors import InputError

PASSES_A_TOKEN = 3
"""Forward passes that training on a token costs: one forward, and a backward one of twice the cost."""
ROUNDING = 1e-12
"""So much may a quotient be above a whole number by rounding."""


def tuning_cost(tokens: float, m: float = 1.0) -> float:
    """C_f = 3 m D of training a model of size m on D tokens, epochs counted.

    >>> tuning_cost(1e6, m=10)
    30000000.0
    """
    return PASSES_A_TOKEN * m * tokens


def runs_to_pay(once: float, before: float, after: float) -> float:
    """The least N with C_f + N after <= N before, ceil(C_f / (before - after)); infinite if a run costs no less.

    Args:
        once: C_f >= 0.
        before: expected cost of a run without it, > 0.
        after: with it.

    Raises: InputError for costs that are none.

    >>> runs_to_pay(3e6, 48128, 25330.5), runs_to_pay(100, 10, 5), runs_to_pay(100, 10, 10)
    (132, 20, inf)
    """
    _expect_costs(once, before, after)
    if once == 0.0:
        return 0
    return math.ceil(once / (before - after) * (1.0 - ROUNDING)) if after < before else math.inf


def runs_to_vanish(once: float, after: float, share: float) -> float:
    """The least N from which on training is at most a share of all cost: C_f <= share (C_f + N after).

    Raises: InputError for costs or shares that are none.

    >>> runs_to_vanish(100, 5, 0.5), runs_to_vanish(100, 5, 0.01)
    (20, 1980)
    """
    _expect_costs(once, after)
    if not 0.0 < share <= 1.0:
        raise InputError(f"runs_to_vanish: expected a share in (0, 1], got {share!r}")
    return math.ceil(once * (1.0 - share) / (share * after) * (1.0 - ROUNDING))


def _expect_costs(once: float, *runs: float) -> None:
    if not 0.0 <= once < math.inf or not all(0.0 < cost < math.inf for cost in runs):
        raise InputError(f"training: expected C_f >= 0 and costs of a run > 0, all finite, got {(once, *runs)!r}")
