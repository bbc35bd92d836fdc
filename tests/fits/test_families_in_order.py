"""What is said of families does not depend on how the strings of a process are hashed."""

import pytest

from experiments.fits.families.choice import _minimal
from experiments.fits.families.forms import FORMS, NAMED, held


@pytest.mark.parametrize("forms", [FORMS, FORMS[::-1]], ids=["as tried", "the other way round"])
def test_the_family_that_is_enough_is_the_first_in_the_order_of_the_forms(forms):
    dropped = {}
    left = _minimal(forms, dropped)
    assert left
    several = 0
    for form in forms:
        inside = [other.name for other in forms if other.name in held(form)]
        several += len(inside) > 1
        if inside:
            assert dropped[form.name] == f"not needed: {inside[0]} is enough"
    assert several > 3


RICH = "not needed: simpler families are enough"


@pytest.mark.parametrize(
    ("names", "left", "dropped"),
    [
        (("power", "saturating"), ("power",), {"saturating": RICH}),  # which does not hold a power
        (("linear", "saturating"), ("linear",), {"saturating": "not needed: linear is enough"}),
        (("power + c", "saturating"), ("power + c", "saturating"), {}),
    ],
)
def test_families_of_two_parameters_are_simple_and_those_of_three_are_needed_without_them(names, left, dropped):
    found = {}
    assert _minimal([NAMED[name] for name in names], found) == left
    assert found == dropped
