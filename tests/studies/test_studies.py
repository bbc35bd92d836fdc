"""The named studies of the operators: small ones end to end, what they say, what they draw, and the whole ones."""

import io
import itertools
import math
import re
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from rich.console import Console

from evo import Budget
from evo.errors import NoPrediction
from evo.statistics import mean_p_value, runs_to_resolve_by_law, total_tails
from experiments import Grid, Verdict, predict, run_grid
from experiments.checks.check import check
from experiments.predictions.setting import Setting
from experiments.reports.files import write
from experiments.reports.measured import Measured, Value, exact_mean
from experiments.reports.panels import Curve, Panel, mean_at, panels_figure
from experiments.reports.report import report
from experiments.reports.terminal import show_check, show_findings
from experiments.studies import STUDIES, correlation, difficulty, granularity, keep, measured, spill, study_of, voting
from experiments.studies.exercises import EXERCISES
from experiments.studies.systems import SYSTEMS

OPERATORS = [name for name in STUDIES if name not in {"paper", *(study.name for study in (*EXERCISES, *SYSTEMS))}]
DOCS = Path(__file__).parents[2] / "docs"
SLOW = pytest.mark.slow
QUICK = ["voting"]
"""Small studies that are made each time, as is the study `paper` elsewhere; the others are for the slow step."""
SMALL = [pytest.param(name, marks=() if name in QUICK else SLOW) for name in OPERATORS]
RUNS = 120
ROW_AN_ARM = {"keep", "correlation", "granularity", "voting", "spill", "difficulty"}
"""Studies whose findings have a row an arm."""

SMALLER = {
    "keep": lambda cell: cell.problem.k <= 10,
    "measured": lambda cell: cell.problem.k in (4, 7, measured.K),
    "cost-models": lambda cell: cell.problem.k <= 10,
    "correlation": lambda cell: cell.problem.k <= 8 or (cell.problem.k == 64 and cell.chunks.g == 1),
    "granularity": lambda cell: cell.chunks.g in (1, 2, 4),
    "voting": lambda cell: cell.mutator.ahead <= 3,
    "spill": lambda cell: cell.problem.k <= 15,
    "difficulty": lambda cell: True,
    "noise": lambda cell: cell.problem.k in (2, 10) and getattr(cell.problem, "sigma", 1.0) in (0.2, 0.4, 1.0),
    "judge": lambda cell: cell.problem.fp <= 0.1,
    "nonconvex": lambda cell: cell.problem.k <= 8,
    "selection": lambda cell: cell.problem.k in ((2, 4, 5, 6) if len(cell.runner.founders) < 1000 else (4,)),
    "parallel": lambda cell: True,
}
SHORT = {"difficulty": 512, "judge": 400, "nonconvex": 1024}
"""Budgets on calls of small studies whose runs may not end."""
RUNS_OF = {"selection": 750, "cost-models": 2000, "judge": 1250, "nonconvex": 1250, "noise": 1250}


def reported_on(results):
    return report(results, study=study_of(results))


def smaller(name, runs=RUNS):
    """The study with few runs of those cells that are quick."""
    arms = {arm: [cell for cell in cells if SMALLER[name](cell)] for arm, cells in STUDIES[name].grid().arms.items()}
    if name in SHORT:
        arms = {arm: [replace(cell, budget=Budget(calls=SHORT[name])) for cell in cells] for arm, cells in arms.items()}
    return Grid(name, arms, runs=runs, batch=runs)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Reports of small studies, made when first asked for."""
    kept = {}

    def make(name):
        if name not in kept:
            folder = tmp_path_factory.mktemp(name)
            reported = reported_on(run_grid(smaller(name), folder, workers=1))
            kept[name] = (reported, write(reported, folder))
        return kept[name]

    return make


@pytest.fixture(scope="module")
def drawn(made):
    """Figures of small studies, drawn when first asked for."""
    return cache(lambda name: STUDIES[name].figure(made(name)[0].arms))


# ------------------------------------------------------------------------------------------- what they are


def test_all_are_there():
    operators = ["keep", "correlation", "granularity", "voting", "spill", "difficulty"]
    assert [name for name in OPERATORS if name in ROW_AN_ARM] == operators
    assert set(OPERATORS) >= {"measured", "noise", "judge", "nonconvex", "parallel", "selection"}


@pytest.mark.parametrize("name", OPERATORS)
def test_a_study_is_a_grid_a_question_and_a_figure(name):
    study = STUDIES[name]
    grid = study.grid()
    assert (study.name, grid.name, grid.runs, grid.engine) == (
        name,
        name,
        RUNS_OF.get(name, 1000),
        "blocks",
    )
    assert {claim.arm for claim in study.claims} <= set(grid.arms)
    assert all(Setting(cell.search).start.p0 == 0.0 for cell in grid.cells)
    assert study.question
    assert study.title
    assert study.figure is not None
    assert study.findings is not None


# ------------------------------------------------------------------------------------------- end to end


@pytest.mark.parametrize("name", SMALL)
def test_a_small_study_end_to_end(name, made):
    reported, files = made(name)
    written = [file.name for file in files]
    tables = ["summary.csv", "checks.csv", *["laws.csv"][: reported.fits is not None]]
    tables += ["claims.csv"][: bool(STUDIES[name].claims)]
    curves = (
        [] if name == "voting" else ["quality.png", "quality.svg", "quality.csv"]
    )  # a vote takes a random number of calls
    assert written == [*tables, "report.txt", f"{name}.png", f"{name}.svg", *curves, "report.html"]
    assert all(file.stat().st_size > 100 for file in files)
    assert reported.study is STUDIES[name]
    assert [each.reason for each in reported.check.cells if each.verdict is Verdict.DIFFERS] == []
    assert [each.reason for each in reported.claims if each.verdict is Verdict.DIFFERS] == []
    summary = pd.read_csv(files[0])
    assert len(summary) == len(smaller(name).cells)
    assert (summary["reason"].str.len() > 10).all()
    text = " ".join(files[written.index("report.txt")].read_text(encoding="utf-8").split())
    for sentence in reported.findings.sentences:
        assert " ".join(sentence.split()) in text


@pytest.mark.parametrize("name", SMALL)
def test_findings_have_a_row_an_arm_and_only_numbers(name, made):
    reported, _ = made(name)
    found = reported.findings
    assert all(len(row) == len(found.headings) for row in found.rows)
    if name in ROW_AN_ARM:
        assert [row[0] for row in found.rows] == list(reported.arms)
    assert all(any(row[0].startswith(arm) or arm.startswith(row[0]) for arm in reported.arms) for row in found.rows)
    assert "nan" not in " ".join([*found.sentences, *(text for row in found.rows for text in row)]).lower()


@pytest.mark.parametrize("name", SMALL)
def test_findings_follow_the_results(name, made):
    """Hits twice as late, at twice the price: every number measured is another."""
    reported, _ = made(name)
    later = {
        arm: [
            replace(each, hit=2 * each.hit, calls=2 * each.calls, cost=2 * each.cost)
            for each in cells
        ]
        for arm, cells in reported.arms.items()
    }  # fmt: skip
    before, after = reported.findings, STUDIES[name].findings(later)
    assert before.rows != after.rows
    if name in ROW_AN_ARM:
        assert all(a != b for a, b in zip(before.rows, after.rows, strict=True))
    else:
        assert before.sentences != after.sentences


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name == "voting" else SLOW) for name in OPERATORS])
def test_an_unfinished_study_is_shown_as_any_grid(name, made):
    reported, _ = made(name)
    results = reported.results
    some = results.runs[results.runs["cell"] != results.cells.index[-1]]
    partly = reported_on(results.with_runs(some))
    assert partly.findings is None
    last = partly.check.cells[-1]
    assert (last.verdict, last.runs) == (Verdict.CANNOT_TELL, 0)


def test_a_grid_of_that_name_with_other_arms_is_not_the_study():
    arms = {"mine": [cell for cell in keep.grid().arms["keep 0.5"] if cell.problem.k <= 4]}
    other = reported_on(run_grid(Grid("keep", arms, runs=5, batch=5), workers=1))
    assert (other.study, other.findings, other.claims) == (None, None, ())


# ------------------------------------------------------------------------------------------- what they say


def exact_of(grid, arm, k):
    return next(exact_mean(cell) for cell in grid.arms[arm] if cell.problem.k == k)


@pytest.mark.slow
def test_keep_tells_theory_1f(made):
    found = made("keep")[0].findings
    assert [row[-1] for row in found.rows] == ["1,048,576", "513.9", "21.66", "10.08", "6.279", "5.69"]
    assert "1,048,576 calls with keep 0.5 and 5.69 with keep 1" in " ".join(found.sentences)
    assert all(re.fullmatch(r"\d\.\d{3} ±0\.\d+", row[3]) for row in found.rows)
    assert "95 % interval" in found.note
    assert [row[-2] for row in found.rows] == ["2.000", "1.333", "1.111", "1.053", "1.010", "1.000"]


def test_correlation_has_the_same_marginal_and_tells_theory_6a():
    grid = correlation.grid()
    for cell in grid.cells:
        assert cell.mutator.law.pmf(1, 1).tolist() == pytest.approx([0.5, 0.5])
    assert exact_of(grid, correlation.INDEPENDENT, 12) == pytest.approx(4096)
    assert [exact_of(grid, correlation.UNIFORM, k) for k in (1, 8, 64)] == pytest.approx([2, 9, 65])
    assert exact_of(grid, correlation.LOCAL, 64) == 128
    # 1/E[q^k] = (k+2)(k+3)/6 for Beta(2, 2)
    assert exact_of(grid, "Beta(2, 2)", 64) == pytest.approx(66 * 67 / 6)


def test_granularity_tells_theory_3e():
    for panel in (granularity.TOKENS, granularity.PRICED):
        for arm, cells in granularity.PANELS[panel].items():
            costs = [exact_mean(cell, "cost") for cell in cells]
            best = cells[int(np.argmin(costs))].chunks.g
            p = cells[0].mutator.p
            # 3d: C(g) = (k/g) p^-g (c0 + A g^2 + B g), A = 3/2 l^2, B = -l/2
            c0, a, b = cells[0].cost.per_call, 1.5 * granularity.L**2, -granularity.L / 2
            for cell, cost in zip(cells, costs, strict=True):
                g = cell.chunks.g
                assert cost == pytest.approx(granularity.K / g * p**-g * (c0 + a * g * g + b * g))
            assert best == 1 or (p > 0.5 and panel == granularity.PRICED), arm


def test_granularity_at_prices_of_tokens_is_decided_by_keep():
    """With instructions that are paid once a call; without them one block a call, however high keep is."""
    relative = {}
    for panel in (granularity.MONEY, granularity.BY_HEAD):
        for arm, cells in granularity.PANELS[panel].items():
            costs = {cell.chunks.g: exact_mean(cell, "cost") for cell in cells}
            relative[panel, arm] = {g: cost / costs[1] for g, cost in costs.items()}
    best = {key: min(shares, key=shares.get) for key, shares in relative.items()}
    assert [best[granularity.MONEY, arm] for arm in granularity.PANELS[granularity.MONEY]] == [24, 6, 6, 1]
    assert [best[granularity.BY_HEAD, arm] for arm in granularity.PANELS[granularity.BY_HEAD]] == [1, 2, 12, 24]
    assert round(relative[granularity.MONEY, "0.3 / 0.99"][24], 3) == 0.421
    # a literal sum: calls on all 24 blocks, each of 1024 + 24 16 tokens in and 24 16 out, against 24/.3 calls on one
    law = [[0.0] * 25 for _ in range(25)]  # blocks right before and after a call
    for right, fixed in itertools.product(range(25), range(25)):
        for kept in range(right + 1) if fixed <= 24 - right else ():
            repaired = comb(24 - right, fixed) * 0.3**fixed * 0.7 ** (24 - right - fixed)
            law[right][fixed + kept] += repaired * comb(right, kept) * 0.99**kept * 0.01 ** (right - kept)
    better = [[chance if after > right else 0.0 for after, chance in enumerate(row)] for right, row in enumerate(law)]
    chain = np.array(better) + np.diag([1.0 - sum(row) for row in better])
    calls = np.linalg.solve(np.eye(24) - chain[:24, :24], np.ones(24))[0]
    whole, single = (1024 + tokens + 4 * tokens for tokens in (24 * 16, 16))
    assert calls * whole / (24 / 0.3 * single) == pytest.approx(relative[granularity.MONEY, "0.3 / 0.99"][24], rel=1e-9)


@SLOW
def test_granularity_says_where_the_optimum_is(made):
    reported, _ = made("granularity")
    said = " ".join(reported.findings.sentences)
    assert "fix = keep = p: for p <= 1/2 the cheapest is always one block a call" in said
    dear = {
        arm: [replace(each, cost=each.cost / each.cell.chunks.g**9) for each in cells]
        for arm, cells in reported.arms.items()
    }
    assert "for p <= 1/2 the cheapest is g = 4" in " ".join(granularity.findings(dear).sentences)


def test_voting_reads_blind_success_off_the_same_runs(made):
    reported, _ = made("voting")
    plain, *_, last = reported.arms["p = 0.6"]
    k = voting.K
    rho = 0.4 / 0.6
    assert voting._exact_success(plain) == pytest.approx(0.6**k)
    assert voting._exact_success(last) == pytest.approx((1 / (1 + rho**3)) ** k)
    assert voting._exact_calls(last) == pytest.approx(k * 3 / 0.2 * (1 - rho**3) / (1 + rho**3))
    for cells in reported.arms.values():
        for each in cells:
            success, calls = voting._blind_success(each), voting._blind_calls(each)
            assert abs(success.value - voting._exact_success(each)) < 5 * math.sqrt(0.25 / RUNS)
            assert abs(calls.value - voting._exact_calls(each)) < 3 * (calls.high - calls.low) + 1e-9
    assert "votes on top only cost more" in reported.findings.sentences[-1]


def test_voting_would_say_that_votes_pay(made):
    arms = made("voting")[0].arms
    cheap = {
        arm: [replace(each, calls=each.calls / each.cell.mutator.ahead**9) for each in cells]
        for arm, cells in arms.items()
    }
    assert "votes pay only at p = 0.4, K = 3" in voting.findings(cheap).sentences[-1]


@SLOW
def test_notes_say_what_a_number_is_and_how_sure(made):
    spilled = made("spill")[0].findings
    assert "95 % intervals ±0." in spilled.note
    assert not [text for row in spilled.rows for text in row if text.startswith("-0.000")]
    assert "k = 10 blocks" in made("voting")[0].findings.note
    two = correlation.grid().arms
    same = [
        Measured(two[arm][0], Verdict.AGREES, *[np.array([3.0, 3.0])] * 4)
        for arm in (correlation.UNIFORM, "LOCAL OnlyIncorrect")
    ]
    assert correlation._compared(*same) == "3 against 3 at k = 1"
    apart = [same[0], replace(same[1], process=two["LOCAL OnlyIncorrect"][1])]
    assert correlation._compared(*apart) == "3 at k = 1 against 3 at k = 2"


@pytest.mark.parametrize(("rate", "exact"), [(0.01, 129.3), (0.05, 455.9), (0.1, 3474.6)])
def test_spill_tells_theory_4c(rate, exact):
    assert ((1 - rate) ** -50 - 1) * (1 - rate) / (0.5 * rate) == pytest.approx(exact, rel=1e-3)
    predicted = exact_of(spill.grid(), spill.label("OnlyIncorrect", rate), 50)
    assert predicted == pytest.approx(exact, rel=1e-3)


@SLOW
def test_difficulty_does_not_give_a_mean_of_the_runs_that_finished(made):
    reported, _ = made("difficulty")
    hard = reported.arms["al = 0.6"][0]
    assert hard.censored > 0
    row = next(row for row in reported.findings.rows if row[0] == "al = 0.6")
    assert row[-1] == str(hard.censored)
    finished = f"{np.nanmean(hard.hit):.4g}"
    assert not any(finished in text for text in row)
    assert row[1] == "inf"


def test_a_tail_too_heavy_for_the_law_of_the_total_is_not_forced_into_it():
    """Its grid would be coarser than the spread, and an honest mean off by one standard error DIFFER."""
    law = predict(difficulty.grid().arms["al = 3"][0]).law
    assert law.variance == pytest.approx(112.5)
    total = 1000 * law.mean - math.sqrt(1000 * law.variance)
    with pytest.raises(NoPrediction, match="heavy"):
        total_tails(total, 1000, law)
    with pytest.raises(NoPrediction, match="heavy"):
        mean_p_value(total, 1000, law)
    assert runs_to_resolve_by_law(law, law.quantile(0.999), 0.25, 1e-3 / 20) < 1000  # so the law can tell


@SLOW
def test_infinite_variance_is_judged_by_the_law(made):
    """al = 1.5: the mean is 40, but no number of runs tells it; no mean is tested, and runs are counted by the law."""
    cell = made("difficulty")[0].check.cells[2]
    assert [outcome.test for outcome in cell.outcomes] == ["ledger", "law"]


def test_difficulty_adds_up_the_tail():
    cell = difficulty.grid().arms[difficulty.REDRAWN][0]
    each = Measured(cell, Verdict.AGREES, *[np.array([20.0])] * 4)
    cut = difficulty._exact_cut_means(each, np.array([1.0, 10.0, 1024.0]))
    assert cut.tolist() == pytest.approx([1, 10, 20])  # ten blocks take ten calls at least, 20 on average


# ------------------------------------------------------------------------------------------- what they draw


def texts(figure):
    """All that is written beside curves, with its box."""
    figure.draw_without_rendering()
    return [[(text.get_text(), text.get_window_extent()) for text in ax.texts] for ax in figure.axes]


def assert_readable(figure):
    """No label overlaps another one or leaves the figure; nor does a title."""
    for panel in texts(figure):
        for i, (name, box) in enumerate(panel):
            for other, beside in panel[:i]:
                overlap = min(box.y1, beside.y1) - max(box.y0, beside.y0)
                assert overlap < 1.0 or box.x0 > beside.x1 or beside.x0 > box.x1, (name, other)
            assert figure.bbox.x0 <= box.x0, name
            assert box.x1 <= figure.bbox.x1, name
    for text in (figure._suptitle, figure._supxlabel):
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1


PANELS = {"keep": 1, "correlation": 1, "granularity": 4, "measured": 2, "cost-models": 1, "voting": 3, "spill": 2,
          "difficulty": 3, "noise": 3, "judge": 2, "nonconvex": 3, "selection": 1, "parallel": 3}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_figures_have_points_on_curves_and_can_be_read(name, drawn):
    figure = drawn(name)
    assert len(figure.axes) == PANELS[name]
    assert figure._suptitle.get_text().replace("\n", " ") == STUDIES[name].title
    for ax in figure.axes:
        assert ax.containers
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        exact = [line for line in ax.lines if line.get_marker() == "None" and len(line.get_xdata()) > 1]
        assert exact or ax.get_ylabel() == "mean seconds to the optimum"  # which nothing predicts
    assert "points: measured" in figure.get_supxlabel()
    assert_readable(figure)


@pytest.mark.parametrize("name", SMALL)
def test_no_formula_is_drawn_as_its_source(name, drawn):
    """Dollars of a user's labels are escaped; those of a study mark formulas."""
    texts = [text.get_text() for text in drawn(name).findobj(Text)]
    assert any(texts)
    assert not [text for text in texts if "\\$" in text]
    assert all(text.count("$") % 2 == 0 for text in texts)


def test_points_lie_where_they_were_measured(made, drawn):
    arms = made("keep")[0].arms
    (ax,) = drawn("keep").axes
    for container, cells in zip(ax.containers, arms.values(), strict=True):
        assert container.lines[0].get_xdata().tolist() == [each.cell.problem.k for each in cells]
        assert container.lines[0].get_ydata().tolist() == [each.mean().value for each in cells]
    curve = next(line for line in ax.lines if len(line.get_xdata()) == keep.FURTHEST)
    assert curve.get_ydata()[19] == pytest.approx(2.0**20)
    assert mean_at(arms["keep 0.9"][0], 20) == pytest.approx(21.66, rel=1e-3)


@SLOW
def test_stars_mark_the_exact_optimum(made, drawn):
    arms = made("granularity")[0].arms
    axes = drawn("granularity").axes
    for ax, panel in zip(axes, granularity.SHOWN, strict=True):
        members = granularity.PANELS[panel]
        stars = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "*"]
        exact = [min(arms[arm], key=lambda each: exact_mean(each.cell, "cost")).cell.chunks.g for arm in members]
        exact = [g for g in exact if g > 1]  # no star: one block a call
        assert stars == exact, panel


def test_labels_above_and_beside_keep_their_distance():
    """Two curves that leave at nearly the same place, and one that ends within the axes and is named to its left."""
    x = np.array([1.0, 2.0, 3.0])
    leaving = [Curve(f"p = 0.{i}", x, [], x, np.array([1.0, 9.0 + i, 1000.0]), i) for i in range(3)]
    short = Curve("short", x[:2], [], x[:2], np.array([1.0, 2.0]), 4, left=True)
    figure = panels_figure("title", [Panel("p", "x", "y", [*leaving, short], y_range=(0.5, 100))] * 2)
    assert_readable(figure)
    for panel in texts(figure):
        boxes = dict(panel)
        above = [boxes[f"p = 0.{i}"] for i in (2, 1, 0)]
        assert all(b.x0 - a.x1 > 5 for a, b in itertools.pairwise(sorted(above, key=lambda box: box.x0)))
    ax = figure.axes[0]
    assert dict(texts(figure)[0])["short"].x1 < ax.transData.transform((2.0, 2.0))[0]


def test_bounds_are_open_triangles_and_curves_that_leave_are_named_above():
    x = np.array([1.0, 2.0, 3.0])
    values = [Value(1, 0.9, 1.1), Value(2, 1.5, 2.5), Value(3, 3, math.inf)]
    leaves = Curve("leaves", x, [], x, np.array([1.0, 10.0, 1000.0]), 1)
    gaps = Curve("no line", x, values, x, np.full(3, np.nan))
    figure = panels_figure("title", [Panel("p", "x", "y", [gaps, leaves], y_range=(0.5, 100))])
    (ax,) = figure.axes
    assert [line.get_xdata().tolist() for line in ax.lines if line.get_marker() == "^"] == [[3.0], []]
    assert "open triangles" in figure.get_supxlabel()
    ((first, end), (second, above)) = sorted(texts(figure)[0])
    assert (first, second) == ("leaves", "no line")
    assert end.y0 >= ax.get_window_extent().y1 - 1
    assert above.y1 <= ax.get_window_extent().y1 + 1
    assert_readable(figure)


def test_a_star_marks_the_lowest_place_and_a_line_the_level():
    x, far = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])
    values = [Value(y, y - 0.1, y + 0.1) for y in (3.0, 1.5, 2.0)]
    curves = [
        Curve("to 4", x, values, far, np.array([9.0, np.nan, 1.25]), best=True),
        Curve("to 3", x, values, x[:2], x[:2], best=True),
    ]
    figure = panels_figure("title", [Panel("p", "x", "y", curves, log_y=False, level=1.0, upright=2.5)], note="a note")
    (ax,) = figure.axes
    stars = [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if line.get_marker() == "*"]
    assert stars == [(4.0, 1.25), (2.0, 1.5)]
    straight = [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if line.get_marker() == "None"]
    assert {(0.0, 1.0), (2.5, 0.0)} <= set(straight)
    assert " ".join(figure.get_supxlabel().split()).endswith("stars: cheapest; a note")


def test_the_same_results_give_the_same_picture(made, tmp_path):
    reported, files = made("voting")
    again = write(reported, tmp_path)
    assert again[-1].read_bytes() == files[-1].read_bytes()


# ------------------------------------------------------------------------------------------- on the terminal


def shown(show, *what, width=80):
    console = Console(width=width, record=True, file=io.StringIO())
    show(*what, console)
    return console.export_text()


@pytest.mark.parametrize("name", SMALL)
def test_findings_fit_a_narrow_terminal(name, made):
    found = made(name)[0].findings
    text = shown(show_findings, found)
    assert max(map(len, text.splitlines())) <= 80
    assert all(line.endswith("┃") for line in text.splitlines() if line.startswith("┃"))  # none is cut
    words = {word for heading in found.headings for word in heading.split()}
    assert not [word for word in words if word not in text]  # none is broken
    assert "Measured, verdict (exact)" in text


def test_cells_that_miss_the_same_rule_are_listed_once(made):
    reported, _ = made("keep")
    few = check(run_grid(smaller("keep", runs=2), workers=1))
    text = " ".join(shown(show_check, few).split())
    assert "CANNOT TELL" in text
    cells = tuple(
        replace(
            cell,
            verdict=Verdict.CANNOT_TELL,
            reason=f"no exact prediction for Cell(k={number}) by any of 7 rows:\n  one: needs g = 1, got g = {number}\n"
            "  and 6 rows from which it differs in more; see docs/predictions.md",
        )
        for number, cell in enumerate(reported.check.cells)
    )
    text = " ".join(shown(show_check, replace(reported.check, cells=cells)).split())
    counts = re.search(r"\((\d+) cells\) \(and (\d+) more cells, for the same reason\)", text)
    assert counts is not None
    assert sum(map(int, counts.groups())) == len(cells)
    why = "no exact prediction; one: needs g = 1, got g = 0 to 5; nor do 6 other rows of the table in docs/"
    assert f"{why}predictions.md fit" in text
    assert text.count("needs g = 1") == 1


# ------------------------------------------------------------------------------------------- as a user runs them


UNKNOWN = {
    "selection": ("LOCAL, any of 100", "LOCAL, fit of 100", "LOCAL, islands"),
    "parallel": ("asynchronous",),
}
"""Arms without an exact prediction, but for the smallest k."""
OPEN = {"selection": ("valley, best parent", "valley, any of 100")}
"""Arms whose law within the budget takes more runs to tell, or is not known: what they come to is compared instead."""


@SLOW
@pytest.mark.parametrize("name", OPERATORS)
def test_the_whole_study_as_a_user_runs_it(name, tmp_path, shows):
    folder = tmp_path / name
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "experiments", "run", name, "--out", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(f"\nthe study {name} took {time.perf_counter() - begun:.1f} s")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = pd.read_csv(folder / "summary.csv")
    known = ~summary["arm"].isin((*UNKNOWN.get(name, ()), *OPEN.get(name, ())))
    assert set(summary.loc[known, "verdict"]) == {"AGREES"}, summary.loc[known, "reason"].tolist()
    assert set(summary.loc[~known, "verdict"]) <= {"AGREES", "CANNOT_TELL"}
    if STUDIES[name].claims:
        assert set(pd.read_csv(folder / "claims.csv")["verdict"]) == {"AGREES"}
    if name == "selection":  # what docs/studies.md says of arms without an exact law
        page = (DOCS / "studies.md").read_text()
        for arm in UNKNOWN[name]:
            row = summary[(summary["arm"] == arm) & summary["k"].isin((4, 6, 8))]
            assert f"| {' | '.join(f'{mean:.0f}' for mean in row['hit'])} | not up to k = 8 |" in page
            assert (row["hit_high"] > 2.0 ** row["k"]).all()
        arrived = summary.set_index("arm")["success_ratio"]
        told = [f"{arrived[f'valley, {parent}']:.0%}" for parent in ("best parent", "any of 100", "grid of counts")]
        assert told == ["0%", "48%", "100%"]
        assert "0 %, 48 % and 100 % of the runs arrive within 300 calls" in " ".join(page.split())
    assert (folder / f"{name}.png").stat().st_size > 10_000
    if (told := DOCS / f"{name}.png").exists():
        assert shows(folder / f"{name}.png") == shows(told)
    assert "Traceback" not in done.stdout + done.stderr
