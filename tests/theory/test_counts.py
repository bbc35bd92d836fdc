"""Runs on counts: matrices against subsets listed one by one, means against exact fractions and published numbers."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import norm

from evo.errors import InputError, NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.laws.mixtures import BetaQualityLaw, Invalid, Mixture
from evo.theory import Start
from evo.theory.calls.offspring_counts import subset_offspring, whole_offspring, wrong_block_offspring
from evo.theory.problems.on_counts import accepted_on_counts, run_on_counts

HALF, MIXED = IndependentBlocks(0.5, 0.5), IndependentBlocks(0.4, 0.7)
CLOSE = {"rel": 1e-11, "abs": 0}


def needle(k):
    return np.eye(k + 1)[0]


def trap(k):
    return np.append(k + 1.0, np.arange(1.0, k + 1))


def jump(k, m):
    """The number of correct blocks up to k-m, then a valley of width m-1."""
    i = np.arange(k + 1)
    return np.where(i == 0, k + m, np.where(i < m, i, k - i + m)).astype(float)


# ------------------------------------------------------------------------------------------------------------- matrices


def listed(parts, k, g):
    """P(i -> j) over all g-subsets, all outcomes of their blocks and all parts (weight, fix, keep) of a law."""
    found = np.zeros((k + 1, k + 1))
    for i, chunk, (weight, fix, keep) in product(range(k + 1), combinations(range(k), g), parts):
        for bits in product((0, 1), repeat=g):
            chance = weight / math.comb(k, g)
            for block, bit in zip(chunk, bits, strict=True):
                right = fix if block < i else keep  # the first i are incorrect
                chance *= right if bit else 1 - right
            found[i, i - sum(block < i for block in chunk) + bits.count(0)] += chance
    return found


LAWS = [
    (MIXED, [(1, 0.4, 0.7)]),
    (IndependentBlocks(1.0, 0.0), [(1, 1.0, 0.0)]),
    (IndependentBlocks(0.3, 1.0), [(1, 0.3, 1.0)]),
    (Invalid(0.2, MIXED), [(0.8, 0.4, 0.7)]),
    (Mixture((0.3, 0.7), (IndependentBlocks(0, 1), HALF)), [(0.3, 0, 1), (0.7, 0.5, 0.5)]),
]


@pytest.mark.parametrize("number", range(len(LAWS)))
def test_matrices_are_sums_over_subsets_and_outcomes(number):
    law, parts = LAWS[number]
    for g in (1, 2, 3, 5):
        found = subset_offspring(law, 5, g)
        np.testing.assert_allclose(found, listed(parts, 5, g), rtol=1e-12, atol=1e-280)
        np.testing.assert_allclose(found.sum(axis=1), sum(part[0] for part in parts), rtol=1e-13)
    np.testing.assert_allclose(whole_offspring(law, 5), listed(parts, 5, 5), rtol=1e-12, atol=1e-280)
    single, wrong = listed(parts, 1, 1), wrong_block_offspring(law, 5)
    for i in range(1, 6):
        np.testing.assert_allclose(wrong[i, [i, i - 1]], single[1, [1, 0]], rtol=1e-14)
        assert np.count_nonzero(wrong[i]) == np.count_nonzero(single[1])
    np.testing.assert_allclose(wrong[0, :2], single[0], rtol=1e-14)


def test_what_cannot_happen_is_zero_and_what_can_is_not():
    flip, rare = whole_offspring(IndependentBlocks(1.0, 0.0), 6), whole_offspring(IndependentBlocks(1e-3, 0.5), 400)
    assert np.array_equal(flip, np.eye(7)[::-1])
    assert (rare > 0).all()
    assert rare[400, 0] <= 1e-290  # 1e-1200
    half = subset_offspring(IndependentBlocks(1e-3, 0.5), 300, 150)
    assert 0 < half[150, 0] <= 1e-290  # C(300, 150)^-1 1e-450
    assert half[151, 0] == 0  # one block more than a subset holds
    assert np.count_nonzero(subset_offspring(MIXED, 400, 1)) == 3 * 401 - 2


@pytest.mark.parametrize(("k", "g", "i"), [(60, 7, 3), (200, 150, 40), (1000, 500, 10)])
def test_subsets_of_many_blocks(k, g, i):
    """All i incorrect blocks are in the subset and all of it comes out correct: C(k-i, g-i)/C(k, g) a^i b^(g-i)."""
    chance = Fraction(math.comb(k - i, g - i), math.comb(k, g)) * Fraction(2, 5) ** i * Fraction(9, 10) ** (g - i)
    assert subset_offspring(IndependentBlocks(0.4, 0.9), k, g)[i, 0] == pytest.approx(float(chance), **CLOSE)


# ---------------------------------------------------------------------------------------------------- fitness of counts


def test_reference_values():
    for k, value in ((4, 42.666666666666666667), (8, 624.15238095238095238)):
        single = subset_offspring(HALF, k, 1)
        assert run_on_counts(single, needle(k), Start(k), weak=True).hit.mean == pytest.approx(value, **CLOSE)
        ones = np.ones((k + 1, k + 1))  # the needle says nothing: every offspring is as good
        assert accepted_on_counts(single, ones, Start(k)).hit.mean == pytest.approx(value, **CLOSE)
    assert run_on_counts(whole_offspring(HALF, 8), jump(8, 3), Start(8)).hit.mean == pytest.approx(256, **CLOSE)
    known = {  # published, uniform start
        (100, 0): 449.4230337079514,
        (1000, 0): 6792.323679977325,
        (100, 1): 1069.5384972597178,
        (1000, 1): 16894.68929638156,
    }
    for (n, whole), value in known.items():
        flips = IndependentBlocks(1 / n, 1 - 1 / n)
        offspring = whole_offspring(flips, n) if whole else subset_offspring(IndependentBlocks(1.0, 0.0), n, 1)
        run = run_on_counts(offspring, -np.arange(n + 1.0), Start(n, p0=0.5))
        assert run.hit.mean == pytest.approx(value, rel=1e-12 if n == 100 else 1e-10)


def test_random_search_is_the_same_on_every_landscape():
    """Theory 1a, 1c: success w.p. P whatever the parent."""
    for k, fitness in ((20, trap(20)), (20, needle(20)), (20, jump(20, 7)), (900, needle(900))):
        for lam, weak in product((1, 3), (False, True)):
            run = run_on_counts(whole_offspring(HALF, k), fitness, Start(k), lam, weak)
            assert run.hit.mean == pytest.approx(2.0**k, rel=1e-12)
            assert run.hit.quantile(0.5) == pytest.approx(math.log(2) * 2.0**k, rel=1e-6)
            if k == 20:
                assert run.generations.mean == pytest.approx(1 / (1 - (1 - 2.0**-20) ** lam), rel=1e-9)
    uniform = whole_offspring(BetaQualityLaw(1, 1), 30)  # k+1 calls (theory 6a)
    assert run_on_counts(uniform, trap(30), Start(30), 2).hit.mean == pytest.approx(31, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(10, 2), (100, 3), (1000, 4)])
@pytest.mark.parametrize("weak", [False, True])
def test_last_step_of_jump(n, m, weak):
    """Theory 7d: r^-m (1-r)^(m-n) calls from the local optimum; equally good offspring have as many wrong blocks."""
    r = 1 / n
    run = run_on_counts(whole_offspring(IndependentBlocks(r, 1 - r), n), jump(n, m), Start(n, incorrect=m), weak=weak)
    chance = r**m * (1 - r) ** (n - m)
    assert run.hit.mean == pytest.approx(1 / chance, rel=1e-10)
    assert run.hit.variance == pytest.approx((1 - chance) / chance**2, rel=1e-9)


@pytest.mark.parametrize(("k", "g", "m"), [(8, 3, 2), (100, 10, 3), (300, 4, 4)])
def test_random_subsets_repair_jump(k, g, m):
    """Theory 10: C(k, g)/(C(k-m, g-m) p^g) from the local optimum; subsets smaller than m never do."""
    p = 0.6
    law, start = IndependentBlocks(p, p), Start(k, incorrect=m)
    run = run_on_counts(subset_offspring(law, k, g), jump(k, m), start)
    exact = Fraction(math.comb(k, g), math.comb(k - m, g - m)) / Fraction(p) ** g
    assert run.hit.mean == pytest.approx(float(exact), rel=1e-10)
    for weak in (False, True):
        stuck = run_on_counts(subset_offspring(law, k, m - 1), jump(k, m), Start(k), weak=weak).hit
        assert stuck.mean == stuck.variance == stuck.quantile(0.01) == math.inf
        assert float(stuck.tail(np.inf)) == 1.0


def test_single_blocks_are_trapped():
    """Theory 10: needle and trap under strict acceptance, unless at most one block is incorrect."""
    k, p0 = 6, 0.7
    for offspring, fitness in product((subset_offspring(HALF, k, 1), wrong_block_offspring(HALF, k)), (needle, trap)):
        run = run_on_counts(offspring, fitness(k), Start(k, p0=p0), lam=2)
        assert run.hit.mean == run.generations.mean == math.inf
        if fitness is needle:  # trap may also climb away from one incorrect block
            near = p0**k + k * p0 ** (k - 1) * (1 - p0)
            assert float(run.hit.cdf(np.inf)) == pytest.approx(near, rel=1e-12)
    oracle = run_on_counts(wrong_block_offspring(HALF, k), needle(k), Start(k), weak=True)  # j/a (theory 10b)
    assert oracle.hit.mean == pytest.approx(2 * k, **CLOSE)
    # trap from one incorrect block: up w.p. a/k to the optimum, w.p. (1-b)(k-1)/k away for ever
    up, away = 0.4 / k, 0.3 * (k - 1) / k
    run = run_on_counts(subset_offspring(MIXED, k, 1), trap(k), Start(k, incorrect=1))
    assert float(run.hit.cdf(np.inf)) == pytest.approx(up / (up + away), rel=1e-12)


# ---------------------------------------------------------------------------------------------------------------- noise


def gaussian(k, sigma):
    """Theory 8a, one sample each: Phi(D/(sigma sqrt 2))."""
    i = np.arange(k + 1)
    return norm.cdf((i[:, None] - i[None, :]) / (sigma * math.sqrt(2)))


def birth_death_means(k, law, up, down):
    """Theory 8b in exact fractions: expected time from i incorrect blocks to i-1, for i = 1..k."""
    a, b, up, down = Fraction(law.fix), Fraction(law.keep), Fraction(up), Fraction(down)
    steps, before = [], Fraction(0)
    for i in range(k, 0, -1):
        before = (1 + Fraction(k - i, k) * (1 - b) * down * before) / (Fraction(i, k) * a * up)
        steps.append(before)
    return steps[::-1]


@pytest.mark.parametrize(("k", "sigma"), [(4, 3.0), (20, 1.0), (40, 0.9)])
@pytest.mark.parametrize("law", [HALF, MIXED], ids=["half", "mixed"])
def test_noisy_single_blocks_are_a_birth_death_chain(k, sigma, law):
    accept = gaussian(k, sigma)
    steps = birth_death_means(k, law, accept[1, 0], accept[0, 1])
    for start, weights in ((Start(k), {k: 1.0}), (Start(k, incorrect=3), {3: 1.0}), (Start(k, p0=0.5), None)):
        weights = weights or {i: math.comb(k, i) / 2**k for i in range(k + 1)}
        mean = sum(chance * float(sum(steps[:i])) for i, chance in weights.items())
        run = accepted_on_counts(subset_offspring(law, k, 1), accept, start)
        assert run.hit.mean == pytest.approx(mean, rel=1e-11)
        assert run.generations.mean == run.hit.mean
    oracle = accepted_on_counts(wrong_block_offspring(law, k), accept, Start(k)).hit
    rate = law.fix * accept[1, 0]
    assert oracle.mean == pytest.approx(k / rate, rel=1e-12)
    assert oracle.variance == pytest.approx(k * (1 - rate) / rate**2, rel=1e-11)


def test_slow_down_by_noise():
    """Theory 8b, p = 1/2: over the noise-free 2 k H_k."""
    slow = {(10, 1.0): "3.51", (20, 1.0): "18.1", (50, 1.0): "17867", (10, 0.5): "1.36", (20, 0.5): "1.76"}
    for (k, sigma), factor in slow.items():
        run = accepted_on_counts(subset_offspring(HALF, k, 1), gaussian(k, sigma), Start(k))
        free = 2 * k * sum(1 / i for i in range(1, k + 1))
        digits = len(factor.split(".")[1]) if "." in factor else 0
        assert f"{run.hit.mean / free:.{digits}f}" == factor
    run = accepted_on_counts(subset_offspring(HALF, 20, 1), gaussian(20, 1.0), Start(20))
    assert round(run.hit.mean, 1) == 2602.6


def test_noisy_whole_solutions():
    """Theory 8b, a = b = p: from k-c incorrect the optimum needs p^k and acceptance; two blocks by exact fractions."""
    accept = gaussian(2, 1.0)
    run = accepted_on_counts(whole_offspring(HALF, 2), accept, Start(2))
    one, two = Fraction(float(accept[1, 0])), Fraction(float(accept[2, 0]))
    worse = Fraction(float(accept[1, 2]))
    quarter, half = Fraction(1, 4), Fraction(1, 2)
    # (quarter one + quarter worse) h1 = 1 + quarter worse h2; (quarter two + half one) h2 = 1 + half one h1
    left1, left2 = quarter * one + quarter * worse, quarter * two + half * one
    h2 = (1 + half * one / left1) / (left2 - half * one * quarter * worse / left1)
    assert run.hit.mean == pytest.approx(float(h2), rel=1e-13)


def decimal_cdf(moves, finish, doublings):
    """P(T <= 2^doublings) from each state, by squaring in 80 digits."""
    n = len(finish)
    with localcontext() as context:
        context.prec = 80
        rows = [[Decimal(x) for x in row] for row in moves]
        for i in range(n):
            rows[i][i] = 1 - Decimal(finish[i]) - sum(rows[i][j] for j in range(n) if j != i)
        for _ in range(doublings):
            rows = [[sum(rows[i][x] * rows[x][j] for x in range(n)) for j in range(n)] for i in range(n)]
        return [float(1 - sum(row)) for row in rows]


def test_very_long_runs_keep_their_digits():
    """k = 3, improvements seen once in 10^4: mean 10^12; cdf after 2^40 generations and moments by exact arithmetic."""
    k, up, down = 3, 1e-4, 0.9
    accept = np.where(np.arange(4)[:, None] > np.arange(4), up, down)
    offspring = subset_offspring(HALF, k, 1)
    steps = birth_death_means(k, HALF, up, down)
    moves = (offspring * accept)[1:, 1:]
    finish = (offspring * accept)[1:, 0]
    exact = decimal_cdf(moves.tolist(), finish.tolist(), 40)
    for j in (1, 2, 3):
        hit = accepted_on_counts(offspring, accept, Start(k, incorrect=j)).hit
        assert hit.mean == pytest.approx(float(sum(steps[:j])), rel=1e-13)
        assert float(hit.cdf(2.0**40)) == pytest.approx(exact[j - 1], rel=1e-11)
        assert float(hit.cdf(hit.quantile(0.3))) == pytest.approx(0.3, rel=1e-9)
    assert 1e11 < hit.mean < 1e13
    # variance from k to 0: the sum over steps down, by first-step analysis of the second moment in fractions
    up_, down_ = Fraction(up) / 2, Fraction(down) / 2
    second = variance = Fraction(0)
    for i in range(k, 0, -1):
        u, d, h = up_ * i / k, down_ * (k - i) / k, steps[i - 1]
        above = steps[i] if i < k else Fraction(0)
        # T = 1 + (0 if down, T if stays, T' + T'' if up): E T^2 = 1 + 2 (E[T] - 1) + (1-u-d) E T^2 + d E (T' + T'')^2
        now = (2 * h - 1 + d * (second + 2 * above * h)) / u
        variance += now - h**2
        second = now
    assert hit.variance == pytest.approx(float(variance), rel=1e-11)


@pytest.mark.parametrize(("k", "sigma"), [(200, 0.5), (1000, 0.4)])
def test_many_blocks(k, sigma):
    accept = gaussian(k, sigma)
    steps = birth_death_floats(k, accept[1, 0], accept[0, 1])
    hit = accepted_on_counts(subset_offspring(HALF, k, 1), accept, Start(k)).hit
    assert hit.mean == pytest.approx(math.fsum(steps), rel=1e-10)
    if k == 200:
        median = hit.quantile(0.5)
        assert float(hit.cdf(median)) >= 0.5 > float(hit.cdf(median - 1))


def birth_death_floats(k, up, down):
    steps = [0.0]
    for i in range(k, 0, -1):
        steps.append((1 + (k - i) / k * 0.5 * down * steps[-1]) / (i / k * 0.5 * up))
    return steps


# --------------------------------------------------------------------------------------------------------------- limits


def test_too_rare_for_floats_is_refused_and_impossible_is_infinite():
    rare = whole_offspring(IndependentBlocks(0.002, 0.001), 120)  # 10^-324 and less
    for weak in (False, True):
        with pytest.raises(NoPrediction, match="too small for floats"):
            run_on_counts(rare, needle(120), Start(120), weak=weak)
    with pytest.raises(NoPrediction, match="too small for floats"):
        accepted_on_counts(rare, np.ones((121, 121)), Start(120))
    assert run_on_counts(whole_offspring(IndependentBlocks(1.0, 0.0), 6), needle(6), Start(6)).hit.mean == 1.0
    never = run_on_counts(whole_offspring(IndependentBlocks(1.0, 0.0), 6), needle(6), Start(6, incorrect=2), weak=True)
    assert never.hit.mean == math.inf
    with pytest.raises(NoPrediction, match="5000 states, more than"):
        run_on_counts(np.zeros((1, 1)), needle(5000), Start(5000))


def test_what_does_not_fit_is_refused():
    good = subset_offspring(HALF, 4, 1)
    for fitness in (needle(3), np.zeros(5), -needle(4), np.array([1, 0, 0, np.inf, 0])):
        with pytest.raises(InputError, match="fitness must"):
            run_on_counts(good, fitness, Start(4))
    for offspring in (good[:-1], -good, 2 * good):
        with pytest.raises(InputError, match="offspring must hold probabilities"):
            run_on_counts(offspring, needle(4), Start(4))
    with pytest.raises(InputError, match="accept must hold probabilities"):
        accepted_on_counts(good, np.ones(5), Start(4))
    with pytest.raises(InputError, match="lam must be"):
        run_on_counts(good, needle(4), Start(4), lam=0)
    with pytest.raises(InputError, match="chunk size g"):
        subset_offspring(HALF, 4, 5)
    assert run_on_counts(good, needle(4), Start(4, p0=1.0), 2).hit.mean == 0.0
