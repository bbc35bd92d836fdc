"""What a person reads, in files, figures and on the terminal, is read back and compared with what computed it."""

import io
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy.stats import binom, chi2, norm

from evo import AllBlocks, Budget, OnePlusLambda, Prompt, RoundRobin, TokenPrices, UniformChunk, UntilResolved
from evo.costs.latency import Latency
from experiments import Cell, Grid, Verdict, fit, growth_figure, run_grid, speedup
from experiments.cli.predicting.forecast import show_forecast, totals
from experiments.fits.claims import Claim, _check
from experiments.fits.families.forms import FORMS
from experiments.fits.laws import Estimate, Fits, ScalingLaw
from experiments.fits.series import series
from experiments.predictions.forecast import forecast
from experiments.reports.files import write
from experiments.reports.measured import Value, number
from experiments.reports.panels import Curve, Panel, panels_figure
from experiments.reports.report import report
from experiments.reports.study import Study
from experiments.reports.terminal import show_fits, show_report, show_waiting
from experiments.reports.waiting import waiting
from experiments.store.launches.status import _ago
from operators import Resample
from problems import BlockOneMax

RUNS, KS, LAMS = 150, (2, 4, 8, 11), (1, 3)
Z = norm.ppf(0.975)
PRICES = TokenPrices(prompt=2.0, generated=5.0, unit=1)
CLAIMS = (
    Claim("slow", "2^k", "hit", "exponential", "base", 2.0, "holds"),
    Claim("fast", "k calls", "hit", "power", "b", 1.2, "holds", at_most=True),
    Claim("fast", "k calls, at 3", "cost", "power", "b", 1.0, "holds", lam=3),
)


def grid():
    """Two arms, two lam; at k = 11 a budget ends most runs of the slow arm."""
    arms = {
        name: [
            Cell(BlockOneMax(k=k, l=3), Resample(p=0.5), schedule, OnePlusLambda(lam), Prompt(head=7), PRICES,
                 Budget(calls=900))
            for k in KS for lam in LAMS
        ]
        for name, schedule in (("slow", AllBlocks()), ("fast", UntilResolved()))
    }  # fmt: skip
    return Grid("read", arms, runs=RUNS)


STUDY = Study("read", "?", grid, claims=CLAIMS, speedup=("slow", "fast"))


@pytest.fixture(scope="module")
def results():
    return run_grid(grid(), workers=1)


@pytest.fixture(scope="module")
def made(results):
    return report(results, study=STUDY)


@pytest.fixture(scope="module")
def files(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write(made, folder)
    return {file.stem: pd.read_csv(file) for file in folder.glob("*.csv")}


def text(show, *what, width=200):
    console = Console(width=width, record=True, file=io.StringIO())
    show(*what, console)
    return console.export_text()


def table_of(shown, *headings):
    """The cells of the table with these headings, line by line."""
    lines = [re.split("[│┃]", line)[1:-1] for line in shown.splitlines() if re.match(" *[│┃]", line)]
    lines = [[cell.strip() for cell in line] for line in lines]
    start = next(i for i, line in enumerate(lines) if line[: len(headings)] == list(headings))
    width = len(lines[start])
    end = next((i for i, line in enumerate(lines) if i > start and len(line) != width), len(lines))
    return lines[start + 1 : end]


# ---------------------------------------------------------------------------------------------------------- files


def test_laws_csv_is_what_was_fitted(made, files):
    laws = files["laws"]
    assert len(laws) == len(made.fits.laws) + len(made.fits.refused)
    for law, row in zip(made.fits.laws, laws.to_dict("records"), strict=False):
        assert (row["series"], row["law"]) == (law.series, law.text)
        assert row["p_value"] == pytest.approx(law.misfit, rel=1e-12)
        assert row["deviance"] == pytest.approx(law.distance, rel=1e-12)
        assert (row["verdict"] == "dropped") == bool(law.dropped)
        assert [row[name] for name in ("confidence", "least", "most", "cells", "runs", "method")] == [
            0.95, 2, 11, 4, 4 * RUNS, law.method,
        ]  # fmt: skip
        assert row["censored_share"] == pytest.approx(law.censored_share)
        for each in law.estimates:
            found = [row[each.name], row[f"{each.name}_low"], row[f"{each.name}_high"]]
            assert found == pytest.approx([each.value, each.low, each.high], rel=1e-12)
    assert 0.01 < laws["censored_share"].max() < 1


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_intervals_and_misfits_are_those_of_their_level(results, confidence):
    """Normal intervals are as wide as their quantiles; p of the fit by chi-square of cells less parameters."""
    wide, plain = (fit(results, quantity="cost", confidence=level).laws for level in (confidence, 0.9))
    for one, other in zip(wide, plain, strict=True):
        ends = [(each["b"] if "b" in each.form.parameters else each.estimates[-1]) for each in (one, other)]
        if one.form.parameters[-1] in ("b", "c", "B"):
            scale = (ends[0].high - ends[0].low) / (ends[1].high - ends[1].low)
            assert scale == pytest.approx(norm.ppf(0.5 + confidence / 2) / norm.ppf(0.95), rel=1e-6)
        distance = one.distance
        assert one.misfit == pytest.approx(chi2.sf(distance, one.cells - len(one.estimates)), rel=1e-6, abs=1e-300)
        runs = results.runs.merge(results.cells[["arm", "runner.lam"]], left_on="cell", right_index=True)
        same = runs[
            (runs["arm"] == one.arm) & (one.series == runs["arm"] + ", lam = " + runs["runner.lam"].astype(str))
        ]
        assert one.censored_share == pytest.approx(same["hit"].isna().mean())


def test_the_median_of_a_summary_has_its_order_statistics(results, made):
    for row in made.summary.to_dict("records"):
        hits = np.sort(results.by_cell[row["cell"]]["hit"].to_numpy(dtype=float, na_value=np.inf))
        place = int(binom.ppf(0.025, RUNS, 0.5))
        expected = [np.median(hits), hits[place - 1], hits[RUNS - place]]
        if math.isfinite(expected[0]):
            assert [row["median"], row["median_low"], row["median_high"]] == expected
        else:
            assert math.isnan(row["median"])


def _is(results, cell, arm, k, lam):
    row = results.cells.loc[cell]
    return (row["arm"], row["problem.k"], row["runner.lam"]) == (arm, k, lam)


def test_checks_claims_and_speedups_are_in_their_files(made, files):
    outcomes = [(cell, outcome) for cell in made.check.cells for outcome in cell.outcomes]
    rows = files["checks"].to_dict("records")
    for (cell, outcome), row in zip(outcomes, rows, strict=True):
        assert (row["cell"], row["verdict"], row["test"]) == (cell.cell, str(cell.verdict), outcome.test)
        assert row["p_value"] == pytest.approx(outcome.p_value, rel=1e-12)
        assert row["alpha"] == pytest.approx(1e-3 / (4 * len(made.check.cells)), rel=1e-12)
        assert (row["looks"], row["found"], row["label"]) == (0, outcome.found, cell.label)
    told = files["claims"].astype(object)
    for each, row in zip(made.claims, told.where(told.notna(), "").to_dict("records"), strict=True):
        assert (row["arm"], row["lam"], row["paper"]) == (each.claim.arm, each.claim.lam, each.claim.paper)
        assert (row["along"], row["theory"]) == (each.claim.along, each.claim.theory)
        assert (row["claimed"], row["verdict"], row["reason"]) == (each.claim.text, str(each.verdict), each.reason)
        assert (row["law"], row["estimates"]) == (each.law.text, "; ".join(map(str, each.law.estimates)))
    pd.testing.assert_frame_equal(files["speedup"].fillna({"note": ""}), made.speedup, check_dtype=False)
    summary = files["summary"].set_index("cell")
    for cell in made.check.cells:
        assert (summary.loc[cell.cell, "verdict"], summary.loc[cell.cell, "reason"]) == (str(cell.verdict), cell.reason)


def test_a_speedup_is_computed_from_the_table(results, made):
    alpha = 1e-3 / (len(KS) * len(LAMS))
    for row in made.speedup.to_dict("records"):
        parts = []
        for arm in ("slow", "fast"):
            cell = next(each for each in results.cells.index if _is(results, each, arm, row["k"], row["lam"]))
            runs = results.by_cell[cell]
            hit, cost = runs["hit"].notna().to_numpy(), runs["cost"].to_numpy()
            rest = cost - hit * cost.sum() / max(1, hit.sum())
            parts.append((cost.sum() / hit.sum(), rest.var(ddof=1) / (len(cost) * cost.mean() ** 2), np.median(cost)))
            few = hit.sum() < 100
        (slow, over, middle), (fast, under, other) = parts
        assert row["speedup"] == pytest.approx(slow / fast)
        if row["k"] < 11:
            off = math.exp(norm.ppf(1 - alpha / 2) * math.sqrt(over + under))  # two-sided
            assert not few
            assert (row["low"], row["high"]) == pytest.approx((slow / fast / off, slow / fast * off))
            assert row["medians"] == pytest.approx(middle / other)
            assert row["medians_low"] <= row["medians"] <= row["medians_high"]
            assert row["exact"] == pytest.approx(_exact(results, row))
        else:
            assert (row["of"], row["verdict"]) == ("ERT", "CANNOT_TELL")
            assert f"of {RUNS} runs of the slow arm were censored" in row["note"]


def _exact(results, row):
    of = [next(each for each in results.cells.index if _is(results, each, arm, row["k"], row["lam"]))
          for arm in ("slow", "fast")]  # fmt: skip
    return results.predict(of[0], "cost").mean / results.predict(of[1], "cost").mean


# -------------------------------------------------------------------------------------------------------- claims


def a_law(low, value, high, misfit=0.5, form="power"):
    estimates = (Estimate("A", 1.0, 0.9, 1.1), Estimate("b", value, low, high))
    chosen = next(each for each in FORMS if each.name == form)
    return ScalingLaw("s", "s", {}, "hit", "k", chosen, estimates, 0.999, 1, 9, 5, 500, 0.0, misfit, 4.0, "by hand")


@pytest.mark.parametrize(
    ("most", "verdict"),
    [(0.899, "DIFFERS"), (0.901, "CANNOT_TELL"), (1.0, "CANNOT_TELL"), (1.001, "CANNOT_TELL"), (1.099, "CANNOT_TELL"),
     (1.101, "AGREES"), (5.0, "AGREES")],
)  # fmt: skip
def test_at_most_is_decided_by_the_ends_of_the_interval(most, verdict):
    claim = Claim("s", "", "hit", "power", "b", most, "holds", at_most=True)
    assert _check(claim, Fits((a_law(0.9, 1.0, 1.1),), ()), "s").verdict == verdict


@pytest.mark.parametrize(
    ("value", "tolerance", "verdict"),
    [(0.899, 0.0, "DIFFERS"), (0.901, 0.0, "AGREES"), (1.099, 0.0, "AGREES"), (1.101, 0.0, "DIFFERS"),
     (1.2, 0.08, "DIFFERS"), (1.2, 0.09, "AGREES"), (0.85, 0.05, "DIFFERS"), (0.85, 0.06, "AGREES")],
)  # fmt: skip
def test_a_claimed_value_is_decided_by_the_ends_of_the_interval(value, tolerance, verdict):
    claim = Claim("s", "", "hit", "power", "b", value, "holds", tolerance=tolerance)
    assert _check(claim, Fits((a_law(0.9, 1.0, 1.1),), ()), "s").verdict == verdict


@pytest.mark.parametrize(("width", "verdict"), [(0.149, "AGREES"), (0.151, "CANNOT_TELL")])
def test_a_wide_interval_does_not_tell(width, verdict):
    claim = Claim("s", "", "hit", "power", "b", 1.0, "holds")
    assert _check(claim, Fits((a_law(1 - width, 1.0, 1 + width),), ()), "s").verdict == verdict


@pytest.mark.parametrize(("misfit", "verdict"), [(1.1e-3, "AGREES"), (0.9e-3, "DIFFERS")])
def test_a_misfit_differs_and_a_rival_that_fits_does_not_tell(misfit, verdict):
    claim = Claim("s", "", "hit", "power", "b", 1.0, "holds", rival="exponential")
    law, rival = a_law(0.9, 1.0, 1.1, misfit), a_law(0.9, 1.0, 1.1, 1e-3 if misfit < 1e-3 else 0.9e-3, "exponential")
    assert _check(claim, Fits((law, rival), ()), "s").verdict == verdict
    if verdict == "AGREES":
        near = replace(rival, misfit=1.1e-3)
        assert _check(claim, Fits((law, near), ()), "s").verdict is Verdict.CANNOT_TELL


# ------------------------------------------------------------------------------------------------------- figures


def segments(container):
    return [tuple(segment[:, 1]) for segment in container.lines[2][0].get_segments() if segment.ndim == 2]


def test_bars_of_the_growth_figure_are_95_percent_intervals_of_the_mean(results):
    """1.96 standard errors to either side: of the mean, not of a run."""
    for quantity in ("hit", "cost"):
        figure = growth_figure(results, quantity=quantity)
        for ax, lam in zip(figure.axes, LAMS, strict=True):
            for container, each in zip(ax.containers, [s for s in series(results, "k", quantity) if s.lam == lam],
                                       strict=True):  # fmt: skip
                known = each.censored == 0
                half = Z * np.sqrt(each.variance / each.runs)[known]
                mean = each.mean[known]
                assert container.lines[0].get_ydata() == pytest.approx(mean)
                bars = np.array(segments(container))
                assert bars == pytest.approx(np.column_stack([mean - half, mean + half]))
                bounds = next(line for line in ax.lines if line.get_marker() == "^" and len(line.get_xdata())
                              == (~known).sum() and line.get_color() == container.lines[0].get_color())  # fmt: skip
                assert bounds.get_ydata() == pytest.approx(each.mean[~known])


def test_bars_of_the_panels_are_the_ends_of_the_values():
    x = np.array([1.0, 2.0, 3.0, 4.0])
    values = [Value(5, 4, 7), Value(9, 6, 10), Value(3, 3, math.inf), Value(8, math.nan, math.nan)]
    figure = panels_figure("t", [Panel("p", "x", "y", [Curve("c", x, values, x, x)])])
    (container,) = figure.axes[0].containers
    assert segments(container)[:2] == [(4, 7), (6, 10)]
    assert container.lines[0].get_ydata().tolist() == [5, 9, 8]
    assert "points without bars: the variance is infinite" in " ".join(figure.get_supxlabel().split())
    assert "95% intervals" in figure.get_supxlabel()
    assert "open triangles: lower bounds" in " ".join(figure.get_supxlabel().split())
    whole = panels_figure("t", [Panel("p", "x", "y", [Curve("c", x[:2], values[:2], x, x)])])
    assert not [word for word in ("triangles", "without bars", "stars") if word in whole.get_supxlabel()]


# ------------------------------------------------------------------------------------------------------ terminal


def test_the_table_of_laws_shows_what_was_fitted(made, rows_of):
    shown = rows_of(text(show_fits, made.fits), "law", "constant", "interval", left=2)
    assert made.fits.best
    for growth in made.fits.growths:
        for law in growth.left:
            for each in law.estimates:
                value, low, high = (f"{number_of + 0.0:.4g}" for number_of in (each.value, each.low, each.high))
                found = [row for row in shown if (row["constant"], row["value"]) == (each.name, value)]
                assert f"[{low}, {high}]" in {row["interval"] for row in found}
                assert math.isnan(each.exact) or f"{each.exact:.4g}" in {row.get("exact means") for row in found}
            assert law.misfit_text in {row.get("p (fit)") for row in shown}
    assert "95 % intervals" in text(show_fits, made.fits)


def test_the_report_shows_the_speedups(made):
    shown = text(show_report, made)
    rows = table_of(shown, "k", "measured", "interval", "exact")
    one = made.speedup[made.speedup["lam"] == 1].to_dict("records")
    for row, line in zip(one, rows, strict=True):
        of = "" if row["of"] == "mean" else f" ({row['of']})"
        interval = "-" if math.isnan(row["low"]) else f"{number(row['low'])} .. {number(row['high'])}"
        mark = {"AGREES": "✓", "DIFFERS": "✗", "CANNOT_TELL": "?"}[row["verdict"]]
        assert line == [f"{row['k']:g}", number(row["speedup"]) + of, interval, number(row["exact"]),
                        f"{row['speedup'] / (2 ** row['k'] * row['k']):.3f}", mark]  # fmt: skip
    assert f"k = 11: {one[-1]['note']}" in " ".join(shown.split())
    assert "w.p. 0.999" in shown
    for claim in made.claims:
        assert claim.claim.text in shown
        assert str(claim.law[claim.claim.parameter]) in shown


def test_the_overview_shows_means_and_exact_ones(made):
    plain = replace(made, study=None, claims=(), speedup=None)
    shown = text(show_report, plain)
    for row in made.summary.to_dict("records"):
        mark = {"AGREES": "✓", "DIFFERS": "✗", "CANNOT_TELL": "?"}[row["verdict"]]
        measured = f"{row['censored']:,} censored" if row["censored"] else number(row["hit"])
        assert f"{measured} {mark} ({number(row['hit_predicted'])})" in shown
    ended = int(made.summary["censored"].sum())
    assert f"{ended:,} runs of {int((made.summary['censored'] > 0).sum())} cells ended at their budget" in shown
    infinite = replace(plain, summary=made.summary.assign(hit_predicted=math.inf, hit=math.nan, censored=0))
    for row in made.summary[made.summary["lam"] == 1].to_dict("records"):
        if not math.isnan(row["median"]):
            assert f"median {number(row['median'])} " in text(show_report, infinite)


@pytest.mark.parametrize("latency", [Latency(0.5, 0.001, 0.25), Latency(0.0, 0.25, 0.001), Latency(2.0)])
def test_seconds_are_of_what_is_read_and_what_is_written(results, latency, rows_of):
    """A call on g blocks of 3 tokens reads 7 + 3 g and writes 3 g."""
    table = waiting(results, None, latency)
    for row, cell in zip(table.to_dict("records"), results.cells.index, strict=True):
        runs, g = results.by_cell[cell], row["k"] if row["series"].startswith("slow") else 1
        call = latency.fixed + latency.per_prompt_token * (7 + 3 * g) + latency.per_generated_token * 3 * g
        assert row["makespan"] == pytest.approx(call * runs["generations"].mean())
        assert row["rounds"] == pytest.approx(runs["generations"].mean())
    headings = ("k", "lam", "rounds", "seconds", "exact", "10 / 50 / 90 %", "cost")
    rows = [[row[name] for name in headings] for row in rows_of(text(show_waiting, table, None), *headings)]
    shown = set(map(tuple, rows))
    for row in table.to_dict("records"):
        sign = "> " if row["censored"] else ""
        means = [sign + number(row[name]) for name in ("rounds", "makespan", "cost")]
        single = " / ".join(number(row[f"makespan_{level}"]) for level in (10, 50, 90))
        exact = number(row["makespan_predicted"])
        assert (str(row["k"]), str(row["lam"]), *means[:2], exact, single, means[2]) in shown
    assert (table["makespan_predicted"] / table["makespan"] - 1).abs().max() > 0.01
    assert any(line[3].startswith("> ") for line in rows)
    assert not all(line[3].startswith("> ") for line in rows)


def test_a_forecast_is_shown_as_it_was_made(rows_of):
    table = forecast(grid())
    rows = rows_of(text(show_forecast, table, RUNS, 2), "k", "lam", "hit", "calls", "cost", "censored")
    expected = [
        [str(row["k"]), str(row["lam"]), *(number(row[name]) for name in ("hit", "calls", "cost"))]
        for arm in ("slow", "fast")
        for row in table[table["arm"] == arm].sort_values(["lam", "k"]).to_dict("records")
    ]
    assert [[row[name] for name in ("k", "lam", "hit", "calls", "cost")] for row in rows] == expected
    assert sum(row["label"].startswith("slow") for row in rows) == (table["arm"] == "slow").sum()
    joined = " ".join(totals(table, 1))
    assert f"{number((table['made'] * table['spent']).sum())} calls" in joined
    assert f"{number((table['made'] * table['read']).sum())} tokens read" in joined
    assert f"{number((table['made'] * table['written']).sum())} written" in joined
    assert f"cost {number((table['made'] * table['paid']).sum())}" in joined
    assert (table["read"] > table["written"]).all()


@pytest.mark.parametrize(
    ("cores", "said"), [(1, "10 min on 1 core"), (4, "2.5 min on 4 cores"), (100, "30 s on 100 cores")]
)
def test_the_time_of_a_forecast_is_shared_by_the_cores(cores, said):
    """600 s of work, the longest batch of 30 s: never less than that."""
    table = forecast(grid()).iloc[:6].assign(seconds=100.0, longest=30.0)
    assert f"about {said}" in " ".join(totals(table, cores))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (59, "59 s"),
        (61, "1 min"),
        (3599, "59 min"),
        (3601, "1 h"),
        (86399, "23 h"),
        (86401, "1 d"),
        (3 * 86400 + 9, "3 d"),
    ],
)
def test_how_long_ago_is_said_in_its_unit(seconds, said, monkeypatch):
    monkeypatch.setattr("experiments.store.launches.status.time.time", lambda: 1e9 + seconds)
    assert _ago(1e9) == f"2001-09-09T01:46:40+00:00 ({said} ago)"


def test_what_an_earlier_report_of_other_cells_wrote_is_not_left_beside_this_one(tmp_path, no_figures):
    """Of one k there is no law, no figure and no claim; what is the user's own stays."""
    cell = Cell(BlockOneMax(k=1, l=4), Resample(0.5), AllBlocks(), OnePlusLambda())
    for name in ("laws.csv", "claims.csv", "speedup.csv", "cost.png", "cost.svg", "quality.csv", "mine.csv"):
        (tmp_path / name).write_text("of earlier cells")
    (tmp_path / "quality.png").symlink_to("mine.csv")
    (tmp_path / "quality.svg").mkdir()
    write(report(run_grid(Grid("one", [cell], runs=20), workers=1)), tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "checks.csv", "mine.csv", "quality.svg", "report.txt", "summary.csv",
    ]  # fmt: skip
    assert (tmp_path / "mine.csv").read_text() == "of earlier cells"


def test_the_twin_of_reading_back(made):
    """The reader of tables finds what is there, and not what is not."""
    rows = table_of(text(show_report, made), "k", "measured", "interval", "exact")
    assert [line[0] for line in rows] == [str(k) for k in KS]
    with pytest.raises(StopIteration):
        table_of(text(show_report, made), "k", "exact", "measured")


def test_cells_of_other_schedules_are_timed_by_their_calls():
    cells = [
        Cell(BlockOneMax(k=4, l=3), Resample(0.5), each, OnePlusLambda(2)) for each in (RoundRobin(), UniformChunk())
    ]
    results = run_grid(Grid("more", cells, runs=20), workers=1)
    for workers, turns in ((1, 2), (2, 1), (None, 1)):
        table = waiting(results, workers, Latency(fixed=3.0))
        means = [results.by_cell[cell.id]["generations"].mean() for cell in cells]
        assert table["rounds"].tolist() == pytest.approx([turns * mean for mean in means])
        assert table["makespan"].tolist() == pytest.approx([3.0 * turns * mean for mean in means])
        assert speedup(results, "cells", "cells")["speedup"].tolist()
