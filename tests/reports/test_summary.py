"""The summary of a cell against tables added up by hand."""

import io
import math

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from evo import AllBlocks, Budget, OnePlusLambda, UntilResolved
from evo.batch import RunCounts
from experiments import Cell, Grid, Results, check, summarise
from experiments.grids.cell_text import PROGRAM
from experiments.grids.cells_table import cells_table
from experiments.reports.overview import overview
from experiments.store.grid_json import grid_record
from experiments.store.table import batch_columns, no_runs, runs_table
from operators import FixKeep, Resample
from problems import BlockOneMax


def summary(cell, hit, generations):
    """The one row of a cell whose runs hit after `hit` calls (-1: censored) in so many generations."""
    hit, generations = np.array(hit, dtype=np.int64), np.array(generations, dtype=np.int64)
    counts = RunCounts(hit, generations, cell.runner.lam * generations, cell.runner.lam * generations)
    grid = Grid("hand", [cell], runs=max(1, len(hit)))
    rows = (
        [no_runs(), runs_table([(cell.sample, "blocks", 0, batch_columns(cell, counts))])] if len(hit) else [no_runs()]
    )
    results = Results.of(grid_record(grid), cells_table(grid), pd.concat(rows, ignore_index=True))
    made = summarise(results, check(results))
    assert len(made) == 1
    return made.iloc[0]


PARTS = (Resample(0.5), AllBlocks(), OnePlusLambda())


def make(k=2, lam=1, mutator=None, schedule=None, **more):
    return Cell(BlockOneMax(k=k, l=2), mutator or Resample(0.5), schedule or AllBlocks(), OnePlusLambda(lam), **more)


def test_finished_runs():
    """l = 2, k = 2: a call writes o = 4 tokens after c = 4: 16 + 6 = 22."""
    row = summary(make(), [1, 2, 6], [1, 2, 6])
    assert (row["runs"], row["censored"], row["success_ratio"]) == (3, 0, 1.0)
    assert (row["hit"], row["cost"]) == (3.0, 66.0)
    half = 1.959963984540054 * math.sqrt(7) / math.sqrt(3)  # variance (4 + 1 + 9) / 2
    assert row["hit_low"] == pytest.approx(3 - half)
    assert row["hit_high"] == pytest.approx(3 + half)
    assert row["cost_high"] == pytest.approx(66 + 22 * half)
    assert (row["ert"], row["ert_cost"]) == (3.0, 66.0)
    assert (row["hit_predicted"], row["cost_predicted"]) == (4.0, 88.0)
    assert row["success_low"] == pytest.approx(0.025 ** (1 / 3))  # Clopper-Pearson of 3 of 3
    assert row["success_high"] == 1.0
    assert (row["arm"], row["k"], row["lam"], row["verdict"]) == ("cells", 2, 1, "CANNOT_TELL")
    assert row["source"]


def test_ert_charges_each_run_its_own_calls():
    """lam = 4 and a budget of 10: generations are paid whole, 12 calls for a censored run."""
    row = summary(make(lam=4, budget=Budget(calls=10)), [2, 7, -1, 12], [1, 2, 3, 3])
    assert (row["censored"], row["success_ratio"]) == (1, 0.75)
    assert row["ert"] == (4 + 8 + 12 + 12) / 3
    assert row["ert_cost"] == 22 * row["ert"]
    for name in ("hit", "hit_low", "hit_high", "cost", "cost_low", "cost_high"):
        assert math.isnan(row[name]), name
    assert row["success_low"] == pytest.approx(0.19412, abs=1e-5)  # Clopper-Pearson of 3 of 4
    assert row["success_high"] == pytest.approx(0.99369, abs=1e-5)
    assert row["hit_predicted"] == 4.0  # of the run without its budget


def test_no_run_hit():
    row = summary(make(budget=Budget(calls=5)), [-1, -1], [5, 5])
    assert (row["success_ratio"], row["success_low"], row["ert"], row["ert_cost"]) == (0.0, 0.0, math.inf, math.inf)
    assert row["success_high"] == pytest.approx(1 - 0.025**0.5)


def test_one_run_has_a_mean_and_no_interval():
    row = summary(make(), [3], [3])
    assert (row["hit"], row["cost"], row["ert"]) == (3.0, 66.0, 3.0)
    assert math.isnan(row["hit_low"])
    assert math.isnan(row["cost_high"])


def test_no_run_yet():
    row = summary(make(), [], [])
    assert row["runs"] == 0
    assert all(math.isnan(row[name]) for name in ("success_ratio", "ert", "ert_cost", "hit", "cost"))
    assert (row["success_low"], row["success_high"], row["verdict"]) == (0.0, 1.0, "CANNOT_TELL")


def test_an_optimal_start_costs_nothing():
    cell = Cell(BlockOneMax(k=2, l=2, start=1.0), Resample(0.5), AllBlocks(), OnePlusLambda())
    row = summary(cell, [0, 0], [0, 0])
    assert (row["hit"], row["cost"], row["ert"], row["hit_predicted"], row["cost_predicted"]) == (0, 0, 0, 0, 0)


def test_predicted_columns():
    """lam = 8: E[hit] of GLOBAL stays 2^k, its cost is that of 8 / (1 - (1 - 2^-k)^8) calls."""
    row = summary(make(lam=8), [3, 9], [1, 2])
    assert row["hit_predicted"] == pytest.approx(4.0)
    assert row["cost_predicted"] == pytest.approx(22 * 8 / (1 - 0.75**8))
    infinite = summary(make(mutator=FixKeep(0.0, 0.5), budget=Budget(calls=3)), [-1], [3])
    assert infinite["hit_predicted"] == math.inf
    unknown = summary(make(k=4, schedule=UntilResolved(g=2)), [5], [5])
    assert math.isnan(unknown["hit_predicted"])
    assert math.isnan(unknown["cost_predicted"])
    assert (unknown["source"], unknown["verdict"]) == ("", "CANNOT_TELL")


def test_rows_of_one_arm_are_told_apart_by_their_series():
    grid = Grid("hand", {"a": [make(mutator=Resample(p)) for p in (0.5, 0.6)], "b": [make(k=3)]})
    results = Results.of(grid_record(grid), cells_table(grid), no_runs())
    made = summarise(results, check(results))
    assert list(made["arm"]) == ["a", "a", "b"]
    assert list(made["series"]) == ["a, p = 0.5", "a, p = 0.6", "b, p = 0.5"]


def test_a_parameter_that_is_none_in_one_cell_tells_it_from_the_other():
    grid = Grid("hand", {"a": [make(), Cell(BlockOneMax(2, 2, incorrect=1), *PARTS)]})
    results = Results.of(grid_record(grid), cells_table(grid), no_runs())
    assert list(summarise(results, check(results))["series"]) == ["a", "a, incorrect = 1"]


@pytest.mark.parametrize("text", ["Cell(problem=..)", f"{PROGRAM}program=..)"], ids=["searches", "programs"])
@pytest.mark.parametrize(("rows", "left"), [(40, None), (41, 1), (45, 5)])
def test_what_a_long_table_leaves_out_is_counted(text, rows, left):
    row = {"cell": "c", "arm": "a", "lam": 1, "text": text, "verdict": "AGREES", "censored": 0, "success_ratio": 1.0}
    row |= dict.fromkeys(("hit", "median", "hit_predicted", "cost", "cost_predicted", "ert", "success_predicted"), 1.0)
    table = pd.DataFrame([row | {"k": k, "series": f"a, g = {k % 9}"} for k in range(1, rows + 1)])
    (made,) = overview(table, 80)
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(made)
    lines = console.export_text().splitlines()
    assert sorted(int(row.cells["k"]) for row in made.rows) == list(range(1, min(rows, 40) + 1))
    assert [line for line in lines if "more, see" in line] == ([f"and {left} more, see summary.csv"] if left else [])
    assert sum("1 ✓ (1)" in line for line in lines) == min(rows, 40)
