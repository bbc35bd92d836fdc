"""Training paid once, beside sums run by run."""

import math
import random
from pathlib import Path

import pytest

from evo.errors import InputError
from evo.theory.systems.training import runs_to_pay, runs_to_vanish, tuning_cost


def first_run_that_pays(once, before, after):
    """Both bills, run by run."""
    with_it, without, runs = once, 0, 0
    while with_it > without:
        with_it, without, runs = with_it + after, without + before, runs + 1
    return runs


def first_run_with_share(once, after, share):
    total, runs = once, 0
    while once > share * total:
        total, runs = total + after, runs + 1
    return runs


def test_both_are_what_bills_say_run_by_run():
    """Whole costs, so that bills have no rounding; ends among them: nothing paid, paid by one run."""
    rng = random.Random(1)
    for _ in range(200):
        after = rng.randint(1, 50)
        before, once = after + rng.randint(1, 50), rng.choice((0, 1, rng.randint(0, 3000)))
        assert runs_to_pay(once, before, after) == first_run_that_pays(once, before, after)
        share = rng.choice((0.5, 0.25, 0.125, 1.0))
        assert runs_to_vanish(once, after, share) == first_run_with_share(once, after, share)


def test_what_never_pays_and_what_is_no_cost():
    assert math.isinf(runs_to_pay(1.0, 5.0, 6.0))
    assert runs_to_pay(0.0, 5.0, 6.0) == 0
    assert tuning_cost(200, m=2.0) == sum(2.0 * passes for _ in range(200) for passes in (1, 2))
    for wrong in ((-1.0, 5.0, 4.0), (1.0, 0.0, 4.0), (1.0, math.inf, 4.0)):
        with pytest.raises(InputError, match="expected C_f >= 0"):
            runs_to_pay(*wrong)
    with pytest.raises(InputError, match="a share in"):
        runs_to_vanish(1.0, 1.0, 0.0)


def test_the_example_of_the_notes_is_a_sum_over_tokens():
    """64 blocks of 16 tokens, 1/fix calls on each, token by token; docs/theory.md tells these numbers."""
    call = sum(16 + written for written in range(16))
    once, before, after = sum((1, 2)) * 10**6, 64 * call * 2, 64 * call / 0.95
    numbers = first_run_that_pays(once, before, after), first_run_with_share(once, after, 0.01)
    assert numbers == (runs_to_pay(once, before, after), runs_to_vanish(once, after, 0.01))
    page = " ".join((Path(__file__).parents[2] / "docs" / "theory.md").read_text(encoding="utf-8").split())
    assert "D = 10^6: paid after {} runs, below 1 % after {:,}.".format(*numbers) in page
