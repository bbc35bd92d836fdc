"""How the names of lines are folded, and that lines have their names on wide screens and letters on phones."""

import numpy as np
import pytest

from experiments.reports.html.elements import Html
from experiments.reports.html.figures import figure as module
from experiments.reports.html.figures.chart import Chart, Line
from experiments.reports.html.figures.figure import figure
from experiments.reports.html.figures.labels import WHOLE, folded

TWO = f"two{WHOLE}three"


@pytest.mark.parametrize(("label", "widest", "lines"), [
    (f"one {TWO}", 9, ("one", "two three")),  # as wide as a line: it is kept whole
    (f"one {TWO}", 8, ("one two", "three")),  # no line has room for it
    (f"one {TWO}", 20, ("one two three",)),
    (f"{TWO}{WHOLE}four {TWO}", 9, ("two three", "four", "two three")),
    ("a\nb  c", 9, ("a b c",)),
    (f"one {TWO}\nfour", 9, ("one", "two three", "four")),
    ("one p = 5", 8, ("one", "p = 5")),
    ("", 9, ("",)),
    ("aa bb cc", 2, ("aa", "bb", "cc")),
    ("aa bb cc dd", 2, ("aa", "bb", "c\u2026")),
])  # fmt: skip
def test_a_name_is_folded_at_spaces_but_not_at_those_that_hold_words_together(label, widest, lines):
    assert folded(label, widest) == lines


def chart(names, title=""):
    x = np.array([1.0, 2.0, 4.0])
    return Chart(title, "k", "calls", [Line(name, slot, x=x, y=(slot + 1) * x) for slot, name in enumerate(names)])


def test_lines_have_their_names_on_wide_screens_and_letters_with_a_key_on_phones():
    drawn = str(figure([chart(["first", "second"])]))
    wide, narrow = drawn.split('class="narrow"')
    assert [f">{name}</text>" in wide for name in ("first", "second", "A", "B")] == [True, True, False, False]
    assert [f">{name}</text>" in narrow for name in ("first", "second", "A", "B")] == [False, False, True, True]
    assert (wide.count('class="key"'), narrow.count('class="key"')) == (0, 1)
    key = narrow.split('class="key"')[1]
    assert key.index(">A</b>") < key.index("first") < key.index(">B</b>") < key.index("second")


@pytest.mark.parametrize("letters", [False, True])
def test_a_wide_screen_has_a_key_where_names_found_no_place(letters, monkeypatch):
    asked = []

    def draw(chart, *size, letters_):
        asked.append((size, letters_))
        return Html("<svg></svg>"), letters or letters_

    monkeypatch.setattr(module, "draw", lambda chart, *size, letters: draw(chart, *size, letters_=letters))
    wide, narrow = str(figure([chart(["first", ""])])).split('class="narrow"')
    assert asked == [((880.0, 430.0), False), ((352.0, 330.0), True)]
    assert (wide.count('class="key"'), narrow.count('class="key"')) == (letters, 1)
    assert narrow.count("<li>") == 1  # a line without a name has no place in a key


@pytest.mark.parametrize(("charts", "box", "shape"), [(1, "880 430", "panels single"), (2, "620 380", "panels")])
def test_a_figure_has_a_title_a_note_and_charts_of_the_size_for_their_number(charts, box, shape):
    drawn = str(figure([chart(["first"], f"chart {n}") for n in range(charts)], "the note", "the point", "its id"))
    assert (drawn.count(f'viewBox="0 0 {box}"'), drawn.count('viewBox="0 0 352 330"')) == (charts, charts)
    assert f'class="{shape}"' in drawn
    assert drawn.index("the point</strong></figcaption>") < drawn.index("chart 0</h4>") < drawn.index("the note</span>")
    assert 'id="its id"' in drawn
    bare = str(figure([chart(["first"])]))
    assert [word in bare for word in ("figcaption", "<h4", "legend", "id=")] == [False] * 4
    assert figure([]) == ""
