"""A scale leaves the same small margin on both sides of its values, or has room around a single one."""

import numpy as np
import pytest

from experiments.reports.html.figures.scales import Scale, plain_number

LENGTH = 1080.0


@pytest.mark.parametrize(("values", "log"), [
    ([0.0, 10.0], False), ([-3.0, 5.0, 2.0], False), ([1000.0, 1001.0], False),
    ([0.001, 1000.0], True), ([2.0, 3.0], True),
])  # fmt: skip
def test_values_have_a_margin_of_a_twenty_fifth_of_their_range(values, log):
    scale = Scale.around(np.array([*values, np.nan, np.inf]), LENGTH, log)
    assert [scale.place(end) for end in (min(values), max(values))] == pytest.approx([40.0, 1040.0])


@pytest.mark.parametrize(("values", "log", "limits"), [
    ([8.0, 8.0], False, (4.0, 12.0)), ([-8.0], False, (-12.0, -4.0)), ([0.0], False, (-1.0, 1.0)),
    ([8.0], True, (4.0, 16.0)), ([0.0, -1.0, 8.0], True, (4.0, 16.0)),
])  # fmt: skip
def test_a_single_value_stands_in_the_middle(values, log, limits):
    scale = Scale.around(np.array(values), LENGTH, log)
    assert (scale.least, scale.most) == limits
    assert scale.place(values[-1]) == pytest.approx(LENGTH / 2)


def test_without_a_value_there_are_limits_all_the_same():
    known = [Scale.around(np.array([np.nan]), LENGTH, log) for log in (False, True)]
    assert all(scale.least < scale.most and np.isfinite([scale.least, scale.most]).all() for scale in known)
    assert Scale.around(np.array([5.0]), LENGTH, False, (0.0, 1.0)) == Scale(0.0, 1.0, LENGTH, False)


@pytest.mark.parametrize(("value", "told"), [
    (0.1 + 0.2, "0.3"), (999.5, "999.5"), (1000.0, "1,000"), (-1000.0, "-1,000"), (-2.5, "-2.5"),
    (9_999_999.0, "9,999,999"), (1e7, "1e7"), (-1e7, "-1e7"), (1.25e12, "1.25e12"),
])  # fmt: skip
def test_a_tick_is_told_by_its_size_at_both_ends_of_each_form(value, told):
    assert plain_number(value) == told
