"""Limits of a whole grid: they hold to within a batch, count all that was run, and the cheapest come first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evo.costs.budget import Budget
from evo.costs.prices import TokenPrices
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, UntilResolved
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid, sweep
from experiments.grids.stopping import UntilSuccesses
from experiments.running.agenda import Agenda
from experiments.running.allowance import Allowance
from experiments.running.launch import LimitReached, run_grid
from experiments.running.limits import GridLimits, Spent
from experiments.running.tasks import Done
from experiments.store.results import load
from operators import FixKeep, Resample
from problems import BlockOneMax

NAMES = ("calls", "tokens", "cost")
LEDGER = ("calls", "evaluations", "prompt_tokens", "generated_tokens", "pass_tokens", "pass_tokens_squared")


class Lawless(Resample):
    """Inherits no law: nothing is expected of it."""


def sure(ks: tuple[int, ...] = (4, 2, 8), lam: int = 3, runs: int = 20, **options: Any) -> Grid:
    """Each run takes k generations of lam calls, for certain."""
    cells = sweep(
        problem=[BlockOneMax(k, l=4) for k in ks],
        mutator=FixKeep(1.0, 1.0),
        schedule=UntilResolved(),
        runner=OnePlusLambda(lam),
        **options,
    )
    return Grid("sure", cells, runs=runs, batch=10)


def executed(folder: Path, weights: dict[str, Any]) -> dict[str, float]:
    """What all rows in a folder come to, the table's or not; the calls are summed independently of the product."""
    rows = pd.read_parquet(folder / "runs") if list((folder / "runs").glob("*.parquet")) else pd.DataFrame()
    if rows.empty:
        return dict.fromkeys(NAMES, 0.0)
    cost = sum(rows[name] * rows["sample"].map(weights).str[n] for n, name in enumerate(LEDGER))
    return {
        "calls": int(rows["calls"].sum()),
        "tokens": int((rows["prompt_tokens"] + rows["generated_tokens"]).sum()),
        "cost": float(cost.sum()),
    }


def spent(grid: Grid, folder: Path) -> dict[str, float]:
    return executed(folder, {sample: cells[0].cost.weights for sample, cells in grid.samples.items()})


@pytest.mark.parametrize(("name", "runs"), list(zip(NAMES, (20, 15, 11), strict=True)))
def test_a_limit_of_just_what_a_grid_takes_lets_it_end_and_one_less_does_not(tmp_path, name, runs):
    """Of runs that do not fill their last batch all rows count: they are run, and paid for."""
    grid = sure(runs=runs)
    run_grid(grid, tmp_path / "whole", workers=1)
    takes = spent(grid, tmp_path / "whole")
    assert takes["calls"] == 2 * 10 * 3 * (4 + 2 + 8)
    enough = run_grid(grid, tmp_path / "enough", workers=1, limits=GridLimits(**{name: takes[name]}))
    assert len(enough.runs) == 3 * runs
    with pytest.raises(LimitReached, match=rf"\({name}: .* of at most .*, and the next batch is expected to take"):
        run_grid(grid, tmp_path / "less", workers=1, limits=GridLimits(**{name: takes[name] - 0.5}))
    last = 10 * 3 * 8 / takes["calls"] if name == "calls" else None
    found = spent(grid, tmp_path / "less")
    assert found[name] < takes[name]
    assert last is None or found["calls"] == pytest.approx(takes["calls"] * (1 - last))  # a batch of k = 8
    with pytest.raises(LimitReached):  # again, with the same limit: nothing is begun
        run_grid(grid, tmp_path / "less", workers=1, limits=GridLimits(**{name: takes[name] - 0.5}))
    assert spent(grid, tmp_path / "less") == found
    run_grid(grid, tmp_path / "less", workers=1, limits=GridLimits(**{name: takes[name]}))
    assert spent(grid, tmp_path / "less") == takes


def test_after_a_resume_calls_are_counted_and_not_generations(tmp_path):
    """Twelve calls a generation: a limit between both numbers, and one just above and below the next batch."""
    grid = sure(ks=(4,), lam=12, runs=10)
    run_grid(grid, tmp_path, workers=1)
    takes = 10 * 4 * 12
    more = sure(ks=(4,), lam=12, runs=20)
    with pytest.raises(LimitReached, match=f"calls: {takes} of at most 100"):
        run_grid(more, tmp_path, workers=1, limits=GridLimits(calls=100))  # generations: 40
    with pytest.raises(LimitReached, match=f"calls: {takes} of at most {2 * takes - 1}, .* expected to take {takes}"):
        run_grid(more, tmp_path, workers=1, limits=GridLimits(calls=2 * takes - 1))
    assert len(run_grid(more, tmp_path, workers=1, limits=GridLimits(calls=2 * takes)).runs) == 20


def mixed(runs: Any = 30, lawless: bool = True) -> Grid:
    prices = TokenPrices(prompt=1e-3, generated=2e-3)
    parts: dict[str, Any] = {"schedule": AllBlocks(), "cost": prices}
    cells = sweep(
        problem=[BlockOneMax(k, l=4) for k in (8, 2, 5)], mutator=Resample(0.5), runner=OnePlusLambda(2), **parts
    )
    if lawless:
        cells += [
            Cell(BlockOneMax(k, l=4), Lawless(0.5), runner=OnePlusLambda(), budget=Budget(60), **parts) for k in (3, 6)
        ]
    return Grid("mixed", cells, runs=runs, batch=10)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("runs", [pytest.param(30, marks=pytest.mark.slow), 25, UntilSuccesses(12, most=30)], ids=str)
def test_limits_hold_to_within_a_batch_wherever_they_are(tmp_path, monkeypatch, runs, workers):
    monkeypatch.setattr("experiments.running.driver.SECONDS_BETWEEN_WRITES", -1.0)
    grid = mixed(runs, lawless=workers == 1)  # another process cannot import a class of a test
    run_grid(grid, tmp_path / "whole", workers=1)
    rows = pd.read_parquet(tmp_path / "whole" / "runs")
    tokens = rows["prompt_tokens"] + rows["generated_tokens"]
    worst = rows.assign(tokens=tokens).groupby(["sample", "batch"])[["calls", "tokens"]].sum().max()
    whole, limited = spent(grid, tmp_path / "whole"), 0
    for name, shares in (("calls", (0.01, 0.2, 0.5, 0.9)), ("tokens", (0.5,))):
        for number, share in enumerate(shares):
            folder, most = tmp_path / f"{name}{number}", share * whole[name]
            try:
                run_grid(grid, folder, workers=workers, limits=GridLimits(**{name: most}))
            except LimitReached:
                limited += 1
            else:
                assert spent(grid, folder) == whole  # the last batch was expected to take less than it did
            assert spent(grid, folder)[name] < most + worst[name]
            if share >= 0.2:
                assert spent(grid, folder)[name] > most - 1.5 * worst[name]
    assert limited >= 4
    again = run_grid(grid, tmp_path / "calls3", workers=1, limits=GridLimits(calls=1e9))
    pd.testing.assert_frame_equal(again.runs, load(tmp_path / "whole").runs, check_exact=True)


def test_with_a_limit_the_cheapest_come_first_and_the_dear_are_not_begun(tmp_path):
    """A needle of 2^20 calls beside cheap cells: a limit that has no room for it is not spent on it."""
    parts: dict[str, Any] = {"mutator": Resample(0.5), "schedule": AllBlocks(), "runner": OnePlusLambda()}
    grid = Grid("x", sweep(problem=[BlockOneMax(k, l=4) for k in (20, 2, 4)], **parts), runs=20, batch=10)
    with pytest.raises(LimitReached, match=r"calls: [\d,]+ of at most 5,000, and the next batch is .* 10,485,\d{3}\)"):
        run_grid(grid, tmp_path, workers=1, limits=GridLimits(calls=5000))
    runs = load(tmp_path).runs
    assert set(runs["cell"]) == {cell.id for cell in grid.cells[1:]}
    assert len(runs) == 40


def test_batches_are_begun_by_what_they_are_expected_to_come_to():
    grid = sure()
    allowance = Allowance(GridLimits(calls=10 * 3 * (2 + 2 + 4) + 239), Spent())
    plan = Agenda(grid, allowance=allowance)
    ks = []
    while task := plan.next_task():
        (job,) = task
        allowance.begun(job)
        ks.append(job.cell.problem.k)
    assert ks == [2, 2, 4, 4]  # in flight: 360 of 479 calls, and a batch of k = 8 takes 240
    assert plan.refused == ""  # nothing is spent yet
    assert plan.has_more


def test_a_batch_of_which_nothing_is_expected_is_begun_alone():
    grid = mixed()
    allowance = Allowance(GridLimits(calls=1e9), Spent())
    plan = Agenda(grid, allowance=allowance)
    jobs = []
    while task := plan.next_task():
        jobs += task
        allowance.begun(task[0])
    assert {type(job.cell.mutator) for job in jobs} == {Resample}
    columns = {name: np.full(10, 7.0) for name in LEDGER}
    for job in jobs:
        allowance.back(job, Done(job, columns, 0.1, "here"))
    (first,) = plan.next_task()
    allowance.begun(first)
    assert isinstance(first.cell.mutator, Lawless)
    assert plan.next_task() == []
    allowance.back(first, Done(first, columns, 0.1, "here"))
    assert allowance.expected(first.cell, 10) == {
        "calls": 70.0,
        "tokens": 140.0,
        "cost": pytest.approx(70 * 1e-3 + 70 * 2e-3),
    }
    assert len(plan.next_task()) == 1


def test_cells_that_share_their_runs_are_paid_once(tmp_path):
    costs = [TokenPrices(prompt=price, generated=1.0, unit=1) for price in (1.0, 2.0)]
    grid = sure(cost=costs)
    calls = 2 * 10 * 3 * (4 + 2 + 8)
    assert len(run_grid(grid, tmp_path, workers=1, limits=GridLimits(calls=calls)).runs) == 2 * 3 * 20
    assert spent(grid, tmp_path)["calls"] == calls


def test_of_several_limits_the_one_that_ends_first_says_how_dear_a_batch_is():
    """And what fits has to fit in all of them."""
    allowance = Allowance(GridLimits(calls=100, cost=10.0, seconds=1e9), Spent(calls=40, cost=1.0))
    assert allowance.share({"calls": 50.0, "tokens": 1e9, "cost": 1.0}) == 0.5
    assert allowance.share({"calls": 1.0, "tokens": 1e9, "cost": 9.0}) == 0.9
    assert allowance.share(None) == float("inf")
    told = [
        allowance.fits({"calls": calls, "tokens": 1e9, "cost": cost}) for calls, cost in ((60, 9), (61, 1), (1, 9.1))
    ]
    assert told == [True, False, False]
