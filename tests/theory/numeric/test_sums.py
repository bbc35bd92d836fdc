"""Long tail sums against closed forms in fractions (theory 2e, 2f), and turns of rare success."""

import math
from fractions import Fraction
from math import comb

import numpy as np
import pytest

from evo.errors import NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.laws.special import PerBlockLaw
from evo.theory import Start, round_robin
from evo.theory.numeric.sums import long_sums, whole_rule
from evo.theory.operators.per_block import blocks_round_robin


def mean_in_turn(m, success, open_rate=Fraction(1)):
    """(2e), (2f): sum_s (-1)^(s+1) C(m,s) open^s [(m+1)/(s+1) (1-q^(s+1))/(1-q) - q^s]/(1-q^s)."""
    q, total = 1 - success, Fraction(0)
    for s in range(1, m + 1):
        bracket = Fraction(m + 1, s + 1) * (1 - q ** (s + 1)) / (1 - q) - q**s
        total += (-1) ** (s + 1) * comb(m, s) * open_rate**s * bracket / (1 - q**s)
    return float(total)


@pytest.mark.parametrize(
    ("p", "k", "g"),
    [(0.5, k, 20) for k in (20, 40, 100)]
    + [(0.5, 60, 60), (0.3, 24, 8)]
    + [(p, k, 1) for p, k in ((1e-3, 40), (1e-6, 1), (1e-6, 10), (1e-12, 10), (0.01, 30), (0.03, 7), (0.9, 12))],
)
def test_means_of_turns_are_the_closed_sums(p, k, g):
    law = IndependentBlocks(p, p)
    m, success = k // g, Fraction(p) ** g
    assert round_robin(law, k, g, Start(k)).hit.mean == pytest.approx(mean_in_turn(m, success), rel=1e-13)
    correct = Fraction(1, 4) ** g
    some = round_robin(law, k, g, Start(k, p0=0.25)).hit
    assert some.mean == pytest.approx(mean_in_turn(m, success, 1 - correct), rel=1e-13)


@pytest.mark.parametrize("p", [0.5, 1e-3, 1e-9])
def test_one_chunk_in_turn_is_geometric(p):
    run = round_robin(IndependentBlocks(p, p), 3, 3, Start(3), 4)
    success = Fraction(p) ** 3
    generation = 1 - (1 - success) ** 4
    assert run.hit.mean == pytest.approx(float(1 / success), rel=1e-13)
    assert run.hit.variance == pytest.approx(float((1 - success) / success**2), rel=1e-11)
    assert run.generations.mean == pytest.approx(float(1 / generation), rel=1e-13)
    assert run.hit.quantile(0.5) == pytest.approx(math.log(2) / -math.log1p(-float(success)), rel=1e-12, abs=1)


def test_rare_turns_scale():
    """From p = 1e-6 to 1e-12 everything is longer by 10^6, to 1e-6 or so."""
    rare, rarer = (round_robin(IndependentBlocks(p, 0.3), 12, 1, Start(12)).hit for p in (1e-6, 1e-12))
    assert rarer.mean / rare.mean == pytest.approx(1e6, rel=1e-6)
    assert rarer.variance / rare.variance == pytest.approx(1e12, rel=1e-5)
    assert rarer.quantile(0.9) / rare.quantile(0.9) == pytest.approx(1e6, rel=1e-5)


def test_chunks_with_several_states_are_summed_term_by_term_too():
    run = round_robin(IndependentBlocks(0.01, 0.9), 6, 3, Start(6), 2).hit
    times = np.arange(60_000.0)
    tail = run.tail(times)
    assert run.mean == pytest.approx(tail.sum(), rel=1e-12)
    assert run.variance == pytest.approx(((2 * times + 1) * tail).sum() - tail.sum() ** 2, rel=1e-10)


def test_few_incorrect_blocks_are_summed_term_by_term_too():
    run = round_robin(IndependentBlocks(0.005, 0.9), 5, 1, Start(5, incorrect=2)).hit
    times = np.arange(60_000.0)
    tail = run.tail(times)
    assert run.mean == pytest.approx(tail.sum(), rel=1e-12)
    assert run.variance == pytest.approx(((2 * times + 1) * tail).sum() - tail.sum() ** 2, rel=1e-10)


def test_blocks_that_differ_in_turn():
    """P(T > t) = 1 - prod (1 - (1-p_m)^own) has the mean sum over subsets; two blocks, both rare, one not."""
    p = (1e-7, 0.25)
    run = blocks_round_robin(PerBlockLaw(p), 2, Start(2)).hit
    q, r = 1 - Fraction(p[0]), Fraction(3, 4)
    # block 1 has c+1 calls at t = 2c+1, block 2 has c
    first = (1 + q) / (1 - q)
    second = 2 / (1 - r)
    both = (1 + q) / (1 - q * r)
    assert run.mean == pytest.approx(float(first + second - both), rel=1e-13)


def test_small_levels_keep_their_digits():
    """P(T <= k) = 2^-k from all incorrect, and 2^-k is the level of k exactly."""
    run = round_robin(IndependentBlocks(0.5, 0.5), 40, 1, Start(40)).hit
    assert float(run.cdf(40)) == pytest.approx(2.0**-40, rel=1e-13)
    assert run.quantile(2.0**-40) == 40


@pytest.mark.parametrize("end", [7, 128, 129, 5000, 10**6, 10**13])
@pytest.mark.parametrize("rate", [0.5, 1e-2, 1e-5])
def test_geometric_sums(end, rate):
    def terms(some):
        c = np.array(some, dtype=np.float64)
        return np.stack([np.exp(-rate * c), c * np.exp(-rate * c)], axis=1)

    sums = long_sums(terms, end, 10**6, [0, 1])
    z, last = math.exp(-rate), math.exp(-rate * end)
    one = -math.expm1(-rate * end) / -math.expm1(-rate)
    assert sums[0] == pytest.approx(one, rel=1e-13)
    if rate * end > 1:
        # z/(1-z)^2, less end z^end/(1-z) + z^(end+1)/(1-z)^2
        gap = -math.expm1(-rate)
        assert sums[1] == pytest.approx(z / gap**2 - end * last / gap - z * last / gap**2, rel=1e-11)


def test_terms_that_rise_are_summed_to_the_end():
    sums = long_sums(
        lambda some: np.exp2(np.array(some, dtype=np.float64) / 1000 - 100)[:, None], 100_000, 10**6, [np.inf]
    )
    assert sums[0] == pytest.approx(1 / math.expm1(math.log(2) / 1000), rel=1e-12)


def test_too_many_terms_are_refused():
    with pytest.raises(NoPrediction, match="terms"):
        long_sums(lambda some: np.ones((len(some), 1)), 10**9, 300, [0])


def test_the_rule_is_exact_for_polynomials():
    for width in (129, 4096, 4097, 10**6):
        places, weights = whole_rule(width)
        assert weights.sum() == pytest.approx(width, rel=1e-13)
        exact = (width * (width - 1) // 2) ** 2
        assert float(weights @ places**3) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("start", [Start(6), Start(6, p0=0.5), Start(6, incorrect=2)])
@pytest.mark.parametrize(("g", "lam"), [(1, 3), (2, 4), (6, 2)])
def test_calls_of_the_last_generation_are_independent_of_the_others(start, g, lam):
    law = round_robin(IndependentBlocks(0.4, 0.4), 6, g, start, lam).hit
    times = np.arange(20_000.0)
    tail = law.tail(times)
    assert law.mean == pytest.approx(tail.sum(), rel=1e-12)
    assert law.variance == pytest.approx(((2 * times + 1) * tail).sum() - tail.sum() ** 2, rel=1e-10)
