"""Runs of other prices and budgets that are not made again: equal to fresh runs bit for bit."""

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
from experiments.running.progress import Progress
from experiments.store.batches import Batches
from experiments.store.files import write_part
from experiments.store.launches.status import Status, status
from experiments.store.other_budgets import rows_of_other_budgets
from experiments.store.parts import Parts
from experiments.store.results import load
from operators import FixKeep, Malformed, Resample
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
    """The batches that were simulated, (sample, batch)."""
    done: Simulated = []
    honest = tasks.simulate

    def counted(cell, seed, batch, size, engine="blocks"):
        done.append((cell.sample, batch))
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


LIKE_OTHERS = ("lam", "weak", "unequal blocks")
"""Kinds whose runs go through the same loop as those of AllBlocks."""


@pytest.mark.parametrize(
    "parts",
    [pytest.param(KINDS[name], id=name, marks=pytest.mark.slow if name in LIKE_OTHERS else ()) for name in KINDS],
)
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


@pytest.mark.parametrize("parts", [KINDS["Noisy"], KINDS["Asynchronous"]], ids=["Noisy", "Asynchronous"])
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


def test_budgets_of_several_grids_are_found(tmp_path, simulated):
    """Back to the first budget, and each batch from one of three samples once."""
    out = tmp_path / "out"
    for calls in (20, 50, 35):
        run_grid(grid(Budget(calls)), out, workers=1)
    simulated.clear()
    run_grid(grid(Budget(20)), out, workers=1)
    assert simulated == []  # its own rows are there
    after = run_grid(grid(), out, workers=1).runs
    made = [batch for _, batch in simulated]
    same(after, run_grid(grid(), workers=1).runs)
    longest = load(out).runs.groupby("batch")["calls"].max()
    assert sorted(made) == sorted(longest[longest > 50].index)


def test_a_cell_of_the_same_grid_is_used_too(tmp_path, simulated):
    one = grid()
    run_grid(one, tmp_path / "out", workers=1)
    two = Grid("tiny", [*one.cells, *grid(cost=LLMPrimitive(m=2)).cells], runs=100, batch=10)
    simulated.clear()
    shared = run_grid(two, tmp_path / "out", workers=1)
    assert simulated == []
    alone = run_grid(grid(cost=LLMPrimitive(m=2)), workers=1).runs
    same(shared.by_cell[two.cells[1].id].reset_index(drop=True), alone)
    seen: list[Progress] = []
    same(run_grid(two, workers=1, watch=seen.append).runs, shared.runs)
    assert len(simulated) == 10 + 10  # of `alone`, and once for both cells
    assert (seen[-1].cells, seen[-1].of_cells, seen[-1].runs, seen[-1].of_runs) == (2, 2, 100, 100)
    found = status(tmp_path / "out")
    assert isinstance(found, Status)
    assert (found.cells, found.batches, found.of_batches, found.runs, found.of_runs) == (2, 10, 10, 100, 100)


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


@dataclass(frozen=True)
class Mine(Resample):
    """A third-party part."""


@dataclass(frozen=True)
class MyRunner(Merged):
    """A third-party runner, whose loop may do anything."""


def taken(folder: Path, before: Grid, after: Grid, **changes: Any) -> int:
    """How many batches of a grid's only cell are taken over into another grid."""
    if not folder.exists():
        run_grid(before, folder, workers=1)
    found = Batches.read(Parts(folder))
    return sum(rows["batch"].nunique() for rows in rows_of_other_budgets(after, found, **changes))


def rewrite(folder: Path, change: Any) -> None:
    for file in list(folder.glob("runs/*.parquet")):
        rows = change(pd.read_parquet(file))
        file.unlink()
        write_part(folder / "runs", rows)


def test_rows_of_another_engine_and_broken_batches_are_left_alone(tmp_path):
    small, large = grid(Budget(500)), grid()
    assert taken(tmp_path / "a", small, large) == 10
    assert taken(tmp_path / "a", small, replace(large, runs=45)) == 5
    rewrite(tmp_path / "a", lambda rows: rows[(rows["batch"] != 3) | (rows["run"] != 4)])
    assert taken(tmp_path / "a", small, large) == 9
    rewrite(tmp_path / "a", lambda rows: rows.assign(engine="law"))
    assert taken(tmp_path / "a", small, large) == 0


def test_parts_of_others_that_were_changed_and_runners_of_others_are_left_alone(tmp_path):
    mine = (BlockOneMax(4, 4), Mine(0.5), AllBlocks(), OnePlusLambda())
    name = f"{Mine.__module__}.Mine"
    budgets = grid(Budget(500), parts=mine), grid(parts=mine)
    assert taken(tmp_path / "mine", *budgets) == 10
    assert taken(tmp_path / "mine", *budgets, changed=[name]) == 0
    assert taken(tmp_path / "mine", *budgets, changed=["others.Mine"]) == 10
    loop = (BlockOneMax(6, 4), Resample(0.3), RoundRobin(), MyRunner(workers=2))
    assert taken(tmp_path / "loop", grid(Budget(500), parts=loop), grid(parts=loop)) == 0
    ours = KINDS["Merged"]
    assert taken(tmp_path / "ours", grid(Budget(500), parts=ours), grid(parts=ours)) == 10


def test_no_row_is_read_if_nothing_can_be_taken_over(tmp_path, monkeypatch):
    small = grid(Budget(500))
    taken(tmp_path / "out", small, small)
    monkeypatch.setattr(Batches, "rows", None)
    assert taken(tmp_path / "out", small, small) == 0
    assert taken(tmp_path / "out", small, grid(prompt=Prompt(head=3))) == 0


# ------------------------------------------------------------------------------------- just above and just below


def calls_of_first_batch(tmp_path: Path, **more: Any) -> list[int]:
    """Calls of the runs of one batch, in rising order; all hit."""
    runs = run_grid(grid(runs=10, **more), tmp_path / "all", workers=1).runs
    assert runs["hit"].notna().all()
    return sorted(int(calls) for calls in runs["calls"])


@pytest.mark.parametrize("above", [0, 1])
def test_a_batch_is_taken_over_just_if_none_of_its_runs_was_censored(tmp_path, simulated, above):
    longest = calls_of_first_batch(tmp_path)[-1]
    small = Budget(longest - 1 + above)  # a hit in the last call is a hit
    run_grid(grid(small, runs=10), tmp_path / "out", workers=1)
    simulated.clear()
    after = run_grid(grid(runs=10), tmp_path / "out", workers=1).runs
    assert len(simulated) == 1 - above
    same(after, load(tmp_path / "all").runs)


@pytest.mark.some("by", "off")
@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize(("by", "lam"), [("calls", 1), ("calls", 3), ("cost", 3), ("pass_tokens", 1)])
def test_a_smaller_budget_is_read_off_where_all_generations_have_one_ledger(tmp_path, simulated, lam, off, by):
    parts = (BlockOneMax(4, 4), Resample(0.5), AllBlocks(), OnePlusLambda(lam))
    each = 376.0  # forward passes of a call on 16 tokens: 16 * 16 + 16 * 15 / 2
    middle = calls_of_first_batch(tmp_path, parts=parts)[5]
    most = middle * (1 if by == "calls" else each) + off
    budget = Budget(**({"calls": None} | {by: most if by == "cost" else int(most)}))
    simulated.clear()
    after = run_grid(grid(budget, runs=10, parts=parts), tmp_path / "all", workers=1).runs
    at_the_limit = by == "cost" and off == 0  # rounding of prices may decide it: simulated
    assert len(simulated) == at_the_limit  # just below, at and just above the last call of a run
    fresh = run_grid(grid(budget, runs=10, parts=parts), workers=1).runs
    assert 0 < fresh["hit"].isna().sum() < 10
    same(after, fresh)


@pytest.mark.parametrize(
    "parts",
    [
        (BlockOneMax(5, 4), Resample(0.5), RoundRobin(2), OnePlusLambda()),
        (BlockOneMax(4, 4), Malformed(Resample(0.5), 0.3), AllBlocks(), OnePlusLambda()),
        KINDS["Noisy"],
        KINDS["Merged"],
        KINDS["Asynchronous"],
        KINDS["unequal blocks"],
    ],
    ids=["short chunk", "malformed", "Noisy", "Merged", "Asynchronous", "unequal blocks"],
)
def test_a_smaller_budget_is_simulated_where_generations_may_differ(tmp_path, simulated, parts):
    middle = calls_of_first_batch(tmp_path, parts=parts)[5]
    simulated.clear()
    after = run_grid(grid(Budget(middle), runs=10, parts=parts), tmp_path / "all", workers=1).runs
    assert len(simulated) == 1
    same(after, run_grid(grid(Budget(middle), runs=10, parts=parts), workers=1).runs)


def test_rows_of_a_middle_budget_are_cut_but_not_prolonged(tmp_path, simulated):
    """30 calls cut the censored rows of 50; for 70 these are too short."""
    run_grid(grid(Budget(50)), tmp_path / "out", workers=1)
    censored = batches_with(load(tmp_path / "out").runs, load(tmp_path / "out").runs["hit"].isna())
    simulated.clear()
    same(run_grid(grid(Budget(30)), tmp_path / "out", workers=1).runs, run_grid(grid(Budget(30)), workers=1).runs)
    assert len(simulated) == 10  # those of the fresh runs
    simulated.clear()
    run_grid(grid(Budget(70)), tmp_path / "out", workers=1)
    assert {batch for _, batch in simulated} == censored != set()


@pytest.mark.some
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
    assert batches_with(cut, cut["hit"].isna()) != set()
    assert {batch for _, batch in simulated} == (set() if shrinks else batches_with(cut, cut["hit"].isna()))
