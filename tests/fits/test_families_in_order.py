"""What is said of families does not depend on how the strings of a process are hashed."""

import pytest

from experiments.fits.families.choice import _minimal
from experiments.fits.families.forms import FORMS, held


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
