"""What a forecast adds up is what is run and paid for: whole batches, and runs that cells share once."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from evo.costs.prices import LLMPrimitive, TokenPrices
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import UntilResolved
from experiments.cli.predicting.forecast import totals
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
@pytest.mark.parametrize(("runs", "batch"), [(20, 10), (11, 10), (19, 10), (3, 10), (7, 1), (1, 500)])
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
