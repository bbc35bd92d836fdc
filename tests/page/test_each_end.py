"""Where parts of the page begin and end: rows that are filtered, the value that is drawn, ends and colours of bars."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from evo.errors import InputError, NoPrediction
from experiments.grids.cell_text import PROGRAM
from experiments.predictions.verdict import Verdict
from experiments.reports.html.content import Content
from experiments.reports.html.figures.bars import Bar, Stack, bars, stacks
from experiments.reports.html.figures.chart import Line
from experiments.reports.html.figures.svg import _lies_on
from experiments.reports.html.sections.cells import SHORT, _in_short, _short
from experiments.reports.html.sections.distributions import _axes, _shared
from experiments.reports.html.sections.first import question
from experiments.reports.html.sections.unknown import not_predicted
from experiments.reports.html.table import FILTERED, Entry, table
from experiments.reports.measured import Value

LONG = " ".join(["word"] * 50)


@pytest.mark.parametrize(("rows", "filtered"), [(FILTERED - 1, False), (FILTERED, True), (FILTERED + 1, True)])
def test_a_table_can_be_filtered_from_so_many_rows_on(rows, filtered):
    assert ("data-filter" in table(["a"], [[Entry(str(n))] for n in range(rows)])) is filtered


@pytest.mark.parametrize(("values", "drawn"), [
    ({"a": [2, 8], "b": [2, 4], "c": [2]}, 2), ({"a": [2, 8], "b": [2, 8], "c": [2]}, 2),
    ({"a": [2, 8], "b": [2, 8]}, 8), ({"a": [2], "b": [4]}, 4),
])  # fmt: skip
def test_runtimes_are_drawn_at_the_largest_value_of_those_that_most_series_share(values, drawn):
    rows = [
        {"cell": f"{name}{at}", "series": name, "runs": 5, "lam": 1.0} for name, there in values.items() for at in there
    ]
    place = {f"{name}{at}": float(at) for name, there in values.items() for at in there}
    assert _shared(SimpleNamespace(rows=rows, along="k", place=place), 1.0) == [drawn]  # type: ignore[arg-type]


@pytest.mark.parametrize(("verdict", "told"), [
    (Verdict.DIFFERS, LONG), (Verdict.CANNOT_TELL, " ".join(["word"] * 23) + " …"),
])  # fmt: skip
def test_what_is_missing_is_shortened_and_what_differs_is_not(verdict, told):
    assert _short(LONG, verdict) == told
    assert _short(LONG[:SHORT].strip(), verdict) == LONG[:SHORT].strip()


SEARCH = "Cell(BlockOneMax(k=2, l=4), ..)"


@pytest.mark.parametrize(("texts", "told"), [
    ([SEARCH, SEARCH], "All 90 runs reached the optimum: ERT"),
    ([PROGRAM, PROGRAM], "All 90 runs did their task right: ERT"),
    ([SEARCH, PROGRAM], "All 90 runs reached the optimum, or did their task right: ERT"),
])  # fmt: skip
def test_runs_of_searches_and_of_programs_have_words_of_their_own(texts, told):
    def said(runs, censored):
        summary = pd.DataFrame({"text": texts, "runs": runs, "censored": censored})
        return _in_short(Content(SimpleNamespace(summary=summary), None, ()))  # type: ignore[arg-type]

    assert told in said([60, 30], [0, 0])
    assert "9 of 90 runs (10.0%), in 1 of 2 cells, ended without a hit." in said([60, 30], [9, 0])
    assert said([0, 0], [0, 0]) == ""


@pytest.mark.parametrize(("value", "high", "exact", "widths"), [
    (2.0, 4.0, 8.0, ["25.00", "100.00"]), (2.0, 8.0, 4.0, ["25.00", "50.00"]), (8.0, 8.0, 2.0, ["100.00", "25.00"]),
])  # fmt: skip
def test_the_longest_of_values_interval_and_exact_has_the_whole_width(value, high, exact, widths):
    drawn = bars([Bar("one", Value(value, 1.0, high), exact)], "calls")
    assert re.findall(r'style="(?:width|left):([\d.]+)%', drawn) == widths


def test_a_part_has_the_colour_of_its_name_in_every_bar_and_in_the_key():
    drawn = stacks(
        [Stack("one", {"read": 3.0, "written": 1.0}, "4"), Stack("two", {"written": 1.0, "called": 1.0}, "2")]
    )
    pieces = re.findall(r'<i class="c(\d)" style="width:([\d.]+)%[^>]* data-tip="(\w+), (\w+):', drawn)
    assert {(label, name): (colour, width) for colour, width, label, name in pieces} == {
        ("one", "read"): ("0", "75.00"), ("one", "written"): ("1", "25.00"),
        ("two", "written"): ("1", "50.00"), ("two", "called"): ("2", "50.00"),
    }  # fmt: skip
    assert re.findall(r'class="chip c(\d)"></i> (\w+)', drawn) == [("0", "read"), ("1", "written"), ("2", "called")]


@pytest.mark.parametrize(("last", "log"), [(39.0, False), (40.0, True)])
def test_runtimes_are_on_a_log_scale_where_the_slowest_is_twenty_times_the_quickest(last, log):
    line = Line("a", 0, steps_x=np.array([2.0, last]), steps_y=np.array([0.5, 1.0]))
    assert _axes("", [line]).log_x is log


@pytest.mark.parametrize(
    ("off", "of", "covered"), [(0, 2, True), (1, 10, True), (1, 6, True), (1, 5, False), (2, 10, False)]
)
def test_a_line_is_covered_where_more_than_four_fifths_of_its_places_lie_on_another(off, of, covered):
    x = np.arange(float(of))
    path = np.stack([x, np.where(x < off, 9.0, 0.0)], axis=1)
    assert _lies_on(path, np.array([[0.0, 0.0], [of - 1.0, 0.0]])) is covered


@pytest.mark.parametrize(("begins", "covered"), [(1.0, True), (2.0, False)])
def test_a_line_is_not_covered_by_one_that_begins_where_the_line_ends(begins, covered):
    """Two places that both have, or one."""
    path, other = ([[x, 0.0] for x in places] for places in ((0.0, 1.0, 2.0), (begins, 4.0)))
    assert _lies_on(np.array(path), np.array(other)) is covered


@pytest.mark.parametrize(("arms", "named"), [
    ("a", "What does “a” cost?"), ("ab", "What do “a” and “b” cost?"),
    ("abcd", "What do “a”, “b”, “c” and “d” cost?"), ("abcde", "What do “a”, “b”, “c”, “d” and 1 more cost?"),
])  # fmt: skip
def test_a_question_names_four_arms_and_counts_the_others(arms, named):
    made = SimpleNamespace(study=None, results=SimpleNamespace(cells={"arm": list(arms)}))
    assert question(SimpleNamespace(made=made, along="")) == named  # type: ignore[arg-type]


NOT_LOADED = InputError("mine is not imported")
OPEN, FINE = Verdict.CANNOT_TELL, Verdict.AGREES


def not_told(*cells, doubts=()):
    """The paragraphs and items of what is not predicted, of (verdict, error of its prediction, stored refusal) each."""
    checked = [SimpleNamespace(cell=f"c{n}", label=f"cell {n}", verdict=verdict, reason=f"wants {'more' * n} runs")
               for n, (verdict, *_) in enumerate(cells, 1)]  # fmt: skip
    of = {f"c{n}": each for n, (_, *each) in enumerate(cells, 1)}

    def predict(cell):
        if of[cell][0] is not None:
            raise of[cell][0]

    def stored(cell):
        return None if of[cell][1] is None else SimpleNamespace(refused=of[cell][1])

    results = SimpleNamespace(predict=predict, prediction=stored)
    made = SimpleNamespace(check=SimpleNamespace(cells=checked, doubts=doubts), results=results)
    return re.findall("<(?:p|li)>(.*?)</(?:p|li)>", not_predicted(SimpleNamespace(made=made)))  # type: ignore[arg-type]


def test_what_is_not_predicted_is_told_once_with_its_reason():
    """A cell that has no prediction is not told again as one that cannot be told; a stored refusal is believed."""
    unknown = (OPEN, NoPrediction("no rule"), None)
    assert not_told((FINE, None, None)) == ["Each of the 1 cell has an exact prediction."]
    assert not_told((FINE, None, None), (OPEN, None, None)) == [
        "Each of the 2 cells has an exact prediction.", "1 cell cannot be told:", "cell 2: wants moremore runs",
    ]  # fmt: skip
    assert not_told(unknown, (OPEN, None, None), (FINE, None, None), doubts=("a guess",)) == [
        "1 cell of 3 has no exact prediction of the calls:", "cell 1: no rule",
        "1 cell cannot be told for another reason:", "cell 2: wants moremore runs",
        "What stands against predicted numbers:", "a guess",
    ]  # fmt: skip
    assert not_told((OPEN, NOT_LOADED, None), (FINE, NOT_LOADED, "stored: no rule"), (FINE, NOT_LOADED, "")) == [
        "2 cells of 3 have no exact prediction of the calls:", "cell 1: mine is not imported",
        "cell 2: stored: no rule",
    ]  # fmt: skip
