"""Misaligned, learning and wrapped calls, and laws of very many blocks, against recursions, chains and sums."""

import math
import sys
import time
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from evo.errors import NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.laws.declared import SoundLaw
from evo.laws.mixtures import BetaQualityLaw, Invalid, Mixture
from evo.laws.special import LearningLaw, MisalignedLaw
from evo.theory import NegativeBinomial, Start, all_blocks, only_incorrect, round_robin, uniform_chunk
from evo.theory.calls.gains import completion, forgetful
from evo.theory.operators.learning import learning_all_blocks
from evo.theory.operators.outside import misaligned_only_incorrect
from evo.theory.schedules.until_resolved import one_after_the_other

HALF = IndependentBlocks(0.5, 0.5)


def test_misaligned_calls_follow_the_recursion():
    a, r = Fraction(1, 2), Fraction(1, 4)
    mean = [Fraction(0), 1 / (a * (1 - r))]
    for j in range(2, 40):
        mean.append(1 / a + (1 - r) * mean[j - 1] + r * (mean[1] + mean[j - 2]))
        assert misaligned_only_incorrect(MisalignedLaw(HALF, 0.25, 1), j, Start(j)).hit.mean == pytest.approx(
            float(mean[j]), rel=1e-13
        )


@pytest.mark.parametrize(
    ("k", "lam", "p0"), [(2, 1, 0.25), (3, 1, 0.5), (4, 1, 0.25), (3, 2, 0.0), (4, 3, 0.0), (3, 2, 0.5), (4, 3, 0.25)]
)
def test_misaligned_calls_of_all_solutions(k, lam, p0):
    """A chain on all solutions: every offspring of a generation, the first best one kept."""
    a, keep, r = 0.5, 0.75, 0.25
    states = list(product((0, 1), repeat=k))

    def one(state):
        lowest, after = state.index(0), {}
        for block, chance in ((lowest, 1 - r), ((lowest + 1) % k, r)):
            right = keep if state[block] else a
            for value, share in ((1, right), (0, 1 - right)):
                answer = (*state[:block], value, *state[block + 1 :])
                after[answer] = after.get(answer, 0.0) + chance * share
        return after

    now = {s: p0 ** sum(s) * (1 - p0) ** (k - sum(s)) for s in states}
    run = misaligned_only_incorrect(MisalignedLaw(IndependentBlocks(a, keep), r, 1), k, Start(k, p0=p0), lam)
    hits = [p0**k]
    for t in range(12):
        left = sum(now[s] for s in states if not all(s))
        assert float(run.generations.tail(t)) == pytest.approx(left, abs=1e-13)
        hits += [0.0] * lam
        after = dict.fromkeys(states, 0.0)
        for state, chance in now.items():
            if all(state):
                after[state] += chance
                continue
            for answers in product(one(state).items(), repeat=lam):
                kept = state
                for answer, _ in answers:
                    kept = answer if sum(answer) > sum(kept) else kept
                share = chance * math.prod(likely for _, likely in answers)
                after[kept] += share
                if all(kept):
                    hits[lam * t + 1 + [all(answer) for answer, _ in answers].index(True)] += share
        now = after
    np.testing.assert_allclose(run.hit.cdf(np.arange(len(hits))), np.cumsum(hits), atol=1e-13)


@pytest.mark.parametrize(
    ("first", "end", "halfway", "k", "lam"),
    [
        (0.1, 0.9, 10, 4, 1),
        (0.1, 0.9, 10, 4, 3),
        (0.0, 0.5, 3, 6, 2),
        (0.9, 0.3, 5, 3, 1),
        (0.9, 0.0, 5, 3, 1),
        (0.5, 1.0, 2, 3, 1),
    ],
)
def test_learning_call_by_call(first, end, halfway, k, lam):
    tails, left = [], 1.0
    for t in range(40_000 // lam):
        chance = (end - (end - first) * 2.0 ** (-t / halfway)) ** k
        for _ in range(lam):
            tails.append(left)
            left *= 1 - chance
    run, times = learning_all_blocks(LearningLaw(first, end, halfway), k, Start(k), lam), np.arange(len(tails))
    np.testing.assert_allclose(run.hit.tail(times[:2000]), tails[:2000], atol=1e-13)
    np.testing.assert_allclose(run.hit.cdf(times[:2000]), 1 - np.array(tails[:2000]), atol=1e-13)
    np.testing.assert_allclose(run.generations.tail(times[:300]), tails[: 300 * lam : lam], atol=1e-13)
    if end == 0:
        assert run.hit.mean == math.inf
        assert run.hit.quantile(1 - 0.9 * tails[-1]) == math.inf
        assert float(run.hit.tail(math.inf)) == pytest.approx(tails[-1], rel=1e-12)
        return
    assert run.hit.mean == pytest.approx(sum(tails), rel=1e-12)
    assert run.hit.variance == pytest.approx(((2 * times + 1) * tails).sum() - sum(tails) ** 2, rel=1e-10)
    assert run.generations.mean == pytest.approx(sum(tails[::lam]), rel=1e-12)
    assert run.hit.quantile(0.5) == next(t for t, tail in enumerate(tails) if tail <= 0.5)


def test_learning_for_very_long():
    """Prefix sums over 10^5 generations one by one; what is too long is refused."""
    run = learning_all_blocks(LearningLaw(0.1, 0.6, 1e4), 20, Start(20)).hit
    s = np.arange(100_000.0)
    logs = np.cumsum(np.log1p(-((0.6 - 0.5 * 2.0 ** (-s / 1e4)) ** 20)))
    np.testing.assert_allclose(run.tail([1000, 50_000, 100_000]), np.exp(logs[[999, 49_999, 99_999]]), rtol=1e-12)
    with pytest.raises(NoPrediction, match="too many"):
        learning_all_blocks(LearningLaw(0.1, 0.6, 1e9), 20, Start(20))
    with pytest.raises(NoPrediction, match="smallest float"):
        learning_all_blocks(LearningLaw(0.5, 0.1, 5.0), 400, Start(400))


def test_calls_that_do_nothing_now_and_then():
    """A lazy block under UntilResolved is a lazy chain: E/(1-e), whatever the start."""
    p, e = (0.5, 0.25, 0.8), 0.3
    lazy = tuple((1 - e) * p_j for p_j in p)
    damage = tuple((1 - e) * (1 - p_j) for p_j in p)
    for p0 in (0.0, 0.5):
        start = Start(3, p0=p0)
        mean = one_after_the_other(lazy, damage, start).hit.mean
        always = one_after_the_other(p, [1 - p_j for p_j in p], start).hit.mean
        assert mean == pytest.approx(always / (1 - e), rel=1e-13)
    other = one_after_the_other(lazy, [1 - p_j for p_j in lazy], Start(3, p0=0.5)).hit.mean
    assert other != pytest.approx(mean, rel=1e-3)


def test_which_calls_forget_the_parent():
    alike = [HALF, BetaQualityLaw(2, 3), Invalid(0.1, BetaQualityLaw(1, 1)), SoundLaw(HALF, "x")]
    alike.append(Mixture((0.5, 0.5), (HALF, IndependentBlocks(0.1, 0.1))))
    assert all(forgetful(law) for law in alike)
    assert not forgetful(Mixture((0.5, 0.5), (HALF, IndependentBlocks(0.1, 0.2))))
    for law in alike:
        assert completion(law, 6, 6) == pytest.approx(float(law.pmf(6, 1)[6]), rel=1e-14)


def test_global_mutation_of_very_many_blocks_is_quick():
    begun = time.monotonic()
    assert all_blocks(SoundLaw(BetaQualityLaw(1, 1), "x"), 10_000, Start(10_000)).hit.mean == pytest.approx(
        10_001, rel=1e-6
    )
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("p0", [0.0, 0.5])
def test_random_blocks_beyond_the_chain(p0):
    """(2c) in fractions is too long; P(T <= t) from independent Poisson calls, whose difference is O(1/t)."""
    k = 10_000
    law = uniform_chunk(HALF, k, 1, Start(k, p0=p0)).hit
    harmonic = sum(1 / i for i in range(1, k + 1)) - (sum(p0**i / i for i in range(1, k + 1)) if p0 else 0)
    assert law.mean == pytest.approx(2 * k * harmonic, rel=1e-12)
    t = law.quantile(0.5)
    assert float(law.cdf(t)) >= 0.5 > float(law.cdf(t - 1))
    poisson = math.exp(k * math.log1p(-(1 - p0) * math.exp(-0.5 * t / k)))
    assert float(law.cdf(t)) == pytest.approx(poisson, abs=3e-4)
    steps = law.cdf(t + np.arange(-30.0, 31))
    assert np.all(np.diff(steps) > 0)


def test_the_clock_beyond_the_chain_is_that_of_the_chain(monkeypatch):
    chain = [uniform_chunk(HALF, 60, g, Start(60, p0=p0)).hit for g in (1, 2) for p0 in (0, 0.5)]
    chain.append(uniform_chunk(HALF, 60, 1, Start(60, incorrect=37)).hit)
    monkeypatch.setattr(sys.modules["evo.theory.schedules.uniform_chunk"], "MAX_STATES", 10)
    clock = [uniform_chunk(HALF, 60, g, Start(60, p0=p0)).hit for g in (1, 2) for p0 in (0, 0.5)]
    clock.append(uniform_chunk(HALF, 60, 1, Start(60, incorrect=37)).hit)
    t = np.arange(0, 4000, 13)
    for one, other in zip(chain, clock, strict=True):
        assert type(one) is not type(other)
        np.testing.assert_allclose(one.cdf(t), other.cdf(t), atol=1e-12)
        assert one.mean == pytest.approx(other.mean, rel=1e-13)
        assert one.quantile(0.5) == other.quantile(0.5)


def test_chunks_that_are_finished_whatever_their_count():
    run = only_incorrect(HALF, 10_000, 10, Start(10_000))
    exact = NegativeBinomial(1000, 2.0**-10)
    assert run.hit.mean == pytest.approx(exact.mean, rel=1e-14)
    assert run.hit.variance == pytest.approx(exact.variance, rel=1e-14)
    assert run.hit.quantile(0.5) == exact.quantile(0.5)
    # lam > 1 and a random start against the chain of counts, which a law that hides fix = keep still gets
    small = only_incorrect(HALF, 6, 2, Start(6, p0=0.5), 3)
    other = only_incorrect(IndependentBlocks(0.5, 0.5 + 1e-13), 6, 2, Start(6, p0=0.5), 3)
    t = np.arange(60)
    np.testing.assert_allclose(small.hit.cdf(t), other.hit.cdf(t), atol=1e-11)
    np.testing.assert_allclose(small.generations.cdf(t), other.generations.cdf(t), atol=1e-11)


def test_one_chunk_in_turn_is_global_mutation():
    assert round_robin(HALF, 20, 20, Start(20)).hit.mean == pytest.approx(
        all_blocks(HALF, 20, Start(20)).hit.mean, rel=1e-13
    )


@pytest.mark.parametrize("lam", [1, 3])
@pytest.mark.parametrize("law", [LearningLaw(0.3, 0.6, 3.0), LearningLaw(0.6, 0.3, 2.0), LearningLaw(0.5, 0.5, 4.0)])
def test_moments_of_global_mutation_that_learns_are_sums_of_its_tails(law, lam):
    """E[T] = sum of P(T > t), E[T^2] = sum of (2t+1) P(T > t): also of the geometric rest after it has learned."""
    run = learning_all_blocks(law, 2, Start(2, p0=0.25), lam)
    for clock in (run.hit, run.generations):
        t = np.arange(1200 * lam)
        tails = clock.tail(t)
        assert tails[-1] < 1e-12
        assert clock.mean == pytest.approx(tails.sum(), rel=1e-9)
        assert clock.variance == pytest.approx(((2 * t + 1) * tails).sum() - tails.sum() ** 2, rel=1e-9)
