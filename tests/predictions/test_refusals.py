"""What the terminal makes of a refusal: the nearest rule in a line, the same for cells that differ in numbers."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from evo import AllBlocks, OnePlusLambda, RoundRobin, UntilResolved
from evo.errors import NoPrediction
from experiments import Cell, predict
from experiments.checks.check import CellCheck, Check
from experiments.predictions.refusals import Missed, in_short, kind_of_reason, missing_rules
from experiments.predictions.rules import RULES
from experiments.predictions.setting import Setting
from experiments.predictions.singles import told_prediction
from experiments.predictions.verdict import Verdict
from experiments.reports.terminal import show_check
from experiments.reports.wording import counted
from operators import BetaQuality, BetaRunQuality
from problems import BlockOneMax

COUNTED = Cell(BlockOneMax(9, 2), BetaQuality(2, 2), AllBlocks(), OnePlusLambda())


@dataclass(frozen=True)
class MyProblem(BlockOneMax):
    """Another problem."""


def reason(k, mutator, schedule, problem=BlockOneMax):
    with pytest.raises(NoPrediction) as caught:
        predict(Cell(problem(k, 2), mutator, schedule, OnePlusLambda()))
    return str(caught.value)


def test_the_nearest_row_and_how_many_others():
    full = reason(9, BetaQuality(2, 2), UntilResolved(3))
    of_counts = [row for row in RULES if not row.parts[0].miss(Setting(COUNTED.search))]
    assert in_short(full) == (
        "no exact prediction; one block a call until resolved: needs g = 1, got g = 3, where a rise of f does not say "
        f"that a chunk is finished; nor do {len(of_counts) - 1} other rows of the table in docs/predictions.md fit"
    )
    assert full.count("\n") >= 2  # for Python the others are there
    run_quality = reason(9, BetaRunQuality(2, 1), RoundRobin(3))
    assert in_short(run_quality) == (
        "no exact prediction; quality of a run, in turn: needs g = 1, got g = 3; nor do 4 other rows of the "
        "table in docs/predictions.md fit"
    )


def test_a_cell_is_told_only_of_the_nearest_rows():
    full = reason(4, BetaQuality(2, 2), AllBlocks(), MyProblem)
    assert "global mutation: needs problem BlockOneMax, or one whose runs have the same law, got " in full
    assert "MyProblem, which inherits its landscape and may behave differently" in full
    assert "resolved" not in full
    assert full.count("needs") == 3
    assert "other rows of the table in docs/predictions.md, from which it differs in more" in full


def test_reasons_that_differ_in_numbers_are_of_one_kind():
    one, other = (reason(k, BetaQuality(2, 2), UntilResolved(g)) for k, g in ((9, 3), (16, 2)))
    assert one != other
    assert kind_of_reason(one) == kind_of_reason(other)
    assert kind_of_reason(one) != kind_of_reason(reason(9, BetaRunQuality(2, 1), RoundRobin(3)))
    told = "37 more runs would tell a mean off by 25% (52 in all)"
    assert (in_short(told), kind_of_reason(told)) == (told, told)


def test_one_is_no_plural():
    assert [counted(n, "cell") for n in (0, 1, 2, 1200)] == ["0 cells", "1 cell", "2 cells", "1,200 cells"]
    cell = CellCheck("c1", "a, k = 9, lam = 1", Verdict.CANNOT_TELL, "no runs yet", (), 0, 0)
    console = Console(width=200, file=io.StringIO(), record=True)
    show_check(Check((cell,), 1e-3, 1e-3), console)
    show_check(Check((cell, replace(cell, cell="c2")), 1e-3, 1e-3), console)
    shown = console.export_text()
    assert "(of 1 cell; " in shown
    assert "a, k = 9, lam = 1 (2 cells): no runs yet" in shown


@pytest.mark.parametrize("more", [0, 1, 3])
def test_verdicts_that_are_not_listed_are_counted_by_cells(more):
    """Twelve reasons are listed, each once; what is left are cells, of which several may have one reason."""
    letters = "abcdefghijkl" + "m" * more + "n" * more
    cells = [
        CellCheck(f"c{i}", f"cell {i}", Verdict.DIFFERS, f"reason {letter}", (), 9, 0)
        for i, letter in enumerate(letters)
    ]
    console = Console(width=200, file=io.StringIO(), record=True)
    show_check(Check(tuple(cells), 1e-3, 1e-3), console)
    shown = console.export_text()
    assert f"0 AGREES, {12 + 2 * more} DIFFERS, 0 CANNOT TELL" in shown
    assert all(f"cell {i}: reason {letter}" in shown for i, letter in enumerate("abcdefghijkl"))
    assert "reason m" not in shown
    assert (f"and {2 * more} more, all in summary.csv" in shown) == bool(more)


def test_rows_for_ones_own_parts_come_before_those_that_miss_less():
    """Of five rows three are listed: by the parts that they are not about, then by what is missing."""
    tried = [
        Missed("far", 2, ["a"]), Missed("near", 0, ["a", "b", "c"]), Missed("nearer", 0, ["a"]),
        Missed("other", 1, ["d"]), Missed("another", 1, ["d", "e"]),
    ]  # fmt: skip
    assert missing_rules("X", tried).splitlines() == [
        "no exact prediction for X by any of 5 rows:",
        "  nearer: a",
        "  near: a; b; c",
        "  other: d",
        "  and 2 other rows of the table in docs/predictions.md, from which it differs in more",
    ]


def test_a_prediction_in_words_has_all_that_is_known_of_it():
    """Quantiles of so many per cent; a name before the first of several sentences only."""
    known = SimpleNamespace(
        kind="exact", quantity="hit", mean=12.5, variance=6.25, quantile=lambda u: 1000 * u, source="Eq. 12",
        checked=("c 1", "c 2"), trusted=("t 1", "t 2"), warning="it extrapolates",
    )  # fmt: skip
    told = told_prediction(known)
    assert told.title == "exact prediction of hit"
    assert told.rows == (
        ("mean", "12.5"), ("variance", "6.25"), ("10 / 50 / 90 % of runs", "100 / 500 / 900"), ("from", "Eq. 12"),
        ("checked", "c 1"), ("", "c 2"), ("trusted", "t 1"), ("", "t 2"), ("but", "it extrapolates"),
    )  # fmt: skip
    known.warning = ""
    assert told_prediction(known).rows == told.rows[:-1]
