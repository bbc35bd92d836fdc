"""The true fitness of the current solution at a budget: its law, and what is told of it (theory 17a)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.foreign import blame_part
from evo.protocols import FloatArray
from evo.search import Search
from evo.theory.quality.law import FitnessLaw, chances_of, logs_of
from evo.theory.times.law import check_level
from experiments.grids.arguments import expect_a, expect_whole
from experiments.grids.cell import Cell
from experiments.predictions.quality.budgets import calls_of_a_generation, generations_at
from experiments.predictions.quality.rules import row_and_fitness
from experiments.predictions.refusals import HEAD
from experiments.predictions.rules import Row
from experiments.predictions.setting import Setting, doubts_of

TRUSTED = (
    "the mutator's `rewrite` follows its declared law, independently from call to call given what a run draws",
    "no other budget than this one ends a run before the optimum, where it stays",
)
LEVEL_SLACK = 1e-12  # by which a cdf may miss the level of a quantile


@dataclass(frozen=True, eq=False)
class Quality:
    """The law of the true fitness of the current solution after some generations, or of the best of several runs.

    Attributes:
        generations: of each run.
        starts: independent runs that share the budget, of which the best counts.
        values: that the fitness may have, ascending, float [v].
        chances: P(each), float [v].
        source: where the formula is from.
        checked: the conditions that the code checked of this cell.
        trusted: what it could not check.
        law: of one run, at all budgets.
        calls_each: LLM calls of a generation; None where their number is random.
        kind: "exact".
        doubts: what the mutator says against the numbers: rates that it extrapolates.
    """

    generations: int
    starts: int
    values: FloatArray = field(repr=False)
    chances: FloatArray = field(repr=False)
    source: str
    checked: tuple[str, ...] = field(repr=False)
    trusted: tuple[str, ...] = field(repr=False)
    law: FitnessLaw = field(repr=False)
    calls_each: int | None = None
    kind: str = "exact"
    doubts: tuple[str, ...] = ()

    @property
    def calls(self) -> int:
        """LLM calls paid for, of all runs together.

        Raises: NoPrediction where their number is random.
        """
        if self.calls_each is None:
            raise NoPrediction("how many calls so many generations make is random")
        return self.starts * self.generations * self.calls_each

    @property
    def mean(self) -> float:
        """E[fitness]."""
        return float(self.chances @ self.values)

    @property
    def variance(self) -> float:
        """Var[fitness]."""
        return float(self.chances @ (self.values - self.mean) ** 2)

    @property
    def solved(self) -> float:
        """P(the solution is optimal), the cdf of the generations at this budget."""
        return float(self.chances[-1])

    def cdf(self, fitness: ArrayLike) -> FloatArray:
        """P(fitness <= v), in the shape of v."""
        sums = np.append(0.0, np.cumsum(self.chances))
        sums[-1] = 1.0  # what rounding may have left of it
        return np.asarray(np.minimum(sums[np.searchsorted(self.values, np.asarray(fitness), side="right")], 1.0))

    def at_least(self, fitness: ArrayLike) -> FloatArray:
        """P(fitness >= v), for a target v that need not be the optimum; in the shape of v."""
        sums = np.append(np.cumsum(self.chances[::-1])[::-1], 0.0)
        sums[0] = 1.0
        return np.asarray(np.minimum(sums[np.searchsorted(self.values, np.asarray(fitness), side="left")], 1.0))

    def quantile(self, u: float) -> float:
        """The least possible v with P(fitness <= v) >= u, 0 <= u < 1; a cdf within 1e-12 of u has reached it."""
        check_level(u)
        reached = (np.cumsum(self.chances) >= u - LEVEL_SLACK) & (self.chances > 0.0)
        return float(self.values[reached][0])

    def held(self, u: float) -> float:
        """The greatest possible v with P(fitness >= v) >= u, 0 < u <= 1: what a share u of the runs has at least.

        Where exactly a share u of the runs is above v', `quantile(1 - u)` is v', and this is more.
        """
        check_level(1.0 - u)
        reached = (np.cumsum(self.chances[::-1])[::-1] >= u - LEVEL_SLACK) & (self.chances > 0.0)
        return float(self.values[reached][-1])

    @cached_property
    def improve(self) -> float:
        """P(the last generation raised the fitness of the current solution).

        Raises: NoPrediction before the first generation, and for several runs.
        """
        if self.generations == 0 or self.starts > 1:
            raise NoPrediction(f"P(improve) is of a generation of one run, got {self.generations} of {self.starts}")
        return float(self.law.improves([self.generations])[0])

    @cached_property
    def gain(self) -> float:
        """What one more generation of each run is worth: E[f_{G+1}] - E[f_G]."""
        values, (chances,) = laws_at(self.law, [self.generations + 1], self.starts)
        return float(chances @ values) - self.mean

    @cached_property
    def error(self) -> float:
        """How far the probabilities may be off beyond rounding, by their own estimate; 0 where a formula is exact.

        Only stored noise is followed on a grid (theory 17e).
        """
        estimate = getattr(self.law, "error_after", None)
        return 0.0 if estimate is None else self.starts * float(estimate([self.generations]))

    @property
    def gain_of_a_call(self) -> float:
        """The marginal value of a call: `gain` over the calls of the generation.

        Raises: NoPrediction where their number is random.
        """
        if self.calls_each is None:
            raise NoPrediction("how many calls a generation makes is random")
        return self.gain / (self.starts * self.calls_each)


def predict_fitness(
    cell: Cell,
    calls: int | None = None,
    generations: int | None = None,
    cost: float | None = None,
    starts: int = 1,
) -> Quality:
    """The exact law of the fitness at a budget; `predict(cell, "fitness", calls=..)` is the same.

    Args:
        cell: any cell; its own budget is not looked at.
        calls: LLM calls, of which whole generations are made, G = ceil(calls / calls of a generation).
        generations: whole generations.
        cost: money, which buys floor(cost / price of a call) calls.
        starts: independent runs that share the budget, floor(budget / starts) each; the best of them counts.

    Raises: InputError unless exactly one budget is given that buys each run a call; NoPrediction naming the nearest
    rules, or where calls differ in price or number.

    >>> from evo import AllBlocks, OnePlusLambda
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> cell = Cell(BlockOneMax(k=5, l=16), Resample(p=0.5), AllBlocks(), OnePlusLambda())
    >>> found = predict_fitness(cell, calls=20)
    >>> round(found.mean, 9), round(found.solved, 9), round(found.improve, 9), found.quantile(0.1)
    (4.454329224, 0.470050715, 0.020118915, 4.0)
    """
    expect_a(Cell, "predict", cell, "a Cell(problem, mutator, schedule, runner)")
    expect_whole("fitness at a budget: starts", starts, 1)
    with blame_part(cell):
        (told,) = qualities(cell, [generations_at(cell, calls, generations, cost, starts)], starts)
        return told


def qualities(cell: Cell, generations: Iterable[int], starts: int = 1) -> list[Quality]:
    """The laws of the fitness after several numbers of generations.

    Raises: NoPrediction naming the nearest rules.
    """
    times, told = list(generations), doubts_of(cell)
    row, law = _known(cell)
    values, chances = laws_at(law, times, starts)
    try:
        each = calls_of_a_generation(cell)
    except NoPrediction:
        each = None
    return [
        Quality(t, starts, values, p, law.source, row.checked, TRUSTED, law, each, doubts=told)
        for t, p in zip(times, chances, strict=True)
    ]


def laws_at(law: FitnessLaw, generations: list[int], starts: int) -> tuple[FloatArray, FloatArray]:
    """The different values, ascending, float [v], and the laws of the best of several runs, float [n, v]."""
    values, place = np.unique(law.values, return_inverse=True)
    chances = np.zeros((len(generations), len(values)))
    for value, chance in zip(place.tolist(), law.after(generations).T, strict=True):
        chances[:, value] += np.maximum(chance, 0.0)  # rounding may leave -1e-17
    if starts > 1:  # P(max = v) = F(v)^n - F(v-)^n
        chances = chances_of(starts * logs_of(chances))
    return values, chances


def _known(cell: Cell) -> tuple[Row, FitnessLaw]:
    """The row that a cell fits, and its law of the fitness; cells that differ only in price share it."""
    found = _looked_up(cell.search, cell.search.text)
    if isinstance(found, str):
        raise NoPrediction(found.replace(HEAD + cell.search.text, HEAD + cell.text, 1))
    return found


@lru_cache(maxsize=64)
def _looked_up(search: Search, text: str) -> tuple[Row, FitnessLaw] | str:
    """The row and the law of a search, or why there is none, in words; both are kept for the next cell of that search.

    Few laws are kept, since each may hold the powers of its chain.
    """
    try:
        return row_and_fitness(Setting(search))
    except NoPrediction as error:
        return str(error)
