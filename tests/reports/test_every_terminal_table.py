"""Every column of the terminal's tables that nothing else reads back: of long reports, programs, forecasts, budgets.

A heading that nobody names here is an error, so that a new column is not forgotten.
"""

import io
import math
import re
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pandas as pd
import pytest
from rich.console import Console

from evo import AllBlocks, Budget, OnePlusLambda
from evo.costs.prices import TokenPrices
from evo.programs import Calls, Expected, Model, Role, expected_ledger
from experiments import Cell, Grid, ProgramCell, UntilSuccesses, Verdict, forecast
from experiments.cli.predicting.forecast import show_forecast
from experiments.cli.showing import checked
from experiments.fits.claims import Claim, ClaimCheck
from experiments.reports.measured import number
from experiments.reports.overview import overview
from experiments.reports.quality.shown import show_budgets
from experiments.reports.terminal import _show_claims, _show_speedup
from experiments.reports.wording import print_table
from experiments.serving.real.own_law import OwnLaw
from operators import Resample
from problems import BlockOneMax

MARK = {"AGREES": "✓", "DIFFERS": "✗", "CANNOT_TELL": "?"}
PRICES = TokenPrices(prompt=2.0, generated=5.0, unit=1, currency="$")


def text(show, *what):
    console = Console(width=250, record=True, file=io.StringIO())
    show(*what, console)
    return console.export_text()


def compared(rows, expected):
    """Row by row: all headings are named, and each says what is expected."""
    assert [row.keys() for row in rows] == [each.keys() for each in expected]
    assert rows == expected


def summary(*cells):
    """Rows of a summary in which no two numbers are alike."""
    numbers = ("hit", "hit_predicted", "cost", "cost_predicted", "median", "ert")
    rows = [
        {name: 10.0 * (i + 1) + place + 0.5 for place, name in enumerate(numbers)}
        | {"cell": f"c{i}", "series": "arm", "lam": 1, "k": 2, "censored": 0, "text": f"Cell(cost={PRICES})"}
        | {"success_ratio": 0.25 + 0.125 * i, "success_predicted": 0.5 + 0.0625 * i, "verdict": "AGREES"} | cell
        for i, cell in enumerate(cells)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def tables_of(made, wrong=None):
    return text(lambda console: [print_table(each, console) for each in overview(made, 250, wrong or {})])


def test_a_long_report(rows_of):
    """Two cells of one arm, k and lam: measured, exact, share of hits and cost; what is censored has no mean."""
    made = summary({"verdict": "DIFFERS"}, {"censored": 7, "verdict": "CANNOT_TELL"}, {"hit_predicted": math.inf})
    shown = tables_of(made)
    measured = ["10.5", "7 censored", "median 34.5"]
    compared(rows_of(shown, "measured (exact)"), [
        {"label": "arm", "k": "2", "lam": "1", "success": f"{row['success_ratio']:.3f}",
         "cost ($)": number(row["cost"]),
         "measured (exact)": f"{of} {MARK[row['verdict']]} ({number(row['hit_predicted'])})"}
        for of, row in zip(measured, made.to_dict("records"), strict=True)
    ])  # fmt: skip


def test_a_report_of_programs(rows_of):
    """Calls of a run are those of all runs over all runs; the mark stands at the number that is off."""
    program = f"ProgramCell(Coin(), cost={PRICES})"
    made = summary({"verdict": "AGREES"}, {"verdict": "DIFFERS"}, {"verdict": "DIFFERS"}).assign(text=program)
    shown = tables_of(made, {"c2": frozenset({"done"})})
    rows = made.to_dict("records")
    done = [
        f"{row['success_ratio']:.3f}{' ✗' * (i == 2)} ({number(row['success_predicted'])})"
        for i, row in enumerate(rows)
    ]
    compared(rows_of(shown, "done right"), [
        {"label": "arm", "k": "2", "calls": number(row["ert"] * row["success_ratio"]), "done right": share,
         "cost ($, expected)": f"{number(row['cost'])} {mark} ({number(row['cost_predicted'])})"}
        for row, share, mark in zip(rows, done, "✓✗✓", strict=True)
    ])  # fmt: skip


def test_the_fitness_at_a_budget(rows_of):
    made = summary({"k": 2}, {"k": 3}).assign(
        fitness=[1.5, 2.5], fitness_predicted=[1.25, math.nan], fitness_10=[0.5, 1.0], fitness_50=[1.75, 2.0],
        fitness_90=[2.25, 3.0], fitness_from=["exact", "measured"],
    )  # fmt: skip
    compared(rows_of(text(show_budgets, made), "fitness"), [
        {"label": "arm", "k": "2", "lam": "1", "fitness": "1.5 (1.25)", "10 / 50 / 90 %": "0.5 / 1.75 / 2.25",
         "band": "exact"},
        {"label": "arm", "k": "3", "lam": "1", "fitness": "2.5", "10 / 50 / 90 %": "1 / 2 / 3", "band": "measured"},
    ])  # fmt: skip


@dataclass(frozen=True)
class Coin:
    """Some calls, done right with probability p."""

    p: float
    k: int

    @property
    def roles(self):
        return (Role("qa", Model()),)

    def execute(self, desk, rng):
        for _ in range(self.k):
            desk.call("qa", 3, 2)
        return rng.random(desk.runs) < self.p

    def expected(self):
        return Expected(expected_ledger(self.roles, [Calls("qa", 3, 2)] * self.k), exact_every_run=True, done=self.p)


def of_rows(rows, *left_out):
    return [{name: each for name, each in row.items() if name not in left_out} for row in rows]


def test_a_forecast_of_searches_and_of_programs(rows_of):
    """A rule decides how many runs a cell gets, which are then expected ones; no two numbers are alike."""
    cells = [
        Cell(BlockOneMax(k=k, l=3), Resample(p=0.5), AllBlocks(), OnePlusLambda(lam), cost=PRICES, budget=Budget(9))
        for k, lam in ((2, 1), (3, 2))
    ]
    coins = [ProgramCell(Coin(p, k)) for p, k in ((0.25, 1), (0.75, 2))]
    runs = UntilSuccesses(20, most=4000)
    table = forecast(Grid("told", {"search": cells, "coin": coins}, runs=runs))
    for place, name in enumerate(("hit", "calls", "cost", "runs"), start=1):
        table[name] = [10.0 * i + place for i in range(1, 5)]
    table["censored"] = [0.125, 1e-5, 0.25, 0.75]
    shown = text(lambda console: show_forecast(table, runs, 2, console))
    searches, programs = rows_of(shown, "hit", "censored"), rows_of(shown, "done right")
    compared(of_rows(searches, "label"), [
        {"k": "2", "lam": "1", "hit": "11", "calls": "12", "cost ($)": "13", "censored": "0.125", "runs": "14"},
        {"k": "3", "lam": "2", "hit": "21", "calls": "22", "cost ($)": "23", "censored": "1.0e-05", "runs": "24"},
    ])  # fmt: skip
    compared(of_rows(programs, "label", "p"), [
        {"k": "1", "calls": "32", "cost": "33", "done right": "0.75", "runs": "34"},
        {"k": "2", "calls": "42", "cost": "43", "done right": "0.25", "runs": "44"},
    ])  # fmt: skip


class Law(SimpleNamespace):
    """What is told of a fitted law: its text, its range, and its constants by name."""

    def __getitem__(self, name):
        return f"{name} 2.01 [1.9, 2.1]"


def test_a_claim_stands_beside_what_was_measured_and_what_theory_says():
    """Brackets of a user are no markup; where the law is not as claimed, the claim is open."""
    law = Law(text="calls = 1.1 base^k", along="k", least=2, most=8.5, censored_share=0.0)
    claim = Claim("arm [b]", "Eq. 1 [/]", "hit", "exponential", "base", 2.0, "holds", theory="2^k [1a]")
    bare = replace(claim, paper="", theory="", over="other")
    ended = Law(**vars(law) | {"censored_share": 0.125})
    claims = (
        ClaimCheck(claim, Verdict.AGREES, law, "holds [always]"),
        ClaimCheck(bare, Verdict.AGREES, ended, "does not hold: k^2"),
        ClaimCheck(claim, Verdict.AGREES, None, "sharper: k^2", "no run arrived [0]"),
        ClaimCheck(claim, Verdict.DIFFERS, None, "holds no more"),
        ClaimCheck(claim, Verdict.CANNOT_TELL, law, "too wide"),
    )
    title, *lines = [line.rstrip() for line in text(_show_claims, claims).splitlines() if line][:26]
    assert title == "What the paper claims, and the law that was measured (99.9% intervals)"
    measured = "calls = 1.1 base^k, base 2.01 [1.9, 2.1], k = 2 .. 8.5"
    told = [
        ("arm [b]", "Eq. 1 [/]", measured, f"✓ agrees: 2^k [1a] ({claim.text})", "holds [always]"),
        ("arm [b] / other", "-", f"{measured}, 12.5% censored", f"✓ agrees ({bare.text})", "does not hold: k^2"),
        ("arm [b]", "Eq. 1 [/]", "no run arrived [0]", f"✓ agrees: 2^k [1a] ({claim.text})", "sharper: k^2"),
        ("arm [b]", "Eq. 1 [/]", "none", f"✗ differs: 2^k [1a] ({claim.text})", "open: holds no more"),
        ("arm [b]", "Eq. 1 [/]", measured, f"? cannot tell: 2^k [1a] ({claim.text})", "open: too wide"),
    ]
    names = ("", "  paper     ", "  measured  ", "  theory    ", "  so        ")
    assert lines == [name + said for each in told for name, said in zip(names, each, strict=True)]


SPEEDUPS = pd.DataFrame([
    {"k": 2.0, "slow": "all", "speedup": 8.25, "low": 7.5, "high": 9.0, "of": "mean", "verdict": "AGREES",
     "exact": 8.0},
    {"k": 3.0, "slow": "all", "speedup": 0.5, "low": 0.25, "high": math.inf, "of": "ert", "verdict": "DIFFERS",
     "exact": 1.5},
    {"k": 4.0, "slow": "all", "speedup": math.nan, "medians": 6.5, "medians_low": math.nan, "medians_high": 7.5,
     "verdict": "CANNOT_TELL", "exact": math.inf, "note": "no mean"},
    {"k": 5.0, "slow": "other", "speedup": math.nan, "medians": math.nan, "verdict": "CANNOT_TELL", "note": "no mean"},
]).assign(lam=1).fillna({"note": ""})  # fmt: skip


def report_of(speedups):
    return SimpleNamespace(
        speedup=speedups, study=SimpleNamespace(speedup=("all", "one")), check=SimpleNamespace(alpha=0.01)
    )


def test_speed_ups_are_told_with_the_ends_that_they_have():
    other = SPEEDUPS.assign(lam=2, speedup=99.0)
    shown = text(_show_speedup, report_of(pd.concat([SPEEDUPS, other])))
    compared(rows_under(shown, "measured / (2^k k)"), [
        {"k": "2", "measured": "8.25", "interval": "7.5 .. 9", "exact": "8", "measured / (2^k k)": "1.031", "": "✓"},
        {"k": "3", "measured": "0.5 (ert)", "interval": "> 0.25", "exact": "1.5", "measured / (2^k k)": "0.021",
         "": "✗"},
        {"k": "4", "measured": "6.5 (medians)", "interval": "< 7.5", "exact": "inf", "measured / (2^k k)": "-",
         "": "?"},
        {"k": "5", "measured": "-", "interval": "-", "exact": "-", "measured / (2^k k)": "-", "": "?"},
    ])  # fmt: skip
    words = " ".join(shown.split())
    assert "Speed-up: cost of all over cost of one (lam = 1)" in words
    assert "intervals hold for all rows together w.p. 0.99" in words
    assert "k = 4 (and 1 more cell, for the same reason): no mean" in shown
    compared(rows_under(text(_show_speedup, report_of(SPEEDUPS.drop(columns="lam"))), "slow"), [
        {"slow": "all", "k": "2", "measured": "8.25", "interval": "7.5 .. 9", "exact": "8", "": "✓"},
        {"slow": "all", "k": "3", "measured": "0.5 (ert)", "interval": "> 0.25", "exact": "1.5", "": "✗"},
        {"slow": "all", "k": "4", "measured": "6.5 (medians)", "interval": "< 7.5", "exact": "inf", "": "?"},
        {"slow": "other", "k": "5", "measured": "-", "interval": "-", "exact": "-", "": "?"},
    ])  # fmt: skip


def test_a_narrow_terminal_folds_the_numbers_of_a_speed_up_and_cuts_none():
    """Of each column the pieces of its lines, put together again, are what a wide terminal shows."""
    speedups = SPEEDUPS.drop(columns="lam").assign(exact=123456789.0)
    console = Console(width=40, record=True, file=io.StringIO())
    _show_speedup(report_of(speedups), console)
    narrow = console.export_text()
    assert "…" not in narrow
    folded, whole = (columns(shown) for shown in (narrow, text(_show_speedup, report_of(speedups))))
    assert folded == whole
    assert whole[4] == "exact" + 4 * "1.235e+08"


def columns(shown):
    """All words of each column of a table, one after the other."""
    lines = [re.split("[│┃]", line)[1:-1] for line in shown.splitlines() if line[:1] in tuple("│┃")]
    return ["".join("".join(column).split()) for column in zip(*lines, strict=True)]


def rows_under(shown, heading):
    """Rows of the table that has this heading, by its headings."""
    lines = [[word.strip() for word in re.split("[│┃]", line)[1:-1]] for line in shown.splitlines() if line[:1] in "│┃"]
    heads, *rows = (line for line in lines if line)
    assert heading in heads
    return [dict(zip(heads, row, strict=True)) for row in rows]


def test_real_calls_beside_their_calibration(monkeypatch, tmp_path):
    """What was measured, what the calibration predicts, and between which values by its intervals."""
    (tmp_path / "mine.toml").write_text("[operator]\nfix = { 1 = 0.6 }\nkeep = { 1 = 0.95 }\n")
    own = (
        OwnLaw("c1", "one", 400, 0, 11.5, 12.5, 10.25, 14.75, Verdict.AGREES, "it agrees"),
        OwnLaw("c2", "two", 300, 7, None, 22.5, 20.25, 24.75, Verdict.CANNOT_TELL, "it is loose"),
        OwnLaw("c3", "three", 200, 3, None, None, None, None, Verdict.CANNOT_TELL, "nothing is known"),
    )
    monkeypatch.setattr(checked, "own_laws", lambda *_: own)
    console = Console(width=250, record=True, file=io.StringIO())
    assert checked.tell_own_laws("results", tmp_path / "mine.toml", 1e-3, console) is Verdict.CANNOT_TELL
    shown = console.export_text()
    heads, *rows = ([word.strip() for word in re.split("[│┃]", line)[1:-1]] for line in shown.splitlines()
                    if re.match(" *[│┃]", line))  # fmt: skip
    assert heads == ["cell", "runs", "measured", "predicted", "within its intervals", "verdict"]
    assert rows == [
        ["one", "400", "11.5", "12.5", "10.25 to 14.75", "AGREES"],
        ["two", "300, 7 at the budget", "", "22.5", "20.25 to 24.75", "CANNOT TELL"],
        ["three", "200, 3 at the budget", "", "", "", "CANNOT TELL"],
    ]
    assert all(f"{each.label}: {each.reason}" in shown for each in own)
    verdicts = (Verdict.AGREES, Verdict.CANNOT_TELL, Verdict.DIFFERS)
    for most in range(1, 4):  # the worst one, wherever it stands
        found = [replace(own[0], verdict=verdict) for verdict in verdicts[:most]]
        assert checked._worst(found) is checked._worst(found[::-1]) is verdicts[most - 1]


def test_a_row_of_another_cell_is_found(rows_of):
    made = summary({"k": 2}, {"k": 2, "hit": 99.0})
    first, second = rows_of(tables_of(made), "measured (exact)")
    with pytest.raises(AssertionError):
        compared([first], [second])
