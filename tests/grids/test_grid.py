"""Grids: arms, sweeps and numbers, and what they refuse; budgets that may never end."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from evo.costs.budget import Budget
from evo.costs.ledger import Prompt
from evo.costs.prices import LLMPrimitive, TokenPrices
from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, OnlyIncorrect, UntilResolved
from evo.theory import Geometric
from evo.theory.times.cut import cut_means, mean_within
from evo.theory.times.law import GivenTail
from experiments.grids.cell import Cell
from experiments.grids.grid import MOST_RUNS, Grid, sweep
from experiments.predictions.forecast import check_budgets, forecast
from experiments.predictions.predict import predict
from experiments.predictions.within_budget import calls_within
from experiments.running.launch import run_grid
from operators import BetaBlocks, FixKeep, Resample
from problems import BlockOneMax


def cells(*ks: int, **changes: Any) -> list[Cell]:
    parts = {"mutator": Resample(0.5), "schedule": AllBlocks(), "runner": OnePlusLambda()} | changes
    return [Cell(BlockOneMax(k=k, l=16), **parts) for k in ks]


# ------------------------------------------------------------------------------------------- what a grid holds


def test_a_plain_sequence_is_one_arm():
    grid = Grid("tiny", cells(1, 2))
    assert grid.arms == {"cells": tuple(cells(1, 2))}
    assert grid.cells == tuple(cells(1, 2))
    assert set(grid.labels.values()) == {"cells"}
    assert (grid.runs, grid.seed, grid.batch, grid.engine) == (1000, 1, 500, "blocks")


def test_arms_keep_their_order_and_label():
    grid = Grid("tiny", {"b": cells(2, 1), "a": (cell for cell in cells(3))})
    assert [cell.problem.k for cell in grid.cells] == [2, 1, 3]
    assert [grid.labels[cell.id] for cell in grid.cells] == ["b", "b", "a"]


def test_a_sweep_makes_all_combinations_the_last_axis_fastest():
    made = sweep(
        problem=[BlockOneMax(k, l=4) for k in (1, 2)],
        mutator=Resample(0.5),
        schedule=(AllBlocks(), UntilResolved()),
        runner=OnePlusLambda(),
        cost=[LLMPrimitive(), TokenPrices(1, 2, unit=1)],
    )
    found = [(cell.problem.k, type(cell.schedule).__name__, type(cell.cost).__name__) for cell in made]
    names = (("AllBlocks", "UntilResolved"), ("LLMPrimitive", "TokenPrices"))
    assert found == [(k, schedule, cost) for k in (1, 2) for schedule in names[0] for cost in names[1]]


def test_cells_that_differ_in_price_only_may_stand_together():
    assert (
        len(Grid("tiny", [*cells(2), *cells(2, cost=TokenPrices(1, 2, unit=1)), *cells(2, prompt=Prompt(9))]).cells)
        == 3
    )


def test_whole_numbers_of_other_types_are_taken():
    grid = Grid("tiny", cells(1), runs=np.int64(7), seed=3.0, batch=np.float64(5))
    assert [(type(n), n) for n in (grid.runs, grid.seed, grid.batch)] == [(int, 7), (int, 3), (int, 5)]
    assert Grid("tiny", cells(1), seed=2**63 + 1).seed == 2**63 + 1


# ------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("name", ["", " ", "a b", "../up", "a/b", ".hidden", "-x", "x\n", "é", 3, None])
def test_a_name_that_cannot_be_a_folder(name):
    with pytest.raises(InputError, match=r"Grid: name must be letters, digits, .* \(it names the results folder\)"):
        Grid(name, cells(1))


@pytest.mark.parametrize("key", ["runs", "seed", "batch"])
@pytest.mark.parametrize("value", [-1, 1.5, math.nan, math.inf, "many", None, True, [3]])
def test_numbers_that_are_none(key, value):
    with pytest.raises(InputError, match=f"Grid: {key} must be a whole number"):
        Grid("tiny", cells(1), **{key: value})


def test_numbers_at_the_edge():
    for key in ("runs", "batch"):
        with pytest.raises(InputError, match=f"Grid: {key} must be a whole number .* got 0"):
            Grid("tiny", cells(1), **{key: 0})
    with pytest.raises(InputError, match=f"runs must be a whole number from 1 to {MOST_RUNS}"):
        Grid("tiny", cells(1), runs=MOST_RUNS + 1)
    assert Grid("tiny", cells(1), runs=1, seed=0, batch=1).runs == 1


def test_an_engine_that_is_none():
    with pytest.raises(InputError, match="engine must be 'blocks' or 'deap' or 'law', got 'lore'"):
        Grid("tiny", cells(1), engine="lore")


@pytest.mark.parametrize("arms", [[], {}, {"a": []}, {"a": [], "b": ()}])
def test_no_cells(arms):
    with pytest.raises(InputError, match="Grid 'tiny': expected at least one cell, got none"):
        Grid("tiny", arms)


@pytest.mark.parametrize(
    ("arms", "expected"),
    [
        (["x"], "expected cells, got 'x'"),
        ([cells(1)], "expected cells, got "),
        ({"a": cells(1)[0]}, "expected in the arm 'a' a list of cells, got Cell"),
        ({"a": None}, "expected in the arm 'a' a list of cells, got None"),
        (cells(1)[0], "expected in the arm 'cells' a list of cells, got Cell"),
        (7, "expected in the arm 'cells' a list of cells, got 7"),
        ({1: cells(1)}, "expected a string as the label of an arm, got 1"),
    ],
)
def test_something_else_in_place_of_cells(arms, expected):
    with pytest.raises(InputError, match=rf"Grid 'tiny': {expected}"):
        Grid("tiny", arms)


@pytest.mark.parametrize("arms", [cells(2, 1, 2), {"a": cells(2), "b": cells(1, 2)}])
def test_a_cell_that_stands_in_it_twice(arms):
    with pytest.raises(InputError, match=r"the cell Cell\(problem=BlockOneMax\(k=2, l=16\).* twice; leave one out"):
        Grid("tiny", arms)


def test_changing_a_grid_checks_it_again():
    with pytest.raises(InputError, match="runs must be a whole number"):
        replace(Grid("tiny", cells(1)), runs=0)


# ------------------------------------------------------------------------------------------- budgets


@dataclass(frozen=True)
class Lawless:
    """A mutator that states no law."""

    law: None = None

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < 0.5


NEVER = FixKeep(fix=0.0, keep=1.0)
ENDLESS = [
    ({"mutator": NEVER}, "got an infinite one"),
    ({"mutator": NEVER, "schedule": UntilResolved()}, "got an infinite one"),
    ({"mutator": Lawless()}, "got none for Cell"),
]


@pytest.mark.parametrize(("parts", "expected"), ENDLESS)
@pytest.mark.parametrize(
    ("budget", "cost", "told"),
    [
        (None, LLMPrimitive(), "budget=None needs a predicted finite mean"),
        (Budget(calls=None, cost=5.0), LLMPrimitive(m=0), "where calls cost nothing needs a predicted finite mean"),
    ],
)
def test_a_cell_that_may_never_end_is_refused_before_anything_runs(tmp_path, parts, expected, budget, cost, told):
    grid = Grid("tiny", [*cells(1), *cells(3, budget=budget, cost=cost, **parts)], runs=1)
    seen: list[object] = []
    with pytest.raises(InputError, match=expected) as caught:
        run_grid(grid, tmp_path / "out", workers=1, watch=seen.append)
    assert told in str(caught.value)
    assert "k=3" in str(caught.value)
    assert "give a Budget(calls=...)" in str(caught.value)
    assert seen == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("parts", "_expected"), ENDLESS)
@pytest.mark.parametrize("budget", [Budget(calls=10), Budget(calls=None, cost=1e4), Budget(calls=10, cost=1e4)])
def test_a_budget_that_bites_ends_it(parts, _expected, budget):
    check_budgets(Grid("tiny", cells(3, budget=budget, **parts)))


def test_no_budget_is_accepted_where_the_mean_is_finite():
    check_budgets(Grid("tiny", cells(1, 30, budget=None)))
    check_budgets(Grid("tiny", cells(3, budget=Budget(calls=None, cost=5.0), cost=LLMPrimitive(m=0))))


# ------------------------------------------------------------------------------------------- forecasts


def test_a_forecast_has_a_row_a_cell_and_says_why_a_number_is_missing():
    grid = Grid("tiny", {"a": cells(1, 3), "b": cells(3, mutator=NEVER), "c": cells(3, mutator=Lawless())}, runs=9)
    table = forecast(grid)
    assert list(table["arm"]) == ["a", "a", "b", "c"]
    assert list(table["hit"][:3]) == [2.0, 8.0, math.inf]
    assert math.isnan(table["hit"][3])
    assert list(table["note"] != "") == [False, False, True, True]
    assert table["cost"][0] == 2 * (16 * 16 + 16 * 15 / 2)
    assert table["censored"][2] == 1.0
    assert (table["seconds"][:3] > 0).all()
    assert table.loc[3, ["spent", "seconds", "longest", "paid"]].isna().all()
    assert table["note"][2] == "the mean is infinite: all runs end at the budget"
    assert table["note"][3].endswith("Lawless declares no law: it runs and is fitted, not predicted")


def test_an_infinite_mean_is_told_with_the_share_that_the_budget_ends():
    heavy = cells(10, mutator=BetaBlocks(1.0, 1.0), schedule=OnlyIncorrect(), budget=Budget(calls=2**10))
    table = forecast(Grid("heavy", heavy))
    assert 0.001 < table["censored"][0] < 0.1
    assert (
        table["note"][0] == f"the mean is infinite: a share {table['censored'][0]:.3g} of the runs ends at the budget"
    )
    assert table["spent"][0] < 100  # not the budget


@pytest.mark.some
@pytest.mark.parametrize("most", [1, 100, 256, 300, 1024])
@pytest.mark.parametrize("al", [0.6, 1.0, 1.5, 3.0])
def test_means_within_a_budget_are_sums_of_tails(al, most):
    cell = cells(10, mutator=BetaBlocks(al, al), schedule=OnlyIncorrect())[0]
    law = predict(cell).law
    assert mean_within(law, most) == pytest.approx(float(law.tail(np.arange(most)).sum()), rel=1e-4)


@pytest.mark.parametrize("al", [0.6, 1.5])
def test_means_within_several_budgets_are_found_at_once(al):
    law = predict(cells(10, mutator=BetaBlocks(al, al), schedule=OnlyIncorrect())[0]).law
    budgets = np.array([[1024, 1, 255], [256, 257, 1000]])
    sums = np.concatenate(([0.0], np.cumsum(law.tail(np.arange(1024.0)))))
    assert cut_means(law, budgets) == pytest.approx(sums[budgets], rel=1e-6)
    assert cut_means(law, budgets + 1) != pytest.approx(sums[budgets], rel=1e-6)  # one call more is seen


@pytest.mark.parametrize("doublings", [12, 20, 40])
def test_means_within_far_budgets_are_those_of_the_closed_form(doublings):
    """E[min(T, B)] = (1 - (1-p)^B)/p of a geometric time: as many points to an octave however far the last one is."""
    budgets = 2.0 ** np.arange(1, doublings + 1)
    for p in (2.0 ** (2 - doublings), 2.0**-doublings, 2.0**-7, 0.5):  # and tails below any float
        exact = -np.expm1(budgets * np.log1p(-p)) / p
        assert cut_means(Geometric(p), budgets) == pytest.approx(exact, rel=1e-6)


def test_a_cut_that_changes_a_thousandth_is_seen():
    """The law for which the bound by the variance is nearly the cut: 100, or 300 in one run of a thousand."""
    law = GivenTail(lambda t: np.where(t < 100, 1.0, np.where(t < 300, 1e-3, 0.0)), 100.2, 1e-3 * 0.999 * 200**2)
    assert mean_within(law, 200) == pytest.approx(100.1, rel=1e-9)
    assert mean_within(law, 10**7) == 100.2


def test_a_mean_within_a_budget_is_near_even_where_all_runs_end_at_once():
    """A tail that falls in one step between two points of the sum: half a step off at most, 1.1 %."""
    cell = cells(1000, mutator=Resample(1.0), schedule=UntilResolved())[0]
    assert mean_within(predict(cell).law, 10_000) == pytest.approx(1000, rel=0.011)


def test_forecasts_call_cells_by_what_varies_in_their_arm():
    some = [replace(cells(3)[0], mutator=Resample(p)) for p in (0.3, 0.5)]
    table = forecast(Grid("tiny", {"a": some, "b": cells(2)}))
    assert list(table["series"]) == ["a, p = 0.3", "a, p = 0.5", "b, p = 0.5"]
    assert list(table["arm"]) == ["a", "a", "b"]


def test_the_censored_share_of_a_forecast_is_that_of_the_budget():
    shares = [forecast(Grid("tiny", cells(1, budget=Budget(calls=calls))))["censored"][0] for calls in (1, 2, 10)]
    assert shares == pytest.approx([0.5, 0.25, 2**-10], rel=1e-12)
    assert forecast(Grid("tiny", cells(1, budget=None)))["censored"][0] == 0.0
    lam = cells(1, budget=Budget(calls=3), runner=OnePlusLambda(lam=2))  # the second generation is paid whole
    assert forecast(Grid("tiny", lam))["censored"][0] == pytest.approx(2**-4, rel=1e-12)


def test_expected_calls_are_cut_at_the_budget():
    assert calls_within(cells(4)[0]) == 16.0
    tails = sum((1 - 2.0**-4) ** t for t in range(10))  # E[min(T, 10)], T geometric
    assert calls_within(cells(4, budget=Budget(calls=10))[0]) == pytest.approx(tails, rel=1e-12)
    assert calls_within(cells(3, mutator=NEVER, budget=Budget(calls=10))[0]) == 10.0
    lam = cells(2, runner=OnePlusLambda(lam=4), budget=Budget(calls=6))[0]  # two generations of four calls
    assert calls_within(lam) == pytest.approx(4 * (1 + 0.75**4), rel=1e-12)
    assert calls_within(cells(4, mutator=Lawless())[0]) == Budget().calls
    assert calls_within(cells(4, mutator=Lawless(), budget=Budget(None, 1.0))[0]) == 1.0
    free = LLMPrimitive(m=0)
    assert calls_within(cells(4, mutator=Lawless(), budget=Budget(None, 1.0), cost=free)[0]) == math.inf
