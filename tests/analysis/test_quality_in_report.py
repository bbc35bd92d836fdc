"""The fitness before the optimum in a report: which cells, which budgets, what a call comes to, and the files."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from evo import AllBlocks, Asynchronous, Budget, Latency, OnePlusLambda, RoundRobin, UniformChunk
from evo.costs import TokenPrices
from experiments import Grid, load, predict, run_grid
from experiments.grids.cell import Cell
from experiments.reports.files import write
from experiments.reports.quality import in_report
from experiments.reports.quality.in_report import quality_curves, quality_figure, quality_table
from experiments.reports.report import report
from operators import FixKeep, Resample
from problems import BlockOneMax

PRICES = TokenPrices(3, 15, unit=1e6, currency="$")


def cell(k=4, schedule=None, lam=1, mutator=None, **more):
    problem = BlockOneMax(k, 5)
    parts = {"cost": PRICES} | more
    return Cell(problem, mutator or Resample(0.5), schedule or UniformChunk(), OnePlusLambda(lam), **parts)


def results_of(arms, out=None):
    return run_grid(Grid("quality", arms, runs=30, batch=30), out, workers=1)


@pytest.fixture(scope="module")
def curves():
    whole = [cell(k, AllBlocks(), lam) for k in (3, 4) for lam in (1, 2)]
    local = [cell(k, lam=lam) for k in (3, 4, 40) for lam in (1, 2)]
    return quality_curves(results_of({"GLOBAL": whole, "LOCAL": local, "only 3": [cell(3, RoundRobin())]}))


def test_one_cell_a_series_of_the_size_that_most_have(curves):
    assert [(each.label, each.cell.k, each.cell.lam) for each in curves] == [
        ("GLOBAL", 3, 1), ("LOCAL", 3, 1), ("only 3", 3, 1),
    ]  # fmt: skip


def test_a_curve_is_what_predict_says_and_what_calls_come_to(curves):
    """A GLOBAL call reads and writes 15 tokens, a LOCAL one 5, at 3 and 15 dollars a million."""
    slowest = max(predict(each.cell).quantile(0.9) for each in curves)
    for each, tokens in zip(curves, (15, 5, 5), strict=True):
        table = each.table
        assert table["calls"].iloc[0] == 1
        assert table["calls"].is_monotonic_increasing
        assert table["calls"].iloc[-1] == slowest
        assert len(table) <= in_report.POINTS + in_report.FURTHER
        for row in table.iloc[::5].to_dict("records"):
            known = predict(each.cell, "fitness", calls=int(row["calls"]))
            assert row["mean"] == pytest.approx(known.mean, rel=1e-12)
            assert (row["low"], row["high"]) == (known.quantile(0.1), known.quantile(0.9))
            assert row["tokens"] == row["calls"] * 2 * tokens
            assert row["cost"] == pytest.approx(row["calls"] * tokens * 18e-6, rel=1e-12)


def test_prices_that_the_calls_do_not_tell_are_left_out():
    """Chunks of two and one block; evaluations with a price."""
    (curve,) = quality_curves(results_of([cell(3, AllBlocks(), cost=replace(PRICES, evaluation=1.0))]))
    assert curve.table["tokens"].notna().all()
    assert curve.table["cost"].isna().all()
    (curve,) = quality_curves(results_of([cell(3, RoundRobin(2))]))
    assert curve.table[["tokens", "cost"]].isna().all(axis=None)
    assert [ax.get_xlabel() for ax in quality_figure([curve]).axes] == ["calls"]


def test_what_has_no_exact_curve_is_not_drawn():
    waits = Cell(BlockOneMax(3, 5), Resample(0.5), RoundRobin(), Asynchronous(2, Latency(fixed=1.0)))
    many = [cell(k) for k in (33, 40)]
    assert quality_curves(results_of([waits])) == []
    assert quality_curves(results_of(many)) == []
    both = quality_curves(results_of({"waits": [waits], "LOCAL": [cell(3)]}))
    assert [each.label for each in both] == ["LOCAL"]
    stuck = quality_curves(results_of([cell(3, mutator=FixKeep(0.0, 1.0), budget=Budget(calls=9))]))
    assert stuck[0].table["calls"].max() == in_report.MOST_CALLS
    assert math.isclose(stuck[0].table["mean"].max(), 0.0)


def test_a_curve_that_lies_under_another_is_broad(curves):
    below, above = curves[1], curves[2]
    same = [replace(below, label="first"), replace(below, label="second"), above]
    widths = [line.get_linewidth() for line in quality_figure(same).axes[0].lines]
    assert widths == [6, 2, 2]
    assert len(quality_figure(curves).axes) == 3
    assert quality_figure(curves).axes[2].get_xlabel() == "cost ($)"
    ys = quality_figure(curves).axes[0].lines[0].get_ydata()
    assert max(ys) <= 1.0


def test_the_report_has_the_figure_and_its_table(tmp_path):
    results = results_of({"LOCAL": [cell(k) for k in (2, 3)]}, tmp_path)
    files = {file.name for file in write(report(load(tmp_path)), tmp_path)}
    assert {"quality.png", "quality.csv"} <= files
    read = pd.read_csv(tmp_path / "quality.csv")
    pd.testing.assert_frame_equal(read, quality_table(quality_curves(results)), check_dtype=False)
    assert (tmp_path / "quality.png").stat().st_size > 10_000
