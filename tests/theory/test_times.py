"""Closed laws of times and chains built by hand: exact values, inverse functions, extreme probabilities."""

import importlib
import math
import pkgutil
import re

import numpy as np
import pytest

from evo.errors import InputError, NoPrediction
from evo.laws.counts import IndependentBlocks, binomial_pmf
from evo.theory import (
    AbsorbingChain,
    Geometric,
    MomentsOnly,
    NegativeBinomial,
    Scaled,
    Start,
    TimeLaw,
    all_blocks,
    call_sums,
    death_chain,
    only_incorrect,
    passes,
    round_robin,
    times,
    uniform_chunk,
    until_resolved,
)
from evo.theory.calls.offspring_counts import wrong_block_offspring
from evo.theory.problems.stored_noise import stored_on_counts
from evo.theory.systems.sorting import comparisons
from evo.theory.times.at_times import LawAtTimes
from evo.theory.times.derived import Defective, InRounds, Shifted
from evo.theory.times.law import GivenTail, least_time

MIXED = IndependentBlocks(0.4, 0.7)
LAWS = [
    Geometric(0.3),
    Geometric(0.3, zero=0.25),
    Geometric(2.0**-30),
    Geometric(1.0),
    NegativeBinomial(0, 0.3),
    NegativeBinomial(1, 1.0),
    NegativeBinomial(5, 0.3),
    Scaled(NegativeBinomial(2, 0.5), 3),
    all_blocks(MIXED, 6, Start(6, p0=0.5), 3).hit,
    only_incorrect(MIXED, 7, 2, Start(7), 2).hit,
    round_robin(MIXED, 7, 2, Start(7, incorrect=3), 2).hit,
    uniform_chunk(MIXED, 7, 2, Start(7), 3).calls,
    until_resolved(MIXED, 7, Start(7, p0=0.5)).hit,
    Shifted(NegativeBinomial(2, 0.3), 3),
    InRounds(NegativeBinomial(3, 0.3), 4),
    InRounds(round_robin(MIXED, 6, 2, Start(6)).hit, 2, period=3),
    comparisons(4, 0.25),
    GivenTail(lambda t: 0.5**t, mean=4 / 3, variance=4 / 9, factor=2),
]


@pytest.mark.parametrize("law", LAWS)
def test_cdf_quantile_and_moments_belong_together(law):
    assert isinstance(law, TimeLaw)
    assert law.cdf([-1.0, -np.inf, np.inf]).tolist() == [0, 0, 1]
    assert law.tail([-1.0, np.inf]).tolist() == [1, 0]
    assert law.cdf(np.array([[4.7], [2.2]])).tolist() == law.cdf([[4], [2]]).tolist()  # asked twice, the same
    whole = np.arange(12.0)
    assert [law.cdf(whole + 0.7).tolist(), law.tail(whole + 0.7).tolist()] == [[*law.cdf(whole)], [*law.tail(whole)]]
    for u in (0.0, 1e-3, 0.1, 0.5, 0.9, 0.999, 1 - 1e-9):
        t = law.quantile(u)
        assert t == int(t)
        reached = [law.cdf(x) >= u if u <= 0.5 else law.tail(x) <= 1 - u for x in (t - 1, t)]
        assert reached == [False, True] or t == 0
    if law.mean < 1e3:
        times = np.arange(5000.0)
        tail = law.tail(times)
        assert np.all(np.diff(tail) <= 1e-15)
        np.testing.assert_allclose(law.cdf(times) + tail, 1, atol=1e-15)
        assert law.mean == pytest.approx(tail.sum(), rel=1e-12)
        assert law.variance == pytest.approx(((2 * times + 1) * tail).sum() - tail.sum() ** 2, rel=1e-10, abs=1e-12)


STORED = stored_on_counts(wrong_block_offspring(MIXED, 3), 0.5, Start(3)).hit
DERIVED = [Shifted(Geometric(0.3), 2), InRounds(Geometric(0.3), 2), Defective(Geometric(0.3), 0.5), STORED]


@pytest.mark.parametrize("law", [*LAWS, *DERIVED])
def test_a_level_is_0_or_more_and_below_1(law):
    assert law.quantile(0.0) >= 0
    for level in (1.0, -1e-9, math.nan):
        with pytest.raises(InputError, match=re.escape(f"level of a quantile must be in [0, 1), got {level!r}")):
            law.quantile(level)


def test_every_kind_of_law_is_among_those_that_are_tested():
    modules = [
        importlib.import_module(f"{times.__name__}.{name}") for _, name, _ in pkgutil.iter_modules(times.__path__)
    ]
    parts = ("mean", "variance", "cdf", "tail", "quantile", "total")
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}
    kinds = {kind for kind in kinds if all(hasattr(kind, part) for part in parts)}
    assert kinds - {TimeLaw, MomentsOnly} <= {type(law) for law in [*LAWS, *DERIVED]}


@pytest.mark.parametrize("law", [Geometric(0.3), NegativeBinomial(3, 0.5)], ids=repr)
@pytest.mark.parametrize("never", [0.25, 0.5])
def test_a_time_that_may_be_infinite(law, never):
    found, times = Defective(law, never), np.arange(40.0)
    assert found.mean == found.variance == math.inf
    np.testing.assert_allclose(found.cdf(times), (1 - never) * law.cdf(times), rtol=1e-15)
    np.testing.assert_allclose(found.tail(times), 1 - found.cdf(times), rtol=1e-14)
    assert float(found.tail(np.inf)) == never
    for u in (0.01, 0.2, 0.49, 0.51, 0.74, 0.76, 0.99):
        reached = np.flatnonzero(found.cdf(times) >= u)
        assert found.quantile(u) == (reached[0] if u < 1 - never else math.inf)
    assert Defective(Geometric(0.5, zero=0.5), never).total(2) is None


def test_order_of_times_does_not_matter():
    law = uniform_chunk(MIXED, 6, 1, Start(6), 2).hit
    times = np.array([9, 3, 3, 40, 0, 17])
    assert law.cdf(times).tolist() == pytest.approx([float(law.cdf(t)) for t in times])


SUMMED = [
    Geometric(0.3),
    NegativeBinomial(2, 0.3),
    Scaled(Geometric(0.3), 2),
    Shifted(NegativeBinomial(2, 0.3), 3),
    Defective(Geometric(0.3), 0.25),
]


@pytest.mark.parametrize("law", SUMMED)
def test_total_is_the_convolution(law):
    pmf = np.diff(law.cdf(np.arange(-1, 200)))
    three = np.convolve(np.convolve(pmf, pmf), pmf)[:60]
    np.testing.assert_allclose(np.diff(law.total(3).cdf(np.arange(-1, 60))), three, atol=1e-14)


def test_total_is_none_where_it_is_not_closed():
    assert Geometric(0.5, zero=0.5).total(2) is None
    assert Scaled(Geometric(0.5, zero=0.5), 2).total(2) is None
    assert all_blocks(MIXED, 4, Start(4)).hit.total(2) is None


def test_impossible_success_never_comes():
    for law in (Geometric(0.0), Geometric(0.0, zero=0.25), NegativeBinomial(2, 0.0)):
        assert law.mean == law.variance == law.quantile(0.5) == math.inf
        assert float(law.cdf(np.inf)) == getattr(law, "zero", 0.0)
    assert Geometric(0.0, zero=1.0).mean == 0
    assert [NegativeBinomial(0, 0.0).quantile(u) for u in (0.0, 0.5, 0.999)] == [0.0] * 3  # of none that is waited for


def test_the_distance_of_a_stretched_cdf_by_hand():
    """Twice as slow: at 4 it is what it was at 2, 0.25 less; at 2 what it was at 1, anything from 0 to 0.5."""
    law = LawAtTimes(np.array([0.0, 2.0, 4.0, np.inf]), np.array([0.0, 0.5, 0.75, 1.0]), 3.0)
    assert [law.distance_if_stretched(last, 1.0) for last in (0, 2, 3, 4, 100)] == [0.0, 0.0, 0.0, 0.25, 0.25]
    assert law.distance_if_stretched(4, -0.5) == 0.25  # twice as fast: at 2 it is what it was at 4


def test_unknown_moments_raise():
    law = MomentsOnly("too large", known_mean=2.0)
    assert law.mean == 2
    for ask in (lambda: law.variance, lambda: law.cdf(1), lambda: law.tail(1), lambda: law.quantile(0.5)):
        with pytest.raises(NoPrediction, match="too large"):
            ask()
    assert law.total(2) is None


@pytest.mark.parametrize("states", [1, 20])
@pytest.mark.parametrize("bits", [10, 40, 60])
def test_tiny_probabilities_lose_no_digits(states, bits):
    rate = 2.0**-bits
    time = death_chain(np.full(states, rate), rate, np.eye(states)[-1], 0.0, 1).hit
    exact = NegativeBinomial(states, rate)
    assert time.mean == pytest.approx(states * 2.0**bits, rel=1e-12)
    assert time.variance == pytest.approx(exact.variance, rel=1e-12)
    times = np.floor(np.array([0.01, 0.5, 1, 1.5, 3]) * exact.mean)
    np.testing.assert_allclose(time.cdf(times), exact.cdf(times), rtol=1e-11)
    np.testing.assert_allclose(time.tail(times), exact.tail(times), rtol=1e-11)
    assert time.quantile(0.5) == pytest.approx(exact.quantile(0.5), rel=1e-12)


def test_long_chain_by_powers_and_by_steps():
    k = 300
    time = uniform_chunk(IndependentBlocks(0.5, 0.5), k, 1, Start(k)).hit
    state, tail = binomial_pmf(k, 0.0)[::-1], []
    rates = 0.5 * np.arange(k + 1) / k
    for _ in range(6000):
        tail.append(state[1:].sum())
        state = state * (1 - rates) + np.append((state * rates)[1:], 0)
    times = np.arange(0, 6000, 7)
    np.testing.assert_allclose(time.tail(times), np.array(tail)[times], atol=1e-12)
    assert float(time.tail(5999)) == pytest.approx(tail[5999], rel=1e-10)


def test_hit_within_the_last_generation():
    chain = AbsorbingChain(np.zeros((1, 1)), np.array([1 - 0.9**4]), np.array([0.1]), np.array([1.0]), 0.0, 4)
    exact = Geometric(0.1)
    np.testing.assert_allclose(chain.hit.cdf(np.arange(50)), exact.cdf(np.arange(50)), rtol=1e-13)
    assert chain.hit.mean == pytest.approx(10, rel=1e-14)
    assert chain.hit.variance == pytest.approx(90, rel=1e-14)
    assert [chain.hit.quantile(u) for u in (0.2, 0.5, 0.9)] == [exact.quantile(u) for u in (0.2, 0.5, 0.9)]


def test_starts_are_laws_of_counts():
    assert Start(6, incorrect=2).chunk_law(3) == pytest.approx([0.2, 0.6, 0.2, 0])
    assert Start(3, p0=0.5).law() == pytest.approx([0.125, 0.375, 0.375, 0.125])
    assert Start(3, p0=0.5).optimal == 0.125
    assert [Start(6, incorrect=j).independent for j in (0, 2, 6)] == [True, False, True]


@pytest.mark.parametrize(("prompt", "generated"), [(0, 1), (7, 3), (3, 0), (100_000, 9000)])
def test_tokens_are_counted_pass_by_pass(prompt, generated):
    linear = quadratic = 0
    for already in range(generated):
        linear += prompt + already
        quadratic += (prompt + already) ** 2
    assert call_sums(prompt, generated) == (linear, quadratic)
    assert len(passes(prompt, generated)) == generated


@pytest.mark.parametrize("together", [2, 3, 8, 60])
def test_quantiles_do_not_hang_on_how_many_times_are_asked_at_once(together):
    """Near and far out, at every level."""
    for law in (Geometric(0.3), Geometric(1e-9), NegativeBinomial(7, 0.02), NegativeBinomial(64, 0.5)):
        for u in (1e-12, 0.1, 0.5, 0.9, 1 - 1e-12):
            assert least_time(law, u, together) == least_time(law, u)
