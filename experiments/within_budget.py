"""What a budget leaves of a run: how many generations, and so calls and cost on average, and the share cut off."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from evo.budget import Limit
from evo.costs import TokenPrices
from evo.errors import NoPrediction
from evo.ledger import CallTokens
from evo.lengths import block_lengths
from evo.schedules import draws_subsets
from evo.theory import TimeLaw
from evo.theory.cut_means import NEGLIGIBLE, mean_within
from experiments.bookkeeping import answers_of, evaluations_of, offspring_back
from experiments.cell import Cell
from experiments.conditions import always_valid
from experiments.predictions import predict, predicted_mean


@dataclass(frozen=True)
class Within:
    """What a run of a cell comes to within its budget.

    Attributes:
        mean: expected calls without the budget; None if they are not predicted.
        calls: expected calls within it, E[min(calls, budget)]; the most that it can be where no law is known, calls
            differ in price or an answer takes several.
        last: the most calls at the end of the budget; infinite if there is none.
        censored: P(no hit within the budget); None where it is not known.
    """

    mean: float | None
    calls: float
    last: float
    censored: float | None


def within_budget(cell: Cell) -> Within:
    """Expected calls within the budget, its end, and P(censored)."""
    mean, (fewest, most) = predicted_mean(cell, "calls"), generations_within(cell)
    calls, last = calls_within(cell), calls_after(cell, most)
    if mean is None or math.isinf(fewest):
        return Within(mean, calls, last, 0.0 if mean is not None and math.isfinite(mean) else None)
    try:
        law = predict(cell, "generations").law
        return Within(mean, calls, last, None if law is None else _share(law, fewest, most))
    except NoPrediction:
        return Within(mean, calls, last, None)


def calls_within(cell: Cell) -> float:
    """Expected calls within the budget alone, which cost less to know than the share of censored runs."""
    mean, (_, most) = predicted_mean(cell, "calls"), generations_within(cell)
    calls = min(math.inf if mean is None else mean, calls_after(cell, most))
    if mean is None or math.isinf(most) or hasattr(cell.mutator, "mean_calls"):
        return calls
    try:
        law = predict(cell, "generations").law
        return calls if law is None else min(calls, calls_after(cell, mean_within(law, most)))
    except NoPrediction:
        return calls


def mean_cost(cell: Cell, within: Within) -> float | None:
    """Expected cost within the budget: price of a call x calls, and at most the mean without it; None if not known."""
    try:
        known = predict(cell, "cost")
    except NoPrediction:
        return None
    cost = known.mean if known.law is None else min(known.mean, known.unit * within.calls / cell.tokens.calls)
    return cost if math.isfinite(cost) else None


def mean_tokens(cell: Cell, within: Within) -> tuple[float | None, float | None]:
    """Expected tokens read and written within the budget, as `mean_cost`."""
    tokens = cell.tokens
    if isinstance(tokens, CallTokens) and tokens.full == tokens.short:
        if within.mean is None or math.isinf(within.calls):
            return None, None
        return tokens.full[0] * within.calls / tokens.calls, tokens.full[1] * within.calls / tokens.calls
    read, written = (
        mean_cost(replace(cell, cost=price, budget=None), within)
        for price in (TokenPrices(prompt=1, generated=0), TokenPrices(prompt=0, generated=1))
    )
    return read, written


def generations_within(cell: Cell) -> tuple[float, float]:
    """The fewest and the most generations after which the budget ends a run; infinite where it need not.

    They are equal where all generations have one price.

    >>> from evo import AllBlocks, Budget, OnePlusLambda
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> cell = Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), AllBlocks(), OnePlusLambda(lam=8), budget=Budget(calls=20))
    >>> generations_within(cell)
    (3.0, 3.0)
    """
    spans = [_span(cell, limit) for limit in cell.limits]
    fewest, most = (min((span[i] for span in spans), default=math.inf) for i in (0, 1))
    return fewest, most


def calls_after(cell: Cell, generations: float) -> float:
    """The most calls of so many generations."""
    return float(answers_of(cell, np.array([generations]))[1][0]) * cell.tokens.calls


def _share(law: TimeLaw, fewest: float, most: float) -> float | None:
    """P(T > the generation at which the budget ends a run); None where that generation varies, and the share too."""
    early, late = (float(law.tail(t)) for t in (fewest, most))
    return late if early - late <= NEGLIGIBLE else None


def _span(cell: Cell, limit: Limit) -> tuple[float, float]:
    """The generations at which the dearest and the cheapest possible run reach a limit.

    What is spent after t of them is linear in t from t = 1 on.
    """
    first, second = _spent(cell, limit, 1), _spent(cell, limit, 2)
    enough = limit.most * (1 - limit.rounding)
    cheap, dear = (_first(one, two - one, enough) for one, two in zip(first, second, strict=True))
    return (1.0 if hasattr(cell.mutator, "mean_calls") else dear), cheap  # an answer may take any number of calls


def _first(one: float, step: float, enough: float) -> float:
    """The least t >= 1 at which one + (t-1) step is enough."""
    if one >= enough:
        return 1.0
    if step <= 0:
        return math.inf
    t = 1.0 + math.ceil((enough - one) / step)
    return t - 1 if one + (t - 2) * step >= enough else t


def _spent(cell: Cell, limit: Limit, generations: int) -> tuple[float, float]:
    """The least and the most that so many generations spend of a limit."""
    t = np.array([generations])
    answers = [float(number[0]) for number in answers_of(cell, t)]
    evaluations = [0.0, 0.0]
    if limit.per_evaluation:
        evaluations = [float(number[0]) for number in evaluations_of(cell, t, offspring_back(cell, t))]
        evaluations[0] *= always_valid(cell)
    least, most = (
        number * price + limit.per_evaluation * evaluated
        for number, price, evaluated in zip(answers, _prices(cell, limit), evaluations, strict=True)
    )
    return least, most


def _prices(cell: Cell, limit: Limit) -> tuple[float, float]:
    """The least and the largest price of a call, evaluations apart."""
    lengths, chunks = block_lengths(cell.problem), cell.chunks
    if lengths is None:
        prices = {limit.per_call, limit.per_short_call if chunks.last < chunks.g else limit.per_call}
        return min(prices), max(prices)
    if draws_subsets(cell.schedule):
        ascending = sorted(lengths)
        sizes = {sum(ascending[: chunks.g]), sum(ascending[-chunks.g :])}
    else:
        sizes = {sum(lengths[first : first + chunks.g]) for first in range(0, len(lengths), chunks.g)}
    prices = {limit.per_call + sum(w * size**i for i, w in enumerate(limit.per_tokens, 1)) for size in sizes}
    return min(prices), max(prices)
