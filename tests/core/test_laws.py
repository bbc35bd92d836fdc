"""The law of a call: the formula against exact fractions, and operators against the law they declare.

Sampling is checked by one-sample DKW tests: false-fail rate 1e-6 for all of them in this file together; laws whose
distribution functions differ by 0.02 anywhere are told apart with probability 1 - 1e-6, asserted below.
"""

from __future__ import annotations

import itertools
import math
import secrets
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo.errors import InputError
from evo.laws.counts import CallLaw, IndependentBlocks, binomial_pmf
from operators import FixKeep, Resample

PAIRS = [
    (0.5, 0.5),
    (0.1, 0.1),
    (0.3, 0.9),
    (0.9, 0.3),
    (1e-3, 1 - 1e-3),
    (1e-9, 0.5),
    (0.5, 1 - 2**-53),
    (1e-8, 1e-7),
    (0.0, 0.4),
    (1.0, 0.4),
    (0.4, 0.0),
    (0.4, 1.0),
    (1 / 3, 2 / 3),
]


def numerators(n: int, p: Fraction) -> list[int]:
    """Numerators of the probabilities of 0..n successes in n trials, over denominator^n: trial by trial."""
    law = [1]
    for _ in range(n):
        wrong, right = ([x * q for x in law] for q in (p.denominator - p.numerator, p.numerator))
        law = [a + b for a, b in zip([*wrong, 0], [0, *right], strict=True)]
    return law


def exact_pmf(g: int, i: int, fix: Fraction, keep: Fraction) -> list[Fraction]:
    """Theory 1f in whole numbers: the sum over how many of the i wrong and of the g-i right blocks end up right."""
    of_wrong, of_right = numerators(i, fix), numerators(g - i, keep)
    total = fix.denominator**i * keep.denominator ** (g - i)
    law = [0] * (g + 1)
    for (x, a), (y, b) in itertools.product(enumerate(of_wrong), enumerate(of_right)):
        law[x + y] += a * b
    return [Fraction(number, total) for number in law]


# ------------------------------------------------------------------------------------------- the formula


@pytest.mark.parametrize(("fix", "keep"), PAIRS)
def test_the_pmf_is_exact_to_twelve_digits(fix, keep):
    law = IndependentBlocks(fix=fix, keep=keep)
    for g in (*range(1, 13), 17, 23, 30):
        for i in range(g + 1):
            pmf = law.pmf(g, i)
            assert pmf.shape == (g + 1,)
            assert pmf.dtype == np.float64
            for ours, exact in zip(pmf.tolist(), exact_pmf(g, i, Fraction(fix), Fraction(keep)), strict=True):
                if exact > Fraction(1e-290):
                    assert abs(Fraction(ours) - exact) <= exact / 10**12, (g, i)
                else:  # near the smallest floats digits are lost, and zeros are zeros
                    assert 0 <= ours <= 1.1e-290, (g, i)
                    assert exact > 0 or ours == 0, (g, i)


def test_a_wrong_law_is_not_exact_to_twelve_digits():
    ours = IndependentBlocks(fix=0.3, keep=0.9).pmf(7, 3)
    swapped = [float(x) for x in exact_pmf(7, 4, Fraction(0.3), Fraction(0.9))]
    assert np.abs(ours / swapped - 1).max() > 1e-12


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 60), st.data())
def test_the_pmf_sums_to_one(fix, keep, g, data):
    i = data.draw(st.integers(0, g))
    pmf = IndependentBlocks(fix=fix, keep=keep).pmf(g, i)
    assert pmf.shape == (g + 1,)
    assert np.all(pmf >= 0)
    assert abs(math.fsum(pmf) - 1) < 1e-13
    mean = math.fsum(np.arange(g + 1) * pmf)
    assert mean == pytest.approx(i * fix + (g - i) * keep, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("n", [1000, 100_000])
@pytest.mark.parametrize("p", [1e-300, 1e-6, 0.3, 0.5, 1 - 1e-6, 1 - 2**-53])
def test_large_binomials_stay_laws(n, p):
    pmf = binomial_pmf(n, p)
    assert np.all(np.isfinite(pmf))
    assert abs(math.fsum(pmf) - 1) < 1e-12
    assert math.fsum(np.arange(n + 1) * pmf) == pytest.approx(n * p, rel=1e-9)


@pytest.mark.parametrize("g", [0, 1, 2, 7])
def test_sure_blocks_have_point_laws(g):
    for i in range(g + 1):
        for fix, keep in itertools.product((0.0, 1.0), repeat=2):
            sure = np.zeros(g + 1)
            sure[int(i * fix + (g - i) * keep)] = 1.0
            assert IndependentBlocks(fix=fix, keep=keep).pmf(g, i).tolist() == sure.tolist()


def test_a_tiny_p_keeps_its_digits():
    for tiny in (1e-300, 5e-324, 1e-160):
        assert IndependentBlocks(fix=tiny, keep=0.5).pmf(1, 1).tolist() == [1.0, tiny]
        assert IndependentBlocks(fix=tiny, keep=tiny).pmf(2, 0).tolist() == [1.0, 2 * tiny, tiny * tiny]
    assert IndependentBlocks(fix=1e-20, keep=1.0).pmf(3, 3)[3] == pytest.approx(1e-60, rel=1e-14)


def test_the_papers_law_has_known_numbers():
    assert IndependentBlocks(fix=0.5, keep=0.5).pmf(3, 2).tolist() == [0.125, 0.375, 0.375, 0.125]
    assert IndependentBlocks(fix=0.5, keep=0.5).pmf(20, 20)[20] == pytest.approx(2.0**-20, rel=1e-14)
    assert IndependentBlocks(fix=0.25, keep=1.0).pmf(3, 2).tolist() == [0.0, 0.5625, 0.375, 0.0625]


def test_operators_declare_their_law():
    assert Resample(0.3).law == IndependentBlocks(fix=0.3, keep=0.3)
    assert FixKeep(fix=0.3, keep=0.8).law == IndependentBlocks(fix=0.3, keep=0.8)
    assert isinstance(Resample(0.3).law, CallLaw)


@pytest.mark.parametrize(("fix", "keep"), [(-0.1, 0.5), (0.5, 1.1), (math.nan, 0.5), (0.5, True)])
def test_a_law_of_no_probabilities_is_refused(fix, keep):
    with pytest.raises(InputError, match=r"^IndependentBlocks: (fix|keep) must be a probability in \[0, 1\]"):
        IndependentBlocks(fix=fix, keep=keep)


# ------------------------------------------------------------------------------------------- the samples

OPERATORS = [Resample(0.5), Resample(0.05), Resample(0.9), FixKeep(0.5, 0.99), FixKeep(0.2, 0.7), FixKeep(0.9, 0.1)]
CHUNKS = [(1, 0), (1, 1), (3, 2), (4, 0), (8, 5)]  # g, i
FALSE_FAIL_RATE = 1e-6  # of all statistical checks of this file together
CHECKS = len(OPERATORS) * len(CHUNKS) * 2
SAMPLES = 200_000
EPSILON = math.sqrt(math.log(2 * CHECKS / FALSE_FAIL_RATE) / (2 * SAMPLES))  # DKW: 2 exp(-2 n epsilon^2)
DETECTABLE = 2 * EPSILON  # a law so far away is missed with probability < 1e-6


@pytest.fixture
def rng(request):
    """Constant seed, unless --vary-seed asks for the real false-fail rate."""
    vary = request.config.getoption("--vary-seed", default=False)
    return np.random.default_rng(secrets.randbits(32) if vary else 20_240_611)


def assert_follows(values: np.ndarray, pmf: np.ndarray) -> None:
    """Values 0..len(pmf)-1 sampled from pmf, by DKW."""
    found = np.cumsum(np.bincount(values, minlength=len(pmf))) / len(values)
    distance = np.abs(found - np.cumsum(pmf)).max()
    assert distance <= EPSILON, f"sup distance to the law {distance:.4f}, at the most {EPSILON:.4f} expected"


def sample(operator, g: int, i: int, rng) -> np.ndarray:
    """Bool [SAMPLES, g]: the first i blocks were incorrect."""
    before = np.broadcast_to(np.arange(g) >= i, (SAMPLES, g))
    after = operator.rewrite(before, rng)
    assert after.shape == before.shape
    assert after.dtype == np.bool_
    return after


@pytest.mark.statistical
@pytest.mark.parametrize("operator", OPERATORS, ids=str)
@pytest.mark.parametrize(("g", "i"), CHUNKS)
def test_an_operator_follows_its_law(operator, g, i, rng):
    assert DETECTABLE <= 0.02
    after = sample(operator, g, i, rng)
    assert_follows(after.sum(axis=1), operator.law.pmf(g, i))

    # all 2^g patterns in the order of their codes: blocks are independent and each has its own fix or keep
    right = [operator.law.fix if block < i else operator.law.keep for block in range(g)]
    patterns = np.ones(1)
    for p in right:
        patterns = np.concatenate((patterns * (1 - p), patterns * p))
    assert_follows(after @ 2 ** np.arange(g), patterns)


@dataclass(frozen=True)
class Liar:
    """Declares p and samples another."""

    p: float
    real: float

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < self.real

    @property
    def law(self):
        return IndependentBlocks(fix=self.p, keep=self.p)


@dataclass(frozen=True)
class Together:
    """All blocks share one coin: each has the right law, together they have not."""

    p: float

    def rewrite(self, correct, rng):
        return np.broadcast_to(rng.random((*correct.shape[:-1], 1)) < self.p, correct.shape)


@pytest.mark.statistical
@pytest.mark.parametrize(("g", "i"), CHUNKS)
def test_a_law_002_beside_the_declared_one_is_found_out(g, i, rng):
    liar = Liar(p=0.5, real=0.52)
    after = sample(liar, g, i, rng)
    with pytest.raises(AssertionError, match="sup distance"):
        assert_follows(after.sum(axis=1), liar.law.pmf(g, i))


@pytest.mark.statistical
def test_dependent_blocks_and_swapped_ones_are_found_out(rng):
    after = sample(Together(0.5), 4, 0, rng)
    with pytest.raises(AssertionError, match="sup distance"):
        assert_follows(after.sum(axis=1), Resample(0.5).law.pmf(4, 0))
    after = sample(FixKeep(fix=0.7, keep=0.2), 3, 2, rng)
    with pytest.raises(AssertionError, match="sup distance"):
        assert_follows(after.sum(axis=1), FixKeep(fix=0.2, keep=0.7).law.pmf(3, 2))


def test_operators_work_on_any_leading_axes_and_leave_their_input_alone():
    before = np.random.default_rng(1).random((2, 3, 4, 5)) < 0.5
    before.flags.writeable = False
    for operator in OPERATORS:
        after = operator.rewrite(before, np.random.default_rng(2))
        flat = operator.rewrite(before.reshape(-1, 5), np.random.default_rng(2))
        assert after.shape == before.shape
        assert np.array_equal(after.reshape(-1, 5), flat)
    sure = FixKeep(fix=1, keep=0).rewrite(before, np.random.default_rng(2))
    assert np.array_equal(sure, ~before)
