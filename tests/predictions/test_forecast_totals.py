"""What a forecast adds up is what is run and paid for: whole batches, and runs that cells share once."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from evo.costs.prices import LLMPrimitive, TokenPrices
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import UntilResolved
from experiments.cli.predicting.forecast import _done, _kind, _share, totals
from experiments.grids.grid import Grid, sweep
from experiments.predictions.forecast import forecast
from experiments.running.launch import run_grid
from experiments.store.results import load
from operators import FixKeep
from problems import BlockOneMax

COSTS = [LLMPrimitive(), LLMPrimitive(m=2), TokenPrices(prompt=1.0, generated=2.0, unit=1)]


def grid(runs: Any, batch: int, costs: int = 1) -> Grid:
    """Each run takes 3 k calls, for certain."""
    parts: dict[str, Any] = {"mutator": FixKeep(1.0, 1.0), "schedule": UntilResolved(), "runner": OnePlusLambda(3)}
    cells = sweep(problem=[BlockOneMax(k, l=4) for k in (2, 5)], cost=COSTS[:costs], **parts)
    return Grid("sure", cells, runs=runs, batch=batch)


@pytest.mark.some
@pytest.mark.parametrize("costs", [1, 2, 3])
@pytest.mark.parametrize(("runs", "batch"), [(20, 10), (11, 10), (19, 10), (3, 10), (7, 1), (1, 500), (1, 1)])
def test_the_forecast_of_a_sure_grid_is_what_its_folder_holds(tmp_path, runs, batch, costs):
    made = grid(runs, batch, costs)
    run_grid(made, tmp_path, workers=1)
    stored = pd.read_parquet(tmp_path / "runs")
    table = forecast(made)
    assert (table["made"] * table["spent"]).sum() == stored["calls"].sum()
    assert table["made"].sum() == len(stored)
    assert (table["made"] * table["written"]).sum() == stored["generated_tokens"].sum()
    first, *more = totals(table, 2)
    calls = f"{stored['calls'].sum():,} calls"
    assert first.startswith(f"{2 * costs} cells, {len(stored):,} runs within their budgets: {calls}")
    cut = len(stored) - 2 * runs
    assert any(f"batches are run whole: {cut:,} runs of these are more" in line for line in more) == (cut > 0)
    assert any("share their runs with others" in line for line in more) == (costs > 1)


@pytest.mark.parametrize(("runs", "batch"), [(20, 10), (11, 10), (3, 10)])
def test_a_reader_of_the_parts_can_tell_the_rows_that_the_table_cuts_off(tmp_path, runs, batch):
    """As docs/results.md says: batch * size + run < runs, where size is the rows of a batch."""
    run_grid(grid(runs, batch), tmp_path, workers=1)
    stored = pd.read_parquet(tmp_path / "runs")
    size = stored.groupby("sample")["run"].transform("max") + 1
    kept = stored[stored["batch"] * size + stored["run"] < runs]
    assert len(stored) > len(kept) or runs % batch == 0
    found = load(tmp_path).runs
    assert kept.groupby("sample").size().tolist() == [runs, runs]
    assert sorted(kept["hit"]) == sorted(found["hit"])


def told(*cells):
    """Totals of made-up cells on four cores: of each what is unlike an ordinary one of 10 runs of 3 calls."""
    plain = {"series": "cells", "k": 2, "lam": 1, "spent": 3.0, "read": 5.0, "written": 7.0, "paid": 11.0}
    plain |= {"prices": "LLMPrimitive()", "at_most": False, "censored": 0.0, "runs": 10, "made": 10}
    return totals(pd.DataFrame([plain | {"seconds": 60.0, "longest": 6.0} | cell for cell in cells]), 4)


SPENT = "2 cells, 20 runs within their budgets: 60 calls, 100 tokens read and 140 written, cost 220 pass tokens"
NEVER = "chance that a run is censored: 0 over all cells"
TIME = "about 30 s on 4 cores of this machine"


@pytest.mark.parametrize(
    ("cells", "lines"),
    [
        (({}, {}), [SPENT, NEVER, TIME]),
        (({}, {"longest": 90.0}), [SPENT, NEVER, "about 1.5 min on 4 cores of this machine"]),  # the longest run alone
        (({}, {"at_most": True}), [f"{SPENT} (at most, where calls differ in price)", NEVER, TIME]),
        (({}, *[{"seconds": None}] * 2), [
            "3 cells, 30 runs within their budgets: 90 calls, 150 tokens read and 210 written, cost 330 pass tokens",
            NEVER,
            "about 15 s on 4 cores of this machine", "2 cells whose time is not predicted are not counted in this",
        ]),
        (({"seconds": None}, {"seconds": math.inf}), [SPENT, NEVER]),
        (({}, {"prices": "LLMPrimitive(m=2)"}), [
            "2 cells, 20 runs within their budgets: 60 calls, 100 tokens read and 140 written, cost by several models, "
            "not added", NEVER, TIME,
        ]),
        (({}, {"paid": None}, {"read": None}), [
            "3 cells, 30 runs within their budgets: 90 calls, 50 tokens read and 70 written, cost 110 pass tokens",
            "2 cells whose tokens or cost are not predicted are not counted in these", NEVER,
            "about 45 s on 4 cores of this machine",
        ]),
        (({"made": 11}, {"made": 12}), [
            SPENT.replace("20 runs", "23 runs").replace("60 c", "69 c").replace("100", "115").replace("140", "161")
            .replace("220", "253"),
            "batches are run whole: 3 runs of these are more than the table keeps", NEVER, TIME,
        ]),
        (({}, {}, {"made": 0, "seconds": None}), [
            SPENT.replace("2 cells", "3 cells"),
            "1 cell shares its runs with others, from which only prices differ: counted once", NEVER,
            TIME,
        ]),
        (({}, {"censored": 0.5, "k": 9}), [
            SPENT, "chance that a run is censored: 0.25 over all cells, at most 0.5 (cells, k = 9, lam = 1)",
            TIME,
        ]),
        (({}, {}, {"censored": 0.75}), [
            "3 cells, 30 runs within their budgets: 90 calls, 150 tokens read and 210 written, cost 330 pass tokens",
            "chance that a run is censored: 0.25 over all cells, at most 0.75 (cells, k = 2, lam = 1)",
            "about 45 s on 4 cores of this machine",
        ]),
        (({}, {"censored": None}), [
            SPENT, NEVER, "1 cell of which it is not known is not counted in this", TIME,
        ]),
        (({"lam": math.nan, "censored": 0.25}, {"lam": math.nan, "censored": 0.75, "k": math.nan}), [
            SPENT.replace(" within their budgets", ""),
            "chance that a program's task is not done right: 0.5 over all cells, at most 0.75 (cells)",
            TIME,
        ]),
        (({}, {"lam": math.nan, "censored": 0.25}), [
            SPENT, NEVER, "chance that a program's task is not done right: 0.25 over all cells", TIME,
        ]),
        (({"censored": 1e-17}, {"censored": 9e-17, "k": 9}), [
            SPENT, "chance that a run is censored: < 1e-16 over all cells", TIME,
        ]),
        (({}, {}, {"spent": None}, {"spent": None}), [
            SPENT, NEVER, TIME, "2 cells without a prediction are not counted",
        ]),
    ],
)  # fmt: skip
def test_totals_say_what_is_counted_and_what_is_not(cells, lines):
    assert told(*cells) == lines


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (None, "-"), (0.0, "0"), (9e-17, "< 1e-16"), (1e-16, "1.0e-16"), (9.99e-4, "1.0e-03"), (1e-3, "0.001"),
        (0.00123456, "0.001235"), (0.5, "0.5"), (1.0, "1"),
    ],
)  # fmt: skip
def test_a_share_is_told_in_few_characters_at_every_size(share, words):
    assert _share(share) == words


def test_a_task_is_done_right_with_the_chance_that_it_is_not_censored():
    assert [_done({"censored": each}) for each in (0.25, 0.0, None)] == ["0.75", "1", "-"]


def test_means_beyond_a_budget_are_alike_whatever_their_numbers():
    """Other reasons keep theirs."""
    told = "the mean of # calls is beyond the budget of #"
    assert _kind("the mean of 1.5e+09 calls is beyond the budget of 7") == told
    assert _kind("mean 12 of 3.5") == "mean # of #"
    assert "12" in _kind("no law of 12 blocks")
