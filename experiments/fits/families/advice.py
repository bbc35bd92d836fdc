"""Where families that are left would part, and how many runs there would tell them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from experiments.fits.families.choice import margin_of
from experiments.fits.families.likelihoods import Fitted
from experiments.grids.labels import three_digits

FACTORS = (1.25, 1.5, 2.0, 3.0, 4.0, 8.0, 16.0)
"""Of the largest x: where the families are compared."""
POWER = 4.6
"""Standard errors between two laws of which one is then refused at 0.001 with probability 0.9."""
FEWEST_RUNS, MOST_RUNS = 100, 100_000


def where_they_part(left: Sequence[Fitted], square: float, along: str, whole: bool) -> str:
    """The value of the parameter at which the fewest units in all part the families, and how many runs that takes.

    Args:
        left: the families, fitted.
        square: variance of one run over its squared mean.
        along: the parameter.
        whole: whether it takes whole numbers only.
    """
    end, cheapest, said = left[0].model.end, math.inf, ""
    for factor in FACTORS:
        x = np.array([math.ceil(end * factor) if whole else end * factor], dtype=float)
        found = [each.at(x) for each in left]
        runs = 0.0
        for (one, error), (other, off) in combinations(found, 2):
            room = float((one - other)[0] ** 2) / POWER**2 - float(error[0] ** 2 + off[0] ** 2)
            runs = max(runs, square / room if room > 0 else math.inf)
        logs = [min(float(one[0]), 700) for one, _ in found]
        spent = max(runs, FEWEST_RUNS) * math.exp(max(logs))
        if runs <= MOST_RUNS and spent < cheapest:
            cheapest, means = spent, ", ".join(three_digits(math.exp(log)) for log in logs)
            said = f"they part at {along} = {x[0]:g} ({means}): {_rounded(runs)} runs there would tell"
    return said or (
        f"no {along} up to {FACTORS[-1]:g} times as large would tell with {MOST_RUNS:,} runs; run more of these cells"
    )


def runs_for_bend(made: Fitted, bend: tuple[float, float], runs: float) -> str:
    """How many runs a cell tell whether the upper half of the range follows a law."""
    middle, half = (bend[0] + bend[1]) / 2, (bend[1] - bend[0]) / 2
    room = margin_of(made) - abs(middle)
    if not math.isfinite(half) or room <= 0 or abs(middle) > half:
        return "larger values would tell"
    return f"some {_rounded(runs * (half / room) ** 2)} runs a cell, or larger values, would tell"


def _rounded(runs: float) -> str:
    """Up, to two digits, and 100 at least."""
    runs = max(runs, FEWEST_RUNS)
    step = 10 ** (math.floor(math.log10(runs)) - 1)
    return f"{math.ceil(runs / step) * step:,.0f}"
