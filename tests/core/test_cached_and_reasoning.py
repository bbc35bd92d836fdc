"""Cached prompt tokens and reasoning tokens of searches: counted, priced, predicted, checked; and in older folders."""

import numpy as np
import pandas as pd
import pytest

from evo import OnePlusLambda, RoundRobin, UntilResolved
from evo.costs import LLMPrimitive, Prompt, TokenPrices
from evo.errors import InputError
from experiments import Cell, Grid, check, predict, run_grid
from experiments.predictions.verdict import Verdict
from operators import Resample
from problems import BlockOneMax

PROMPT = Prompt(head=100, cached=90, reasoning=7)
PRICES = TokenPrices(prompt=3, generated=15, cached=0.3, reasoning=10, per_call=0.25, evaluation=0.5, unit=1e6)


def cell(prompt=PROMPT, cost=PRICES, schedule=None):
    return Cell(BlockOneMax(4, 16), Resample(0.5), schedule or UntilResolved(), OnePlusLambda(), prompt, cost)


def test_each_call_reads_cached_tokens_and_reasons_before_it_answers():
    results = run_grid(Grid("cached", [cell(), cell(schedule=RoundRobin(g=3))], runs=300), workers=1)
    runs = results.by_cell[results.cells.index[0]]
    calls = runs["calls"].to_numpy()
    written = [100 + 16 + token for token in range(7 + 16)]  # of one call, pass by pass
    each = {
        "prompt_tokens": 116,
        "generated_tokens": 23,
        "pass_tokens": sum(written),
        "pass_tokens_squared": sum(c * c for c in written),
        "cached_tokens": 90,
        "reasoning_tokens": 7,
    }
    for entry, of_a_call in each.items():
        assert (runs[entry] == calls * of_a_call).all(), entry
    dollars = 0.25 + 0.5 + 26 * 3e-6 + 90 * 0.3e-6 + 16 * 15e-6 + 7 * 10e-6
    assert runs["cost"].to_numpy() == pytest.approx(calls * dollars, rel=1e-12)
    assert predict(cell(), "cost").mean == pytest.approx(8 * dollars, rel=1e-12)
    assert check(results).count(Verdict.DIFFERS) == 0


@pytest.mark.parametrize("entry", ["cached_tokens", "reasoning_tokens", "generated_tokens"])
def test_a_ledger_that_is_off_by_one_token_differs(entry):
    results = run_grid(Grid("cached", [cell()], runs=300), workers=1)
    runs = results.runs.copy()
    runs.loc[5, entry] += 1
    (found,) = check(results.with_runs(runs)).cells
    assert found.verdict is Verdict.DIFFERS
    assert f"{entry} of batch 0, run 5 is off by +1" in found.reason


def test_what_is_cached_changes_neither_draws_nor_other_names():
    plain = Cell(BlockOneMax(4, 16), Resample(0.5), UntilResolved(), OnePlusLambda(), Prompt(head=100))
    assert plain.text.endswith("prompt=Prompt(head=100))")
    assert cell().identity == plain.identity
    assert cell().text.count("cached=90, reasoning=7") == 1
    tables = [run_grid(Grid("one", [each], runs=300), workers=1).runs for each in (plain, cell(cost=LLMPrimitive()))]
    pd.testing.assert_series_equal(tables[0]["hit"], tables[1]["hit"])
    assert (tables[0]["cached_tokens"] == 0).all()


def test_cached_tokens_are_part_of_the_head():
    with pytest.raises(InputError, match="Prompt: cached must be at most head = 5"):
        Prompt(head=5, cached=6)
    with pytest.raises(InputError, match="Prompt: reasoning must be a whole number >= 0"):
        Prompt(reasoning=-1)


def test_folders_and_cost_models_of_earlier_versions_have_no_such_tokens(tmp_path):
    from pyarrow import parquet

    from experiments import load
    from experiments.store.files import write_part

    grid = Grid("old", [cell(prompt=Prompt(head=3))], runs=300)
    now = run_grid(grid, tmp_path / "r", workers=1)
    (part,) = (tmp_path / "r" / "runs").glob("*.parquet")
    old = parquet.read_table(part).drop_columns(["cached_tokens", "reasoning_tokens"]).to_pandas()
    part.unlink()
    write_part(tmp_path / "r" / "runs", old)
    pd.testing.assert_frame_equal(load(tmp_path / "r").runs, now.runs)
    assert np.all(load(tmp_path / "r").runs["cached_tokens"] == 0)
