"""What was measured of a cell: means, medians, shares and their bounds, on numbers made by hand."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from evo import AllBlocks, Budget, OnePlusLambda, OnlyIncorrect
from experiments import Cell, Grid, Verdict, check, run_grid
from experiments.reports.measured import (
    Measured,
    Value,
    beside,
    exact_mean,
    measured,
    number,
    ratio_noise,
)
from operators import Resample, Vote
from problems import BlockOneMax

CELL = Cell(BlockOneMax(k=2, l=4), Resample(p=0.5), AllBlocks(), OnePlusLambda())
NAN = math.nan


@dataclass(frozen=True)
class Unlawful:
    """Declares no law."""

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < 0.5


def of(hit, calls=None, generations=None, cell=CELL):
    hit = np.array(hit, dtype=float)
    calls = hit if calls is None else np.array(calls, dtype=float)
    generations = calls if generations is None else np.array(generations, dtype=float)
    return Measured(cell, Verdict.AGREES, hit, calls, generations, 10 * calls)


def test_mean_and_its_interval():
    found = of([1, 2, 3, 4]).mean()
    half = 1.959964 * math.sqrt(5 / 3) / 2  # the sample variance of 1..4 is 5/3
    assert (found.value, found.low, found.high) == pytest.approx((2.5, 2.5 - half, 2.5 + half), rel=1e-6)
    assert of([1, 2, 3, 4]).mean("cost").value == 25
    assert of([7]).mean() == Value(7, 7, 7)


def test_censored_runs_make_means_bounds():
    each = of([1, NAN, 3], calls=[1, 8, 3])
    assert (each.runs, each.censored, each.reached) == (3, 1, 8)
    assert each.mean() == Value(4, 4, math.inf)
    assert str(each.mean()) == "> 4"
    assert each.mean().bound
    assert each.mean("cost").value == 40
    assert each.cut_mean(2).value == pytest.approx((1 + 2 + 2) / 3)
    assert not each.cut_mean(2).bound
    assert of([1, 2]).reached == math.inf
    votes = of([1, NAN], calls=[3, 24], generations=[1, 8])
    assert (votes.reached, votes.mean().value, votes.mean("calls").value) == (8, 4.5, 13.5)


def test_median_is_an_order_statistic():
    assert of([5, 1, 3]).median.value == 3
    hits = np.random.default_rng(1).permutation(np.arange(1.0, 1001))
    median = of(hits).median
    assert median.value == 500
    # Bin(1000, 1/2) lies within 500 -+ 31 w.p. 0.95.
    assert (median.low, median.high) == (469, 532)
    most = of([1, NAN, NAN], calls=[1, 8, 9]).median
    assert (most.value, most.bound) == (8, True)
    assert of([1, 2, NAN], calls=[1, 2, 9]).median.value == 2


def test_median_intervals_hold_the_median():
    """1,000 intervals at 95 %: fewer than 920 hits w.p. below 1e-4 under the true level (fixed seed)."""
    rng = np.random.default_rng(3)
    exact = of([1]).exact_median
    found = [of(rng.geometric(0.25, 200)).median for _ in range(1000)]
    assert sum(each.low <= exact <= each.high for each in found) >= 920


def test_shares_and_calls_an_answer():
    each = of([1, 2, 3, 4])
    assert each.within(2).value == 0.5
    assert each.within(2).low < 0.5 < each.within(2).high
    votes = of([2, 4], calls=[6, 14], generations=[2, 4])
    assert votes.answer_calls.value == pytest.approx(20 / 6)
    assert votes.answer_calls.low < 20 / 6 < votes.answer_calls.high
    assert votes.answer_calls.times(10).value == pytest.approx(200 / 6)


@dataclass(frozen=True)
class Growing(OnePlusLambda):
    """As many offspring as generations before, lam at the most."""

    initial_state = 1.0

    def offspring(self, state):
        return state.astype(np.int64)

    def adjust(self, state, pool, offspring):
        return np.minimum(state + 1, self.lam)


@pytest.mark.parametrize(
    ("runner", "votes", "offspring"),
    [
        (OnePlusLambda(3), False, [6, 12]),
        (OnePlusLambda(3), True, [6, 12]),
        (Growing(lam=3), False, [5, 9]),  # a call each
        (Growing(lam=3), True, [2, 4]),  # one a generation at least; how many calls each took is not kept
    ],
)
def test_offspring_of_a_run(runner, votes, offspring):
    mutator = Vote(Resample(p=0.8), ahead=2) if votes else Resample(p=0.8)
    cell = Cell(BlockOneMax(k=2, l=4), mutator, OnlyIncorrect(), runner)
    ended = of([NAN, NAN], calls=[5, 9], generations=[2, 4], cell=cell)
    assert ended.offspring.tolist() == offspring
    assert ended.reached == offspring[0]


def test_exact_numbers_or_none():
    known = of([1])
    assert (exact_mean(CELL), known.exact(), known.exact("cost"), known.exact_median) == (
        4,
        4,
        exact_mean(CELL, "cost"),
        3,
    )
    assert known.exact_cdf(np.array([0, 1, 2])).tolist() == pytest.approx([0, 0.25, 0.4375])
    unknown = Cell(BlockOneMax(k=4, l=4), Unlawful(), AllBlocks(), OnePlusLambda())
    each = of([1], cell=unknown)
    assert np.isnan([exact_mean(unknown), each.exact(), each.exact_median, *each.exact_cdf(np.array([1.0, 2.0]))]).all()


def test_words():
    assert beside(Value(21.7, 20, 23), 21.66, Verdict.AGREES) == "21.7 ✓ (21.66)"
    assert beside(Value(21.7, 20, 23), NAN) == "21.7"
    assert [number(value) for value in (None, NAN, math.inf, 0, -0.0, 0.5, 12345.6, 1e9, 1e-5)] == [
        "-", "-", "inf", "0", "0", "0.5", "12,346", "1.000e+09", "1.000e-05",
    ]  # fmt: skip


def test_the_noise_of_a_ratio_is_half_its_interval():
    assert ratio_noise(Value(10, 7, 13), Value(5, 3, 7)) == pytest.approx(0.5)  # hypot(3/10, 2/5)


def test_arms_of_results():
    one = OnePlusLambda()
    vote = Cell(BlockOneMax(k=3, l=4), Vote(Resample(p=0.8), ahead=2), OnlyIncorrect(), one)
    short = Cell(BlockOneMax(k=6, l=4), Resample(p=0.5), AllBlocks(), one, budget=Budget(calls=5))
    grid = Grid("arms", {"a": [CELL, short], "b": [vote]}, runs=50, batch=50)
    results = run_grid(grid, workers=1)
    checked = check(results)
    arms = measured(results, checked)
    assert [(arm, [each.cell for each in cells]) for arm, cells in arms.items()] == [
        ("a", [CELL, short]),
        ("b", [vote]),
    ]
    assert [each.verdict for cells in arms.values() for each in cells] == [each.verdict for each in checked.cells]
    assert arms["a"][1].censored > 0
    assert arms["b"][0].predict("cost") is results.predict(vote.id, "cost")  # made once for check, report and study
    assert arms["b"][0].answer_calls.value > 2
    none = results.with_runs(results.runs.iloc[:0])
    assert measured(none, check(none)) == {"a": [], "b": []}
