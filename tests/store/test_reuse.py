"""Runs that are not made again: equal to fresh runs bit for bit, and only what must be is simulated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evo.costs.budget import Budget
from evo.costs.latency import Latency
from evo.costs.ledger import Prompt
from evo.costs.prices import LLMPrimitive, TokenPrices
from evo.errors import InputError
from evo.runners.archives import MuPlusLambda
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.runners.parallel import Asynchronous, Merged
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UniformChunk
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.running import tasks
from experiments.running.launch import run_grid
from experiments.store.results import load
from experiments.store.reuse import FORMER, former_texts, reusable
from experiments.store.store import Store
from experiments.store.table import no_runs
from operators import FixKeep, Resample
from problems import BlockOneMax, Noisy, UnequalBlocks

Simulated = list[tuple[str, int]]


def grid(budget: Budget | None = None, runs: int = 100, parts: tuple[Any, ...] = (), **changes: Any) -> Grid:
    """One cell whose hits lie between 1 and some 100, in batches of ten runs."""
    problem, mutator, schedule, runner = parts or (BlockOneMax(4, 4), Resample(0.5), AllBlocks(), OnePlusLambda())
    of = Cell(problem, mutator, schedule, runner, budget=budget or Budget(1000))
    of = replace(of, **{name: changes.pop(name) for name in ("prompt", "cost") if name in changes})
    return Grid("tiny", [of], **({"runs": runs, "batch": 10} | changes))


@pytest.fixture
def simulated(monkeypatch) -> Simulated:
    """The batches that were simulated, (cell id, batch)."""
    done: Simulated = []
    honest = tasks.simulate

    def counted(cell, seed, batch, size, engine="blocks"):
        done.append((cell.id, batch))
        return honest(cell, seed, batch, size, engine)

    monkeypatch.setattr(tasks, "simulate", counted)
    return done


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def batches_with(runs: pd.DataFrame, rows: pd.Series) -> set[int]:
    return set(runs.loc[rows, "batch"].astype(int))


KINDS = {
    "AllBlocks": (),
    "lam": (BlockOneMax(4, 4), Resample(0.5), AllBlocks(), OnePlusLambda(lam=3)),
    "weak": (BlockOneMax(6, 4), FixKeep(0.5, 0.9), UniformChunk(), OnePlusLambda(accept="weak")),
    "MuPlusLambda": (BlockOneMax(4, 4), Resample(0.5), UniformChunk(), MuPlusLambda(mu=2)),
    "Noisy": (Noisy(BlockOneMax(4, 4), sigma=0.5), Resample(0.5), UniformChunk(), OnePlusLambda()),
    "Merged": (BlockOneMax(6, 4), Resample(0.3), RoundRobin(), Merged(workers=2)),
    "Asynchronous": (
        BlockOneMax(6, 4),
        Resample(0.3),
        OnlyIncorrect(),
        Asynchronous(workers=2, latency=Latency(fixed=1.0, tail=1.0)),
    ),
    "unequal blocks": (UnequalBlocks((3, 5, 2)), Resample(0.4), UniformChunk(), OnePlusLambda()),
}


@pytest.mark.parametrize("parts", KINDS.values(), ids=KINDS)
def test_a_larger_budget_simulates_only_batches_with_censored_runs(tmp_path, simulated, parts):
    fresh = run_grid(grid(parts=parts), workers=1).runs
    small = Budget(int(fresh["calls"].quantile(0.96)))
    before = run_grid(grid(small, parts=parts), tmp_path / "out", workers=1).runs
    reached = before["hit"].isna() | (before["calls"] >= small.calls)
    censored = batches_with(before, before["hit"].isna())
    assert 0 < len(censored) < 10
    simulated.clear()
    after = run_grid(grid(parts=parts), tmp_path / "out", workers=1).runs
    same(after, fresh)
    assert {batch for _, batch in simulated} == censored
    assert len(simulated) == len(censored)
    assert batches_with(before, reached) >= censored


@pytest.mark.parametrize("parts", [KINDS["lam"], KINDS["Asynchronous"]], ids=["lam", "Asynchronous"])
def test_a_smaller_budget_simulates_batches_with_runs_that_reach_it(tmp_path, simulated, parts):
    before = run_grid(grid(parts=parts), tmp_path / "out", workers=1).runs
    small = Budget(int(before["calls"].quantile(0.96)))
    fresh = run_grid(grid(small, parts=parts), workers=1).runs
    simulated.clear()
    after = run_grid(grid(small, parts=parts), tmp_path / "out", workers=1).runs
    same(after, fresh)
    assert {batch for _, batch in simulated} == batches_with(before, before["calls"] >= small.calls)
    assert 0 < len(simulated) < 10


@pytest.mark.parametrize("budget", [Budget(1000), Budget(8)], ids=["all hit", "censored"])
def test_other_prices_simulate_nothing(tmp_path, simulated, budget):
    run_grid(grid(budget), tmp_path / "out", workers=1)
    dear = TokenPrices(prompt=1e-6, generated=3e-6, per_call=0.5)
    simulated.clear()
    after = run_grid(grid(budget, cost=dear), tmp_path / "out", workers=1).runs
    assert simulated == []
    same(after, run_grid(grid(budget, cost=dear), workers=1).runs)


def test_other_prices_under_a_budget_on_cost_cut_elsewhere(tmp_path, simulated):
    budget = Budget(None, cost=400.0)
    before = run_grid(grid(budget), tmp_path / "out", workers=1).runs
    simulated.clear()
    after = run_grid(grid(budget, cost=LLMPrimitive(m=0.5)), tmp_path / "out", workers=1).runs
    same(after, run_grid(grid(budget, cost=LLMPrimitive(m=0.5)), workers=1).runs)
    assert after["hit"].notna().sum() > before["hit"].notna().sum()
    assert 0 < len({batch for _, batch in simulated}) <= 10


def test_former_cells_are_found_after_several_grids(tmp_path, simulated):
    """Back to the first budget, and from one of three former cells each batch once."""
    out = tmp_path / "out"
    for calls in (20, 50, 35):
        run_grid(grid(Budget(calls)), out, workers=1)
    assert set(former_texts(out)) == {grid(Budget(calls)).cells[0].id for calls in (20, 50)}
    simulated.clear()
    run_grid(grid(Budget(20)), out, workers=1)
    assert simulated == []  # its own rows are there
    after = run_grid(grid(), out, workers=1).runs
    same(after, run_grid(grid(), workers=1).runs)
    longest = load(out).runs.groupby("batch")["calls"].max()
    assert {batch for cell, batch in simulated[: len(simulated) - 10]} == set(longest[longest > 50].index)


def test_a_cell_of_the_same_grid_is_used_too(tmp_path, simulated):
    one = grid()
    run_grid(one, tmp_path / "out", workers=1)
    two = Grid("tiny", [*one.cells, *grid(cost=LLMPrimitive(m=2)).cells], runs=100, batch=10)
    simulated.clear()
    run_grid(two, tmp_path / "out", workers=1)
    assert simulated == []


def test_more_runs_simulate_the_new_batches_only(tmp_path, simulated):
    run_grid(grid(), tmp_path / "out", workers=1)
    simulated.clear()
    after = run_grid(grid(Budget(2000), runs=120), tmp_path / "out", workers=1).runs
    assert sorted(batch for _, batch in simulated) == [10, 11]
    same(after, run_grid(grid(Budget(2000), runs=120), workers=1).runs)


# ------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "other",
    [
        grid(Budget(2000), prompt=Prompt(head=3)),
        grid(Budget(2000), parts=(BlockOneMax(4, 4), Resample(0.6), AllBlocks(), OnePlusLambda())),
        grid(Budget(2000), parts=(BlockOneMax(4, 5), Resample(0.5), AllBlocks(), OnePlusLambda())),
    ],
    ids=["prompt", "operator", "tokens"],
)
def test_another_prompt_or_part_is_simulated(tmp_path, simulated, other):
    run_grid(grid(), tmp_path / "out", workers=1)
    simulated.clear()
    same(run_grid(other, tmp_path / "out", workers=1).runs, run_grid(other, workers=1).runs)
    assert len(simulated) == 20


@pytest.mark.parametrize("changes", [{"seed": 2}, {"batch": 20}, {"engine": "deap"}])
def test_another_seed_batch_or_engine_is_refused(tmp_path, changes):
    run_grid(grid(), tmp_path / "out", workers=1)
    with pytest.raises(InputError, match="choose another folder"):
        run_grid(grid(Budget(2000), **changes), tmp_path / "out", workers=1)
    assert former_texts(tmp_path / "out") == {}


@dataclass(frozen=True)
class Mine(Resample):
    """A part of others."""


@dataclass(frozen=True)
class MyRunner(Merged):
    """A runner of others, whose loop may do anything."""


def taken(before: Grid, after: Grid, rows: pd.DataFrame | None = None, **changes: Any) -> int:
    """How many batches of a grid's only cell are taken over into another grid."""
    rows = run_grid(before, workers=1).runs.drop(columns="cost") if rows is None else rows
    of = before.cells[0]
    finished = {(of.id, batch) for batch in range(before.runs // before.batch)}
    return int(reusable(after, {of.id: of.text}, finished, lambda cells: rows, **changes)["batch"].nunique())


def test_rows_of_another_engine_and_broken_batches_are_left_alone():
    small, large = grid(Budget(500)), grid()
    rows = run_grid(small, workers=1).runs.drop(columns="cost")
    assert taken(small, large, rows) == 10
    assert taken(small, large, rows.assign(engine="law")) == 0
    assert taken(small, large, rows.drop(index=rows.index[rows["batch"] == 3][:1])) == 9
    assert taken(small, replace(large, runs=45), rows) == 5


def test_parts_of_others_that_were_changed_and_runners_of_others_are_left_alone():
    mine = (BlockOneMax(4, 4), Mine(0.5), AllBlocks(), OnePlusLambda())
    name = f"{Mine.__module__}.Mine"
    assert taken(grid(Budget(500), parts=mine), grid(parts=mine)) == 10
    assert taken(grid(Budget(500), parts=mine), grid(parts=mine), changed=[name]) == 0
    assert taken(grid(Budget(500), parts=mine), grid(parts=mine), changed=["others.Mine"]) == 10
    loop = (BlockOneMax(6, 4), Resample(0.3), RoundRobin(), MyRunner(workers=2))
    assert taken(grid(Budget(500), parts=loop), grid(parts=loop)) == 0
    assert taken(grid(Budget(500), parts=KINDS["Merged"]), grid(parts=KINDS["Merged"])) == 10


def must_not_read() -> pd.DataFrame:
    raise AssertionError("nothing can be taken over, so nothing is to be read")


def test_nothing_is_read_if_nothing_can_be_taken_over():
    small, large = grid(Budget(500)), grid()
    finished = {(small.cells[0].id, n) for n in range(10)}
    assert reusable(large, {}, finished, lambda cells: must_not_read()).empty
    assert reusable(small, {}, finished, lambda cells: must_not_read()).empty
    assert list(reusable(large, {}, set(), lambda cells: must_not_read()).columns) == list(no_runs().columns)


# ------------------------------------------------------------------------------------------------------- the file


def test_former_cells_are_kept_before_the_table_of_cells_is_replaced(tmp_path, monkeypatch):
    out = tmp_path / "out"
    run_grid(grid(Budget(50)), out, workers=1)

    def killed(file: Path, table: pd.DataFrame) -> None:
        raise OSError("killed")

    monkeypatch.setattr("experiments.store.store.write_parquet", killed)
    with pytest.raises(Exception, match="killed"):
        Store.open(out, grid())
    monkeypatch.undo()
    former = grid(Budget(50)).cells[0]
    assert former_texts(out) == {former.id: former.text}
    same(run_grid(grid(), out, workers=1).runs, run_grid(grid(), workers=1).runs)


def test_a_damaged_file_of_former_cells_is_told_and_written_anew(tmp_path, simulated):
    out, said = tmp_path / "out", []
    for calls in (20, 50):
        run_grid(grid(Budget(calls)), out, workers=1)
    (out / FORMER).write_bytes(b"nothing")
    simulated.clear()
    results = run_grid(grid(), out, workers=1, tell=said.append)
    same(results.runs, run_grid(grid(), workers=1).runs)
    assert any(FORMER in message and "written anew" in message for message in said)
    assert set(former_texts(out)) == {grid(Budget(50)).cells[0].id}


@pytest.mark.parametrize(
    ("entry", "small"),
    [("evaluations", 40), ("prompt_tokens", 640), ("generated_tokens", 640), ("pass_tokens", 15_000)],
)
@pytest.mark.parametrize("shrinks", [False, True], ids=["larger", "smaller"])
def test_budgets_on_every_entry_of_the_ledger_are_looked_at(tmp_path, simulated, entry, small, shrinks):
    budgets = [Budget(None, **{entry: small}), Budget(None, **{entry: 50 * small})]
    first, second = reversed(budgets) if shrinks else budgets
    before = run_grid(grid(first), tmp_path / "out", workers=1).runs
    fresh = run_grid(grid(second), workers=1).runs
    simulated.clear()
    after = run_grid(grid(second), tmp_path / "out", workers=1).runs
    same(after, fresh)
    cut = after if shrinks else before
    assert {batch for _, batch in simulated} >= batches_with(cut, cut["hit"].isna()) != set()
    assert len(simulated) < 10
