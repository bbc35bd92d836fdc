"""Series that are known exactly, and series that have no mean: the right law, and no law, every time."""

import math
from itertools import product

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.runners.parallel import Asynchronous, Merged
from experiments import Cell, Grid, Results, Verdict, fit, growth_figure, run_grid, summarise
from experiments.checks.check import CellCheck, Check
from experiments.fits.evidence.spreads import smoothed
from experiments.fits.tails import Tail, tail_of
from experiments.grids.cells_table import cells_table
from experiments.reports.measured import measured
from experiments.store.grid_json import grid_record
from experiments.store.table import no_runs
from operators import BetaBlocks, BetaRunQuality, FixKeep, Malformed, Refuse, Resample
from problems import BlockOneMax, Noisy

RUNS = 100
RANGES = ([4, 8, 16, 32], [2, 3, 5, 7, 11], list(range(2, 13)), [16, 64, 256, 1024], [100, 101, 102, 103])
EXACT = {
    "constant": (lambda x, a, b: a + 0 * x, lambda a, b: {"A": a}),
    "affine": (lambda x, a, b: a * (x + b), lambda a, b: {"A": a, "c": a * b}),
    "quadratic": (lambda x, a, b: a * x * (x + b), lambda a, b: {"A": a, "B": a * b}),
    "x log x": (lambda x, a, b: a * x * (np.log(x) + b), lambda a, b: {"A": a, "c": b}),
    "logarithm": (lambda x, a, b: a * (np.log(x) + b), lambda a, b: {"A": a, "c": b}),
    "power": (lambda x, a, b: a * x**b, lambda a, b: {"A": a, "b": b}),
    "exponential": (lambda x, a, b: a * (1 + b / 100) ** x, lambda a, b: {"A": a, "base": 1 + b / 100}),
    "exponential x power": (
        lambda x, a, b: a * 1.01**x * x**b,
        lambda a, b: {"A": a, "base": 1.01, "b": b},
    ),
}
CONSTANTS = ((1.0, 1.5), (3.0, 0.7), (1e-6, 2.5), (2.5e5, 0.5))


def of(ks, mutator=None, schedule=None):
    parts = mutator or FixKeep(1.0, 1.0), schedule or AllBlocks(), OnePlusLambda()
    return run_grid(Grid("exact", {"a": [Cell(BlockOneMax(k=k, l=4), *parts) for k in ks]}, runs=RUNS), workers=1)


@pytest.fixture(scope="module", params=["a few", pytest.param("all", marks=pytest.mark.slow)])
def many(request):
    """A series for each range and each two constants, told apart by l; and these constants by the cell.

    A few are ranges that differ most, each with constants of its own.
    """
    series = dict(enumerate(product(RANGES, CONSTANTS), start=1))
    if request.param == "a few":
        series = {l: series[l] for l in (2, 11, 16)}
    parts = FixKeep(1.0, 1.0), AllBlocks(), OnePlusLambda()
    arms = {f"l = {l}": [Cell(BlockOneMax(k, l), *parts) for k in ks] for l, (ks, _) in series.items()}
    results = run_grid(Grid("exact", arms, runs=RUNS), workers=1)
    return results, {f"l = {l}": constants for l, (_, constants) in series.items()}


def with_costs(results, cost):
    """The same runs at a price of each run, by arm and k."""
    of_cell = {cell: cost(row["arm"], float(row["problem.k"])) for cell, row in results.cells.iterrows()}
    return results.with_runs(results.runs.assign(cost=results.runs["cell"].map(of_cell)))


@pytest.mark.parametrize("form", EXACT)
def test_an_exact_series_has_its_form_and_its_constants(form, many):
    law, constants = EXACT[form]
    results, numbers = many
    found = fit(with_costs(results, lambda arm, k: law(k, *numbers[arm])), quantity="cost")
    assert [best.arm for best in found.best] == list(numbers)
    for best in found.best:
        assert (best.form.name, best.fits) == (form, True), str(best)
        for name, value in constants(*numbers[best.arm]).items():
            assert best[name].value == pytest.approx(value, rel=1e-5)
            assert best[name].low <= best[name].value <= best[name].high


def test_an_exact_series_of_no_form_fits_none(many):
    """The twin: a millionth off the fourth cell is no rounding."""
    results, numbers = many
    fourth = {arm: sorted(of_arm["problem.k"])[3] for arm, of_arm in results.cells.groupby("arm")}
    for law in (EXACT[form][0] for form in ("constant", "affine", "power")):
        off = with_costs(results, lambda arm, k, law=law: law(k, *numbers[arm]) * (1 + 1e-6 * (k == fourth[arm])))
        assert not any(best.fits for best in fit(off, quantity="cost").best)


@pytest.mark.parametrize(
    ("mutator", "schedule", "a", "b"),
    [
        (FixKeep(1.0, 1.0), UntilResolved(), 1.0, 1.0),
        (FixKeep(1.0, 1.0), RoundRobin(), 1.0, 1.0),
        (FixKeep(1.0, 1.0), OnlyIncorrect(g=2), 0.5, 1.0),
        (Resample(1.0), RoundRobin(g=4), 0.25, 1.0),
        (Resample(1.0), AllBlocks(), 1.0, 0.0),
    ],
)
def test_calls_that_always_succeed_are_counted_exactly(mutator, schedule, a, b):
    (best,) = fit(of((4, 8, 16, 32), mutator, schedule)).best
    assert best.form.name == ("linear" if b else "constant")
    assert best["A"].value == pytest.approx(a, rel=1e-9)


ONE, FOUR = OnePlusLambda(), OnePlusLambda(lam=4)
HEAVY = {
    "beta": (BetaBlocks(1.0, 1.0), OnlyIncorrect(), ONE, None, Tail.NO_MEAN),
    "beta in turn": (BetaBlocks(0.8, 1.0), RoundRobin(), FOUR, None, Tail.NO_MEAN),
    "beta without a prediction": (BetaBlocks(0.9, 1.0), OnlyIncorrect(), FOUR, None, Tail.NO_MEAN),
    "beta inside an error": (Refuse(BetaBlocks(0.9, 1.0), rate=0.1), UniformChunk(), ONE, None, Tail.NO_MEAN),
    "beta in parallel": (BetaBlocks(1.3, 1.0), RoundRobin(), Merged(workers=2), None, Tail.NO_VARIANCE),
    "beta never waiting": (BetaBlocks(1.3, 1.0), RoundRobin(), Asynchronous(workers=2), None, Tail.NO_VARIANCE),
    "beta, infinite variance": (BetaBlocks(1.3, 1.0), OnlyIncorrect(), ONE, None, Tail.NO_VARIANCE),
    "beta, the edge": (BetaBlocks(2.0, 1.0), UntilResolved(), FOUR, None, Tail.NO_VARIANCE),
    "quality of a run": (BetaRunQuality(1.0, 1.0), OnlyIncorrect(), ONE, None, Tail.NO_MEAN),
    "quality of a run, whole": (BetaRunQuality(0.9, 1.0), AllBlocks(), FOUR, None, Tail.NO_MEAN),
    "quality of a run, variance": (BetaRunQuality(1.5, 1.0), UniformChunk(), FOUR, None, Tail.NO_VARIANCE),
    "stored noise": (Resample(0.5), OnlyIncorrect(), ONE, 0.5, Tail.NO_VARIANCE),
    "stored noise, not predicted": (Resample(0.5), RoundRobin(), ONE, 0.5, Tail.NO_VARIANCE),
}
LIGHT = {
    "beta": (BetaBlocks(2.5, 1.0), OnlyIncorrect(), ONE, None),
    "beta without a prediction": (BetaBlocks(2.5, 1.0), OnlyIncorrect(), FOUR, None),
    "quality of a run": (BetaRunQuality(2.5, 1.0), UniformChunk(), ONE, None),
    "no noise": (Resample(0.5), RoundRobin(), ONE, 0.0),
    "malformed": (Malformed(Resample(0.5), rate=0.1), OnlyIncorrect(), ONE, None),
}


def moved(plain, cells):
    """The runs of some cells as if they were of others: only what is known of the tail of a law matters."""
    grid = Grid("moved", {"a": cells}, runs=RUNS)
    table = Results.of(grid_record(grid), cells_table(grid), no_runs())
    ids = dict(zip(plain.cells.index, table.cells.index, strict=True))
    return table.with_runs(plain.runs.assign(cell=plain.runs["cell"].map(ids)))


@pytest.fixture(scope="module")
def plain():
    return of((1, 2, 3, 4, 5), Resample(0.9), OnlyIncorrect())


def heavy(parts, plain):
    mutator, schedule, runner, noise = parts[:4]
    problems = [BlockOneMax(k=k, l=4) for k in (1, 2, 3, 4, 5)]
    seen = problems if noise is None else [Noisy(problem, noise, reevaluate=False) for problem in problems]
    return moved(plain, [Cell(problem, mutator, schedule, runner) for problem in seen])


@pytest.mark.parametrize("name", HEAVY)
def test_every_heavy_tail_is_known(name, plain):
    table = heavy(HEAVY[name], plain)
    assert {tail_of(table, cell_id) for cell_id in table.cells.index} == {HEAVY[name][-1]}


@pytest.mark.some("tail", at_least=4)
@pytest.mark.parametrize(("name", "tail"), [(name, parts[-1]) for name, parts in HEAVY.items()])
def test_where_means_have_no_law_medians_are_fitted(name, tail, plain):
    table = heavy(HEAVY[name], plain)
    for quantity in ("hit", "cost"):
        (growth,) = fit(table, quantity=quantity).growths
        assert tail.value in growth.note
        assert "this is a law of medians" in growth.note
        assert all(law.text.startswith(f"median[{quantity}] = ") for law in growth.left)


@pytest.mark.parametrize("name", LIGHT)
def test_means_that_exist_are_fitted(name, plain):
    table = heavy(LIGHT[name], plain)
    assert {tail_of(table, cell_id) for cell_id in table.cells.index} == {Tail.LIGHT}
    assert fit(table).laws


def unchecked(table):
    """No verdict on any cell: what is shown of the runs does not depend on it."""
    cells = (CellCheck(str(cell_id), "", Verdict.CANNOT_TELL, "", (), RUNS, 0) for cell_id in table.cells.index)
    return Check(tuple(cells), 1e-3, 1e-3)


@pytest.mark.some("tail", at_least=4)
@pytest.mark.parametrize(("name", "tail"), [(name, parts[-1]) for name, parts in HEAVY.items()])
def test_reports_give_no_interval_by_the_normal_law(name, tail, plain):
    """Summary, studies' values and figure: no mean where there is none, no bar where there is no variance."""
    table = heavy(HEAVY[name], plain)
    checked = unchecked(table)
    for row in summarise(table, checked).to_dict("records"):
        hits = table.by_cell[row["cell"]]["hit"].astype(float)
        assert all(math.isnan(row[f"{quantity}_{end}"]) for quantity in ("hit", "cost") for end in ("low", "high"))
        assert math.isnan(row["hit"]) == (tail is Tail.NO_MEAN)
        assert row["median"] == hits.median()
        assert row["median_low"] <= row["median"] <= row["median_high"]
    for each in measured(table, checked)["a"]:
        mean = each.mean("cost")
        assert mean.bound == (tail is Tail.NO_MEAN)
        assert math.isnan(mean.high) == (tail is Tail.NO_VARIANCE)
    figure = growth_figure(table, quantity="hit")
    (bars,) = figure.axes[0].containers
    triangles = next(line for line in figure.axes[0].lines if line.get_marker() == "^")
    drawn, bounds = (set(line.get_xdata()) for line in (bars.lines[0], triangles))
    assert (drawn, bounds) == ((set(), {1, 2, 3, 4, 5}) if tail is Tail.NO_MEAN else ({1, 2, 3, 4, 5}, set()))
    assert not any(len(each) == 2 and np.isfinite(each).all() for each in bars.lines[2][0].get_segments())
    said = "the mean is infinite" if tail is Tail.NO_MEAN else "points without bars: the variance is infinite"
    assert said in " ".join(figure.get_supxlabel().split())


@pytest.mark.parametrize("name", LIGHT)
def test_reports_give_intervals_where_there_are_means(name, plain):
    table = heavy(LIGHT[name], plain)
    checked = unchecked(table)
    summary = summarise(table, checked)
    assert summary[["hit", "hit_low", "hit_high", "cost_low", "cost_high"]].notna().all(axis=None)
    assert all(math.isfinite(each.mean().high) for each in measured(table, checked)["a"])
    assert "infinite" not in growth_figure(table, quantity="hit").get_supxlabel()


def test_the_interval_of_an_exact_law_is_of_its_price(plain):
    """Costs a million times as large have the same relative intervals: a run may be off by a call, not by a cent."""
    widths = []
    for price in (1.0, 1e6):
        drawn = plain.with_runs(plain.runs.assign(generations=1, cost=price))
        (law,) = fit(drawn, quantity="cost").best
        widths.append((law["A"].high - law["A"].low) / law["A"].value)
        assert law.form.name == "constant"
    assert widths[0] == pytest.approx(widths[1], rel=1e-6)
    assert widths[0] == pytest.approx(2 * 1.96 * (1 / 12 / (5 * RUNS)) ** 0.5, rel=1e-2)


def test_one_heavy_cell_is_enough_and_may_be_left_out(plain):
    """The quality of a run, all blocks a call: a > k has a mean, a > 2k a variance (theory 6a)."""
    whole = BetaRunQuality(4.5, 1.0), AllBlocks(), OnePlusLambda()
    table = moved(plain, [Cell(BlockOneMax(k=k, l=4), *whole) for k in (1, 2, 3, 4, 5)])
    assert "at 5 the mean is infinite" in fit(table).growths[0].note
    assert "at 3 the variance is infinite" in fit(table, most=4).growths[0].note


@pytest.mark.statistical
def test_spreads_are_smoothed_without_a_bias():
    """Logs of spreads lie low by half their variance: 400 series of 8 cells have a standard error of .01."""
    x, errors, rng = np.geomspace(4, 64, 8), np.full(8, 0.3), np.random.default_rng(3)
    drawn = np.exp(np.log(2.0) - errors / 2 + np.sqrt(errors) * rng.standard_normal((400, 8)))
    assert drawn.mean() == pytest.approx(2.0, rel=0.06)
    logs = [np.log(smoothed(x, squares, errors)[0]).mean() for squares in drawn]
    assert np.mean(logs) == pytest.approx(np.log(2.0), abs=0.05)
