"""How many whole generations a budget of calls or of money is, where all calls cost the same (theory 17a)."""

from __future__ import annotations

import math

import numpy as np

from evo.costs.budget import ROUNDING
from evo.errors import InputError, NoPrediction
from evo.parameters import shown
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import RoundRobin, inner_schedule
from experiments.grids.arguments import a_number, expect_whole
from experiments.grids.cell import Cell
from experiments.predictions.counts import answers_of
from experiments.predictions.predict import evaluations_a_call
from experiments.predictions.setting import always_valid

DIFFER = (
    "calls differ in price (a chunk or a block is shorter), and when the cheap ones come is random, so that a cost is "
    "no number of calls; give calls=, or `fitness_or_simulated`"
)
NAMES = ("calls", "generations", "cost")


def generations_at(
    cell: Cell, calls: int | None = None, generations: int | None = None, cost: float | None = None, starts: int = 1
) -> int:
    """The generations that a budget pays each of some runs for; exactly one of the three must be given.

    Calls: G = ceil(calls / calls of a generation), as budgets do: a generation that is begun is paid whole. Cost: the
    calls that it buys, floor(cost / price of a call), as such a budget. A run under `Budget(cost=..)` goes on until its
    cost reaches the budget: one call more, unless the price divides it.

    Raises: InputError for none, several, or what is no budget of a call at least; NoPrediction where calls differ in
    price and do not come in turn, or a generation takes a random number of them.

    >>> from evo import AllBlocks, OnePlusLambda
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> cell = Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), AllBlocks(), OnePlusLambda(lam=8))
    >>> generations_at(cell, calls=20), generations_at(cell, generations=3)
    (3, 3)
    """
    given = [name for name, value in zip(NAMES, (calls, generations, cost), strict=True) if value is not None]
    if len(given) != 1:
        said = " and ".join(given) or "none"
        raise InputError(f"fitness at a budget: expected one of calls=, generations= or cost=, got {said}")
    if generations is not None:
        expect_whole("fitness at a budget: generations", generations, 0 if starts == 1 else starts)
        return int(generations) // starts
    each = calls_of_a_generation(cell)
    if calls is not None:
        expect_whole("fitness at a budget: calls", calls, 1)
    answer = cell.tokens.calls if calls is None else 1  # money buys whole answers, which are divided among the starts
    bought = _bought(cell, cost, starts) if calls is None else int(calls)
    if bought < starts:
        raise InputError(
            f"fitness at a budget: {bought} {'calls' if calls is not None else 'answers'} do not buy each of {starts} "
            "starts one"
        )
    return -(-(bought // starts * answer) // each)


def _bought(cell: Cell, cost: float | None, starts: int) -> int:
    """Answers that a cost buys, shared by the starts: in turn a sweep has its shorter chunk once a generation of it."""
    money = a_number("fitness at a budget: cost", cost)
    if not 0.0 < money < math.inf:
        raise InputError(f"fitness at a budget: cost must be a finite number > 0, got {shown(cost)}")
    price, less = _prices(cell)
    if price <= 0.0:
        raise InputError("fitness at a budget: calls of this cell cost nothing, so that no cost ends them; give calls=")
    bound = money / price * (1 + ROUNDING)
    answers = math.floor(bound)
    if less and bound >= 1.0:
        width, m = cell.runner.lam, cell.chunks.m
        answers = starts * _affordable(bound / starts, less / price, width, m)
    if answers < 1:
        raise InputError(f"fitness at a budget: cost = {cost!r} is below the price of one call, {price:.6g}")
    return answers


def _affordable(money: float, less: float, width: int, m: int) -> int:
    """The most answers n whose prices, 1 or in the last of m generations of `width` answers 1 - less, sum to `money`.

    >>> [_affordable(money, 0.5, 1, 3) for money in (1.0, 2.4, 2.5, 5.0)]  # 1, 2, 2.5, 3.5, 4.5, 5, ...
    [1, 2, 3, 6]
    """
    sweeps = math.floor(money / (width * (m - less)))
    rest = money - sweeps * width * (m - less)
    full = min(math.floor(rest), width * (m - 1))
    short = math.floor((rest - full) / (1.0 - less)) if full == width * (m - 1) else 0
    return sweeps * width * m + full + min(short, width)


def calls_of_a_generation(cell: Cell) -> int:
    """LLM calls of one generation, those beside an answer included.

    Raises: NoPrediction where their number is random.
    """
    if hasattr(cell.mutator, "mean_calls"):
        raise NoPrediction(
            "an answer takes a random number of calls, so that calls are no generations; give generations="
        )
    fewest, most = answers_of(cell, np.array([1]))
    if fewest[0] != most[0]:
        raise NoPrediction("a generation makes a varying number of calls, so that calls are none; give generations=")
    return int(most[0]) * cell.tokens.calls


def _prices(cell: Cell) -> tuple[float, float]:
    """What an answer on a full chunk costs, and how much less one on the shorter last chunk does, known when it comes.

    Raises: NoPrediction where when it comes is random, blocks differ in length, or some answers are not evaluated.
    """
    weights = cell.weights
    price, *shorter = cell.tokens.prices(weights)
    less = 0.0
    if any(shorter):
        in_turn = type(inner_schedule(cell.schedule)) is RoundRobin and type(cell.runner) is OnePlusLambda
        if not in_turn or cell.search.lengths.blocks is not None:
            raise NoPrediction(DIFFER)
        less = -float(sum(shorter))
    if weights[1] == 0:
        return float(price), less
    if not always_valid(cell):
        raise NoPrediction("evaluations have a price and some offspring are not evaluated; give calls=")
    return float(price + weights[1] * evaluations_a_call(cell)), less
