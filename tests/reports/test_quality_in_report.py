"""The fitness before the optimum in a report: which cells, which budgets, what a call comes to, and the files."""

import io
import math
from dataclasses import dataclass, replace

import pandas as pd
import pytest
from rich.console import Console

from evo import AllBlocks, Asynchronous, Budget, Latency, OnePlusLambda, RoundRobin, UniformChunk, UntilResolved
from evo.costs import TokenPrices
from evo.landscapes import OfCounts
from experiments import Grid, Verdict, load, measured_fitness, predict, run_grid
from experiments.grids.cell import Cell
from experiments.reports.files import write
from experiments.reports.quality import in_report
from experiments.reports.quality.in_report import quality_curves, quality_figure, quality_table
from experiments.reports.quality.shown import show_budgets
from experiments.reports.report import report
from operators import FixKeep, Resample
from problems import BlockOneMax
from problems.starts import Starts

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


@dataclass(frozen=True)
class BelowZero(Starts):
    """The number of incorrect blocks, with its sign turned: the best is 0."""

    k: int
    l: int
    start: float = 0.0
    incorrect: int | None = None
    landscape = OfCounts(range(-4, 1))

    def fitness(self, correct):
        return correct.sum(axis=-1) - self.k

    def change(self, before, after):
        return after.sum(axis=-1) - before.sum(axis=-1)


def test_shares_of_a_best_fitness_of_0_are_not_drawn():
    below = replace(cell(4), problem=BelowZero(4, 5))
    curves = quality_curves(results_of({"below": [below], "above": [cell(4)]}))
    assert [each.label for each in curves] == ["above"]


def test_a_curve_that_lies_under_another_is_broad(curves):
    below, above = curves[1], curves[2]
    same = [replace(below, label="first"), replace(below, label="second"), above]
    widths = [line.get_linewidth() for line in quality_figure(same).axes[0].lines if line.get_linestyle() == "-"]
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
    assert read["verdict"].unique().tolist() == ["CANNOT_TELL"]  # of 30 runs
    assert (tmp_path / "quality.png").stat().st_size > 10_000


# ------------------------------------------------------------------------------------------------- the runs beside it


def measured_runs(cells, runs=1500, **more):
    return run_grid(Grid("measured", cells, runs=runs, batch=500), workers=1, **more)


def test_stored_runs_stand_beside_the_curve_with_their_verdict():
    """False alarms: 1e-3 over all curves; here the seed is fixed. Points are the mean and quantiles of the runs."""
    loop = cell(5, RoundRobin(), lam=2, mutator=FixKeep(0.3, 0.8), budget=Budget(calls=12))
    results = measured_runs([loop])
    (curve,) = quality_curves(results)
    assert (curve.verdict, curve.runs) == (Verdict.AGREES, 1500)
    points = curve.table[curve.table["measured"].notna()]
    assert 3 <= len(points) <= in_report.TRACED_POINTS
    assert points["generations"].max() <= 6  # no further than the budget
    for row in points.to_dict("records"):
        alone = measured_fitness(loop, generations=int(row["generations"]), runs=1500)
        assert row["measured"] == alone.mean  # the runs of the table, again
        assert (row["measured_low"], row["measured_high"]) == (alone.quantile(0.1), alone.quantile(0.9))
    legend = quality_figure([curve]).legends[0].get_texts()[0].get_text()
    assert legend.endswith("1,500 runs measured: AGREES")


@dataclass(frozen=True)
class Wrong:
    """A mutator whose law promises more than it does."""

    def rewrite(self, correct, rng):
        return correct | (rng.random(correct.shape) < 0.3)

    @property
    def law(self):
        return FixKeep(0.45, 1.0).law


def test_runs_of_another_law_differ():
    (curve,) = quality_curves(measured_runs([cell(5, mutator=Wrong())]))
    assert curve.verdict is Verdict.DIFFERS


def test_runs_without_traces_are_not_measured():
    """Without an evaluator runs end at the optimum, and the exact law is of those that go on."""
    loop = Cell(BlockOneMax(3, 5), FixKeep(0.4, 0.9), UniformChunk(), OnePlusLambda(accept="always"), cost=PRICES)
    (curve,) = quality_curves(measured_runs([loop], runs=30))
    assert (curve.runs, curve.verdict) == (0, None)
    (drawn,) = quality_curves(run_grid(Grid("law", [cell(3)], runs=30, engine="law"), workers=1))
    assert drawn.verdict is None


# ------------------------------------------------------------------------------------------------- at the cell's budget


def test_the_summary_has_the_fitness_at_the_budget(tmp_path):
    """Exact where it is predicted, else measured; the mean of the runs is that of the same runs measured alone."""
    known = cell(6, RoundRobin(), mutator=FixKeep(0.3, 0.8), budget=Budget(calls=9))
    measured_only = cell(16, UntilResolved(g=2), mutator=FixKeep(0.3, 0.8), budget=Budget(calls=9))
    done = cell(2, budget=Budget(calls=10_000))
    results = run_grid(Grid("ends", {"a": [known], "b": [measured_only], "c": [done]}, runs=200), tmp_path, workers=1)
    made = report(results)
    first, second, third = made.summary.to_dict("records")
    exact = predict(known, "fitness", calls=9)
    assert first["fitness_predicted"] == pytest.approx(exact.mean, rel=1e-12)
    assert [first[f"fitness_{u}"] for u in (10, 50, 90)] == [exact.quantile(u) for u in (0.1, 0.5, 0.9)]
    assert first["fitness"] == measured_fitness(known, calls=9, runs=200).mean
    alone = measured_fitness(measured_only, calls=9, runs=200)
    assert (second["fitness"], second["fitness_from"]) == (alone.mean, "measured")
    assert [second[f"fitness_{u}"] for u in (10, 50, 90)] == [alone.quantile(u) for u in (0.1, 0.5, 0.9)]
    assert math.isnan(second["fitness_predicted"])
    assert math.isnan(third["fitness_from"])
    assert math.isnan(third["fitness"])
    console = Console(width=80, file=io.StringIO(), record=True)
    show_budgets(made.summary, console)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    for row in (first, second):
        assert f"{row['fitness']:.4g}" in text
    assert f"({exact.mean:.4g})" in text
