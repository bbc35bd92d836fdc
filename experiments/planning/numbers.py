"""The exact numbers of a candidate, all of them `predict`'s."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from evo.errors import NoPrediction
from experiments.planning.candidates import TOKENS, Candidate
from experiments.predictions.predict import predict

LEVELS = (0.1, 0.5, 0.9)
NONE = math.nan


@dataclass(frozen=True)
class Numbers:
    """What a candidate comes to; NaN where it is not known.

    Attributes:
        calls: expected calls of a run to the optimum.
        tokens: expected tokens, read and written.
        money: expected money.
        low, median, high: 10, 50 and 90 % of the money of single runs.
        kind: "exact", or "none" where `predict` refuses.
        note: why a number is missing.
    """

    calls: float = NONE
    tokens: float = NONE
    money: float = NONE
    low: float = NONE
    median: float = NONE
    high: float = NONE
    kind: str = "exact"
    note: str = ""


def means_of(candidate: Candidate) -> Numbers:
    """Expected calls, tokens and money."""
    cell, model = candidate.cell, candidate.model
    try:
        calls = predict(cell, "calls").mean
        tokens = predict(replace(cell, cost=TOKENS), "cost").mean if model.counted else NONE
        money = predict(cell, "cost").mean if model.priced else NONE
    except NoPrediction as error:
        return Numbers(kind="none", note=str(error))
    return Numbers(calls, tokens, money)


def with_band(candidate: Candidate, numbers: Numbers) -> Numbers:
    """The same with 10, 50 and 90 % of single runs: of their money, or of their calls without prices."""
    if numbers.kind == "none":
        return numbers
    try:
        known = predict(candidate.cell, "cost" if candidate.model.priced else "calls")
        low, median, high = (known.quantile(u) for u in LEVELS)
    except NoPrediction as error:
        return replace(numbers, note=str(error))
    return replace(numbers, low=low, median=median, high=high)


Measure = Callable[[Numbers], float]
