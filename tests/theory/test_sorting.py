"""Exact laws of sorting by comparisons (theory 18a), beside sorts that are carried out, comparison by comparison."""

import math
from collections import defaultdict
from fractions import Fraction
from functools import cache
from itertools import combinations, permutations

import numpy as np
import pytest

from evo.errors import InputError, NoPrediction
from evo.theory.systems.sorting import (
    best_right,
    comparisons,
    fair_merge_comparisons,
    least_lead,
    mean_comparisons_between,
    merge_comparisons,
    rounds,
    sorted_right,
    vote_error,
    worst_comparisons,
)
from evo.theory.times.finite import FiniteLaw

MEANS = {2: "1", 3: "8/3", 4: "14/3", 5: "43/6", 6: "59/6", 7: "191/15", 8: "236/15", 16: "2056/45", 32: "92944/765",
         64: "2567008/8415"}  # fmt: skip
"""E[C_n] of the theory notes, 18a."""


class Told:
    """A comparator that answers as it is told, rightly (0) or wrongly (1), and asks for more when it has no more."""

    def __init__(self, answers):
        self.answers, self.asked = answers, 0

    def __call__(self, x, y):
        self.asked += 1
        return (x < y) != bool(self.answers[self.asked - 1])


def merge_sorted(documents, before):
    """Merge sort as in a textbook: the order, and how many comparisons come one after another."""
    if len(documents) <= 1:
        return list(documents), 0
    half = len(documents) // 2
    (one, first), (two, second) = merge_sorted(documents[:half], before), merge_sorted(documents[half:], before)
    out, steps = [], max(first, second)
    while one and two:
        out.append((one if before(one[0], two[0]) else two).pop(0))
        steps += 1
    return out + one + two, steps


@cache
def outcomes(n, e):
    """P(comparisons, steps, right order), by trying every order and every sequence of answers; exact."""
    found = defaultdict(Fraction)
    for order in permutations(range(n)):
        waiting = [()]
        while waiting:
            told = waiting.pop()
            before = Told(told)
            try:
                done, steps = merge_sorted(list(order), before)
            except IndexError:
                waiting += [(*told, 0), (*told, 1)] if 0 < e < 1 else [(*told, int(e))]
                continue
            chance = Fraction(1, math.factorial(n))
            for wrong in told:
                chance *= e if wrong else 1 - e
            found[len(told), steps, done == list(range(n))] += chance
    return dict(found)


def law_of(found, place):
    law = defaultdict(Fraction)
    for key, chance in found.items():
        law[key[place]] += chance
    return law


def assert_same(law, exact):
    """Every probability to 1e-14, and no other values."""
    assert len(law.chances) == max(exact) + 1
    for t, chance in enumerate(law.chances):
        assert chance == pytest.approx(float(exact[t]), abs=1e-14)


@pytest.mark.parametrize(("n", "mean"), MEANS.items())
def test_the_mean_is_that_of_theory_18a(n, mean):
    assert comparisons(n).mean == pytest.approx(float(Fraction(mean)), rel=1e-14)


def test_chances_of_a_right_order_are_those_of_theory_18a():
    assert round(sorted_right(8, 0.01), 6) == 0.853790
    assert round(sorted_right(16, 0.01), 6) == 0.631901
    assert round(sorted_right(64, 0.001), 6) == 0.736980


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_the_law_is_that_of_sorts_of_all_orders(n):
    found = outcomes(n, Fraction(0))
    assert_same(comparisons(n), law_of(found, 0))
    assert_same(rounds(n), law_of(found, 1))
    assert max(key[0] for key in found) == worst_comparisons(n)
    assert all(key[2] for key in found)


@pytest.mark.some
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("e", [Fraction(1, 4), Fraction(1, 2), Fraction(7, 10)])
def test_the_law_with_errors_is_that_of_all_orders_and_all_answers(n, e):
    found = outcomes(n, e)
    assert_same(comparisons(n, float(e)), law_of(found, 0))
    assert sorted_right(n, float(e)) == pytest.approx(float(law_of(found, 2)[True]), abs=1e-15)


@pytest.mark.parametrize("n", [3, 6, 7])
@pytest.mark.parametrize("e", [1e-6, 0.05, 0.3, 0.8])
def test_the_mean_with_errors_lies_within_its_bounds(n, e):
    least, most = mean_comparisons_between(n, e)
    mean = comparisons(n, e).mean
    assert least - 1e-12 <= mean <= most + 1e-12
    assert most - least < 40 * e  # of 13 comparisons at most, each moves the last merge by 3 at most


def test_bounds_for_fewer_errors_do_not_hold():
    """A twin that must fail: of a comparator that errs more rarely."""
    least, _ = mean_comparisons_between(7, 0.01)
    assert comparisons(7, 0.3).mean < least


def test_errors_change_the_number_of_comparisons():
    """A twin that must fail: the law without errors is not that with them."""
    with pytest.raises(AssertionError):
        assert_same(comparisons(4), law_of(outcomes(4, Fraction(1, 4)), 0))
    assert comparisons(4, 0.25).mean == pytest.approx(109 / 24)
    assert comparisons(4).mean == pytest.approx(112 / 24)


def test_a_merge_that_compares_to_the_end_is_found():
    """A twin: a + b - 1 comparisons always."""
    always = FiniteLaw.of(np.eye(6)[5])
    with pytest.raises(AssertionError):
        assert_same(always, law_of(outcomes(4, Fraction(0)), 0))


@pytest.mark.parametrize("n", [6, 7, 8])
@pytest.mark.parametrize("e", [0.0, 0.5, 1.0])
def test_enumeration_meets_the_convolutions(n, e):
    """Where both are known: e = 0, 1/2, 1, from nearby, as they are continuous in e."""
    near = comparisons(n, abs(e - 1e-13))
    assert np.allclose(near.chances, comparisons(n, e).chances, atol=1e-10)


@pytest.mark.some
@pytest.mark.parametrize("n", [100, 513, 1000, 1024])
@pytest.mark.parametrize("e", [Fraction(1, 2**17), Fraction(1, 128), Fraction(1, 2)])
def test_large_n_to_1e_12(n, e):
    """E[(1-e)^C] as a product down the tree, and the mean by a + b - a/(b+1) - b/(a+1) a merge, in exact fractions."""
    law = comparisons(n)
    assert math.fsum(law.chances) == pytest.approx(1, abs=1e-12)
    assert law.mean == pytest.approx(float(exact_mean(n)), rel=1e-12)
    assert sorted_right(n, float(e)) == pytest.approx(product(n, 1 - e), rel=1e-11 if e > Fraction(1, 10) else 1e-12)


@cache
def exact_mean(n):
    if n == 1:
        return Fraction(0)
    a, b = n // 2, n - n // 2
    return exact_mean(a) + exact_mean(b) + a + b - Fraction(a, b + 1) - Fraction(b, a + 1)


@cache
def product(n, x):
    if n == 1:
        return 1.0
    a, b = n // 2, n - n // 2
    merge = Fraction(0)
    for one, other in ((a, b), (b, a)):
        for left in range(1, other + 1):
            merge += math.comb(a + b - left - 1, one - 1) * x ** (a + b - left)
    return product(a, x) * product(b, x) * float(merge / math.comb(a + b, a))


@pytest.mark.parametrize(("a", "b"), [(1, 1), (1, 5), (5, 1), (3, 4), (40, 41)])
def test_merges_are_laws(a, b):
    for law in (merge_comparisons(a, b), fair_merge_comparisons(a, b)):
        assert law.sum() == pytest.approx(1, abs=1e-13)
        assert not law[: min(a, b)].any()
    assert np.allclose(merge_comparisons(a, b), merge_comparisons(b, a))


def knocked_out(documents, before):
    """The winner of a knock-out."""
    if len(documents) == 1:
        return documents[0]
    half = len(documents) // 2
    one, two = knocked_out(documents[:half], before), knocked_out(documents[half:], before)
    return one if before(one, two) else two


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("e", [Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(1)])
def test_the_best_of_n_by_all_answers(n, e):
    right = Fraction(0)
    for place in range(n):  # of the best; who wins elsewhere does not matter
        documents = [0 if i == place else i + 1 for i in range(n)]
        for bits in range(2 ** (n - 1)):
            told = [bits >> i & 1 for i in range(n - 1)]
            chance = Fraction(1, n)
            for wrong in told:
                chance *= e if wrong else 1 - e
            right += chance * (knocked_out(documents, Told(told)) == 0)
    assert best_right(n, float(e)) == pytest.approx(float(right), abs=1e-15)


def test_the_lead_is_the_least_that_reaches_the_target():
    for n, e, target in ((2, 0.2, 0.95), (64, 0.2, 0.95), (64, 0.01, 0.5), (200, 0.4, 0.999), (10, 0.0, 0.99)):
        ahead = least_lead(n, e, target)
        assert sorted_right(n, vote_error(e, ahead)) >= target
        assert ahead == 1 or sorted_right(n, vote_error(e, ahead - 1)) < target


def test_the_lead_grows_as_ln_n():
    """By ln(n lg n / -ln target) / ln((1-e)/e): at e = .2 some one for each factor of 4 in n."""
    leads = [least_lead(n, 0.2, 0.95) for n in (4, 16, 64, 256, 1024)]
    assert leads == [4, 5, 7, 8, 9]
    bound = [math.log(n * math.log2(n) / -math.log(0.95)) / math.log(4) for n in (4, 16, 64, 256, 1024)]
    assert all(math.ceil(each) in (lead, lead + 1) for lead, each in zip(leads, bound, strict=True))


@pytest.mark.parametrize(("n", "orders"), [(3, 6), (4, 24), (5, 120)])
def test_each_order_of_a_run_leads_to_another_number_of_comparisons(n, orders):
    """Why errors beyond 10 documents are refused: no state smaller than the order will do; without errors one does."""
    assert len(means_by_order(n, 0.25)) == orders
    assert len(means_by_order(n, 0.5)) == 1


def means_by_order(n, e):
    """The mean comparisons of a merge of n documents in some order with n in order, for each order; rounded."""
    found = set()
    sets = list(combinations(range(2 * n), n))
    for order in permutations(range(n)):
        total = 0.0
        for ranks in sets:
            others = [rank for rank in range(2 * n) if rank not in ranks]
            total += mean_of_merge([ranks[i] for i in order], others, e)
        found.add(round(total / len(sets), 9))
    return found


def mean_of_merge(one, two, e):
    """Expected comparisons of a merge, from its last ones backwards."""
    left = np.zeros((len(one) + 1, len(two) + 1))
    for i in reversed(range(len(one))):
        for j in reversed(range(len(two))):
            first = 1 - e if one[i] < two[j] else e
            left[i, j] = 1 + first * left[i + 1, j] + (1 - first) * left[i, j + 1]
    return left[0, 0]


def test_what_cannot_be_is_refused():
    with pytest.raises(NoPrediction, match=r"n <= 10 .* its mean lies from [\d.]+ to [\d.]+;"):
        comparisons(11, 0.25)
    with pytest.raises(NoPrediction, match="n <= 1,024"):
        comparisons(1025)
    with pytest.raises(InputError, match="n >= 1"):
        comparisons(0)
    with pytest.raises(InputError, match="a probability in"):
        comparisons(4, 1.5)
    with pytest.raises(InputError, match="no lead helps"):
        least_lead(8, 0.5, 0.9)
    with pytest.raises(InputError, match="add up to 1"):
        FiniteLaw.of([0.5, 0.4])


def test_a_finite_law_is_a_law_of_a_time():
    law = comparisons(5)
    t = np.arange(-1, 12)
    assert np.allclose(law.cdf(t) + law.tail(t), 1.0)
    assert law.cdf(8) == 1.0
    assert law.quantile(0.5) == 7
    assert law.mean == pytest.approx(float(law.tail(np.arange(8)).sum()))
