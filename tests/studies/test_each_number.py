"""Numbers that findings of studies compute of runs, by hand, of a few runs that are given: no study is run for it."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from evo import Budget
from experiments import Verdict
from experiments.reports.measured import Measured
from experiments.studies import correlation, cost_models, difficulty, keep, noise, selection, study_of
from experiments.studies import measured as pairs
from experiments.studies.exercises import quadratic, vacation
from experiments.studies.systems import routing, routing_findings
from problems import BlockOneMax, Noisy


def of(cell, hit):
    """Runs of a cell with these hits, NaN where censored after its budget; a cost of 3 a call."""
    hit = np.asarray(hit, dtype=np.float64)
    calls = np.where(np.isnan(hit), getattr(cell.budget, "calls", None) or 0, hit)
    return Measured(cell, Verdict.AGREES, hit, calls, calls, 3 * calls)


def ended(cell, cost):
    """Runs of a program with this cost."""
    ones = np.ones(2)
    return Measured(cell, Verdict.AGREES, ones, ones, ones, cost * ones)


@pytest.mark.parametrize(("problem", "each"), [
    (lambda b: b, 1.0), (lambda b: Noisy(b, 0.5, 3), 6.0), (lambda b: Noisy(b, 0.5, 3, reevaluate=False), 3.0),
])  # fmt: skip
def test_a_call_on_a_noisy_problem_pays_for_the_parent_too_if_it_is_evaluated_again(problem, each):
    cell = noise._cell(problem(BlockOneMax(k=2, l=1)), noise.UniformChunk(), 100)
    assert noise._evaluations(of(cell, [4.0, 6.0])) == each


def test_growth_a_block_is_the_root_over_the_blocks_between():
    """From k = 12 to 14 calls grow fourfold: twofold a block."""
    cells = [cell for cell in keep.grid().arms["keep 0.5"] if cell.problem.k in (12, 14)]
    runs = {12: [990.0, 1010.0] * 50, 14: [3960.0, 4040.0] * 50}
    arms = {name: [of(cell, runs[cell.problem.k]) for cell in cells] for name in ("keep 0.5", "keep 0.9")}
    assert [re.split(" ", row[3])[0] for row in keep.findings(arms).rows] == ["2.000", "2.000"]


def test_the_tail_of_runs_has_its_interval_from_low_to_high():
    cell = difficulty.grid().arms[difficulty.REDRAWN][0]
    each = of(cell, np.arange(10.0, 30.0))
    times = np.array([8.0, 16.0, 24.0])
    values = difficulty._tail(difficulty.REDRAWN, each, times, times, 0).values
    assert [value.value for value in values] == pytest.approx([1.0, 13 / 20, 5 / 20])
    assert all(value.low <= value.value <= value.high for value in values)
    assert all(value.low < value.high for value in values)


def test_what_gives_up_has_a_budget_of_its_own_and_its_share_of_runs():
    grid = vacation.grid()
    assert {arm: {cell.budget for cell in cells} for arm, cells in grid.arms.items()} == {
        arm: {Budget(calls=vacation.GIVEN_UP if arm == vacation.BUDGET_ANY else vacation.MOST)} for arm in vacation.ARMS
    }
    hits = {arm: [8.0, 10.0, 12.0, 14.0] for arm in vacation.ARMS} | {
        vacation.BUDGET_ANY: [9.0, np.nan, np.nan, np.nan]
    }
    arms = {arm: [of(cell, hits[arm]) for cell in cells] for arm, cells in grid.arms.items()}
    assert "75% of the runs are stuck at" in vacation.findings(arms).sentences[2]


def test_an_exact_speed_up_is_that_of_one_system_over_the_other():
    grid = quadratic.grid()
    names = [quadratic.name("evolution", which, "m c") for which in ("all", "parts")]
    arms = {name: [of(cell, [8.0, 12.0]) for cell in grid.arms[name] if cell.problem.k in (2, 4)] for name in names}
    found = quadratic._speedups(arms, "evolution", "m c")
    assert [size for size, _, _ in found] == [2.0, 4.0]
    for size, measured, exact in found:
        whole, parts = (next(each for each in arms[name] if each.cell.problem.k == size) for name in names)
        assert exact == pytest.approx(whole.exact("cost") / parts.exact("cost"))
        assert exact > 2.0
        assert measured.value == pytest.approx(1.0)


@pytest.mark.parametrize(("speedups", "half"), [
    ((25.0, 49.9, 50.0, 90.0), "4"), ((25.0, 50.1, 60.0, 90.0), "2"), ((50.0, 60.0, 70.0, 90.0), "1"),
    ((10.0, 20.0, 40.0, 49.9), "none that was run"),
])  # fmt: skip
def test_half_of_the_range_of_a_large_delegator_is_reached_where_it_is_just_met(speedups, half):
    """With n/h = 100 that is a speed-up of 50, met at 50 itself."""
    arms = {
        arm: [ended(cell, cost) for cell, cost in zip(routing.grid().arms[arm], costs, strict=False)]
        for pair in routing_findings.SAVINGS.values()
        for arm, costs in zip(pair, (speedups, [1.0] * 4), strict=True)
    }
    assert f"below n/h = 100: half of that is reached at k = {half}, " in routing_findings._saturates(arms)


@pytest.mark.parametrize(("name", "missing", "more", "named"), [
    ("keep", 0, (), True), ("keep", 0, ("an arm beside them",), True), ("keep", 1, (), False),
    ("keep", 1, ("an arm in its place",), False), ("voting", 0, (), False), ("of nobody", 0, (), False),
])  # fmt: skip
def test_results_are_those_of_a_study_if_they_have_its_name_and_all_of_its_arms(name, missing, more, named):
    """Else its findings would speak of arms that are not there."""
    arms = [*[*keep.grid().arms][missing:], *more]
    results = SimpleNamespace(grid={"name": name}, cells={"arm": [arm for arm in arms for _ in range(2)]})
    assert study_of(results) is (keep.STUDY if named else None)


@pytest.mark.parametrize(("highs", "first"), [
    ({1: 1.9, 2: 3.9}, 1), ({1: 2.0, 2: 3.9}, 2), ({1: 2.5, 2: 4.5, 3: 7.9, 4: 15.0}, 3),
    ({1: 1.0, 2: 1.0, 3: 8.0, 4: 15.9}, 4), ({1: 1.0, 2: 4.0}, math.inf), ({4: 15.0, 6: 64.5, 8: 255.0}, 8),
])  # fmt: skip
def test_local_mutation_wins_from_the_k_on_at_which_all_its_intervals_end_below_2_to_the_k(highs, first):
    """An interval that reaches 2^k, or a larger k that is slower again, is no win."""
    cells = [
        SimpleNamespace(
            cell=SimpleNamespace(problem=BlockOneMax(k=k, l=1)), mean=lambda high=high: SimpleNamespace(high=high)
        )
        for k, high in highs.items()
    ]
    assert selection._first_win(cells) == first


@pytest.mark.parametrize(("cells", "ks"), [
    (lambda: correlation.grid().arms[correlation.INDEPENDENT], [1, 2, 4, 6, 8, 10, 12]),
    (lambda: cost_models._arm(cost_models.GLOBAL, cost_models.PASS), [*range(1, 13)]),
    (lambda: cost_models._arm(cost_models.LOCAL, cost_models.PASS), [*range(1, 13), 16, 32, 64]),
    (lambda: pairs._arm(pairs.PAPER, pairs.SCHEDULES[pairs.GLOBAL]), [2, 4, 7, 10]),
    (lambda: pairs._arm(pairs.PAPER, pairs.SCHEDULES[pairs.LOCAL]), [2, 4, 7, 10, 20, 50]),
])  # fmt: skip
def test_whole_solutions_are_rewritten_up_to_the_largest_k_that_2_to_the_k_calls_allow(cells, ks):
    assert sorted({cell.problem.k for cell in cells()}) == ks
