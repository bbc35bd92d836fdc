"""Noisy acceptance by counts, and stored noise, against enumerations, fractions, chains and other quadratures."""

import math
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfcx

from evo.errors import InputError, NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.theory import Start
from evo.theory.calls.acceptance import (
    ahead_error,
    expected_votes,
    gaussian_acceptance,
    judged_acceptance,
    judged_block_acceptance,
    majority_error,
)
from evo.theory.calls.offspring_counts import subset_offspring, whole_offspring, wrong_block_offspring
from evo.theory.problems.stored_noise import StoredTime, stored_means, stored_on_counts


def onemax(k):
    return k - np.arange(k + 1.0)


def climbs(accept, a=0.5, b=0.5):
    """Expected calls from i to i - 1 incorrect blocks, i = 1..k, a random block each call (8b)."""
    k, after, times = len(accept) - 1, 0.0, []
    for i in range(k, 0, -1):
        up = (k - i) / k * (1 - b) * accept[i, i + 1] * after if i < k else 0.0
        after = (1 + up) / (i / k * a * accept[i, i - 1])
        times.append(after)
    return times[::-1]


# --- Gaussian noise, both sides evaluated afresh ---


@pytest.mark.parametrize(("sigma", "m"), [(1.0, 1), (0.5, 4), (3.0, 2), (0.25, 1)])
def test_gaussian_acceptance_is_the_error_function_also_far_out(sigma, m):
    accept = gaussian_acceptance(onemax(8), sigma, m)
    for i, j in product(range(9), repeat=2):
        exact = 0.5 * math.erfc(-(i - j) * math.sqrt(m) / (2 * sigma))
        assert accept[i, j] == pytest.approx(exact, rel=1e-11)
    if sigma == 0.25:
        assert 0.0 < accept[0, 8] < 1e-100


def test_no_noise_compares_and_any_fitness_will_do():
    fitness = [3.0, 3.0, 0.0]
    assert gaussian_acceptance(fitness, 0.0).tolist() == [[0, 0, 0], [0, 0, 0], [1, 1, 0]]
    assert gaussian_acceptance(fitness, 0.0, weak=True).tolist() == [[1, 1, 0], [1, 1, 0], [1, 1, 1]]
    assert gaussian_acceptance(fitness, 2.0)[2, 0] == pytest.approx(0.5 * math.erfc(-3 / 4), rel=1e-14)


@pytest.mark.parametrize(
    ("k", "m", "value"), [(4, 1, 29.499197769275200615), (4, 4, 19.579922593687432261), (10, 4, 79.489388778183688907)]
)
def test_references_under_uniform_chunks(k, m, value):
    assert sum(climbs(gaussian_acceptance(onemax(k), 1.0, m))) == pytest.approx(value, rel=1e-13)


def test_reference_under_the_oracle():
    accept = gaussian_acceptance(onemax(10), 1.0)
    assert sum(2 / accept[i, i - 1] for i in range(1, 11)) == pytest.approx(26.307137924622845987, rel=1e-13)


@pytest.mark.parametrize(
    ("sigma", "k", "value"),
    [(1.0, 10, 3.51), (1.0, 20, 18.1), (1.0, 50, 17867), (0.5, 10, 1.36), (0.5, 20, 1.76), (0.5, 50, 5.35)],
)
def test_slow_down_over_no_noise(sigma, k, value):  # (8b), to the digits given there
    noisy, clean = (sum(climbs(gaussian_acceptance(onemax(k), s))) for s in (sigma, 0.0))
    assert noisy / clean == pytest.approx(value, rel=0.003)


@pytest.mark.parametrize("a", [0.5, 0.3])
@pytest.mark.parametrize("k", [1, 5, 30])
def test_stall_blocks_are_independent_if_a_is_the_chance_of_damage(k, a):
    """At a = 1 - b the unstopped chain has independent blocks: mean return time to the optimum (Phi+)^-k (8b)."""
    accept = gaussian_acceptance(onemax(k), 1.0)
    back = 1 + a * accept[0, 1] * climbs(accept, a, 1 - a)[0]
    assert back == pytest.approx((0.5 * math.erfc(-0.5)) ** -k, rel=1e-12)


@pytest.mark.parametrize("m", [1, 4])
def test_stall_under_a_judge_of_the_changed_block(m):
    accept = judged_block_acceptance(6, 0.2, 0.3, m, weak=True)
    up, down = accept[3, 2], accept[3, 4]
    back = 1 + 0.5 * accept[0, 1] * climbs(accept)[0]
    assert back == pytest.approx((up / (up + down)) ** -6, rel=1e-12)
    assert up / (up + down) < 0.99


# --- judges ---


def judgements(truth, m, fp, fn):
    """All lists of m judgements on each block, as (score, probability)."""
    right = [1 - fn if correct else fp for correct in truth for _ in range(m)]
    for seen in product((0, 1), repeat=len(right)):
        yield sum(seen), math.prod(p if s else 1 - p for p, s in zip(right, seen, strict=True))


def chance_accepted(parent, child, m, fp, fn, weak):
    """By enumerating every verdict on both sides."""
    before, after = list(judgements(parent, m, fp, fn)), list(judgements(child, m, fp, fn))
    return sum(p * q for s, p in before for t, q in after if t > s or (weak and t == s))


@pytest.mark.parametrize("weak", [False, True], ids=["strict", "weak"])
@pytest.mark.parametrize(("k", "m"), [(1, 1), (3, 1), (2, 2), (1, 4)])
def test_judged_acceptance_enumerates_all_verdicts(k, m, weak):
    accept = judged_acceptance(k, 0.3, 0.1, m, weak)
    for i, j in product(range(k + 1), repeat=2):
        parent, child = ([block >= wrong for block in range(k)] for wrong in (i, j))
        assert accept[i, j] == pytest.approx(chance_accepted(parent, child, m, 0.3, 0.1, weak), rel=1e-13)


@pytest.mark.parametrize("weak", [False, True], ids=["strict", "weak"])
@pytest.mark.parametrize("m", [1, 2, 3])
def test_judged_block_enumerates_the_verdicts_on_it(m, weak):
    accept = judged_block_acceptance(3, 0.3, 0.1, m, weak)
    better = chance_accepted([False], [True], m, 0.3, 0.1, weak)
    worse = chance_accepted([True], [False], m, 0.3, 0.1, weak)
    assert [accept[i, i - 1] for i in (1, 2, 3)] == pytest.approx([better] * 3, rel=1e-13)
    assert [accept[i, i + 1] for i in (0, 1, 2)] == pytest.approx([worse] * 3, rel=1e-13)
    assert accept.shape == (4, 4)
    assert ((accept >= 0) & (accept <= 1)).all()


def test_judged_block_at_one_verdict_is_the_closed_form():  # (8c)
    fp, fn = 0.2, 0.05
    strict, weak = judged_block_acceptance(2, fp, fn), judged_block_acceptance(2, fp, fn, weak=True)
    assert [strict[1, 0], strict[1, 2]] == pytest.approx([(1 - fn) * (1 - fp), fp * fn], rel=1e-14)
    assert [weak[1, 0], weak[1, 2]] == pytest.approx([1 - fn * fp, 1 - (1 - fp) * (1 - fn)], rel=1e-14)
    assert judged_block_acceptance(1, 0.25, 1e-18)[0, 1] == pytest.approx(2.5e-19, rel=1e-14)


def score_law(truth, m, fp, fn):
    """Law of the score in fractions, a verdict at a time."""
    law = [Fraction(1)]
    for correct in truth:
        p = 1 - fn if correct else fp
        for _ in range(m):
            law = [(1 - p) * x + p * y for x, y in zip([*law, 0], [0, *law], strict=True)]
    return law


@pytest.mark.parametrize("weak", [False, True], ids=["strict", "weak"])
def test_judged_acceptance_keeps_the_digits_of_small_chances(weak):
    k, m, fp, fn = 6, 5, Fraction(1, 2**20), Fraction(1, 2**9)
    accept = judged_acceptance(k, float(fp), float(fn), m, weak)
    laws = [score_law([block >= i for block in range(k)], m, fp, fn) for i in range(k + 1)]
    for i, j in product(range(k + 1), repeat=2):
        upto = [sum(laws[i][: t + weak]) for t in range(m * k + 1)]
        exact = sum(p * q for p, q in zip(laws[j], upto, strict=True))
        assert accept[i, j] == pytest.approx(float(exact), rel=1e-12)
    assert 0.0 < accept[0, k] < 1e-80


def test_judged_acceptance_at_the_edges():
    perfect = judged_acceptance(3, 0.0, 0.0, 2)
    assert perfect.tolist() == gaussian_acceptance(onemax(3), 0.0).tolist()
    blind = judged_acceptance(3, 1.0, 0.0)  # everything looks correct
    assert not blind.any()
    large = judged_acceptance(200, 0.05, 0.05, 30)  # strict against weak: they sum to 1 over both directions
    again = judged_acceptance(200, 0.05, 0.05, 30, weak=True)
    np.testing.assert_allclose(large + again.T, 1.0, atol=1e-12)
    assert 0.0 < large[0, 10] < 1e-28


@pytest.mark.parametrize(("f", "votes"), [(0.3, 1), (0.3, 3), (0.05, 7)])
def test_majority_errs_if_most_votes_do(f, votes):
    exact = sum(
        math.prod(f if wrong else 1 - f for wrong in ballot)
        for ballot in product((0, 1), repeat=votes)
        if 2 * sum(ballot) > votes
    )
    assert majority_error(f, votes) == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize(("f", "ahead"), [(0.2, 3), (0.5, 4), (0.01, 2), (0.7, 3)])
def test_first_ahead_is_the_gamblers_ruin(f, ahead):  # (9a), (9b)
    size = 2 * ahead - 1  # leads of the wrong verdict, -ahead+1 .. ahead-1
    walk = np.eye(size) - f * np.eye(size, k=1) - (1 - f) * np.eye(size, k=-1)
    wins = np.linalg.solve(walk, np.append(np.zeros(size - 1), f))[ahead - 1]
    votes = np.linalg.solve(walk, np.ones(size))[ahead - 1]
    assert ahead_error(f, ahead) == pytest.approx(wins, rel=1e-11)
    assert expected_votes(f, ahead) == pytest.approx(votes, rel=1e-11)


@pytest.mark.parametrize(
    "call",
    [
        lambda: gaussian_acceptance([[1.0]], 1.0),
        lambda: gaussian_acceptance([1.0, math.inf], 1.0),
        lambda: gaussian_acceptance([1.0, 0.0], -1.0),
        lambda: gaussian_acceptance([1.0, 0.0], math.nan),
        lambda: gaussian_acceptance([1.0, 0.0], 1.0, m=0),
        lambda: gaussian_acceptance([1.0, 0.0], math.inf),
        lambda: judged_acceptance(0, 0.1, 0.1),
        lambda: judged_acceptance(2, 1.1, 0.1),
        lambda: judged_block_acceptance(2, 0.1, math.nan),
        lambda: judged_block_acceptance(2, 0.1, 0.1, m=math.nan),
        lambda: judged_block_acceptance(0, 0.1, 0.1),
        lambda: majority_error(0.1, 2),
        lambda: majority_error(1.5, 3),
        lambda: ahead_error(0.1, 0),
        lambda: stored_on_counts(np.eye(4), 1.0, Start(2)),
        lambda: stored(0.5, math.inf, 2, Start(2)),
        lambda: stored(0.5, 1.0, 2, Start(2), m=0),
        lambda: stored(0.5, 1.0, 2, Start(3)),
    ],
    ids=[f"input{n}" for n in range(18)],
)
def test_bad_input_is_refused(call):
    with pytest.raises(InputError):
        call()


# --- Gaussian noise, the parent's value stored ---


def stored(fix, sigma, k, start, m=1):
    """OnlyIncorrect."""
    return stored_on_counts(wrong_block_offspring(IndependentBlocks(fix, 1.0), k), sigma, start, m)


def means(fix, s, most):
    return stored_means(np.diag([0.0] + [1 - fix] * most) + np.diag([fix] * most, -1), s)


UNIFORM, WHOLE, WRONG = (
    lambda law, k: subset_offspring(law, k, 1),
    lambda law, k: whole_offspring(law, k),
    lambda law, k: wrong_block_offspring(law, k),
)
STORED = [  # (17d), (17e): calls, P(solved) and E[fitness] after them, by programs that share nothing with this one
    (UNIFORM, 10, 0.5, 0.5, 0.5, 102.4330607293341,
     (20, 0.0014904, 5.50785), (100, 0.6722158, 9.537911), (400, 0.9873257, 9.982897)),
    (UNIFORM, 20, 0.5, 0.5, 1.0, 38026.35277631883,
     (20, 0.0, 3.869516), (100, 6.37e-05, 9.552184), (400, 0.050869, 15.228273)),
    (WHOLE, 6, 0.5, 0.5, 0.5, 102.55109164025478,
     (20, 0.2549216, 5.076722), (100, 0.7042923, 5.696635), (400, 0.9633898, 5.963263)),
    (UNIFORM, 12, 0.3, 0.9, 0.5, 320.9424217872234,
     (20, 3e-07, 3.841159), (100, 0.0852959, 9.481198), (400, 0.8122935, 11.75125)),
    (WRONG, 12, 0.3, 0.9, 0.5, 56.85947365794696,
     (20, 0.0015209, 4.698048), (100, 0.9581799, 11.84447), (400, 0.9993065, 11.99592)),
    (WHOLE, 10, 0.5, 0.95, 0.3, 6.22564024846654,
     (20, 0.9970403, 9.997037), (100, 0.9999992, 9.999999), (400, 1.0, 10.0)),
    (WRONG, 5, 0.4, 0.9, 1.0, 89.93257240310021,
     (20, 0.2951402, 3.098709), (100, 0.8681816, 4.681916), (400, 0.9793318, 4.948977)),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "k", "fix", "keep", "sigma", "mean", "first", "second", "third"), STORED)
def test_stored_noise_has_the_published_laws(schedule, k, fix, keep, sigma, mean, first, second, third):
    hit = stored_on_counts(schedule(IndependentBlocks(fix, keep), k), sigma, Start(k)).hit
    assert hit.mean == pytest.approx(mean, rel=1e-10)
    for calls, solved, fitness in (first, second, third):
        assert hit.cdf(calls) == pytest.approx(solved, abs=6e-8)
        assert hit.tail(calls) == pytest.approx(1 - solved, abs=6e-8)
        assert hit.fitness_at(np.array([calls])) == pytest.approx(fitness, abs=6e-7)


@pytest.mark.parametrize(("k", "sigma", "mean", "rel"), [(2, 1.0, 43.5218499, 1e-8), (50, 0.5, 1236.54, 1e-5)])
def test_stored_noise_under_uniform_chunk(k, sigma, mean, rel):  # (17d), (8d)
    run = stored_on_counts(subset_offspring(IndependentBlocks(0.5, 0.5), k, 1), sigma, Start(k))
    assert run.hit.mean == pytest.approx(mean, rel=rel)


def test_where_stored_noise_may_freeze_for_ever_is_refused():
    """Blocks that a call always flips: from 1 of 3 incorrect blocks no whole solution is ever correct."""
    flips = whole_offspring(IndependentBlocks(1.0, 0.0), 3)
    assert math.isinf(stored_on_counts(flips, 1.0, Start(3, incorrect=1)).hit.mean)
    with pytest.raises(NoPrediction, match="no call helps"):
        stored_on_counts(flips, 1.0, Start(3, p0=0.5))
    with pytest.raises(NoPrediction, match="no call raises"):
        stored_means(np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0.5, 0]]), 1.0)


def upper(z, s):
    """P(noise > z)."""
    return 0.5 * math.erfc(z / s / math.sqrt(2))


@pytest.mark.parametrize(("sigma", "value"), [(0.5, 2.502), (1.0, 6.870), (2.0, 121.1), (4.0, 3.0e6)])
def test_one_block_has_the_published_means(sigma, value):  # (8d), to the digits given there
    assert stored(0.5, sigma, 1, Start(1)).hit.mean == pytest.approx(value, rel=0.006)


@pytest.mark.parametrize(
    ("k", "sigma", "value"),
    [(1, 0.5, 2.5017403093721350929), (1, 2.0, 121.11799461296124104), (3, 0.5, 7.625097426014822)],
)
def test_stored_references(k, sigma, value):
    assert stored(0.5, sigma, k, Start(k)).hit.mean == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize(("a", "s"), [(0.5, 0.1), (0.05, 0.7), (0.9, 1.5), (1.0, 2.0), (0.5, 3.0), (0.2, 1.0)])
def test_one_block_is_the_closed_form(a, s):  # (8d): (exp((1-a)R)-1)/(1-a)
    def rate(z):  # by phi/S = sqrt(2/pi)/erfcx, so that nothing underflows
        fixed = erfcx((z - 1) / s / math.sqrt(2)) * math.exp((2 * z - 1) / (2 * s * s))
        return math.sqrt(2 / math.pi) / s / (a * fixed + (1 - a) * erfcx(z / s / math.sqrt(2)))

    ends = np.append(s * np.arange(-10, 10), 10 * s + np.arange(0, 45 * s * s, s))
    total = sum(quad(rate, *pair, epsabs=1e-15, epsrel=1e-13)[0] for pair in pairwise(ends))
    exact = math.expm1((1 - a) * total) / (1 - a) if a < 1 else total
    assert means(a, s, 1)[1] == pytest.approx(exact, rel=1e-10)


def backward(a, s, most, step):
    """J_i(-inf), i = 1..most, from V itself by the trapezoidal rule from the right, for shifts of 1/step points."""
    shift = round(1 / step)
    z = np.arange(-9 * s, 14 * s + 9 * s * s, step)
    density = np.exp(-0.5 * (z / s) ** 2) / s / math.sqrt(2 * math.pi) * step
    fixed, same = (np.array([upper(x - gain, s) for x in z]) for gain in (1, 0))
    leave, lower, means = a * fixed + (1 - a) * same, np.zeros(len(z)), []
    for _ in range(most):
        shifted = np.concatenate([np.full(min(shift, len(z)), lower[0]), lower[:-shift]])[: len(z)]
        known, value, rest, beyond = 1 + a * shifted, np.zeros(len(z)), 0.0, np.zeros(len(z))
        for n in range(len(z) - 1, -1, -1):
            half = 0.5 * density[n]
            value[n] = (known[n] + (1 - a) * rest) / (leave[n] - (1 - a) * half)  # J(z_n) = rest + half V(z_n)
            beyond[n] = rest + half * value[n]
            rest += density[n] * value[n]
        lower = beyond
        means.append(rest)
    return np.array(means)


@pytest.mark.parametrize(("a", "s", "step"), [(0.5, 0.5, 1 / 400), (0.3, 1.0, 1 / 200), (0.9, 0.7, 1 / 200)])
def test_stored_means_solve_the_equation_for_v(a, s, step):  # (8d), with an error of order step^2 extrapolated away
    coarse, fine = backward(a, s, 3, step), backward(a, s, 3, step / 2)
    np.testing.assert_allclose(means(a, s, 3)[1:], fine + (fine - coarse) / 3, rtol=2e-8)


def test_little_noise_is_none_and_repeats_divide_it():
    assert stored(0.3, 0.01, 50, Start(50)).hit.mean == pytest.approx(50 / 0.3, rel=1e-12)
    assert stored(0.3, 1e-300, 5, Start(5)).hit.mean == pytest.approx(5 / 0.3, rel=1e-12)
    none = stored(0.3, 0.0, 5, Start(5)).hit
    assert (none.mean, none.variance) == pytest.approx((5 / 0.3, 5 * 0.7 / 0.09))
    four, one = stored(0.5, 2.0, 3, Start(3), m=4).hit, stored(0.5, 1.0, 3, Start(3)).hit
    assert four.mean == pytest.approx(one.mean, rel=1e-14)
    assert four.tail([3, 9]).tolist() == one.tail([3, 9]).tolist()


def test_starts_are_mixtures():
    each = means(0.4, 1.0, 4)
    weights = [math.comb(4, j) * 0.7**j * 0.3 ** (4 - j) for j in range(5)]
    mixed, exact = (
        stored(0.4, 1.0, 4, Start(4, p0=0.3)),
        stored(0.4, 1.0, 4, Start(4, incorrect=2)),
    )
    assert mixed.hit.mean == pytest.approx(weights @ each, rel=1e-13)
    assert exact.hit.mean == pytest.approx(each[2], rel=1e-13)
    tails = [stored(0.4, 1.0, 4, Start(4, incorrect=j)).hit.tail([0, 3, 20]) for j in range(5)]
    np.testing.assert_allclose(mixed.hit.tail([0, 3, 20]), np.array(weights) @ np.array(tails), rtol=1e-12)
    assert stored(0.4, 1.0, 4, Start(4, incorrect=0)).hit.mean == 0.0


def test_the_distribution_sums_to_the_mean():
    time = stored(0.5, 0.3, 3, Start(3)).hit
    tails = time.tail(np.arange(6000))
    rest = 6000 * tails[-1]  # the tails fall faster than 1/t, by how much is not said: an order of magnitude
    assert rest < 1e-6
    assert tails.sum() == pytest.approx(time.mean, abs=10 * rest)
    assert time.cdf([-1, 2, math.inf]).tolist() == pytest.approx([0, 0, 1], abs=1e-14)
    assert time.quantile(0.5) == next(t for t in range(99) if tails[t] <= 0.5)


def test_the_first_calls_by_hand():
    """One block: P(T > 1) = 1 - a Phi(1/(s sqrt 2)); then the second by quadrature over the first noise."""
    a, s = 0.3, 0.8
    time = stored(a, s, 1, Start(1)).hit
    assert time.tail(1) == pytest.approx(1 - a * (1 - upper(1, s * math.sqrt(2))), rel=1e-13)

    def twice(z):  # rejected, then not hit; or another incorrect text accepted, then not hit from its noise
        density = math.exp(-0.5 * (z / s) ** 2) / s / math.sqrt(2 * math.pi)
        rejected = a * (1 - upper(z - 1, s)) + (1 - a) * (1 - upper(z, s))
        once = quad(
            lambda y: math.exp(-0.5 * (y / s) ** 2) / s / math.sqrt(2 * math.pi) * (1 - a * upper(y - 1, s)), z, 9
        )
        return density * (rejected * (1 - a * upper(z - 1, s)) + (1 - a) * once[0])

    assert time.tail(2) == pytest.approx(quad(twice, -8, 8, epsabs=1e-12)[0], rel=1e-9)


def test_the_variance_is_infinite():
    """E[T^2] >= E[S(z-1)^-2], the noise of the start alone: it grows without bound with the range of z."""
    time = stored(0.5, 0.5, 1, Start(1)).hit
    assert math.isinf(time.variance)
    assert math.isfinite(time.mean)
    parts = [
        quad(lambda z: math.exp(-2 * z * z) * 0.5**-0.5 / math.sqrt(math.pi) / upper(z - 1, 0.5) ** 2, z, z + 1)[0]
        for z in range(2, 7)
    ]
    assert all(later > 5 * earlier for earlier, later in pairwise(parts))


def test_what_is_out_of_reach_is_refused():
    frozen = stored(0.01, 20.0, 3, Start(3)).hit
    with pytest.raises(NoPrediction, match="largest float"):
        _ = frozen.mean
    with pytest.raises(NoPrediction, match="call by call"):
        frozen.tail(10**9)
    with pytest.raises(NoPrediction, match="not computed"):
        means(0.5, 1e4, 1)
    never = stored(0.0, 1.0, 3, Start(3, p0=0.5)).hit
    assert math.isinf(never.mean)
    assert never.tail(10) == pytest.approx(7 / 8)


def simulated(a, s, k, runs, calls, rng):
    """Hits of runs with stored noise, `calls` + 1 if later."""
    wrong, kept, hit = np.full(runs, k), rng.normal(0, s, runs), np.full(runs, calls + 1)
    for call in range(1, calls + 1):
        fixed = rng.random(runs) < a
        new = rng.normal(0, s, runs)
        taken = (wrong > 0) & (fixed + new > kept)
        kept = np.where(taken, new, kept)
        wrong = wrong - (taken & fixed)
        hit[(wrong == 0) & (hit > calls)] = call
    return hit


@pytest.mark.statistical
@pytest.mark.parametrize(("a", "s", "k"), [(0.5, 0.7, 2), (0.3, 1.0, 3)])
def test_stored_law_against_simulation(a, s, k, request):
    """DKW: the empirical cdf is off by more than sqrt(ln(2/1e-6)/(2 runs)) = 0.0085 somewhere w.p. < 1e-6."""
    rng = np.random.default_rng(None if request.config.getoption("--vary-seed") else 8)
    runs, calls = 100_000, 150
    hit = simulated(a, s, k, runs, calls, rng)
    empirical = np.searchsorted(np.sort(hit), np.arange(calls + 1), side="right") / runs
    distance = math.sqrt(math.log(2 / 1e-6) / (2 * runs))
    law = stored(a, s, k, Start(k)).hit
    assert np.abs(law.cdf(np.arange(calls + 1)) - empirical).max() < distance
    # a tenth more noise is told from it
    assert np.abs(stored(a, 1.1 * s, k, Start(k)).hit.cdf(np.arange(151)) - empirical).max() > distance


def test_the_times_are_both_clocks():
    run = stored(0.5, 1.0, 2, Start(2))
    assert isinstance(run.hit, StoredTime)
    assert run.hit is run.generations
    assert run.calls_on_last_chunk == 0.0
    assert run.hit.total(3) is None


@pytest.mark.parametrize("s", [0.3, 1.0, 4.0])
def test_a_call_raises_the_fitness_where_it_hits_or_repairs_and_not_where_a_value_alone_is_better(s):
    """One block: call t raises the fitness w.p. P(T = t). Two, one repaired a call at most: so does the mean of f."""
    times = np.arange(1.0, 9.0)
    one = StoredTime(np.array([[0.0, 0.0], [0.5, 0.5]]), s, Start(1))
    assert one.rises_at(times) == pytest.approx(one.cdf(times) - one.cdf(times - 1), abs=1e-12)
    two = StoredTime(np.array([[0.0, 0.0, 0.0], [0.4, 0.6, 0.0], [0.0, 0.3, 0.7]]), s, Start(2))
    assert two.rises_at(times) == pytest.approx(two.fitness_at(times) - two.fitness_at(times - 1), abs=1e-12)
