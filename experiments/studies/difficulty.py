"""The study `difficulty`: blocks that stay hard for the whole run give heavy tails; means mislead (theory 5b, 5c)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evo import Budget, OnePlusLambda, OnlyIncorrect
from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.times.cut import cut_means
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.reports.measured import Arms, Measured, Value, beside, number
from experiments.reports.panels import Curve, Panel, panels_figure
from experiments.reports.study import Findings, Study
from operators import BetaBlocks, Resample
from problems import BlockOneMax

if TYPE_CHECKING:
    from matplotlib.figure import Figure

K, L = 10, 16
MOST = 2**14
"""Budget of a run, in calls."""
REDRAWN = "redrawn at every call"
SHAPES = {"al = 3": 3.0, "al = 1.5": 1.5, "al = 1": 1.0, "al = 0.6": 0.6}
"""p_j ~ Beta(al, al), mean 1/2 in all."""


def grid(runs: int = 1000, seed: int = 1) -> Grid:
    """Ten blocks, all incorrect at first, one incorrect block a call; success 1/2 on average in every arm."""
    parts = (OnlyIncorrect(), OnePlusLambda())
    problem, budget = BlockOneMax(k=K, l=L), Budget(calls=MOST)
    arms = {REDRAWN: [Cell(problem, Resample(p=0.5), *parts, budget=budget)]}
    for arm, shape in SHAPES.items():
        arms[arm] = [Cell(problem, BetaBlocks(a=shape, b=shape), *parts, budget=budget)]
    return Grid("difficulty", arms, runs=runs, seed=seed)


def _only(arms: Arms, arm: str) -> Measured:
    return arms[arm][0]


def _most(each: Measured) -> int:
    """The budget on calls."""
    budget = each.cell.budget
    return MOST if budget is None or budget.calls is None else budget.calls


def _exact_cut_means(each: Measured, budgets: FloatArray) -> FloatArray:
    """E[min(T, B)], T = hit; NaN where the law is not known."""
    try:
        law = each.predict().law
        return np.full(len(budgets), np.nan) if law is None else cut_means(law, budgets)
    except NoPrediction:
        return np.full(len(budgets), np.nan)


ALPHA = "$\\alpha$"
LOWEST = 6e-4
"""Share of runs still going that curves are drawn down to."""


def figure(arms: Arms) -> Figure:
    """Mean and median of runs that give up at a budget, along that budget on the same scale; and P(T > t)."""
    means, medians, tails = [], [], []
    for place, arm in enumerate(arms):
        each = _only(arms, arm)
        budgets = 2.0 ** np.arange(3, math.log2(_most(each)) + 1e-9)
        fine = np.unique(np.geomspace(budgets[0], budgets[-1], 80).round())
        values = [each.cut_mean(budget) for budget in budgets]
        middles = [_cut(each.median, budget) for budget in budgets]
        middle = each.exact_median
        name = _name(arm)
        means.append(Curve(name, budgets, values, fine, _exact_cut_means(each, fine), place))
        medians.append(Curve(name, budgets, middles, fine, np.minimum(middle, fine), place))
        tails.append(_tail(arm, each, budgets, fine, place))
    most = max(value.high for each in means for value in each.values)
    scale, budget = (6.0, 1.6 * most), "budget  (calls a run; the run gives up there)"
    return panels_figure(
        STUDY.title,
        [
            Panel(f"MEAN: no limit for {ALPHA} <= 1", budget, "mean calls spent", means, log_x=2, y_range=scale),
            Panel("MEDIAN: settles", budget, "median calls spent", medians, log_x=2, y_range=scale),
            Panel("TAIL: P(more than t calls) falls like $t^{-\\alpha}$", "t  (calls)", "share of runs still going",
                  tails, log_x=2, y_range=(LOWEST / 5, 1.5)),
        ],
        note=f"a block succeeds w.p. ~ Beta({ALPHA}, {ALPHA}), drawn once a run; the smaller {ALPHA}, the more blocks "
        "are nearly hopeless; redrawn: success 1/2 at every call",
    )  # fmt: skip


def _name(arm: str) -> str:
    return arm.replace("al =", f"{ALPHA} =")


def _cut(median: Value, budget: float) -> Value:
    """The median of min(calls, budget)."""
    return Value(*(min(end, budget) for end in (median.value, median.low, median.high)))


def _tail(arm: str, each: Measured, times: FloatArray, fine: FloatArray, place: int) -> Curve:
    """P(T > t) where some runs were still going, over the exact curve."""
    within = [each.within(t) for t in times if t <= each.reached]
    values = [Value(1 - v.value, 1 - v.high, 1 - v.low) for v in within if v.value < 1]
    line = 1 - each.exact_cdf(fine)
    short = arm == REDRAWN  # its curve ends among the others
    name = "redrawn" if short else _name(arm)
    return Curve(name, times[: len(values)], values, fine, np.where(line >= LOWEST, line, np.nan), place, left=short)


def findings(arms: Arms) -> Findings:
    """Means at three budgets, median, and the share within the budget."""
    most = max(_most(_only(arms, arm)) for arm in arms)
    budgets = [most // 32, most]
    rows = []
    for arm in arms:
        each = _only(arms, arm)
        cut = _exact_cut_means(each, np.array(budgets, dtype=np.float64))
        rows.append(
            (arm, number(each.exact()),
             *(beside(each.cut_mean(budget), line) for budget, line in zip(budgets, cut, strict=True)),
             beside(each.median, each.exact_median, each.verdict),
             beside(each.within(budgets[0]), float(each.exact_cdf(np.array(budgets[0])))),
             str(each.censored))
        )  # fmt: skip
    worst, plain = (_only(arms, arm) for arm in (list(SHAPES)[-1], REDRAWN))
    return Findings(
        sentences=(
            f"Same average success, same p for the whole run: with {list(SHAPES)[-1]} the mean of runs that give up "
            f"grows from {worst.cut_mean(budgets[0])} to {worst.cut_mean(budgets[1])} calls as their budget grows from "
            f"{number(budgets[0])} to {number(budgets[1])}, and has no limit; the median stays {worst.median}.",
            f"Drawn anew at every call the same model takes {plain.mean()} calls on average, {plain.median} in the "
            "median: it is persistence that makes the tail.",
            "For al <= 1 report medians or P(T <= budget), never the mean of the runs that finished.",
        ),
        headings=("blocks", "exact mean", *(f"mean, budget {number(budget)}" for budget in budgets),
                  "median", f"P(T <= {number(budgets[0])})", "censored"),
        rows=tuple(rows),
        note="mean, budget B: of min(calls, B), what a run costs that gives up at B",
    )  # fmt: skip


STUDY = Study(
    name="difficulty",
    question="Do blocks stay hard for the whole run? Heavy tails: the mean diverges, the median does not",
    grid=grid,
    title="Blocks that stay hard: the mean grows with the budget without limit, the median hardly moves",
    figure=figure,
    findings=findings,
)
