"""Every column of every table of the page, and every line of its charts of runtimes, computed again from the runs.

The tables name their columns here, and a column or a table that nobody names is an error: a new one is not forgotten.
"""

import math
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

from evo import AllBlocks, Budget, OnePlusLambda, Prompt, TokenPrices, UntilResolved
from evo.statistics import binomial_interval, median_interval
from experiments import Cell, Grid, load, predict, run_grid
from experiments.fits.claims import Claim
from experiments.fits.laws import Refusal
from experiments.reports.html.content import Content
from experiments.reports.html.page import page
from experiments.reports.html.sections.distributions import _by_series, _chart, _least_lam, _shared
from experiments.reports.html.sections.fitted import _notes, fitted_laws
from experiments.reports.measured import MARKS, number
from experiments.reports.quality.in_report import quality_curves
from experiments.reports.report import report
from experiments.reports.study import Study
from experiments.store.launches.provenance import read_launches
from operators import Resample
from problems import BlockOneMax

RUNS, KS, LAMS = 60, (2, 4, 6), (1, 2)
PRICES = TokenPrices(prompt=2.0, generated=5.0, unit=1, currency="$", cached=0.5, reasoning=4.0, per_call=3.0)
PROMPT = Prompt(head=7, cached=5, reasoning=2)
CLAIMS = (
    Claim("slow", "2^k", "hit", "exponential", "base", 2.0, "holds"),
    Claim("fast", "", "hit", "power", "b", 1.0, "holds", lam=2, theory="theory 4"),
)


def grid():
    """Two arms; the budget ends the slow arm's runs at k = 6."""
    arms = {
        name: [
            Cell(BlockOneMax(k=k, l=3), Resample(p=0.4), schedule, OnePlusLambda(lam), PROMPT, PRICES, Budget(calls=60))
            for k in KS for lam in LAMS
        ]
        for name, schedule in (("slow", AllBlocks()), ("fast", UntilResolved()))
    }  # fmt: skip
    return Grid("columns", arms, runs=RUNS, batch=RUNS)


STUDY = Study("columns", "?", grid, claims=CLAIMS, speedup=("slow", "fast"))


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    folder = tmp_path_factory.mktemp("columns")
    run_grid(grid(), folder, workers=1)
    results = load(folder)
    return Content(report(results, study=STUDY), None, quality_curves(results))


class Tables(HTMLParser):
    """The rows of each table, by section: a dictionary of (text, number by which it is sorted) by heading."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.section, self.cell = [], "", None
        self.feed(text)

    def handle_starttag(self, name, attributes):
        if name == "section":
            self.section = dict(attributes)["id"]
        elif name == "table":
            self.tables.append((self.section, []))
        elif name == "tr":
            self.tables[-1][1].append([])
        elif name in ("td", "th"):
            self.cell = ["", dict(attributes).get("data-v")]
            self.tables[-1][1][-1].append(self.cell)

    def handle_endtag(self, name):
        if name in ("td", "th"):
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell[0] += data


@pytest.fixture(scope="module")
def tables(content):
    found = {}
    for section, (head, *rows) in Tables(page(content)).tables:
        assert section not in found
        found[section] = [dict(zip([name for name, _ in head], map(tuple, row), strict=True)) for row in rows]
    return found


def told(value, low=math.nan, high=math.nan):
    """A number with its interval, and the number by which it is sorted."""
    interval = "" if math.isnan(low) or math.isnan(value) else f" {number(low)} to {number(high)}"
    return number(value) + interval, "" if math.isnan(value) else repr(float(value))


def word(text):
    return text, None


def size(value):
    return str(value), repr(float(value))


def verdict(of):
    return word(f"{MARKS[of]} {str(of).replace('_', ' ').lower()}")


NOTHING = ("-", "")


def columns_of_cells(runs, row, cell):
    whole = runs["hit"].notna().all()
    interval = [row["hit_low"], row["hit_high"]], [row["cost_low"], row["cost_high"]]
    return {
        "series": word(row["series"]), "k": size(cell.k), "lam": size(cell.lam), "verdict": verdict(row["verdict"]),
        "calls to the optimum": told(runs["hit"].mean(), *interval[0]) if whole
        else (f"{runs['hit'].isna().sum()} censored", ""),
        "exact calls": told(predict(cell, "hit").mean),
        "cost ($)": told(runs["cost"].mean(), *interval[1]) if whole else NOTHING,
        "exact cost": told(predict(cell, "cost").mean), "prediction": word(predict(cell).source),
        "why": word("") if row["verdict"] == "AGREES" else None,
    }  # fmt: skip


def columns_of_success(runs, row, cell):
    hits, every = int(runs["hit"].notna().sum()), len(runs)
    ordered = np.sort(runs["hit"].to_numpy(dtype=float, na_value=np.inf))
    at_end = math.isfinite(row["fitness_predicted"])
    return {
        "series": word(row["series"]), "k": size(cell.k), "lam": size(cell.lam), "runs": size(every),
        "hits": size(hits), "success ratio": told(hits / every, *binomial_interval(hits, every, 0.05)),
        "censored": (f"{1 - hits / every:.1%}", repr(1 - hits / every)),
        "ERT, calls": told(runs["calls"].sum() / hits), "ERT, cost": told(runs["cost"].sum() / hits),
        "median calls": told(float(np.median(ordered)), *median_interval(ordered, 0.05))
        if math.isfinite(np.median(ordered)) else NOTHING,
        "fitness at the budget": told(row["fitness"]) if at_end else NOTHING,
        "exact fitness": told(predict(cell, "fitness", calls=60).mean) if at_end else NOTHING,
    }  # fmt: skip


COSTS = {
    "calls": "calls", "evaluations": "evaluations", "tokens read": "prompt_tokens", "of them cached": "cached_tokens",
    "tokens written": "generated_tokens", "of them reasoning": "reasoning_tokens", "m c over passes": "pass_tokens",
    "m c² over passes": "pass_tokens_squared", "cost ($)": "cost",
}  # fmt: skip


def columns_of_costs(runs, row, cell):
    places = {"series": word(row["series"]), "k": size(cell.k), "lam": size(cell.lam)}
    means = {heading: runs[column].mean() for heading, column in COSTS.items()}
    return places | {
        heading: told(mean) if mean or heading == "cost ($)" else word("") for heading, mean in means.items()
    }


OF_CELLS = {"cells": columns_of_cells, "success": columns_of_success, "costs": columns_of_costs}


def same(shown, expected):
    """Texts are the same; numbers by which a column is sorted but for their last digit. None: not compared."""
    assert set(shown) <= set(expected)
    for heading, (text, value) in shown.items():
        if expected[heading] is None:
            continue
        said, number_said = expected[heading]
        assert text == said, heading
        if number_said and value:
            assert float(value) == pytest.approx(float(number_said), rel=1e-12), heading
        else:
            assert (value or "") == (number_said or ""), heading


@pytest.mark.parametrize("section", OF_CELLS)
def test_columns_of_cells_are_those_of_their_runs(section, content, tables):
    results, rows = content.made.results, content.made.summary.to_dict("records")
    expected = {}
    for row in rows:
        cell = results.cell(row["cell"])
        expected[row["series"], str(cell.k), str(cell.lam)] = OF_CELLS[section](results.by_cell[row["cell"]], row, cell)
    assert len(tables[section]) == len(rows) == len(expected) == 12
    for shown in tables[section]:
        same(shown, expected[shown["series"][0], shown["k"][0], shown["lam"][0]])
    left_out = set(next(iter(expected.values()))) - set(tables[section][0])  # without an entry in any row
    assert all(each[name] in (None, word(""), NOTHING) for name in left_out for each in expected.values())


def ratio(row):
    """A speed-up with its interval, and of what it is a ratio unless of means; a bound where an arm has no hit."""
    names = ("medians", "medians_low", "medians_high") if math.isnan(row["speedup"]) else ("speedup", "low", "high")
    found, low, high = (row[name] for name in names)
    of = "medians" if math.isnan(row["speedup"]) else row["of"]
    if math.isinf(high) and low > 0:
        return f"more than {number(low)} of {of}", repr(float(low))
    if found == 0 and high > 0:
        return f"less than {number(high)} of {of}", repr(float(high))
    text, value = told(found, low, high if math.isfinite(high) else math.nan)
    return text if of in ("mean", "") or math.isnan(found) else f"{text} of {of}", value


SAID = {"LAW": "", "UNDECIDED": "left: ", "NONE": "none fits; nearest: "}


def test_columns_of_laws_claims_and_speedups_are_what_was_fitted(content, tables):
    made = content.made
    nearest = {law.series: law for law in reversed(made.fits.laws)}
    laws = [(growth, law) for growth in made.fits.growths for law in growth.left or (nearest[growth.series],)]
    shown_laws, refused = tables["laws"][: len(laws)], tables["laws"][len(laws) :]
    for (growth, law), shown in zip(laws, shown_laws, strict=True):
        ended = f", {law.censored_share:.1%} censored" if law.censored_share else ""
        same(shown, {
            "series": word(growth.series), "told": word(str(growth.told)),
            "law": word(SAID[str(growth.told)] + law.text),
            "constants": word("; ".join(map(str, law.estimates))), "p of the fit": (law.misfit_text, repr(law.misfit)),
            "range": word(f"k = 2 to 6{ended}"),
        })  # fmt: skip
    reasons = dict.fromkeys(refusal.reason for refusal in made.fits.refused)
    for reason, shown in zip(reasons, refused, strict=True):
        nothing = dict.fromkeys(("constants", "p of the fit", "range"), word(""))
        names = word("; ".join(refusal.series for refusal in made.fits.refused if refusal.reason == reason))
        known = {"series": names, "told": verdict("CANNOT_TELL"), "law": word(reason)}
        same(shown, known | nothing)
    for each, shown in zip(made.claims, tables["claims"], strict=True):
        claim, law = each.claim, each.law
        lam = "" if claim.lam == 1 else f" lam = {claim.lam}"
        agrees = each.verdict == "AGREES"
        theory = f"{claim.theory}: {claim.text}" if claim.theory else claim.text
        same(shown, {
            "arm": word(claim.what + lam), "claim of the paper": word(claim.paper or "-"),
            "so the claim": word(each.reason if agrees else f"open: {each.reason}"),
            "measured law": word(f"{law.text}, {law[claim.parameter]}, k = 2 to 6" if law else each.found or "none"),
            "exact theory (docs/theory.md)": word(f"{verdict(each.verdict)[0]} with {theory}"),
        })  # fmt: skip
    for row, shown in zip(made.speedup.to_dict("records"), tables["speedups"], strict=True):
        same(shown, {
            "k": size(int(row["k"])), "slow": word(row["slow"]), "fast": word(row["fast"]),
            "lam": size(int(row["lam"])), "verdict": verdict(row["verdict"]), "note": word(row["note"] or ""),
            "measured": ratio(row), "exact": told(row["exact"]),
        })  # fmt: skip
    assert len(tables["laws"]) > 2


def test_a_reason_for_no_law_is_told_once_with_all_the_series_that_have_it(content):
    refused = (*(Refusal(f"a{n}", "too few cells") for n in range(18)), Refusal("b", "no hit"))
    told = str(fitted_laws(content, replace(content.made.fits, growths=(), refused=refused)))
    assert told.count("too few cells") == told.count("no hit") == 1
    assert "; ".join(f"a{n}" for n in range(18)) in told


def test_what_would_tell_and_what_was_dropped_stands_below_the_laws(content):
    """A list a series, in a list that opens: reason, advice and note, then each family that was dropped, and why."""
    fits = content.made.fits
    notes = _notes(replace(fits, note="made up <b>"))
    title, *lists = re.findall(r"<summary>(.*?)</summary>(?:<ul>(.*?)</ul>)?", notes)
    assert notes.startswith("<p>made up &lt;b&gt;</p>")
    assert title == ("What was dropped, and why; what would tell", "")
    assert [(unescape(series), unescape(said)) for series, said in lists] == [
        (
            growth.series,
            "".join(f"<li>{line}</li>" for line in (growth.reason, growth.advice, growth.note) if line)
            + "".join(
                f"<li>dropped: {law.text} ({law.dropped})</li>"
                for law in fits.laws
                if law.series == growth.series and law.dropped
            ),
        )
        for growth in fits.growths
    ]
    assert sum(said.count("dropped: ") for _, said in lists) > 2
    assert _notes(replace(fits, growths=(), note="made up")) == "<p>made up</p>"


def test_calls_to_a_target_are_the_first_budgets_at_which_so_many_runs_are_there(content, tables):
    laws = {
        each.label: {calls: predict(each.cell, "fitness", calls=calls) for calls in each.table["calls"].astype(int)}
        for each in content.curves
    }
    assert {row["series"][0] for row in tables["before"]} == set(laws)
    for shown in tables["before"]:
        of, share = laws[shown["series"][0]], float(shown["target: fitness / best"][1])
        there = {calls: law.at_least(share * law.values[-1] - 1e-6) for calls, law in of.items()}
        first = {u: next((calls for calls in there if there[calls] >= u - 1e-9), math.inf) for u in (0.1, 0.5, 0.9)}
        ends = {u: told(float(calls)) if math.isfinite(calls) else ("inf", "inf") for u, calls in first.items()}
        same(shown, {
            "series": shown["series"], "target: fitness / best": (f"{share:.3g}", repr(share)),
            "10 % of the runs": ends[0.1], "half": ends[0.5], "90 %": ends[0.9],
        })  # fmt: skip


def test_launches_are_those_of_the_folder(content, tables):
    for launch, shown in zip(read_launches(content.made.results.path), tables["provenance"], strict=True):
        same(shown, {
            "began": word(launch["started"]), "ended": word(launch["ended"]), "how": word(launch["how"]),
            "command": None, "git commit": None, "hosts": word(", ".join(launch["hosts"])),
        })  # fmt: skip


def test_no_table_of_the_page_is_without_a_comparison(tables):
    assert set(tables) == {*OF_CELLS, "laws", "claims", "speedups", "before", "provenance"}


def test_steps_of_runtimes_are_shares_of_all_runs_over_the_exact_law(content):
    """At each step the share of all runs, censored ones too, that have hit by then; beneath it the exact cdf."""
    results, summary = content.made.results, content.made.summary
    lam = _least_lam(content)
    (most,) = _shared(content, lam)
    assert (most, lam) == (6, 1)
    compared = _chart(content, most, lam)
    assert [line.label for line in compared.lines] == ["slow", "fast"]
    grown, left = _by_series(content, lam)
    assert ([chart.title.split(",")[0] for chart in grown], left) == (["slow", "fast"], 0)
    assert [[line.label for line in chart.lines] for chart in grown] == [["k = 2", "k = 4", "k = 6"]] * 2
    drawn = [(line.label, most, line) for line in compared.lines]
    drawn += [(chart.title.split(",")[0], k, line) for chart in grown for k, line in zip(KS, chart.lines, strict=True)]
    for series, k, line in drawn:
        row = summary[(summary["series"] == series) & (summary["k"] == k) & (summary["lam"] == lam)].iloc[0]
        hit = results.by_cell[row["cell"]]["hit"].to_numpy(dtype=float, na_value=np.inf)
        assert line.steps_y == pytest.approx([(hit <= x).mean() for x in line.steps_x], rel=1e-12)
        assert line.steps_x[[0, -1]].tolist() == [hit.min(), hit[np.isfinite(hit)].max()]
        assert line.under_y == pytest.approx(predict(results.cell(row["cell"])).cdf(line.under_x), rel=1e-9)


def test_shares_of_the_cost_are_prices_times_the_ledger(content):
    """What is read anew at 2, from a cache at 0.5, written at 5, to reason at 4, and 3 a call."""
    made = content.made
    tips = re.findall(r'data-tip="(\w+), ([\w ]+): ([\d.]+) %"', page(content))
    assert len(tips) > 4
    for series, part, share in tips:
        row = made.summary[(made.summary["series"] == series) & (made.summary["k"] == 6) & (made.summary["lam"] == 1)]
        runs = made.results.by_cell[row["cell"].iloc[0]]
        cached, reasoning = runs["cached_tokens"].mean(), runs["reasoning_tokens"].mean()
        paid = {
            "calls": 3 * runs["calls"].mean(), "tokens read": 2 * (runs["prompt_tokens"].mean() - cached),
            "cached tokens": 0.5 * cached, "tokens written": 5 * (runs["generated_tokens"].mean() - reasoning),
            "reasoning tokens": 4 * reasoning,
        }  # fmt: skip
        assert share == f"{100 * paid[part] / runs['cost'].mean():.1f}"


def test_a_column_of_another_cell_is_found(content, tables):
    """The twin: the rows of one arm beside those of the other differ in every section."""
    for section in OF_CELLS:
        rows = {(row["series"][0], row["k"][0], row["lam"][0]): row for row in tables[section]}
        slow, fast = rows["slow", "4", "1"], rows["fast", "4", "1"]
        with pytest.raises(AssertionError):
            same(slow | {"series": fast["series"]}, fast)
