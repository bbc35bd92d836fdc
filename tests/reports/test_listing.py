"""Tables at 80 columns, read back: a label once, nothing folded, what is constant once, costs with their unit."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from evo import Budget, Latency, OnePlusLambda, Prompt, UntilResolved
from experiments import Grid, check, fit, forecast, run_grid, sweep, waiting
from experiments.checks.check import CellCheck, Check, Verdict
from experiments.cli.predicting.forecast import show_forecast
from experiments.reports.listing.columns import Group, lines_of, width_of
from experiments.reports.listing.rows import Row, laid_out, split
from experiments.reports.report import report
from experiments.reports.terminal import show_check, show_fits, show_report, show_waiting
from experiments.reports.wording import cost_unit, merged
from operators import FixKeep, Refuse
from problems import BlockOneMax

LONG = "a refusing model that reads the whole solution in the prompt of every call"


def grid_of(ks=(4, 8, 16, 32), label=LONG):
    cells = sweep(
        problem=[BlockOneMax(k, l=16) for k in ks], schedule=UntilResolved(), runner=OnePlusLambda(),
        mutator=[Refuse(FixKeep(fix, 0.9), rate) for fix in (0.3, 0.5) for rate in (0.0, 0.2)],
        prompt=Prompt(head=300, shows="solution"), budget=Budget(calls=10**6),
    )  # fmt: skip
    return Grid("listed", {label: cells}, runs=120)


@pytest.fixture(scope="module")
def results():
    return run_grid(grid_of(), workers=1)


def text(show, *what, width=80):
    console = Console(width=width, record=True, file=io.StringIO())
    show(*what, console)
    return console.export_text()


def in_short(shown):
    """No line is longer than the terminal, and a label stands in the table once."""
    assert max(map(len, shown.splitlines())) <= 80
    return shown


def test_a_forecast_has_a_label_once_and_a_line_a_row(rows_of):
    grid = grid_of()
    table = forecast(grid)
    shown = in_short(text(show_forecast, table, grid.runs, 2))
    one, two = shown.split("What one run may take")
    assert one.count("a refusing model") == 1
    assert "in all rows: lam = 1, censored = " in one
    rows = rows_of(one, "k", "fix", "rate", "hit", "cost")
    assert len(rows) == 16
    assert {row["label"] for row in rows} == {LONG}
    assert [row["k"] for row in rows[:4]] == ["4", "8", "16", "32"]  # a curve together
    assert " ".join(one.split()).count("in pass tokens") == 1
    assert len(rows_of(two, "k", "fix", "rate", "calls")) == 16
    assert "pass tokens\n" in two  # of the total


def test_a_forecast_shows_its_first_rows_and_all_if_asked(rows_of):
    grid = grid_of(ks=range(1, 21))
    table = forecast(grid)
    shown = text(show_forecast, table, grid.runs, 2)
    assert shown.count("and 40 more rows; --all shows them") == 2
    assert len(rows_of(shown, "k", "fix", "rate", "hit")) == 40
    assert "80 cells, 9,600 runs" not in shown  # whole batches
    assert re.search(r"^80 cells, ", shown, re.MULTILINE)
    whole = Console(width=80, record=True, file=io.StringIO())
    show_forecast(table, grid.runs, 2, whole, most=len(table))
    everything = whole.export_text()
    assert "--all" not in everything
    assert len(rows_of(everything, "k", "fix", "rate", "hit")) == 80


def test_a_report_shows_costs_with_their_unit(results, rows_of):
    shown = in_short(text(show_report, report(results)))
    rows = rows_of(shown, "measured (exact)", "cost")
    assert len(rows) == 16
    assert "and costs in pass tokens" in shown
    assert all(re.fullmatch(r"[\d,.]+", row["cost"]) for row in rows)
    side_by_side = run_grid(grid_of(label="short").__class__("s", {"a": grid_of().cells[::4]}, runs=40), workers=1)
    assert "Cost of a run (pass tokens), lam = 1" in text(show_report, report(side_by_side))


def test_waiting_times_and_laws_fit(results, rows_of):
    shown = in_short(text(show_waiting, waiting(results, 2, Latency(1.0, tail=1.0)), 2))
    assert len(rows_of(shown, "k", "fix", "rate", "rounds", "seconds", "cost")) == 16
    assert "cost in pass tokens" in " ".join(shown.split())
    laws = in_short(text(show_fits, fit(results)))
    assert laws.count("fix = 0.3, rate = 0.2") == 1
    assert laws.count("95 % intervals") == 1


def test_cells_that_differ_in_k_are_one_line():
    checked = check(run_grid(replace(grid_of(), runs=40), workers=1))
    shown = in_short(text(show_check, checked))
    opened = [cell for cell in checked.cells if cell.verdict is Verdict.CANNOT_TELL]
    assert len(opened) > 4
    assert shown.count(" ? ") <= 4  # an arm's value of fix and rate each
    assert re.search(r"k = \d+ \.\. \d+, lam = 1 \(\d cells\): \d+ to \d+ more runs", " ".join(shown.split()))


def test_cells_that_differ_are_told_one_by_one():
    cells = tuple(
        CellCheck(str(k), f"a, k = {k}, lam = 1", Verdict.DIFFERS, f"mean hit {k}, predicted 9", (), 10, 0)
        for k in (2, 4)
    )
    shown = text(show_check, Check(cells, 0.001, 0.0001))
    assert "a, k = 2, lam = 1: mean hit 2" in shown
    assert "a, k = 4, lam = 1: mean hit 4" in shown
    opened = tuple(replace(cell, verdict=Verdict.CANNOT_TELL) for cell in cells)
    assert "a, k = 2 .. 4, lam = 1 (2 cells): mean hit 2 to 4, predicted 9" in text(
        show_check, Check(opened, 1e-3, 1e-4)
    )


def test_reasons_are_merged_over_k_only():
    reasons = [("a, p = 0.5, k = 2", "9 runs"), ("a, p = 0.5, k = 4", "1,200 runs"), ("a, p = 0.7, k = 4", "9 runs")]
    assert merged(reasons) == [
        ("a, p = 0.5, k = 2 .. 4 (2 cells): 9 to 1,200 runs", 2),
        ("a, p = 0.7, k = 4: 9 runs", 1),
    ]
    assert merged([("a, k = 2", "no rule"), ("b, k = 2", "no rule")]) == [
        ("a, k = 2 (and 1 more cell, for the same reason): no rule", 2)
    ]
    assert merged([("a, k = 2", "k = 3 is odd"), ("a, k = 4", "the other")]) == [
        ("a, k = 2: k = 3 is odd", 1), ("a, k = 4: the other", 1)
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ the layout itself


def test_what_varies_has_columns_and_what_is_constant_is_told_once():
    rows = [
        Row(f"a, p = {p}, q = 1", {"k": str(k), "lam": "1", "hit": str(k)}, "2b") for p in (0.5, 0.7) for k in (2, 4)
    ]
    layout = laid_out(rows, 80, always=("k", "hit"))
    assert layout.headings == ("k", "p", "hit")
    assert layout.constant == "lam = 1, from 2b"
    (group,) = layout.groups
    assert group.label == "a, q = 1"
    assert group.rows == (("2", "0.5", "2"), ("4", "0.5", "4"), ("2", "0.7", "2"), ("4", "0.7", "4"))
    narrow = laid_out(rows, 8, always=("k", "hit"))
    assert [each.label for each in narrow.groups] == ["a, p = 0.5, q = 1", "a, p = 0.7, q = 1"]


def test_one_row_is_a_table_by_itself():
    assert laid_out([Row("a", {"k": "2", "lam": "1", "hit": "3"})], 80).headings == ("k", "lam", "hit")


def test_labels_of_users_are_no_markup_and_no_parameters():
    assert split("p = 0.3, priced") == ("p = 0.3, priced", {})
    assert split("[red]a[/], b, fix = 0.5") == ("[red]a[/], b", {"fix": "0.5"})
    lines = lines_of(("k",), [Group("[red]a[/]", (("1",),))], 80)
    assert [line.plain for line in lines] == ["  k", "  ─", "[red]a[/]", "  1"]


def test_headings_fold_and_numbers_never_do():
    groups = [Group("", (("1,234,567", "2"),))]
    headings = ("mean calls of a run", "share of all runs")
    assert width_of(headings, groups) > 30
    lines = [line.plain for line in lines_of(headings, groups, 30)]
    assert max(map(len, lines[:-1])) <= 30
    assert "1,234,567" in lines[-1]


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        (["Cell(problem=P())"], "pass tokens"),
        (["Cell(cost=QuadraticPrimitive())"], "squared pass tokens"),
        (["TokenPrices(prompt=1, generated=2)"], "units of its prices"),
        (["Cell(cost=my.Own(x=1))"], "units of its cost model"),
        (["TokenPrices(prompt=1, generated=2)", "LLMPrimitive()"], ""),
    ],
)
def test_every_cost_has_a_unit(texts, unit):
    assert cost_unit(texts) == unit


@pytest.mark.parametrize(("k", "headings"), [(("-", "-"), ("n", "cost")), (("4", "-"), ("k", "n", "cost"))])
def test_a_size_that_no_cell_has_is_no_column(k, headings):
    rows = [Row(f"plain, n = {n}", {"k": size, "lam": "-", "cost": str(n)}) for n, size in zip((1, 2), k, strict=True)]
    layout = laid_out(rows, 80, always=("k", "cost"))
    assert (layout.headings, layout.constant) == (headings, "")


def test_a_parameter_that_one_row_lacks_has_a_column():
    rows = [Row(f"a{series}", {"k": "2", "hit": hit}) for series, hit in (("", "3"), (", p = 0.5", "4"))]
    layout = laid_out(rows, 80)
    assert layout.headings == ("p", "hit")
    assert [(each.label, each.rows) for each in layout.groups] == [("a", (("", "3"), ("0.5", "4")))]
