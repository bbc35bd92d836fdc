"""LeadingBlocks: means and variances against exact sums, laws against all starts written out, limits far out."""

import math
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest

from evo.errors import InputError, NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.laws.mixtures import BetaQualityLaw, Invalid, Mixture
from evo.theory import Start
from evo.theory.problems.leading import (
    leading_all_blocks,
    leading_only_incorrect,
    leading_round_robin,
    leading_uniform_chunk,
    leading_until_resolved,
)

HALF, MIXED = IndependentBlocks(0.5, 0.5), IndependentBlocks(0.3, 0.8)
CLOSE = {"rel": 1e-12, "abs": 0}


def all_starts(start):
    """Solutions with their probabilities."""
    k = start.k
    if start.incorrect is not None:
        for wrong in combinations(range(k), start.incorrect):
            yield [n not in wrong for n in range(k)], 1 / math.comb(k, start.incorrect)
        return
    for solution in product((False, True), repeat=k):
        right = sum(solution)
        yield solution, start.p0**right * (1 - start.p0) ** (k - right)


def walked(schedule, start, fix, lam, generations):
    """P(hit = t) for t = 0..lam x generations: every start, call after call, the first wrong block open to repair."""
    k = start.k
    hit = np.zeros(lam * generations + 1)
    for solution, chance in all_starts(start):
        wrong = [n for n, right in enumerate(solution) if not right]
        if not wrong:
            hit[0] += chance
            continue
        state = np.zeros(len(wrong))  # how many of the wrong blocks are repaired
        state[0] = chance
        for generation in range(generations):
            for call in range(lam):
                last = state[-1]
                rate = (fix if generation % k == wrong[-1] else 0.0) if schedule == "robin" else fix / k
                hit[generation * lam + call + 1] += last * rate * (1 - rate) ** call
            for done in range(len(wrong) - 1, -1, -1):
                rate = (fix if generation % k == wrong[done] else 0.0) if schedule == "robin" else fix / k
                moved = state[done] * (1 - (1 - rate) ** lam)
                state[done] -= moved
                if done + 1 < len(wrong):
                    state[done + 1] += moved
    return hit


@pytest.mark.parametrize("lam", [1, 3])
@pytest.mark.parametrize("start", [Start(5), Start(5, p0=0.4), Start(5, incorrect=2), Start(5, incorrect=1)])
@pytest.mark.parametrize("schedule", ["robin", "uniform"])
def test_law_is_that_of_every_start_walked_through(schedule, start, lam):
    formula = {"robin": leading_round_robin, "uniform": leading_uniform_chunk}[schedule]
    run, generations = formula(MIXED, 5, start, lam), 60
    cdf = np.cumsum(walked(schedule, start, 0.3, lam, generations))
    np.testing.assert_allclose(run.hit.cdf(np.arange(len(cdf))), cdf, atol=1e-12)
    np.testing.assert_allclose(run.hit.tail(np.arange(len(cdf))), 1 - cdf, atol=1e-12)
    np.testing.assert_allclose(run.generations.cdf(np.arange(generations + 1)), cdf[::lam], atol=1e-12)
    for u in (0.05, 0.1, 0.25):
        assert run.hit.quantile(u) == np.searchsorted(cdf, u)
        assert run.generations.quantile(u) == np.searchsorted(cdf[::lam], u)


@pytest.mark.parametrize("lam", [1, 2, 4])
@pytest.mark.parametrize("start", [Start(7), Start(7, p0=0.6), Start(7, incorrect=3), Start(7, incorrect=7)])
@pytest.mark.parametrize("formula", [leading_round_robin, leading_uniform_chunk])
def test_moments_are_tail_sums(formula, start, lam):
    run = formula(MIXED, 7, start, lam)
    for time, terms in ((run.hit, 6000), (run.generations, 6000)):
        t = np.arange(terms)
        tail = time.tail(t)
        assert time.mean == pytest.approx(tail.sum(), rel=1e-11)
        assert time.variance == pytest.approx(((2 * t + 1) * tail).sum() - tail.sum() ** 2, rel=1e-9)


@pytest.mark.parametrize("k", [1, 10, 1000])
@pytest.mark.parametrize("p0", [0.0, 0.25, 0.9])
def test_means_and_variances_in_closed_form(k, p0):
    """Theory 10c."""
    a, start = 0.3, Start(k, p0=p0)
    uniform, robin = (formula(MIXED, k, start).hit for formula in (leading_uniform_chunk, leading_round_robin))
    assert uniform.mean == pytest.approx(k * k * (1 - p0) / a, **CLOSE)
    rest = p0 * (1 - p0**k) / (1 - p0)
    assert robin.mean == pytest.approx(k * k * (1 - p0) * (1 - a) / a + k - rest, **CLOSE)
    # a random sum: Var = E[J] Var[Geom] + Var[J] E[Geom]^2
    chance, mean_j, var_j = a / k, k * (1 - p0), k * p0 * (1 - p0)
    assert uniform.variance == pytest.approx(mean_j * (1 - chance) / chance**2 + var_j / chance**2, rel=1e-11)
    assert leading_only_incorrect(MIXED, k, start).hit.mean == pytest.approx(k * (1 - p0) / a, **CLOSE)
    sequence = k * (1 - p0) / a + p0 * (k - (1 - p0**k) / (1 - p0)) / 0.2  # theory 2i
    assert leading_until_resolved(MIXED, k, start).hit.mean == pytest.approx(sequence, rel=1e-11)
    if p0 == 0.0:
        assert uniform.variance == pytest.approx(k * k * (k - a) / a**2, rel=1e-11)
        assert robin.variance == pytest.approx(k**3 * (1 - a) / a**2, **CLOSE)


def test_reference_values():
    start = Start(4, p0=0.25)
    assert leading_uniform_chunk(HALF, 4, start).hit.mean == pytest.approx(24, **CLOSE)
    assert leading_round_robin(HALF, 4, start).hit.mean == pytest.approx(15.66796875, **CLOSE)
    assert leading_round_robin(HALF, 64, Start(64)).hit.mean == pytest.approx(64**2 + 64, **CLOSE)
    assert leading_uniform_chunk(Invalid(0.2, HALF), 4, start).hit.mean == pytest.approx(24 / 0.8, **CLOSE)


@pytest.mark.parametrize(("k", "j"), [(6, 1), (9, 4), (30, 2)])
def test_moments_of_exactly_j_incorrect_under_round_robin(k, j):
    """L + k F with L the largest of j random positions, from all subsets, and F negative binomial."""
    last = [max(some) + 1 for some in combinations(range(k), j)]
    mean_last = Fraction(sum(last), len(last))
    var_last = Fraction(sum(x * x for x in last), len(last)) - mean_last**2
    hit = leading_round_robin(MIXED, k, Start(k, incorrect=j)).hit
    assert hit.mean == pytest.approx(float(mean_last) + k * j * 0.7 / 0.3, **CLOSE)
    assert hit.variance == pytest.approx(float(var_last) + k**2 * j * 0.7 / 0.3**2, **CLOSE)


def test_blocks_that_are_always_or_never_repaired():
    sure, never = IndependentBlocks(1.0, 0.5), IndependentBlocks(0.0, 0.5)
    last = leading_round_robin(sure, 6, Start(6, p0=0.5)).hit
    np.testing.assert_allclose(last.cdf(np.arange(7)), 0.5 ** np.arange(6.0, -1.0, -1.0), rtol=1e-14)
    assert leading_round_robin(sure, 6, Start(6, p0=0.5), 3).hit.mean == pytest.approx(
        3 * (last.mean - (1 - 0.5**6)) + (1 - 0.5**6)
    )
    for formula, lam in product((leading_round_robin, leading_uniform_chunk, leading_only_incorrect), (1, 2)):
        run = formula(never, 3, Start(3, p0=0.5), lam)
        for time in (run.hit, run.generations):
            assert time.mean == time.variance == time.quantile(0.9) == math.inf
            assert float(time.cdf(np.inf)) == pytest.approx(0.125, rel=1e-12)
            assert float(time.tail(1e9)) == pytest.approx(0.875, rel=1e-12)
        assert formula(never, 3, Start(3, p0=1.0), lam).hit.mean == 0.0


def test_far_out_under_round_robin():
    """One block in k: T = L + kF, geometric sweeps; the tail keeps its digits where the cdf is 1."""
    k, a = 50, 1e-6
    hit = leading_round_robin(IndependentBlocks(a, 0.5), k, Start(k, incorrect=1)).hit
    for sweeps in (10, 10**6, 10**8):
        tail = math.exp(sweeps * math.log1p(-a))
        assert float(hit.tail(k * sweeps)) == pytest.approx(tail, rel=1e-9)
    q = hit.quantile(0.999)
    assert float(hit.cdf(q)) >= 0.999 > float(hit.cdf(q - 1))


# ------------------------------------------------------------------------------------------------ LeadingOnes (7b, 7c)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20, 50])
@pytest.mark.parametrize("rate", ["1/n", "1/3", "1/2"])
def test_leading_ones(n, rate):
    r = Fraction(1, n) if rate == "1/n" else Fraction(rate)
    r = min(r, Fraction(1, 2))  # n = 1
    run = leading_all_blocks(IndependentBlocks(float(r), 1 - float(r)), n, Start(n, p0=0.5))
    r = Fraction(float(r))
    improve = [r * (1 - r) ** i for i in range(n)]
    assert run.hit.mean == pytest.approx(float(sum(1 / (2 * p) for p in improve)), rel=1e-11)
    assert run.hit.mean == pytest.approx(float(((1 - r) ** (1 - n) - (1 - r)) / (2 * r**2)), rel=1e-11)
    variance = sum(3 / (4 * p**2) - 1 / (2 * p) for p in improve)
    assert run.hit.variance == pytest.approx(float(variance), rel=1e-10)


def test_leading_ones_asymptotically():
    """(e-1)/2 n^2 and 3(e^2-1)/8 n^3 + (17-3e^2-8e)/16 n^2 (theory 7b, 7c); the best rate 1.59362426/n."""
    n, e = 1000, math.e
    run = leading_all_blocks(IndependentBlocks(1 / n, 1 - 1 / n), n, Start(n, p0=0.5)).hit
    assert run.mean / n**2 == pytest.approx((e - 1) / 2, abs=1e-3)
    second = run.variance - 3 * (e**2 - 1) / 8 * n**3
    assert second / n**2 == pytest.approx((17 - 3 * e**2 - 8 * e) / 16, abs=0.01)
    best = IndependentBlocks(1.59362426 / n, 1 - 1.59362426 / n)
    assert leading_all_blocks(best, n, Start(n, p0=0.5)).hit.mean / n**2 == pytest.approx(0.77206933, abs=2e-3)


@pytest.mark.parametrize(("a", "b"), [(0.2, 0.9), (0.6, 0.5), (1.0, 0.3)])
def test_whole_solutions_from_a_stationary_start(a, b):
    """Direct sum of B_i Geom(a b^i), B_i ~ Bernoulli(1-p0): moments, and the cdf by convolution."""
    k, p0 = 6, a / (a + 1 - b)
    hit = leading_all_blocks(IndependentBlocks(a, b), k, Start(k, p0=p0)).hit
    t, law = np.arange(80), np.eye(80)[0]
    mean = variance = 0.0
    for i in range(k):
        s = a * b**i
        each = np.where(t > 0, (1 - p0) * s * (1 - s) ** np.maximum(t - 1, 0), p0)
        law = np.convolve(law, each)[:80]
        mean += (1 - p0) / s
        variance += (1 - p0) * (2 - s) / s**2 - ((1 - p0) / s) ** 2
    assert hit.mean == pytest.approx(mean, rel=1e-12)
    assert hit.variance == pytest.approx(variance, rel=1e-11)
    np.testing.assert_allclose(hit.cdf(t), np.cumsum(law), atol=1e-13)


def test_mixtures_that_leave_the_start_as_it_is():
    flips, start = IndependentBlocks(0.2, 0.8), Start(6, p0=0.5)
    plain = leading_all_blocks(flips, 6, start).hit.mean
    lazy = Mixture((0.3, 0.7), (IndependentBlocks(0, 1), flips))
    assert leading_all_blocks(lazy, 6, start).hit.mean == pytest.approx(plain / 0.7, **CLOSE)
    assert leading_all_blocks(Invalid(0.3, flips), 6, start).hit.mean == pytest.approx(plain / 0.7, **CLOSE)
    two = Mixture((0.5, 0.5), (flips, IndependentBlocks(0.4, 0.6)))
    exact = sum(0.5 / (0.5 * 0.2 * 0.8**i + 0.5 * 0.4 * 0.6**i) for i in range(6))
    assert leading_all_blocks(two, 6, start).hit.mean == pytest.approx(exact, **CLOSE)


@pytest.mark.parametrize("lam", [1, 3])
def test_equal_rates_need_no_stationary_start(lam):
    """Theory 1a, 6a: uniform quality makes all 5 blocks correct w.p. 1/6."""
    for law, chance in ((HALF, 1 / 32), (BetaQualityLaw(1, 1), 1 / 6)):
        for start, optimal in ((Start(5), 0.0), (Start(5, p0=0.5), 1 / 32), (Start(5, incorrect=2), 0.0)):
            run = leading_all_blocks(law, 5, start, lam)
            assert run.hit.mean == pytest.approx((1 - optimal) / chance, rel=1e-12)
            assert run.generations.mean == pytest.approx((1 - optimal) / (1 - (1 - chance) ** lam), rel=1e-12)


class Counted:
    """A law that says nothing of single blocks."""

    def pmf(self, g, i):
        return IndependentBlocks(0.2, 0.8).pmf(g, i)


def test_what_is_not_known_is_refused():
    flips, start = IndependentBlocks(0.2, 0.8), Start(5, p0=0.5)
    for law, begin, lam, why in (
        (flips, start, 2, "lam=1"),
        (flips, Start(5, p0=0.4), 1, "p0=0.4"),
        (flips, Start(5), 1, "p0=0"),
        (flips, Start(5, incorrect=2), 1, "independent blocks"),
        (Mixture((0.5, 0.5), (flips, IndependentBlocks(0.2, 0.9))), start, 1, "p0=0.5"),
        (IndependentBlocks(0.4, 0.6), Start(2000, p0=0.5), 1, "too small for floats"),
        (flips, Start(5, p0=0.5 + 1e-11), 1, "p0=0.5 "),
        (Counted(), start, 1, "independent blocks"),
    ):
        with pytest.raises(NoPrediction, match=why):
            leading_all_blocks(law, begin.k, begin, lam)
    rounded = leading_all_blocks(flips, 5, Start(5, p0=0.5 + 1e-13)).hit.mean
    assert rounded == pytest.approx(leading_all_blocks(flips, 5, start).hit.mean, rel=1e-11)
    for formula in (leading_round_robin, leading_uniform_chunk, leading_all_blocks, leading_only_incorrect):
        with pytest.raises(InputError, match="blocks, the run"):
            formula(flips, 4, start)
