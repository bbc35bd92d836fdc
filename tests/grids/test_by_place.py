"""A part that is given its parameters by their place is told so; any other text is not taken for one."""

import pytest

from experiments.grids.extensions import _by_place


@pytest.mark.parametrize(("text", "told"), [
    ("mine:f(1)", False), ("f(1)", True), ("f(1, b=2)", True), ("f(b=2)", False), ("f()", False), ("f", False),
    ("3", False), ("f(", False), ("f[1]", False), ("a.b(1)", True), ("\0", False), ("", False),
], ids=repr)  # fmt: skip
def test_a_call_by_place_is_one_that_has_parameters_without_names(text, told):
    assert _by_place(text) is told
