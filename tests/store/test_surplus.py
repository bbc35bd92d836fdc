"""Batches are run whole: what the last one makes beyond the runs asked for is counted aloud, and told by a column."""

import pandas as pd
import pytest

from evo import OnePlusLambda, UntilResolved
from evo.costs.budget import Budget
from experiments import Cell, Grid, load, run_grid
from experiments.cli.run import run_and_report
from experiments.predictions.forecast import forecast
from experiments.running.launch import LimitReached
from experiments.running.limits import GridLimits
from experiments.store.launches.status import status
from operators import Resample
from problems import BlockOneMax


def grid(runs, batch=50):
    cells = [
        Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), UntilResolved(), OnePlusLambda(), budget=budget)
        for budget in (Budget(), Budget(calls=6))
    ]
    return Grid("few", cells, runs=runs, batch=batch)


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    """Figures are not looked at here."""
    monkeypatch.setattr("experiments.cli.run.write_and_show", lambda *parts, **more: (None, []))


def parts(folder):
    return pd.read_parquet(folder / "runs")


def test_rows_beyond_those_asked_for_are_told_by_a_column(tmp_path):
    kept = run_grid(grid(70), tmp_path, workers=1).runs
    rows = parts(tmp_path)
    assert len(rows) == 2 * 100
    assert sorted(rows["number"]) == sorted([*range(100), *range(100)])
    assert (rows["number"] == rows["batch"] * 50 + rows["run"]).all()
    assert len(rows[rows["number"] < 70]) == len(kept) == 2 * 70
    assert kept["calls"].sum() == rows.loc[rows["number"] < 70, "calls"].sum() < rows["calls"].sum()
    assert "number" not in kept


def test_more_runs_go_on_from_the_surplus(tmp_path):
    run_grid(grid(70), tmp_path, workers=1)
    before = {file.name for file in (tmp_path / "runs").iterdir()}
    more = run_grid(grid(100), tmp_path, workers=1)
    assert {file.name for file in (tmp_path / "runs").iterdir()} == before  # nothing was run
    pd.testing.assert_frame_equal(more.runs, run_grid(grid(100), workers=1).runs)


def test_parts_without_the_column_are_read_as_they_are(tmp_path):
    from experiments.store.files import write_part

    run_grid(grid(70), tmp_path, workers=1)
    expected = load(tmp_path).runs
    for file in list((tmp_path / "runs").iterdir()):
        rows = pd.read_parquet(file).drop(columns="number")
        file.unlink()
        write_part(tmp_path / "runs", rows)
    pd.testing.assert_frame_equal(load(tmp_path).runs, expected)


def test_forecast_status_and_screen_count_what_is_made(tmp_path, capsys):
    few = grid(70)
    assert few.surplus == 60
    assert forecast(few)["made"].tolist() == [100, 100]
    run_and_report(few, tmp_path / "few", quiet=False)
    assert "batches are run whole: 60 more are made than the table keeps" in capsys.readouterr().out
    assert dict(status(tmp_path / "few").lines())["runs"] == "140 of 140; 200 made, since batches are run whole"


def test_nothing_is_said_where_batches_hold_what_is_asked_for(tmp_path, capsys):
    whole = grid(100)
    assert whole.surplus == 0
    run_and_report(whole, tmp_path / "whole", quiet=False)
    assert "run whole" not in capsys.readouterr().out
    assert dict(status(tmp_path / "whole").lines())["runs"] == "200 of 200"


def test_limits_count_what_is_made():
    """Runs of 8 and at most 6 calls: the 140 that are asked for stay below the limit, the 200 that are made do not."""
    with pytest.raises(LimitReached):
        run_grid(grid(70), workers=1, limits=GridLimits(calls=1200))
    assert run_grid(grid(70, batch=70), workers=1, limits=GridLimits(calls=1200)).runs["calls"].sum() < 1200
