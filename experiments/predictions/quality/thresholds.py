"""The threshold of acceptance that serves a noisy evaluation best (theory 17h)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.runners.one_plus_lambda import OnePlusLambda
from experiments.grids.arguments import expect_a
from experiments.grids.cell import Cell
from experiments.predictions.predict import predict
from experiments.predictions.quality.fitness import predict_fitness
from problems.noisy import Noisy

GRID = 41  # thresholds that are tried before the best is refined
STEPS = 40  # of golden sections
GOLDEN = (5.0**0.5 - 1.0) / 2.0


@dataclass(frozen=True)
class BestThreshold:
    """A threshold, and what it is worth.

    Attributes:
        threshold: c; an offspring is accepted if it is seen better by more.
        value: the mean number of calls to the optimum with it, or the mean fitness at the budget.
        without: the same with c = 0.
    """

    threshold: float
    value: float
    without: float


def best_threshold(cell: Cell, calls: int | None = None) -> BestThreshold:
    """The threshold with the least mean number of calls to the optimum, or the largest mean fitness after `calls`.

    By the chain (theory 8b) with A(D) = Phi((D - c) sqrt(m)/(sigma sqrt 2)): a grid on |c| <= 1 + 4 sigma/sqrt(m), and
    golden sections around the best of it. Where calls seldom damage, the best c is below 0.

    Args:
        cell: a `Noisy` problem whose parents are evaluated again, under `OnePlusLambda`, lam = 1.
        calls: the budget; None: to the optimum.

    Raises: InputError for another cell; NoPrediction where its mean is not known.

    >>> from evo import UniformChunk
    >>> from operators import FixKeep
    >>> from problems import BlockOneMax
    >>> seen = Noisy(BlockOneMax(k=10, l=16), sigma=0.5)
    >>> found = best_threshold(Cell(seen, FixKeep(0.5, 0.5), UniformChunk(), OnePlusLambda()))
    >>> round(found.threshold, 2), round(found.value, 1), round(found.without, 1)
    (0.21, 76.6, 79.5)
    """
    problem, runner = judged_afresh("best_threshold", cell)

    def loss(c: float) -> float:
        tried = replace(cell, runner=replace(runner, threshold=c))
        return predict(tried).mean if calls is None else -predict_fitness(tried, calls=calls).mean

    widest = 1.0 + 4.0 * problem.sigma / problem.samples**0.5
    places = np.linspace(-widest, widest, GRID)
    losses = [or_infinite(loss, float(c)) for c in places]
    best = int(np.argmin(losses))
    low, high = float(places[max(0, best - 1)]), float(places[min(GRID - 1, best + 1)])
    for _ in range(STEPS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        low, high = (low, right) if or_infinite(loss, left) <= or_infinite(loss, right) else (left, high)
    c = (low + high) / 2
    if or_infinite(loss, c) > losses[best]:
        c = float(places[best])
    sign = 1.0 if calls is None else -1.0
    return BestThreshold(c, sign * or_infinite(loss, c), sign * loss(0.0))


def judged_afresh(role: str, cell: Cell) -> tuple[Noisy, OnePlusLambda]:
    """Problem and runner of a cell whose parents are evaluated again, one offspring a generation.

    Raises: InputError for another cell.
    """
    expect_a(Cell, role, cell, "a Cell")
    problem, runner = cell.problem, cell.runner
    if not isinstance(problem, Noisy) or not problem.reevaluate or type(runner) is not OnePlusLambda or runner.lam > 1:
        raise InputError(
            f"{role}: expected Noisy(.., reevaluate=True) under OnePlusLambda with lam = 1, got {cell.search.text:.200}"
        )
    return problem, runner


def or_infinite(loss: Callable[[Any], float], c: Any) -> float:
    """The loss at a place; infinite where it is not known."""
    try:
        return loss(c)
    except NoPrediction:  # beyond the floats
        return float("inf")
