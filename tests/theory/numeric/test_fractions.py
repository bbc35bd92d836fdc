"""The floats of the laws against alternating sums in exact fractions, closed forms at large k, and their limits."""

import math
from fractions import Fraction
from functools import partial
from importlib import import_module
from math import comb

import numpy as np
import pytest

from evo.errors import InputError, NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.theory import (
    Start,
    all_blocks,
    call_sums,
    only_incorrect,
    round_robin,
    uniform_chunk,
    until_resolved,
)
from evo.theory.chains import chain
from evo.theory.chains.explore import explored
from evo.theory.schedules.uniform_chunk import occupied

HALF = IndependentBlocks(0.5, 0.5)


def harmonic(j):
    return sum(1.0 / i for i in range(j, 0, -1))


def close(value, exact, rel=1e-12):
    assert value == pytest.approx(float(exact), rel=rel)


@pytest.mark.parametrize("a", [Fraction(1, 2), Fraction(1, 4)])
@pytest.mark.parametrize("i", [1, 7, 30])
def test_keeping_mutator_takes_the_maximum_of_geometrics(i, a):  # (1e)
    exact = sum((-1) ** (j + 1) * comb(i, j) / (1 - (1 - a) ** j) for j in range(1, i + 1))
    close(all_blocks(IndependentBlocks(float(a), 1.0), 30, Start(30, incorrect=i)).hit.mean, exact)


@pytest.mark.parametrize(("k", "j"), [(6, 6), (40, 40), (40, 7)])
def test_uniform_cdf_is_the_alternating_sum(k, j):  # (2c)
    a = Fraction(1, 2)
    times = [j, 3 * j, 5 * k, 12 * k]
    exact = [sum((-1) ** x * comb(j, x) * (1 - a * x / k) ** t for x in range(j + 1)) for t in times]
    run = uniform_chunk(HALF, k, 1, Start(k, incorrect=j))
    np.testing.assert_allclose(run.hit.cdf(times), [float(x) for x in exact], rtol=1e-11)


@pytest.mark.parametrize(("k", "j"), [(6, 6), (40, 40), (40, 7), (40, 1)])
@pytest.mark.parametrize("a", [Fraction(1, 2), Fraction(1, 3)])
def test_round_robin_mean_is_the_alternating_sum(k, j, a):  # (2e)
    q = 1 - a
    exact = sum(
        (-1) ** (s + 1) * comb(j, s) * (Fraction(k + 1, s + 1) * (1 - q ** (s + 1)) / (1 - q) - q**s) / (1 - q**s)
        for s in range(1, j + 1)
    )
    close(round_robin(IndependentBlocks(float(a), 0.5), k, 1, Start(k, incorrect=j)).hit.mean, exact)


@pytest.mark.parametrize("p0", [Fraction(0), Fraction(1, 4)])
def test_round_robin_mean_from_a_random_start(p0):  # (2f)
    k, q = 40, Fraction(1, 2)
    exact = sum(
        (-1) ** (s + 1) * comb(k, s) * (1 - p0) ** s
        * (Fraction(k + 1, s + 1) * (1 - q ** (s + 1)) / (1 - q) - q**s) / (1 - q**s)
        for s in range(1, k + 1)
    )  # fmt: skip
    close(round_robin(HALF, k, 1, Start(k, p0=float(p0))).hit.mean, exact)


@pytest.mark.parametrize("lam", [1, 8])
def test_large_k_has_the_closed_means(lam):
    k, a = 1024, 0.3
    law, start, resolve = IndependentBlocks(a, 0.6), Start(k), 1 - 0.7**lam
    death = sum(1 / (1 - (1 - a * i / k) ** lam) for i in range(1, k + 1))  # (2j)
    close(uniform_chunk(law, k, 1, start, lam).generations.mean, death, 1e-11)
    close(only_incorrect(law, k, 1, start, lam).generations.mean, k / resolve, 1e-11)
    close(until_resolved(law, k, start, lam).generations.mean, k / resolve, 1e-11)
    if lam == 1:
        close(uniform_chunk(law, k, 1, start).hit.mean, k * harmonic(k) / a, 1e-11)
        variance = sum((1 - a * i / k) / (a * i / k) ** 2 for i in range(1, k + 1))
        close(uniform_chunk(law, k, 1, start).hit.variance, variance, 1e-11)


def test_large_k_round_robin_is_the_tail_sum():
    k = 1024
    powers = 1 - 0.5 ** np.arange(80.0)
    exact = sum(1 - powers[c + 1] ** r * powers[c] ** (k - r) for c in range(79) for r in range(k))
    close(round_robin(HALF, k, 1, Start(k)).hit.mean, exact, 1e-11)


def test_large_k_until_resolved_from_random_starts():  # (2h), (2i)
    k, j, a, b, p0 = 1000, 300, 0.4, 0.7, 0.3
    law = IndependentBlocks(a, b)
    exact = until_resolved(law, k, Start(k, incorrect=j)).hit
    skipped = j * (k - j) / (j + 1)
    spread = j * (k - j) * (k + 1) / ((j + 1) ** 2 * (j + 2))
    close(exact.mean, j / a + skipped / (1 - b), 1e-11)
    close(exact.variance, j * (1 - a) / a**2 + skipped * b / (1 - b) ** 2 + spread / (1 - b) ** 2, 1e-10)
    random = until_resolved(law, k, Start(k, p0=p0)).hit
    close(random.mean, k * (1 - p0) / a + p0 * (k - (1 - p0**k) / (1 - p0)) / (1 - b), 1e-11)


def test_large_global_mutation_stays_a_float():
    run = all_blocks(HALF, 1000, Start(1000))
    close(run.hit.mean, 2**1000, 1e-11)
    with pytest.raises(NoPrediction, match="above the largest float"):
        _ = run.hit.variance
    with pytest.raises(NoPrediction, match="too small for floats"):
        all_blocks(HALF, 10_000, Start(10_000))
    with pytest.raises(NoPrediction, match="too small for floats"):
        all_blocks(IndependentBlocks(0.5, 0.501), 2000, Start(2000, incorrect=3))
    with pytest.raises(NoPrediction, match="5000 states"):
        all_blocks(IndependentBlocks(0.5, 0.9), 5000, Start(5000))


def test_equal_fix_and_keep_have_the_closed_chunk_means():  # (3b)
    k, g, p = 96, 3, 0.5
    m, rate = k // g, p**g
    close(uniform_chunk(HALF, k, g, Start(k)).hit.mean, m * harmonic(m) / rate, 1e-11)
    close(only_incorrect(HALF, k, g, Start(k)).hit.mean, m / rate, 1e-11)


@pytest.mark.parametrize(("k", "g"), [(12, 3), (13, 3), (8, 4)])
@pytest.mark.parametrize("p0", [0.0, 0.3])
def test_poissonization_and_linearity_agree_with_the_chains(monkeypatch, k, g, p0):
    law, start = IndependentBlocks(0.5, 0.7), Start(k, p0=p0)
    exact = [schedule(law, k, g, start) for schedule in (uniform_chunk, only_incorrect)]
    for module, name, made in (("uniform_chunk", "occupied", occupied), ("only_incorrect", "explored", explored)):
        monkeypatch.setattr(import_module(f"evo.theory.schedules.{module}"), name, partial(made, most=1))
    moments = [schedule(law, k, g, start) for schedule in (uniform_chunk, only_incorrect)]
    for one, other in zip(exact, moments, strict=True):
        close(other.hit.mean, one.hit.mean, 1e-11)
        close(other.calls_on_last_chunk, one.calls_on_last_chunk, 1e-11)
        with pytest.raises(NoPrediction, match="states"):
            other.hit.cdf(1)
    close(moments[0].hit.variance, exact[0].hit.variance, 1e-10)
    with pytest.raises(NoPrediction, match="variance"):
        _ = moments[1].hit.variance
    with pytest.raises(NoPrediction, match="mean"):
        _ = only_incorrect(law, k, g, start, lam=2).hit.mean


def test_infinite_means():
    hanging = until_resolved(IndependentBlocks(0.5, 1.0), 4, Start(4, incorrect=2)).hit
    assert hanging.mean == hanging.variance == math.inf
    assert float(hanging.cdf(math.inf)) == pytest.approx(1 / 6)  # the two incorrect blocks come first
    assert hanging.quantile(0.1) < 20
    assert hanging.quantile(0.5) == math.inf
    assert until_resolved(IndependentBlocks(0.5, 1.0), 4, Start(4)).hit.mean == 8
    flip = IndependentBlocks(1.0, 0.0)
    assert all_blocks(flip, 6, Start(6)).hit.mean == 1
    assert all_blocks(flip, 6, Start(6, p0=0.5)).hit.mean == math.inf
    assert all_blocks(flip, 6, Start(6, p0=0.5)).hit.quantile(0.02) == 1
    never = IndependentBlocks(0.0, 0.5)
    for schedule in (uniform_chunk, only_incorrect, round_robin):
        for g in (1, 2):
            run = schedule(never, 5, g, Start(5, p0=0.5))
            assert run.hit.mean == run.hit.variance == math.inf
            assert run.hit.quantile(0.9) == math.inf
            assert float(run.hit.cdf(math.inf)) == pytest.approx(1 / 32)


@pytest.mark.parametrize("start", [Start(4, incorrect=0), Start(4, p0=1.0)])
def test_optimal_start_takes_no_call(start):
    runs = [all_blocks(HALF, 4, start), until_resolved(HALF, 4, start)]
    runs += [schedule(HALF, 4, 3, start) for schedule in (only_incorrect, round_robin, uniform_chunk)]
    for run in runs:
        assert (
            run.hit.mean == run.hit.variance == run.calls.mean == run.calls_on_last_chunk == run.hit.quantile(0.9) == 0
        )
        assert run.hit.cdf([-1, 0]).tolist() == [0, 1]


def test_what_is_out_of_reach_says_so():
    with pytest.raises(NoPrediction, match="needs g = 1"):
        until_resolved(HALF, 4, Start(4), g=2)
    with pytest.raises(NoPrediction, match="states"):
        uniform_chunk(IndependentBlocks(0.5, 0.9), 512, 8, Start(512), lam=2)
    with pytest.raises(NoPrediction, match="states"):
        uniform_chunk(HALF, 8192, 1, Start(8192), lam=2).hit.cdf(10)
    with pytest.raises(NoPrediction, match="terms"):
        _ = round_robin(IndependentBlocks(0.5, 0.9), 10_000, 2, Start(10_000), lam=10_000).hit.mean
    with pytest.raises(InputError, match="chunk size"):
        round_robin(HALF, 4, 5, Start(4))
    with pytest.raises(InputError, match="k=3"):
        round_robin(HALF, 4, 1, Start(3))
    with pytest.raises(InputError, match="not both"):
        Start(4, p0=0.5, incorrect=2)


@pytest.mark.parametrize(("k", "l"), [(10, 20), (3, 1), (60, 7)])
def test_ratios_of_cost_are_those_of_the_paper(k, l):  # (12e): fix = keep = 1/2, all incorrect, lam = 1
    """Global over local mutation: in sequence, at random, and in sequence with the whole solution in each prompt."""
    costs = [all_blocks(HALF, k, Start(k)).hit.mean * call_sums(k * l, k * l)[0]]
    costs += [run.hit.mean * call_sums(l, l)[0] for run in (until_resolved(HALF, k, Start(k)), once(uniform_chunk, k))]
    costs += [once(only_incorrect, k).hit.mean * call_sums(k * l, l)[0]]
    in_sequence = Fraction(2 ** (k - 1) * (3 * k * l - 1), 3 * l - 1)
    whole_prompt = Fraction(2**k * (3 * k * l - 1), 2 * (2 * k * l + l - 1))
    close(costs[0] / costs[1], float(in_sequence), 1e-11)
    close(costs[0] / costs[2], float(in_sequence) / harmonic(k), 1e-11)
    close(costs[0] / costs[3], float(whole_prompt), 1e-11)


def once(schedule, k):
    return schedule(HALF, k, 1, Start(k))


def test_limit_is_the_documented_one():
    assert chain.MAX_STATES == 4096
