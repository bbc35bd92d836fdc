"""What a budget leaves of a run: how many generations, and so calls and cost on average, and the share cut off."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np

from evo.costs.budget import Limit
from evo.costs.ledger import LEDGER
from evo.costs.prices import TokenPrices
from evo.errors import NoPrediction
from evo.evaluation import is_noisy
from evo.laws.declared import declared_calls
from evo.theory import TimeLaw
from evo.theory.times.cut import NEGLIGIBLE, mean_within
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.grids.programs.cell import ProgramCell
from experiments.predictions.counts import answers_of, evaluations_of, offspring_back
from experiments.predictions.predict import Prediction, calls_an_answer, predict, predicted_mean, times
from experiments.predictions.programs import expected_in, expected_total
from experiments.predictions.setting import always_valid, shares_valid


@dataclass(frozen=True)
class Within:
    """What a run of a cell comes to within its budget.

    Attributes:
        mean: expected calls without the budget; None if they are not predicted.
        calls: expected calls within it, E[min(calls, budget)]; the most that it can be where no law is known, calls
            differ in price or an answer takes a random number of them.
        last: largest number of calls at which the budget can end a run; infinite without a budget. With votes: an upper
            bound on its expectation, not counting the last generation.
        censored: P(no hit within the budget); where calls differ in price at most 1e-4 above it; None where it is not
            known.
        at_most: whether calls, tokens or cost within the budget are the most that they can be, not expectations.
    """

    mean: float | None
    calls: float
    last: float
    censored: float | None
    at_most: bool = False


@singledispatch
def within_budget(cell: AnyCell) -> Within:
    """Expected calls within the budget, its end, and P(censored); of a program P(its task is not done right)."""
    raise NotImplementedError(type(cell).__name__)


@within_budget.register
def _(cell: Cell) -> Within:
    mean, (fewest, most) = predicted_mean(cell, "calls"), generations_within(cell)
    calls, last = calls_within(cell), calls_at_the_end(cell)
    if mean is None or math.isinf(fewest):
        sure = mean is not None and math.isfinite(mean)
        return Within(mean, calls, last, 0.0 if sure else None, at_most=not sure)
    try:
        law = predict(cell, "generations").law
        share = None if law is None else _share(law, fewest, most)
        ended_alike = fewest == most and _one_price(cell) and _one_width(cell) and _as_often_evaluated(cell)
        exact = law is not None and (ended_alike or mean_within(law, fewest) >= law.mean)
        return Within(mean, calls, last, share, at_most=not exact)
    except NoPrediction:
        return Within(mean, calls, last, None, at_most=True)


@within_budget.register
def _(cell: ProgramCell) -> Within:
    try:
        expected, calls = expected_in(cell), expected_total(cell, "calls")
    except NoPrediction:
        return Within(None, math.inf, math.inf, None, at_most=True)
    return Within(calls, calls, math.inf, 1.0 - expected.done)


def calls_within(cell: Cell) -> float:
    """Expected calls within the budget alone, which cost less to know than the share of censored runs.

    Where an answer takes v calls on average, given all that came before, t answers and no more take at most v t on
    average, however they end (Wald): no budget on calls makes it less, since the last generation is a long one.
    """
    mean, (_, most) = predicted_mean(cell, "calls"), generations_within(cell)
    calls = min(math.inf if mean is None else mean, calls_after(cell, most))
    if mean is None or math.isinf(most):
        return calls
    try:
        law = predict(cell, "generations").law
        return calls if law is None else min(calls, calls_after(cell, mean_within(law, most)))
    except NoPrediction:
        return calls


def mean_cost(cell: AnyCell, within: Within) -> float | None:
    """Expected cost within the budget: price of a call x calls; None if not known.

    Where calls differ in price, at most the mean without the budget, and at most the largest price x calls.
    """
    try:
        return _cost_within(cell, predict(cell, "cost"), within)
    except NoPrediction:
        return None


@singledispatch
def _cost_within(cell: AnyCell, known: Prediction, within: Within) -> float | None:
    """What a budget leaves of a known cost; all of it where there is no budget."""
    return known.mean


@_cost_within.register
def _(cell: Cell, known: Prediction, within: Within) -> float | None:
    price = known.unit if known.law is not None else _dearest(cell)
    cost = min(known.mean, times(price, within.calls / cell.tokens.calls))
    return cost if math.isfinite(cost) else None


@singledispatch
def mean_tokens(cell: AnyCell, within: Within) -> tuple[float | None, float | None]:
    """Expected tokens read and written within the budget, as `mean_cost`."""
    raise NotImplementedError(type(cell).__name__)


@mean_tokens.register
def _(cell: ProgramCell, within: Within) -> tuple[float | None, float | None]:
    known = within.mean is not None
    read, written = (expected_total(cell, f"{what}_tokens") if known else None for what in ("prompt", "generated"))
    return read, written


@mean_tokens.register
def _(cell: Cell, within: Within) -> tuple[float | None, float | None]:
    tokens = cell.tokens
    if tokens.powers == 0:
        if within.mean is None or math.isinf(within.calls):
            return None, None
        read, written, *_ = (entry * within.calls / tokens.calls for entry in tokens.entries())
        return read, written
    reads, writes = (
        mean_cost(replace(cell, cost=price, budget=None), within)
        for price in (TokenPrices(prompt=1, generated=0, unit=1), TokenPrices(prompt=0, generated=1, unit=1))
    )
    return reads, writes


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


def answers_after(cell: Cell, generations: float) -> float:
    """The most answers of so many generations."""
    return float(answers_of(cell, np.array([generations]))[1][0])


def calls_after(cell: Cell, generations: float) -> float:
    """The most calls of so many generations; where an answer takes a random number of them, the most on average."""
    return times(answers_after(cell, generations), most_calls_an_answer(cell))


def most_calls_an_answer(cell: Cell) -> float:
    """LLM calls of an answer, those beside it included; the most on average where their number is random.

    Infinite if that is not known.
    """
    if not hasattr(cell.mutator, "mean_calls"):
        return float(cell.tokens.calls)
    try:
        return calls_an_answer(cell)
    except NoPrediction:
        wrong, right = (declared_calls(cell.mutator, i) for i in (1, 0))
        if wrong is None or right is None or (cell.chunks.g > 1 and wrong != right):
            return math.inf
        return max(wrong, right) * cell.tokens.calls


def calls_at_the_end(cell: Cell) -> float:
    """The most calls at which the budget ends a run, as `Within.last`."""
    if not hasattr(cell.mutator, "mean_calls"):
        return calls_after(cell, generations_within(cell)[1])
    return min((_calls_at(cell, limit) for limit in cell.limits), default=math.inf)


def _calls_at(cell: Cell, limit: Limit) -> float:
    """Calls where an answer takes several (votes): as many as are paid for, or as the answers may take at the most."""
    answers = answers_after(cell, _span(cell, limit)[1])
    price = _prices(cell, limit)[0]
    paid = math.ceil(limit.most / price) * cell.tokens.calls if price > 0 else math.inf
    return min(paid, times(answers, most_calls_an_answer(cell)))


def _one_price(cell: Cell) -> bool:
    """Whether all calls write equally many tokens, and so have the same price."""
    least, largest = _prices(cell, Limit.of(cell.tokens, np.eye(len(LEDGER))[LEDGER.index("generated_tokens")], 1.0))
    return least == largest


def _one_width(cell: Cell) -> bool:
    """Whether all generations make equally many calls: rounds on incorrect chunks alone make fewer near the end."""
    fewest, most = answers_of(cell, np.array([1]))
    return bool(fewest[0] == most[0])


def _as_often_evaluated(cell: Cell) -> bool:
    """Whether an answer is evaluated with one probability, or evaluations cost nothing."""
    least, largest = _shares_evaluated(cell)
    return least == largest or not Limit.of(cell.tokens, cell.weights, 1.0).per_evaluation


def _shares_evaluated(cell: Cell) -> tuple[float, float]:
    """Of the evaluations where all answers are valid, the least and the largest share on average.

    Evaluators that err may look at parents again, whatever the answers are.
    """
    least, largest = shares_valid(cell)
    return least, max(largest, float(is_noisy(cell.problem)))


def _dearest(cell: Cell) -> float:
    """The largest price on average of a call on a chunk, with its part of the evaluations of its answer."""
    limit, lam = Limit.of(cell.tokens, cell.weights, 1.0), np.array([cell.runner.lam])
    evaluated = limit.per_evaluation and limit.per_evaluation * _shares_evaluated(cell)[1] * float(
        evaluations_of(cell, np.array([1]), (lam, lam))[1][0] / lam[0]
    )
    several = calls_an_answer(cell) / cell.tokens.calls  # whatever their number, an answer is evaluated once
    return (_prices(cell, limit)[1] + evaluated / several) / limit.most


def _share(law: TimeLaw, fewest: float, most: float) -> float | None:
    """P(T > the generation at which the budget ends a run), the most that it can be.

    None where that generation varies, and the share by more than 1e-4.
    """
    early, late = (float(law.tail(t)) for t in (fewest, most))
    return early if early - late <= NEGLIGIBLE else None


def _span(cell: Cell, limit: Limit) -> tuple[float, float]:
    """The fewest and the most generations to a limit: with all calls at the highest, or the lowest, price.

    What is spent after t of them is linear in t from t = 1 on.
    """
    first, second = _spent(cell, limit, 1), _spent(cell, limit, 2)
    enough = limit.most * (1 - limit.rounding)
    cheap, dear = (_first(one, two - one, enough) for one, two in zip(first, second, strict=True))
    random_price = hasattr(cell.mutator, "mean_calls") and _prices(cell, limit)[1] > 0
    return (1.0 if random_price else dear), cheap  # an answer may take any number of calls


def _first(one: float, step: float, enough: float) -> float:
    """The least generation t >= 1 by which one + (t-1) step reaches the limit."""
    if one >= enough:
        return 1.0
    if step <= 0:
        return math.inf
    t = 1.0 + math.ceil((enough - one) / step)
    return t - 1 if one + (t - 2) * step >= enough else t


def _spent(cell: Cell, limit: Limit, generations: int) -> tuple[float, float]:
    """The least and the most of a limited quantity that a run has spent after some generations."""
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
    prices = [limit.price(s) for s in cell.search.lengths.possible]
    return min(prices), max(prices)
