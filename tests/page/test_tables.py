"""What an entry of a table of the page shows, which columns are of numbers, and the piece of a line in a key."""

import math
import re

import numpy as np
import pytest

from experiments.reports.html.figures.labels import Named, _spread
from experiments.reports.html.figures.palette import sample
from experiments.reports.html.table import Entry, measure, table


@pytest.mark.parametrize(("given", "shown", "small"), [
    ((2.0,), "2", ""),
    ((2.0, 1.0, 3.0, "\u2265"), "\u22652", "1 to 3"),
    ((2.0, 1.0, math.nan, "\u2265"), "\u22652", ""),
    ((math.nan, 1.0, 3.0, "\u2265"), "-", ""),
])  # fmt: skip
def test_a_number_has_its_sign_and_interval_if_it_is_known(given, shown, small):
    made = measure(*given)
    assert (made.shown, made.small) == (shown, small)
    assert made.sorted_by == given[0] or math.isnan(made.sorted_by)


def test_columns_of_numbers_are_those_with_an_entry_that_is_sorted_by_one():
    rows = [[Entry("a"), measure(2.0), Entry("-"), Entry("x")], [Entry("b"), Entry("-"), measure(1.0), Entry("y")]]
    heads = re.findall(r"<th ([^>]*)><button", str(table(["name", "left", "right", "word"], rows)))
    assert ['class="n"' in head for head in heads] == [False, True, True, False]


def test_the_line_of_a_key_is_hidden_from_those_who_hear_the_page():
    assert re.search(r'^<svg [^>]*class="sample"[^>]* aria-hidden="true"', str(sample(0)))


def test_names_at_the_bottom_end_six_pixels_below_it_and_push_those_above():
    """A name of one line takes its height and 2; the lowest may reach from 100 to 106."""
    ends = np.array([[50.0, 20.0]]), np.array([[50.0, 99.0]]), np.array([[50.0, 99.0]])
    placed = _spread([Named(("name",), slot, 0, end, np.empty((0, 2))) for slot, end in enumerate(ends)], 50.0, 100.0)
    high = Named(("name",), 0, 0, ends[0], np.empty((0, 2))).size[1] + 2
    assert [each.y for each in placed] == pytest.approx([20.0 - high / 2, 106.0 - 2 * high, 106.0 - high])
