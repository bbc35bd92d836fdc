"""The mark `some`: the few cases of a test that the quick suite takes."""

from itertools import product
from types import SimpleNamespace

import pytest

AXES = {"schedule": ("all", "robin", "uniform"), "lam": (1, 2, 3, 4), "weak": (False, True)}


def items(axes):
    """Cases of a test with stacked parameters, as pytest has them."""
    cases = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    return [SimpleNamespace(originalname="test_rule", callspec=SimpleNamespace(params=case)) for case in cases]


def values_of(chosen, name):
    return {item.callspec.params[name] for item in chosen}


@pytest.mark.parametrize("names", [("schedule", "lam", "weak"), ("schedule",), ("weak", "lam")])
def test_every_value_of_every_named_parameter_is_in_one_and_no_case_too_many(some_of, names):
    chosen = some_of(items(AXES), names, 1)
    assert len(chosen) == max(len(AXES[name]) for name in names)
    for name in names:
        assert values_of(chosen, name) == set(AXES[name])


def test_more_cases_bring_pairs_of_values_that_none_had_and_are_always_the_same(some_of):
    first, again = (some_of(items(AXES), tuple(AXES), 12) for _ in range(2))
    assert [item.callspec.params for item in first] == [item.callspec.params for item in again]
    pairs = {(item.callspec.params["schedule"], item.callspec.params["lam"]) for item in first}
    assert len(first) == len(pairs) == 12


def test_a_case_alone_is_taken(some_of):
    """Asked for by its id, a case is run, whatever the others would have shown."""
    alone = items(AXES)[-1:]
    assert some_of(alone, tuple(AXES), 1) == alone
