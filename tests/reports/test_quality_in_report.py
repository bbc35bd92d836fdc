"""The fitness before the optimum in a report: which cells, which budgets, what a call comes to, and the files."""

import io
import math
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from evo import AllBlocks, Asynchronous, Budget, Latency, OnePlusLambda, RoundRobin, UniformChunk, UntilResolved
from evo.costs import TokenPrices
from evo.errors import InputError
from evo.landscapes import OfCounts
from evo.schedules import Decomposed
from experiments import Grid, Verdict, load, measured_fitness, predict, run_grid
from experiments.grids.cell import Cell
from experiments.reports.figures import COLOURS
from experiments.reports.files import write
from experiments.reports.quality import at_budget, in_report, traced
from experiments.reports.quality.in_report import QualityCurve, quality_curves, quality_figure, quality_table
from experiments.reports.quality.measured import MeasuredFitness
from experiments.reports.quality.shown import show_budgets
from experiments.reports.report import report
from operators import FixKeep, Resample, Vote
from problems import BlockOneMax, Noisy
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
            shares = each.held[table.index[table["calls"] == row["calls"]][0]]
            assert shares.tolist() == [known.held(u) for u in (0.9, 0.5, 0.1)]
            assert row["cost"] == pytest.approx(row["calls"] * tokens * 18e-6, rel=1e-12)


def test_prices_that_the_calls_do_not_tell_are_left_out():
    """Chunks of two and one block; evaluations with a price."""
    (curve,) = quality_curves(results_of([cell(3, AllBlocks(), cost=replace(PRICES, evaluation=1.0))]))
    assert curve.table["tokens"].notna().all()
    assert curve.table["cost"].isna().all()
    (curve,) = quality_curves(results_of([cell(3, RoundRobin(2))]))
    assert curve.table[["tokens", "cost"]].isna().all(axis=None)
    figure = quality_figure([curve])
    assert [ax.get_xlabel() for ax in figure.axes] == ["calls"]
    assert figure.get_suptitle().splitlines() == ["How good the solution is before", "it is optimal (k = 3, lam = 1)"]
    figure.draw_without_rendering()
    for words in (figure._suptitle, figure.legends[0].get_title()):  # such narrow figures have several lines of them
        box = words.get_window_extent()
        assert 0 < box.x0 < box.x1 < figure.bbox.width


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


@pytest.mark.parametrize(("first", "end", "last"), [(1, 1, 1), (1, 1, 50), (4, 100, 400), (8, 300, 300), (3, 9, 7)])
def test_budgets_are_denser_up_to_the_end_of_a_curve_than_from_there_on(first, end, last):
    """From the first generation on, in equal ratios; up to twice the first call where a curve ends before."""
    found = in_report._budgets(first, end, last)
    reached = max(end, 2 * first)
    assert found == sorted(set(found))
    assert (found[0], found[-1]) == (first, max(last, reached))
    assert reached in found
    near, far = (np.array([b for b in found if b <= reached]), np.array([b for b in found if b >= reached]))
    assert len(near) <= in_report.POINTS
    assert len(far) <= in_report.FURTHER
    for part, points in ((near, in_report.POINTS), (far, in_report.FURTHER)):
        ratio = (part[-1] / part[0]) ** (1 / (points - 1))
        assert (np.diff(part) <= np.maximum(1.0, part[:-1] * (ratio - 1) + 1)).all()


def test_calls_of_a_share_are_those_of_whole_generations_up_to_a_million():
    two = cell(5, lam=2)
    assert in_report._calls_of(two, 0.9) == predict(two, "calls").quantile(0.9)
    assert in_report._calls_of(two, 0.9) > in_report._calls_of(two, 0.5)
    assert in_report._calls_of(cell(60, AllBlocks()), 0.9) == in_report.MOST_CALLS
    assert in_report._calls_of(cell(3, mutator=FixKeep(0.0, 1.0)), 0.9) == in_report.MOST_CALLS  # never
    waits = cell(16, UntilResolved(g=2), mutator=FixKeep(0.3, 0.8))
    assert in_report._calls_of(waits, 0.9) == in_report.MOST_CALLS // 100  # no law


@pytest.mark.parametrize("mutator", [Resample(0.5), Vote(FixKeep(0.6, 0.8), 2)])
def test_tokens_and_money_of_a_curve_are_those_that_runs_pay(mutator):
    """Of a schedule that pays calls beside answers; of answers of a random number of calls nothing is told."""
    of = cell(4, Decomposed(UniformChunk(), writes=3), lam=2, mutator=mutator)
    table = in_report._priced(of, pd.DataFrame({"generations": [1, 6, 7]}))
    if hasattr(mutator, "mean_calls"):
        assert table[["tokens", "cost"]].isna().all(axis=None)
        return
    runs = results_of([replace(of, mutator=FixKeep(0.0, 1.0), budget=Budget(calls=24))]).runs
    assert set(runs["generations"]) == {6}
    paid = {"tokens": runs["prompt_tokens"] + runs["generated_tokens"], "cost": runs["cost"]}
    for name, of_runs in paid.items():
        assert table[name].iloc[1] == pytest.approx(of_runs.iloc[0], rel=1e-12)
        assert (table[name] / table["generations"]).std() == pytest.approx(0.0, abs=1e-9)


SIZES = {  # k and lam of cells, whose series are as many as they stand here
    "a": [(2, 1), (8, 1), (32, 1), (33, 1)], "b": [(8, 1), (2, 1), (8, 2)], "c": [(2, 2), (32, 1)],
    "d": [(8, 1), (32, 1)], "e": [(33, 1), (8, 1), (32, 1)], "f": [(8, math.nan), (32, 1)],
}  # fmt: skip


@pytest.mark.parametrize(
    ("series", "without", "chosen"),
    [
        ("ab", "", {"a": (8, 1), "b": (8, 1)}),
        ("acd", "", {"a": (32, 1), "c": (32, 1), "d": (32, 1)}),
        ("bd", "d", {"b": (8, 1)}),  # no law: it is left out
        ("ae", "", {"a": (32, 1), "e": (32, 1)}),  # 33 is too large
        ("abcdef", "", {name: (32, 1) for name in "acdef"}),  # of five series, and 8 of four
    ],
)
def test_of_each_series_the_largest_size_that_most_have_is_drawn_at_the_least_lam(monkeypatch, series, without, chosen):
    cells = {f"{name}{k}/{lam}": (name, k, lam) for name in series for k, lam in SIZES[name]}
    for place, name in enumerate(("sizes_of", "lams_of"), start=1):
        values = pd.Series({cell: float(each[place]) for cell, each in cells.items()})
        monkeypatch.setattr(in_report, name, lambda _, values=values: values)
    monkeypatch.setattr(in_report, "_with_a_law", lambda _, cell: cells[cell] if cells[cell][0] != without else None)
    results = SimpleNamespace(cells=pd.DataFrame(index=list(cells)), labels={c: each[0] for c, each in cells.items()})
    assert {name: tuple(found[1:]) for name, found in in_report._chosen(results).items()} == chosen
    monkeypatch.setattr(in_report, "MOST_CURVES", 1)
    assert list(in_report._chosen(results)) == [next(iter(chosen))]


# ------------------------------------------------------------------------------------------------- what is drawn


def made_up(label, means, measured=None, **more):
    """A curve of a best of 4 with these means at 1, 10, 100, .. calls, and runs measured at some of them."""
    table = pd.DataFrame({"calls": [10.0**n for n in range(len(means))], "mean": means, "best": 4.0})
    table = table.assign(low=table["mean"] - 0.5, high=table["mean"] + 0.25, tokens=math.nan, cost=math.nan)
    table = table.assign(measured=np.array(measured or [math.nan] * len(means)))
    table = table.assign(measured_low=table["measured"] - 1.0, measured_high=table["measured"] + 0.5)
    return QualityCurve(label, cell(4, lam=2), np.empty(0), table, **more)


NEITHER = math.nan


def test_each_curve_is_drawn_up_to_its_end_with_a_dot_there_and_its_runs_aside():
    """As shares of the best: mean, band, points and their bars."""
    curves = [made_up("ends", [1.0, 2.0, 3.996, 4.0], [1.5, NEITHER, 3.5, 4.0]), made_up("goes on", [0.5, 1.0, 1.5])]
    ax = Figure().subplots()
    in_report._draw(ax, curves, "calls")
    ended, points, on, none = ax.lines
    assert ended.get_xydata().tolist() == [[1, 0.25], [10, 0.5], [100, 0.999]]
    assert (ended.get_markevery(), on.get_markevery()) == ([2], [])
    assert on.get_xydata().tolist() == [[1, 0.125], [10, 0.25], [100, 0.375]]
    assert (points.get_xydata().tolist(), len(none.get_xydata())) == ([[1, 0.375], [100, 0.875]], 0)
    band, bars, *_ = ax.collections
    assert {(1.0, 0.125), (1.0, 0.3125)} <= {tuple(point) for point in band.get_paths()[0].vertices.tolist()}
    assert [bar.tolist() for bar in bars.get_segments()] == [[[1, 0.125], [1, 0.5]], [[100, 0.625], [100, 1.0]]]
    in_report._draw(ax := Figure().subplots(), curves[::-1], "calls")
    assert ax.lines[3].get_xdata().tolist() == pytest.approx([1.03, 103.0])  # the second curve's runs, a little aside
    assert [line.get_color() for line in ax.lines[::2]] == list(COLOURS[:2])


@pytest.mark.parametrize(
    ("curves", "ends", "runs"),
    [
        ([made_up("a", [1.0, 2.0])], False, False),
        ([made_up("a", [1.0, 4.0])], False, False),
        ([made_up("a", [1.0, 4.0, 4.0]), made_up("b", [1.0])], True, False),
        ([made_up("a", [1.0, 2.0]), made_up("b", [1.0], runs=5)], False, True),
    ],
)
def test_what_lines_dots_and_points_are_is_explained_where_there_are_some(curves, ends, runs):
    told = in_report._explained(curves).split("; ")
    assert told == [
        "lines: exact means", "bands: 10 to 90 % of single runs",
        *(["a curve ends, at a dot, where its mean is 99.9% of the best"] if ends else []),
        *(["points and bars: the same of measured runs"] if runs else []),
    ]  # fmt: skip


def test_the_figure_says_of_which_sizes_it_is():
    two = [made_up("a", [1.0, 2.0]), replace(made_up("b", [1.5, 2.5]), cell=cell(4, lam=1))]
    figure = quality_figure(two)
    told = "How good the solution is before it is optimal (k = 4, lam = 1; k = 4, lam = 2)"
    assert " ".join(figure.get_suptitle().splitlines()) == told
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


@pytest.mark.parametrize(("off", "covered"), [(0.03, True), (0.05, False)])
def test_a_curve_is_covered_by_one_that_is_nowhere_a_hundredth_of_the_best_from_it(off, covered):
    lower = made_up("a", [1.0, 2.0, 3.0])
    assert in_report._covers(made_up("b", [1.0, 2.0 - off, 3.0]), lower) is covered


@pytest.mark.parametrize(
    ("verdict", "missing", "told"),
    [
        (None, "", ""),
        (Verdict.AGREES, "", "1,200 runs measured: AGREES"),
        (Verdict.CANNOT_TELL, "300 more", "1,200 runs measured: CANNOT TELL, 300 more"),
    ],
)
def test_the_name_of_a_curve_tells_how_many_runs_were_measured(verdict, missing, told):
    curve = made_up("a long name of a series that does not fit", [1.0], runs=1200, verdict=verdict, missing=missing)
    assert curve.told == told
    name = in_report._called(curve).split("\n")
    assert max(map(len, name)) <= in_report.NAME_WIDTH
    assert " ".join(name) == f"a long name of a series that does not fit {told}".strip()


# ------------------------------------------------------------------------------------------------- the runs beside it


@pytest.mark.parametrize(
    ("verdicts", "worst", "missing"),
    [
        ([Verdict.AGREES, Verdict.CANNOT_TELL, Verdict.DIFFERS], Verdict.DIFFERS, "2"),
        ([Verdict.CANNOT_TELL, Verdict.AGREES], Verdict.CANNOT_TELL, "0"),
        ([Verdict.AGREES, Verdict.AGREES], Verdict.AGREES, "1"),
    ],
)
def test_the_worst_verdict_of_the_budgets_is_that_of_the_curve(monkeypatch, verdicts, worst, missing):
    """Each budget is compared at the level of all budgets of all curves; runs that ended before have no later ones."""
    asked, measured = [], [MeasuredFitness(n, np.arange(10.0) + n) for n in range(len(verdicts))]

    def compare(law, one, alpha, resolution):
        asked.append((law, one.generations, alpha, resolution))
        return SimpleNamespace(verdict=verdicts[one.generations], missing=str(one.generations))

    def trace(results, name, of, times):
        assert (results, name, of, times) == ("results", "x", one, [10, 21, 33, 44, 55, 66, 78, 89])
        return measured

    one = SimpleNamespace(id="x")
    monkeypatch.setattr(in_report, "traced_fitness", trace)
    monkeypatch.setattr(in_report, "compared", compare)
    table = pd.DataFrame({"generations": range(10, 90)})
    found = in_report._measured("results", one, table, range(100, 180))
    assert found[1:] == (10, worst, missing)
    laws = (100, 111, 123)[: len(verdicts)]
    assert asked == [(law, n, pytest.approx(1e-3 / (8 * 5)), 0.1) for n, law in enumerate(laws)]
    points = found[0].dropna().to_dict("records")
    assert [(row["measured"], row["measured_low"], row["measured_high"]) for row in points] == [
        (4.5 + n, 0.0 + n, 8.0 + n) for n in range(len(verdicts))
    ]
    measured.clear()
    without = in_report._measured("results", one, table, range(100, 180))
    assert (without[1:], without[0]["measured"].isna().all()) == ((0, None, ""), True)


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


@pytest.mark.parametrize(
    ("seconds", "runs"), [([0.1, 0.14, 0.02, 0.1], 100), ([0.2, 0.1], 50), ([0.25, 0.1], 50), ([0.26], 0)]
)
def test_batches_are_executed_again_for_a_quarter_of_a_second(monkeypatch, seconds, runs):
    """What the first come to, none if the first takes longer, and none if one of them comes out otherwise."""
    loop = cell(4, RoundRobin(), mutator=FixKeep(0.3, 0.8), budget=Budget(calls=9))
    results = run_grid(Grid("batches", [loop], runs=50 * len(seconds), batch=50), workers=1)
    takes = dict(zip(range(len(seconds)), seconds, strict=True))
    monkeypatch.setattr(traced, "_seconds", lambda results, cell, rows: takes[rows["batch"].iloc[0]])
    found = traced.traced_fitness(results, loop.id, loop, [2, 9, 10])
    assert [(each.generations, each.runs) for each in found] == ([(2, runs), (9, runs)] if runs else [])
    assert traced.traced_fitness(results, "another", loop, [2]) == []
    again = traced.executed_again

    def otherwise(results, cell, batch, part):
        if batch == runs // 50 - 1:
            raise InputError("runs come out otherwise")
        return again(results, cell, batch, part)

    monkeypatch.setattr(traced, "executed_again", otherwise)
    assert traced.traced_fitness(results, loop.id, loop, [2]) == []


@pytest.mark.parametrize("ahead", [True, False])
def test_a_batch_that_cannot_look_ahead_has_a_round_for_each_generation_of_its_longest_run(monkeypatch, ahead):
    """So many more than the mean, which the forecast counts."""
    asked = []
    monkeypatch.setattr(traced, "looks_ahead", lambda cell: ahead)
    monkeypatch.setattr(traced, "seconds_of_batch", lambda *given: asked.append(given[1:4]) or 0.5)
    rows = pd.DataFrame({"generations": [10.0, 20.0, 60.0]})
    results = SimpleNamespace(grid={"batch": 7, "engine": "blocks"})
    found = traced._seconds(results, cell(4, lam=2), rows)
    assert found == pytest.approx(0.5 + (0.0 if ahead else 30 * traced.SECONDS_A_ROUND))
    assert asked == [(60.0, cell(4, lam=2).batch_size(7), "blocks")]


# ------------------------------------------------------------------------------------------------- at the cell's budget


def test_what_a_budget_leaves_is_shown_with_what_is_exact_and_where_it_is_from():
    """Rows without a number are left out; of those that are exact the exact mean stands in brackets."""
    known = {"series": "a", "k": 6.0, "lam": 1.0, "fitness": 4.5, "fitness_predicted": 4.25, "fitness_10": 3.0,
             "fitness_50": 4.0, "fitness_90": 5.5, "fitness_from": "exact"}  # fmt: skip
    others = known | {"series": "b", "fitness": 2.5, "fitness_predicted": math.nan, "fitness_from": "measured"}
    rows = [known, others, known | {"series": "c", "fitness_from": math.nan}]
    console = Console(width=90, file=io.StringIO(), record=True)
    show_budgets(pd.DataFrame(rows), console)
    words = [line.split() for line in console.export_text().splitlines()]
    (first,) = [line for line in words if "4.5" in line]
    assert first[first.index("4.5") :] == ["4.5", "(4.25)", "3", "/", "4", "/", "5.5", "exact"]
    (second,) = [line for line in words if "2.5" in line]
    assert second[second.index("2.5") :] == ["2.5", "3", "/", "4", "/", "5.5", "measured"]
    assert not any("c" in line for line in words)
    show_budgets(pd.DataFrame(rows[2:]), console)
    show_budgets(pd.DataFrame(rows).drop(columns="fitness_from"), console)
    assert console.export_text() == ""


def test_a_stored_noisy_value_is_followed_through_so_many_generations_only(monkeypatch):
    monkeypatch.setattr(at_budget, "qualities", lambda cell, times: ["known"])
    stored, again = (cell(4, mutator=FixKeep(0.3, 0.8)) for _ in range(2))
    stored = replace(stored, problem=Noisy(stored.problem, 1.0, reevaluate=False))
    most = at_budget.MOST_OF_STORED
    found = [at_budget._exact(of, n) for of in (stored, again) for n in (most, most + 1)]
    assert found == ["known", None, "known", "known"]


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


def law_of(kind, at):
    return SimpleNamespace(kind=kind, mean=at, quantile=lambda level: at + level)


@pytest.mark.parametrize("predicted", [True, False])
@pytest.mark.parametrize("traced", [True, False])
def test_the_band_of_a_budget_is_exact_where_it_is_known(predicted, traced, monkeypatch):
    """Means of both stand side by side; of the quantiles the measured ones only stand in for exact ones."""
    exact, measured = (law_of("exact", 10.0) if predicted else None), [law_of("measured", 20.0)] * traced
    monkeypatch.setattr(at_budget, "_exact", lambda cell, generations: exact if generations == 9 else None)
    monkeypatch.setattr(at_budget, "traced_fitness", lambda r, i, c, times: measured if times == [9] else [])
    cell = Cell(BlockOneMax(k=9, l=1), Resample(p=0.5), AllBlocks(), OnePlusLambda(), budget=Budget(calls=9))

    class Runs(SimpleNamespace):
        def __len__(self):
            return 4

    def found(hits):
        results = SimpleNamespace(cell=lambda _: cell, numbers=lambda _: Runs(hits=hits))
        return at_budget.fitness_columns(results, "c")

    band, of = (10.0, "exact") if predicted else (20.0, "measured") if traced else (math.nan, math.nan)
    told = {"fitness": 20.0 if traced else math.nan, "fitness_predicted": 10.0 if predicted else math.nan}
    told |= {"fitness_10": band + 0.1, "fitness_50": band + 0.5, "fitness_90": band + 0.9, "fitness_from": of}
    assert found(3) == pytest.approx(told, nan_ok=True)
    assert found(4) == pytest.approx(dict.fromkeys(told, math.nan), nan_ok=True)  # all are optimal


def test_the_table_of_curves_names_the_cell_of_each_row():
    """k and lam unlike each other, and runs without a verdict unlike those with one."""
    table = pd.DataFrame({"calls": [2, 4], "mean": [1.5, 2.5]})
    cells = [cell(4, lam=2), cell(5, lam=3)]
    more = [{"runs": 7, "verdict": Verdict.DIFFERS}, {}]
    curves = [QualityCurve(f"arm {n}", each, np.empty(0), table, **more[n]) for n, each in enumerate(cells)]
    assert quality_table(curves).to_dict("records") == [
        {"cell": cells[n].id, "series": f"arm {n}", "k": 4 + n, "lam": 2 + n, "runs": 7 * (n == 0),
         "verdict": "DIFFERS" if n == 0 else "", **row}
        for n in (0, 1) for row in table.to_dict("records")
    ]  # fmt: skip


def test_runs_are_measured_up_to_the_first_that_ended_without_a_hit(monkeypatch):
    """Of two that end at 4 and 6 generations the earlier one counts; one that hit at 3 is optimal from there on."""
    rows = pd.DataFrame({"batch": 0, "run": [0, 1, 2], "hit": [math.nan, math.nan, 3.0], "generations": [6, 4, 3]})
    results = SimpleNamespace(grid={"engine": "blocks", "batch": 3}, by_cell={"c": rows})
    monkeypatch.setattr(traced, "_seconds", lambda *_: 0.0)
    monkeypatch.setattr(traced, "executed_again", lambda *_: (None, "trace"))
    monkeypatch.setattr(traced, "fitness_after", lambda trace, calls, size: np.outer(calls, np.ones(size)))
    found = traced.traced_fitness(results, "c", cell(4, lam=2), [2, 4, 5, 6, 7])
    assert [(one.generations, one.mean) for one in found] == [(2, 4.0), (4, 8.0)]
