"""Digits that differences of nearly equal numbers took, laws that took minutes: against exact fractions and sums."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.special import roots_jacobi

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.errors import NoPrediction
from evo.laws.beta_rule import beta_rule
from evo.laws.counts import IndependentBlocks
from evo.laws.special import RunQualityLaw
from evo.runners.parallel import Merged
from evo.theory.calls.offspring_counts import subset_offspring, wrong_block_offspring
from evo.theory.calls.starts import Start
from evo.theory.chains.last_generation import LastGeneration
from evo.theory.operators.run_quality import FewBlocks, quality_uniform_chunk
from evo.theory.problems.stored_noise import stored_on_counts
from evo.theory.times.closed import Geometric
from evo.theory.times.derived import InRounds
from experiments import Cell
from experiments.predictions.predict import predict
from operators import BetaQuality, Halving, Malformed, Refuse, Sparse
from problems import BlockOneMax

ENDS = [(1e-8, 0.999), (0.999, 1e-8), (1e-30, 1.0), (0.5, 1e-10), (1e-8, 1e-8), (3.0, 7.0), (1e5, 2.0)]


def moment(a, b, i, j):
    """E[q^i (1-q)^j], q ~ Beta(a, b), in exact fractions."""
    a, b, value = Fraction(a), Fraction(b), Fraction(1)
    for n in range(i + j):
        value *= ((a + n) if n < i else (b + n - i)) / (a + b + n)
    return float(value)


def worst(rule, a, b, g):
    weights, nodes, rests = rule
    told = [float(weights @ (nodes**i * rests ** (g - i))) / moment(a, b, i, g - i) for i in range(g + 1)]
    return max(abs(each - 1.0) for each in told)


@pytest.mark.parametrize(("a", "b"), ENDS)
@pytest.mark.parametrize("g", [1, 2, 3, 10, 25])
def test_the_rule_of_a_beta_law_keeps_the_digits_of_its_ends(a, b, g):
    assert worst(beta_rule(a, b, g), a, b, g) < 1e-13


def test_nodes_between_minus_one_and_one_lose_them():
    """The twin: 1 + root has no digits where the root is next to -1."""
    roots, weights = roots_jacobi(1, 0.999 - 1, 1e-8 - 1)
    assert worst((weights / weights.sum(), (1 + roots) / 2, (1 - roots) / 2), 1e-8, 0.999, 1) > 1e-10


def test_long_chunks_have_a_rule_too():
    a, b, g = 0.5, 2.0, 1100
    weights, nodes, _ = beta_rule(a, b, g)
    assert len(nodes) > 512
    assert float(weights @ nodes**g) == pytest.approx(moment(a, b, g, 0), rel=1e-10, abs=0)


@pytest.mark.parametrize("schedule", [UntilResolved(), OnlyIncorrect(), UniformChunk(), RoundRobin(), AllBlocks()])
@pytest.mark.parametrize(("a", "b"), [(1e-8, 0.999), (0.3, 1e-9)])
def test_a_wrapper_keeps_the_digits_of_a_beta_law(schedule, a, b):
    """One block is fixed w.p. (1 - rate) a/(a+b), or broken w.p. b/(a+b): by way of its components, and directly."""
    for wrapped, share in ((Refuse, 0.75), (Malformed, 0.75), (Sparse, 0.25)):
        mutator = wrapped(BetaQuality(a, b), rate=0.25)
        cell = Cell(BlockOneMax(1, 4), mutator, schedule, OnePlusLambda(), budget=None)
        right = float((Fraction(a) + Fraction(b)) / Fraction(a) / Fraction(share))
        assert predict(cell).mean == pytest.approx(right, rel=1e-14)


def test_a_published_mean():
    cell = Cell(BlockOneMax(1, 4), Refuse(BetaQuality(1e-8, 0.999), rate=1e-8), UntilResolved(), OnePlusLambda())
    assert predict(cell).mean == pytest.approx(99900001.999, rel=1e-12)


def test_success_that_hardly_falls_keeps_its_digits():
    """p(g) = 2^(-(g-1)/half), so that a block stays incorrect w.p. 1 - p(2) = ln 2/half, for a large half."""
    (miss,), (damage,) = Halving(p=1.0, half=1e13).law.misses(2)
    assert miss == damage == pytest.approx(math.log(2.0) * 1e-13, rel=1e-12, abs=0)
    _, _, (keep,) = Halving(p=1.0, half=1e13).law.components(2)
    assert 1.0 - keep != pytest.approx(miss, rel=1e-4, abs=0)  # the twin


@pytest.mark.parametrize("lam", [1, 2, 7, 128, 129, 2000])
def test_calls_of_the_last_generation(lam):
    """R - 1 is r w.p. proportional to (1-s)^r, r < lam."""
    chances = np.array([1e-9, 0.3 / lam, 0.99 / lam, 1.01 / lam, 3.0 / lam, 0.5, 1 - 2.0**-30, 1.0])
    chances = chances[chances <= 1.0]
    found = LastGeneration.of(chances, lam)
    r = np.arange(lam)
    for s, mean, variance in zip(chances, found.mean, found.variance, strict=True):
        weights = (1.0 - s) ** r / ((1.0 - s) ** r).sum()
        expected = float(weights @ r)
        assert mean - 1.0 == pytest.approx(expected, rel=1e-12, abs=1e-15)
        assert variance == pytest.approx(float(weights @ (r - expected) ** 2), rel=1e-11, abs=1e-30)
    exact = LastGeneration.of(np.array([1.0 - 1e-12]), lam, np.array([1e-12]))
    assert exact.variance[0] == pytest.approx(1e-12 if lam > 1 else 0.0, rel=1e-10, abs=1e-30)


@pytest.mark.parametrize(("width", "period"), [(1, 1), (2, 1), (2, 3), (3, 6), (4, 6)])
def test_moments_of_rounds_are_sums_of_tails(width, period):
    law = Geometric(0.01)
    rounds, t = InRounds(law, width, period), np.arange(20_000.0)
    tails = law.tail(width * t)
    mean, second = float(tails.sum()), float((2 * t + 1) @ tails)
    assert rounds.mean == pytest.approx(mean, rel=1e-13)
    assert rounds.variance == pytest.approx(second - mean**2, rel=1e-10)
    s = np.arange(1.0, 20_000.0)
    multiples = float(rounds.tail(np.ceil(s * period / width) - 1).sum())
    assert rounds.sum_of_tails(period) == pytest.approx(multiples, rel=1e-12)


def test_rounds_that_are_rarely_of_use():
    """Two blocks in one chunk at p = 1e-8: 10^16 rounds, which nobody sums one by one."""
    cell = Cell(BlockOneMax(2, 2), Halving(p=1e-8, half=1e9), RoundRobin(g=2), Merged(workers=3), budget=None)
    rounds = predict(cell, "generations")
    assert rounds.mean == pytest.approx(1e16, rel=1e-8)
    assert rounds.variance == pytest.approx(1e32, rel=1e-8)


def test_what_is_frozen_refuses_a_far_quantile_at_once():
    """Runs that accept nothing for as long as can be computed are more than the level leaves: nothing is computed."""
    law = stored_on_counts(wrong_block_offspring(IndependentBlocks(0.5, 0.5), 1), 1.0, Start(1)).hit
    with pytest.raises(NoPrediction, match=r"computed call by call, here up to .* calls, not more"):
        law.quantile(1 - 1e-12)
    assert len(law._counts) == 1
    near = law.quantile(0.9)
    assert float(law.tail(near)) <= 0.1 < float(law.tail(near - 1))
    followed = len(law._counts) - 1
    assert law._frozen(followed) == pytest.approx(float(law.tail(followed)), rel=1e-12)
    for calls in (followed + 1, 2 * followed, 200):
        frozen = law._frozen(calls)
        fresh = stored_on_counts(wrong_block_offspring(IndependentBlocks(0.5, 0.5), 1), 1.0, Start(1)).hit
        assert fresh._frozen(calls) < frozen < float(fresh.tail(calls))  # the more is followed, the more is known


def test_what_freezes_later_refuses_after_few_calls():
    """At first 3e-17 accept nothing for so long, after 8 calls too many: then quantiles are refused, not after all."""
    law = stored_on_counts(subset_offspring(IndependentBlocks(0.5, 0.5), 2, 1), 0.33, Start(2)).hit
    assert law._frozen(law._feasible) < 1e-12
    with pytest.raises(NoPrediction, match=r"computed call by call, here up to 200000 calls, not more"):
        law.quantile(1 - 1e-12)
    assert len(law._counts) < 100


@pytest.mark.parametrize(("a", "b", "k", "p0"), [(2.5, 1.0, 5, 0.0), (0.3, 4.0, 8, 0.2), (7.0, 0.2, 3, 0.9)])
def test_few_blocks_by_inclusion_and_exclusion(a, b, k, p0):
    """The same law as Poissonized, with more digits far out, where one block is left."""
    law = quality_uniform_chunk(RunQualityLaw(a, b), k, Start(k, p0=p0)).hit
    assert type(law) is FewBlocks
    times = np.array([0.0, 1, 2, 3, 5, 8, 20, 100, 1000])
    np.testing.assert_allclose(law.cdf(times), law.poisson.cdf(times), rtol=1e-11, atol=1e-15)
    far = 1e6 if a < 7 else 200.0  # tails above 1e-16, below which no expectation over a Beta law is known
    few = [math.comb(k, j) * (1 - p0) ** j * _missed(a, b, j / k, far) for j in (1, 2)]
    assert float(law.tail(far)) == pytest.approx(few[0], rel=few[1] / few[0] + 1e-9, abs=0)


def _missed(a, b, share, t):
    """E[(1 - share q)^t] by a plain sum over a fine grid of ln(q/(1-q))."""
    y = np.linspace(-60.0, 300.0, 400_001)
    log_q, log_rest = -np.logaddexp(0.0, -y), -np.logaddexp(0.0, y)
    weights = np.exp(a * log_q + b * log_rest)
    missed = np.exp(t * np.log1p(-np.minimum(share * np.exp(log_q), 1 - 1e-16)))
    return float((weights * missed).sum() / weights.sum())
