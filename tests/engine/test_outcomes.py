"""What some groups of calls say and others do not: an answer of which nothing is said is one call, and valid."""

import numpy as np
import pytest

from evo.engine.outcomes import Called, Offspring, merged
from evo.protocols import Rewritten

LONG, SHORT = np.array([0, 3, 1]), np.array([2, 4])


def group(rows, g, **said):
    """Calls on chunks of g blocks, before all wrong, after all right; each has its number as its change."""
    said = {"valid": None, "solution": None, "calls": None} | said
    shape = (len(rows), g)
    return rows, Called(np.zeros(shape, dtype=np.bool_), np.ones(shape, dtype=np.bool_), rows + 10.0, **said)


@pytest.mark.parametrize("of", ["long", "short"])
def test_groups_are_put_together_each_call_in_its_place(of):
    n = 3 if of == "long" else 2
    said = {
        "valid": np.arange(n) > 0,
        "calls": np.arange(n) + 4,
        "solution": np.arange(n)[:, None] == np.arange(5),
    }
    groups = [group(LONG, 3, **(said if of == "long" else {})), group(SHORT, 1, **(said if of == "short" else {}))]
    found, rows = merged(groups, 5, 3), LONG if of == "long" else SHORT
    others = np.setdiff1d(np.arange(5), rows)
    assert found.change.tolist() == [10, 11, 12, 13, 14]
    assert found.after.sum(axis=1).tolist() == [3, 3, 1, 3, 1]
    assert found.after[SHORT, 0].all()
    assert not found.before.any()
    for name, neutral in (("valid", True), ("calls", 1), ("solution", False)):
        values = getattr(found, name)
        assert values[rows].tolist() == said[name].tolist()
        assert (values[others] == neutral).all()


def test_what_no_group_says_stays_unsaid():
    found = merged([group(LONG, 3), group(SHORT, 1)], 5, 3)
    assert [found.valid, found.solution, found.calls] == [None] * 3


def test_offspring_of_which_nothing_is_said_are_valid_and_took_one_call():
    made, answer = Offspring(np.zeros((5, 2), dtype=np.bool_)), np.zeros((3, 2), dtype=np.bool_)
    made.enter(SHORT, Rewritten(answer[:2], None))
    assert [made.valid, made.calls] == [None, None]
    made.enter(LONG, Rewritten(answer, np.array([False, True, False]), calls=np.array([2, 3, 4])))
    assert made.valid.tolist() == [False, False, True, True, True]
    assert made.calls.tolist() == [2, 4, 1, 3, 1]
