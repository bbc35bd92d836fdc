"""The quantities of a run whose growth is fitted: a column of the table of runs, its mean, median or ERT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.costs.ledger import LEDGER
from evo.errors import InputError
from evo.parameters import shown, suggestion
from evo.protocols import FloatArray
from experiments.store.by_cell import RunArrays
from experiments.store.results import Results
from experiments.store.table import is_of_a_role

MEAN, MEDIAN, ERT = "mean", "median", "ERT"
ALIASES = {"rounds": "generations", "makespan": "seconds"}
SUMS = {"tokens": ("prompt_tokens", "generated_tokens")}
OTHERS = ("evaluations", "generations", "rounds", "tokens", "seconds", "makespan")
KNOWN = ("hit", "calls", "cost", *OTHERS, *LEDGER[2:])
LEAST_MEAN, MOST_MEAN = 1e-140, 1e140
"""The square of a smaller mean, and the variance beside it, leave floats."""


@dataclass(frozen=True)
class Quantity:
    """What is fitted: a statistic of a column.

    Attributes:
        text: as it was asked for.
        statistic: "mean", "median", or "ERT": what all runs took over the number of hits.
        column: of the table of runs; "tokens" is the sum of prompt and generated ones.
    """

    text: str
    statistic: str
    column: str


def parsed(text: str, results: Results) -> Quantity:
    """The quantity of a text: `cost`, `median`, `median cost`, `ERT`, `qa.pass_tokens`.

    Raises: InputError for a quantity that is not known, or was not recorded.
    """
    roles = [name for name in results.runs.columns if is_of_a_role(name)]
    known = (*KNOWN, *roles)
    words = text.split() if isinstance(text, str) else []
    statistic = next((each for each in (MEDIAN, ERT) if words and words[0].lower() == each.lower()), MEAN)
    rest = words[1:] if statistic != MEAN else words
    column = "hit" if statistic != MEAN and not rest else " ".join(rest)
    if column not in known:
        of_roles = f"; or of a role, such as {roles[0]}" if roles else ""
        raise InputError(
            f"expected the quantity hit, calls or cost, or {', '.join(OTHERS)}, median or ERT of one{of_roles}, got "
            f"{shown(text)}{suggestion(column, known)}"
        )
    column = ALIASES.get(column, column)
    recorded = column in (*SUMS, "cost", "hit") or not len(results.runs) or results.runs[column].notna().any()
    if not recorded:
        raise InputError(f"the quantity {column} was not recorded in these runs; choose another one")
    return Quantity(text, statistic, column)


def values_of(runs: RunArrays, lam: float, column: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of the runs of a cell the values of a quantity, their hits, NaN where censored, and their trials.

    The value of a censored run is what it spent; trials are offspring for `hit` and generations for the rest.

    Args:
        runs: of the cell.
        lam: offspring a generation; NaN for a program, whose runs end by themselves, their task done or not.
        column: the quantity.
    """
    read = runs.floats
    hit, generations = read("hit"), read("generations")
    if lam != lam:
        offspring = read("calls")
        generations = np.maximum(offspring, 1.0)
        hit = hit if column == "hit" else offspring
    else:
        offspring = np.where(np.isnan(hit), lam * generations, hit)
    if column == "hit":
        return offspring, hit, offspring
    values = sum(map(read, SUMS[column])) if column in SUMS else read(column)
    return np.asarray(values), hit, generations


def out_of_floats(means: FloatArray) -> str:
    """Why means cannot be fitted: their squares, and the variances beside them, leave floats; else empty.

    >>> out_of_floats(np.array([1.0, 2.0]))
    ''
    """
    least, most = float(means.min(initial=1.0)), float(means.max(initial=1.0))
    if least >= LEAST_MEAN and most <= MOST_MEAN:
        return ""
    got = least if least < LEAST_MEAN else most
    told = f"from {LEAST_MEAN:g} to {MOST_MEAN:g}, whose squares are floats"
    return f"a law needs means {told}, got {got:.3g}; change the unit"
