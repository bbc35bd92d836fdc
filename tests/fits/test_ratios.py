"""Speed-ups where budgets bite or means do not exist: a ratio with an interval, a bound, or a word."""

import math
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from evo import AllBlocks, Budget, OnePlusLambda, UntilResolved
from evo.statistics import median_interval
from experiments import Grid, run_grid, speedup, sweep
from experiments.fits.quotients import quotient
from experiments.fits.ratios import ERT, MEAN, Ratio, Side
from experiments.fits.series import Series
from experiments.fits.tails import Tail
from operators import Resample
from problems import BlockOneMax


def side(costs, hit=None, tail=Tail.LIGHT):
    hit = np.ones(len(costs), dtype=bool) if hit is None else np.asarray(hit)
    hits = pd.array(np.where(hit, 1, 0), dtype="Int64")
    hits[~hit] = pd.NA
    return Side.of(pd.DataFrame({"cost": np.asarray(costs, dtype=float), "hit": hits}), tail)


def ratio(slow, fast):
    return Ratio(slow, fast, math.nan, math.nan, 1)


def cut(rng, p, runs, budget):
    drawn = rng.geometric(p, runs)
    return side(np.minimum(drawn, budget), drawn <= budget)


def test_a_ratio_by_hand():
    """Costs 1, 2, 3 and, cut at 4, 1, 4, 4: ERT 6/3 = 2 and 9/1 = 9."""
    fast, slow = side([1, 2, 3]), side([1, 4, 4], [True, False, False])
    assert (fast.ert, slow.ert) == (2.0, 9.0)
    assert (ratio(slow, fast).value, ratio(slow, fast).of) == (4.5, ERT)
    assert (ratio(fast, fast).value, ratio(fast, fast).of) == (1.0, MEAN)
    assert (fast.median, slow.median) == (2.0, math.inf)
    assert ratio(slow, fast).note == "2 of 3 runs of the slow arm were censored"
    assert fast.square == pytest.approx(1 / (3 * 4))  # sample variance 1, mean 2
    residuals = np.array([1 - 9, 4, 4])
    assert slow.square == pytest.approx(residuals.var(ddof=1) / (3 * 3**2))
    assert all(math.isnan(end) for end in ratio(slow, fast).interval(0.05))  # three runs


@pytest.mark.parametrize("few", ["slow", "fast"])
@pytest.mark.parametrize(("hits", "runs", "told"), [(100, 100, True), (99, 99, False), (99, 200, False),
                                                    (100, 200, True), (0, 100, True), (0, 99, False)])  # fmt: skip
def test_a_hundred_hits_have_an_interval_or_a_hundred_runs_without_one(hits, runs, told, few):
    """Of each arm; no hit at all is a bound of the runs, and not a few hits of which the spread is not known."""
    costs = np.arange(1.0, runs + 1)
    pair = {"slow": side(np.arange(1.0, 301.0)), "fast": side(np.arange(1.0, 301.0))}
    pair[few] = side(costs, np.arange(runs) < hits)
    assert [math.isnan(end) for end in ratio(**pair).interval(0.05)] == [not told] * 2


@pytest.mark.statistical
@pytest.mark.parametrize("budget", [20, 60, 10**6])
def test_intervals_of_ratios_hold_whatever_the_budget(budget):
    """Times without memory have one ERT at all budgets; 300 intervals at 95 %, two points below at most w.p. 1e-3."""
    rng = np.random.default_rng(7)
    ends = [ratio(cut(rng, 0.02, 400, budget), cut(rng, 0.1, 400, budget)).interval(0.05) for _ in range(300)]
    assert sum(low <= 5.0 <= high for low, high in ends) >= binom.ppf(1e-3, 300, 0.93)
    assert sum(low > 5.0 for low, _ in ends) <= binom.isf(1e-3, 300, 0.04)  # both ends miss: they are two-sided
    assert sum(high < 5.0 for _, high in ends) <= binom.isf(1e-3, 300, 0.04)
    assert sum(low > 5.0 for low, _ in ends) > 0 < sum(high < 5.0 for _, high in ends)


def test_without_a_hit_the_ratio_is_bounded():
    rng = np.random.default_rng(8)
    none, some = side(np.full(400, 100.0), np.zeros(400, dtype=bool)), cut(rng, 0.1, 400, 50)
    high = ratio(none, some)
    assert (high.value, high.interval(0.05)[1], high.of) == (math.inf, math.inf, ERT)
    # W.p. 0.975 P(hit) is at most 1 - 0.025^(1/400) = 0.0092, so that the ERT is at least 10,890: 1,089 times 10.
    assert 850 < high.interval(0.05)[0] < 1089
    low = ratio(some, none)
    assert (low.value, low.interval(0.05)[0]) == (0.0, 0.0)
    assert 1 / 1089 < low.interval(0.05)[1] < 1 / 850


@pytest.mark.parametrize("tail", [Tail.NO_MEAN, Tail.NO_VARIANCE])
@pytest.mark.parametrize("heavy", ["slow", "fast"])
def test_a_heavy_tail_has_no_interval_by_the_normal_law(tail, heavy):
    costs = np.arange(1.0, 401.0)
    pair = {"slow": side(3 * costs), "fast": side(costs)} | {heavy: side(3 * costs, tail=tail)}
    found = ratio(**pair)
    assert found.tail is tail
    assert tail.value in found.note
    assert all(math.isnan(end) for end in found.interval(0.05))
    assert math.isnan(found.value) == (tail is Tail.NO_MEAN)
    assert found.of == ("" if tail is Tail.NO_MEAN else MEAN)
    middle, low, high = found.medians(0.05)
    assert middle == pytest.approx(pair["slow"].median / pair["fast"].median)
    assert low < middle < high


@pytest.mark.statistical
def test_the_ratio_of_medians_holds_for_heavy_tails():
    """Pareto costs with index 0.8, median 2^(1/0.8), over the same tripled: 300 intervals at 95 % or more."""
    rng = np.random.default_rng(9)
    held = 0
    for _ in range(300):
        slow, fast = (side(scale * (1 + rng.pareto(0.8, 200)), tail=Tail.NO_MEAN) for scale in (3, 1))
        _, low, high = ratio(slow, fast).medians(0.05)
        held += low <= 3.0 <= high
    assert held >= binom.ppf(1e-3, 300, 0.95)


def test_medians_are_known_while_most_runs_hit():
    some, most = [True] * 6 + [False] * 4, [True] * 4 + [False] * 6
    costs = [1, 2, 3, 4, 5, 6, 9, 9, 9, 9]
    assert ratio(side(costs, some), side(costs)).medians(0.5)[0] == 5.5 / 5.5
    assert all(math.isnan(each) for each in ratio(side(costs, most), side(costs)).medians(0.5))


@pytest.mark.parametrize("n", [1, 5, 6, 10, 99, 100])
@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-3])
def test_order_statistics_hold_the_median_as_often_as_said(n, alpha):
    low, high = median_interval(np.arange(1.0, n + 1), alpha)
    if math.isinf(high):
        assert binom.cdf(0, n, 0.5) > alpha / 2
        return
    place = int(low)
    assert high == n + 1 - place
    assert binom.cdf(place - 1, n, 0.5) <= alpha / 2 < binom.cdf(place, n, 0.5)


def test_every_pair_of_cells_has_a_row_or_a_note():
    """One censored run, none of one arm, a cell without runs: three rows, and no fourth, which one arm alone has."""
    parts = {"mutator": Resample(p=0.5), "runner": OnePlusLambda(), "budget": Budget(calls=30)}
    arms = {
        "slow": sweep(problem=[BlockOneMax(k=k, l=4) for k in (1, 3, 12, 14)], schedule=AllBlocks(), **parts),
        "fast": sweep(problem=[BlockOneMax(k=k, l=4) for k in (1, 3, 12)], schedule=UntilResolved(), **parts),
    }
    results = run_grid(Grid("pairs", arms, runs=200), workers=1)
    made = speedup(results, "slow", "fast").set_index("k")
    assert made.index.tolist() == [1, 3, 12]
    assert made["of"].tolist() == ["mean", "ERT", "ERT"]
    assert made.loc[1, "note"] == ""
    for k, cells in ((3, "slow"), (12, "slow")):
        runs = results.by_cell[next(cell.id for cell in arms[cells] if cell.problem.k == k)]
        censored = int(runs["hit"].isna().sum())
        assert f"{censored} of 200 runs of the slow arm" in made.loc[k, "note"]
        cost = runs["cost"].sum() / (200 - censored) if censored < 200 else math.inf
        fast = results.by_cell[next(cell.id for cell in arms["fast"] if cell.problem.k == k)]
        assert made.loc[k, "speedup"] == pytest.approx(cost / (fast["cost"].sum() / fast["hit"].notna().sum()))
    last = arms["fast"][-1].id
    some = results.with_runs(results.runs[results.runs["cell"] != last].reset_index(drop=True))
    left = speedup(some, "slow", "fast").set_index("k")
    assert left.loc[12, "note"] == "no runs yet of fast"
    assert math.isnan(left.loc[12, "speedup"])


@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_an_arm_without_a_hit_costs_at_least_what_the_chance_of_none_leaves(alpha):
    """Of n runs none hits w.p. alpha where (1 - p)^n = alpha: a bound of one side."""
    p = 1 - alpha ** (1 / 200)
    assert binom.pmf(0, 200, p) == pytest.approx(alpha)
    assert side([7.0] * 200, [False] * 200).least(alpha) == pytest.approx(7.0 / p, rel=1e-9)


def test_a_quotient_has_of_each_number_what_its_two_series_say():
    """All fields: a number that is kept of one series alone would be read as that of the quotient."""

    def made(x, number, tails, **more):
        x = np.array(x, dtype=float)
        values = {name: number * x for name in ("runs", "mean", "variance", "unit", "median")}
        return Series(
            f"{number}", f"arm {number}", {}, 1, x, tuple(f"{number}-{at:g}" for at in x), censored=number + 0 * x,
            trials=number * x, memoryless=True, tails=tails, unrun=np.array([number]), samples=tuple(x[:, None]),
            reach=number * x, shapes=(None,) * len(x), **values, **more,
        )  # fmt: skip

    above = made([1, 2, 4], 3, (Tail.LIGHT, Tail.LIGHT, Tail.NO_VARIANCE), sure=True)
    below = made([2, 4, 8], 5, (Tail.NO_MEAN, Tail.LIGHT, Tail.LIGHT))
    found = quotient(above, below)
    expected = {
        "x": [2, 4], "runs": [6, 12], "censored": [8, 8], "mean": [0.6, 0.6], "trials": [0, 0], "median": [0.6, 0.6],
        "variance": [0.36 * (1 / 36 + 1 / 100) * 6, 0.36 * (1 / 144 + 1 / 400) * 12],
        "unit": [0.6, 0.6], "unrun": [], "reach": [],
    }  # fmt: skip
    for name, values in expected.items():
        assert getattr(found, name).tolist() == pytest.approx(values), name
    others = {
        "label": "3 / 5", "arm": "arm 3 / arm 5", "cells": ("3-2", "3-4"), "memoryless": False, "sure": False,
        "tails": (Tail.NO_MEAN, Tail.NO_VARIANCE), "samples": (), "shapes": (), "fixed": {}, "lam": 1, "others": (),
        "tied": {}, "statistic": "mean",
    }  # fmt: skip
    assert {name: getattr(found, name) for name in others} == others
    assert {each.name for each in fields(Series)} == {*expected, *others}
