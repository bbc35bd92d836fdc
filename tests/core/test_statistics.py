"""Tests and intervals against independent computations, and their error rates against what they state.

Calibrations count false alarms over independent repetitions and allow `most_alarms` of them: a test at its stated
level raises more with probability 1e-8. Some forty such bounds make a false-fail rate below 1e-6 for the file.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from evo import statistics
from evo.errors import InputError, NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import OnlyIncorrect
from evo.theory import (
    Geometric,
    MomentsOnly,
    NegativeBinomial,
    Scaled,
    Start,
    TimeLaw,
    all_blocks,
    only_incorrect,
    round_robin,
    uniform_chunk,
    until_resolved,
)
from evo.theory.times.derived import Shifted
from experiments.grids.cell import Cell
from experiments.predictions.predict import predict
from operators import BetaRunQuality
from problems import BlockOneMax

FAIL = 1e-8
HALF = IndependentBlocks(0.5, 0.5)
DAMAGING = IndependentBlocks(0.5, 0.3)


def most_alarms(level, repetitions):
    return int(stats.binom.isf(FAIL, repetitions, level))


def run_quality(a):
    """The law of hit of one block where a run draws its quality from Beta(a, 1): P(hit > t) ~ t^-a."""
    cell = Cell(BlockOneMax(1, 1), BetaRunQuality(a, 1.0), OnlyIncorrect(), OnePlusLambda())
    return predict(cell).law


class Tabulated:
    """A law with its cdf in a table, so that it can be asked ten thousand times."""

    def __init__(self, law):
        self.mean, self.variance, self.total, self._quantile = law.mean, law.variance, law.total, law.quantile
        self._ends = {u: law.quantile(u) for u in (2.0**-50, 1 - 2.0**-50)}
        self._cdf = law.cdf(np.arange(self._ends[1 - 2.0**-50] + 5000))

    def cdf(self, t):
        return np.where(np.asarray(t) < 0, 0.0, self._cdf[np.maximum(np.asarray(t), 0).astype(int)])

    def quantile(self, u):
        return self._ends[u] if u in self._ends else self._quantile(u)


def samples(law, shape, rng):
    """Times of a law by inversion of its cdf."""
    last = int(law.quantile(1 - 1e-12))
    return np.searchsorted(law.cdf(np.arange(last + 1)), rng.random(shape)).astype(float)


def p_values(totals, runs, law):
    """P-values of totals; each different one is asked for once."""
    different, where = np.unique(totals, return_inverse=True)
    return np.array([statistics.mean_p_value(total, runs, law)[0] for total in different])[where]


# ------------------------------------------------------------------------------------------------ reference values


def test_probabilities_are_told_as_a_reader_can_use_them():
    told = [statistics.probability_text(p) for p in (0.0, -0.0, -1e-17, 1e-300, 9.9e-17, 1e-16, 0.01234, 1.0)]
    assert told == ["0", "0", "0", "< 1e-16", "< 1e-16", "1e-16", "0.012", "1"]
    told = [statistics.p_value_text(p, digits=1) for p in (0.0, 1e-300, 1e-16, 0.044)]
    assert told == ["p < 1e-16", "p < 1e-16", "p = 1e-16", "p = 0.04"]
    assert (statistics.p_value_text(0.5, "<="), statistics.p_value_text(0.0, "<=")) == ("p <= 0.5", "p < 1e-16")


@pytest.mark.parametrize("u", [1e-9, 0.025, 0.5, 0.999])
def test_normal_quantile(u):
    z = statistics.normal_quantile(u)
    assert z == pytest.approx(stats.norm.ppf(u), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("n", [1, 40, 1000])
@pytest.mark.parametrize("alpha", [0.5, 1e-3, 1e-9])
def test_dkw_band_and_p_value_are_inverse(n, alpha):
    halfwidth = statistics.dkw_halfwidth(n, alpha)
    assert statistics.dkw_p_value(n, halfwidth) == pytest.approx(alpha, rel=1e-9)
    assert statistics.dkw_p_value(n, 0.0) == 1.0
    exact = stats.kstwo.sf(min(halfwidth, 1.0), n)  # of a continuous law
    assert exact <= alpha * (1 + 1e-9)


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (5, 5), (3, 7), (40, 1000), (0, 1)])
def test_binomial_interval_is_clopper_pearson(successes, trials):
    reference = stats.binomtest(successes, trials).proportion_ci(0.99, method="exact")
    assert statistics.binomial_interval(successes, trials, 0.01) == pytest.approx((reference.low, reference.high))


def test_binomial_interval_covers_by_enumeration():
    for p in (0.0, 0.03, 0.5, 0.9, 1.0):
        inside = 0.0
        for successes in range(13):
            low, high = statistics.binomial_interval(successes, 12, 0.1)
            inside += math.comb(12, successes) * p**successes * (1 - p) ** (12 - successes) * (low <= p <= high)
        assert inside >= 0.9


@pytest.mark.parametrize("p", [0.1, 0.5, 0.99])
def test_binomial_p_value_is_twice_the_smaller_tail(p):
    pmf = [math.comb(9, x) * p**x * (1 - p) ** (9 - x) for x in range(10)]
    values = [statistics.binomial_p_value(x, 9, p) for x in range(10)]
    assert values == pytest.approx([min(1, 2 * min(sum(pmf[: x + 1]), sum(pmf[x:]))) for x in range(10)], abs=1e-12)
    for level in (0.3, 0.05, 1e-3):  # and so its false-alarm rate is at most its level
        assert sum(chance for chance, value in zip(pmf, values, strict=True) if value < level) <= level


# ------------------------------------------------------------------------------------------- law_distance, by force

LAWS = [
    Geometric(0.1),
    Geometric(0.3, zero=0.4),
    NegativeBinomial(3, 0.4),
    Scaled(Geometric(0.5), 3),
    uniform_chunk(HALF, 4, 1, Start(4), 3).hit,
    round_robin(HALF, 5, 2, Start(5, incorrect=3), 2).calls,
]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("runs", [1, 2, 30])
def test_law_distance_is_the_largest_difference_of_the_cdfs(law, runs):
    rng, cdf = np.random.default_rng(3), law.cdf(np.arange(501))
    for budget in (math.inf, 0, 1, 7, 12.0, 500):
        times = samples(law, runs, rng)  # with many ties
        hits = times[times <= budget]
        censored = len(hits) < runs
        every_t = range(int(budget) + 1 if censored else 501)  # nobody was censored: all t count
        brute = max(abs(np.mean(times <= t) - cdf[t]) for t in every_t)
        last = budget if censored else math.inf
        assert statistics.law_distance(hits, runs, law, last) == pytest.approx(brute, abs=1e-12)


def test_law_distance_without_hits():
    assert statistics.law_distance(np.zeros(0), 10, Geometric(0.5), 3) == pytest.approx(0.875)
    assert statistics.law_distance(np.zeros(0), 10, Geometric(0.5), 0) == 0.0


def test_law_distance_counts_a_hit_in_the_last_generation():
    # lam = 4, budget 8: hits of the generation that reaches it are hits, the censored runs hit later than call 8
    assert statistics.law_distance(np.array([8.0]), 2, Geometric(1e-9), 8) == pytest.approx(0.5)


# ------------------------------------------------------------------------------------------------ the law of a total

TOTALS = [
    Geometric(0.3, zero=0.25),
    Geometric(0.4, zero=0.99),
    all_blocks(DAMAGING, 3, Start(3)).hit,
    all_blocks(DAMAGING, 3, Start(3), 3).calls,
    uniform_chunk(HALF, 4, 1, Start(4), 2).hit,
    round_robin(HALF, 4, 1, Start(4)).hit,
    until_resolved(HALF, 4, Start(4, p0=0.5)).hit,
]


@pytest.mark.parametrize("law", TOTALS)
@pytest.mark.parametrize("runs", [1, 2, 7])
def test_total_tails_are_those_of_the_convolution(law, runs):
    pmf = np.diff(law.cdf(np.arange(-1, 3000)))
    total = np.ones(1)
    for _ in range(runs):
        total = np.convolve(total, pmf)
    for t in (0, 1, runs, 5 * runs, 20 * runs, 100 * runs):
        below, above = statistics.total_tails(t, runs, law)
        assert below == pytest.approx(total[: t + 1].sum(), abs=1e-11)
        assert above == pytest.approx(total[t:].sum(), abs=1e-11)


@pytest.mark.parametrize("success", [0.5, 0.01, 1e-6])
@pytest.mark.parametrize("runs", [1, 30, 1000])
def test_total_tails_on_a_grid_are_close_to_the_negative_binomial(success, runs):
    exact = NegativeBinomial(runs, success)
    for u in (1e-6, 1e-3, 0.3, 0.9, 1 - 1e-5):
        t = exact.quantile(u)
        below, above = statistics.total_tails(t, runs, Geometric(success))
        assert below == pytest.approx(float(exact.cdf(t)), rel=0.06, abs=0.03 if runs == 1 else 1e-9)
        assert above == pytest.approx(float(exact.tail(t - 1)), rel=0.06, abs=0.03 if runs == 1 else 1e-9)


def test_total_tails_on_a_grid_begin_where_the_law_does():
    law, runs, by = Geometric(1e-6), 30, 10**7
    for t in (20 * 10**6, 30 * 10**6, 45 * 10**6):
        expected = pytest.approx(statistics.total_tails(t, runs, law), abs=1e-3)
        assert statistics.total_tails(t + runs * by, runs, Shifted(law, by)) == expected


def test_mean_p_value_says_how_it_was_found():
    geometric = Geometric(0.25)
    exact = stats.nbinom(10, 0.25)  # failures before the 10th success
    for total in (10, 25, 40, 90):
        p_value, how = statistics.mean_p_value(total, 10, geometric)
        assert how == "exact law of the total"
        assert p_value == pytest.approx(min(1, 2 * min(exact.cdf(total - 10), exact.sf(total - 11))), rel=1e-9)
    assert statistics.mean_p_value(50, 10, uniform_chunk(HALF, 2, 1, Start(2)).hit)[1] == "law of the total"
    moments = MomentsOnly("too large", 4.0, 12.0)
    p_value, how = statistics.mean_p_value(44, 10, moments)
    assert (p_value, how) == (1.0, "Chebyshev's bound")
    assert statistics.mean_p_value(40, 10, moments)[0] == 1.0
    for total in (0, 100):
        assert statistics.mean_p_value(total, 10, moments)[0] == pytest.approx(120 / (total - 40) ** 2)
    with pytest.raises(NoPrediction):
        statistics.mean_p_value(44, 10, MomentsOnly("too large", 4.0))


def test_no_mean_is_tested_where_the_law_is_known_and_that_of_the_total_is_not():
    """Not of the law, and not of a constant less: a variance without a law has Chebyshev's bound."""
    law = run_quality(2.5)
    with pytest.raises(NoPrediction, match="too heavy a tail"):
        statistics.mean_p_value(200 * law.mean, 200, law)
    moments = MomentsOnly("not looked at", law.mean, law.variance)
    assert statistics.mean_p_value(200 * law.mean, 200, moments) == (1.0, "Chebyshev's bound")


@pytest.mark.slow
@pytest.mark.statistical
def test_chebyshevs_bound_holds_where_the_normal_law_does_not():
    """Totals of 200 heavy-tailed times of finite variance, 200,000 of them; the twin errs a hundred times too often."""
    a, runs, repetitions, rng = 2.5, 200, 200_000, np.random.default_rng(6)
    law = run_quality(a)
    totals = np.concatenate([rng.geometric(rng.beta(a, 1, (10_000, runs))).sum(axis=1) for _ in range(20)])
    z = (totals - runs * law.mean) / math.sqrt(runs * law.variance)
    moments = MomentsOnly("not looked at", law.mean, law.variance)
    extreme = totals[np.abs(z) > 10]
    p_values = np.array([statistics.mean_p_value(total, runs, moments)[0] for total in extreme])
    for level in (5e-3, 1e-3, 1e-4):  # |z| above 14
        assert (p_values < level).sum() <= most_alarms(level, repetitions)
    assert (2 * stats.norm.sf(np.abs(z)) < 1e-5).sum() > 100 * 1e-5 * repetitions > most_alarms(1e-5, repetitions)


@pytest.mark.parametrize("k", [1, 7, 30])
@pytest.mark.parametrize("lam", [1, 3])
def test_a_sure_time_is_deterministic(k, lam):
    sure = IndependentBlocks(1.0, 1.0)
    for law in (only_incorrect(sure, k, 1, Start(k), lam).hit, round_robin(sure, k, 1, Start(k), lam).hit):
        right = 5 * ((k - 1) * lam + 1)  # the first offspring of the last generation
        assert statistics.mean_p_value(right, 5, law)[0] == 1.0
        assert statistics.mean_p_value(right + 1, 5, law)[0] == 0.0
    assert statistics.mean_p_value(0, 5, only_incorrect(HALF, k, 1, Start(k, p0=1.0)).hit)[0] == 1.0


# ------------------------------------------------------------------------------------------- error rates as measured


CALIBRATED = [
    Geometric(0.02),
    NegativeBinomial(12, 0.5),
    Geometric(0.1, zero=0.5),
    all_blocks(DAMAGING, 4, Start(4)).hit,
    uniform_chunk(HALF, 30, 1, Start(30), 2).calls,
]


@pytest.mark.statistical
@pytest.mark.parametrize("law", CALIBRATED)
def test_honest_samples_raise_no_more_alarms_than_stated(law):
    """Levels 0.05 and 2.5e-4; an alarm rate of 0.09 and 0.003 instead would be found with probability 0.999."""
    normal_fails = law is CALIBRATED[2]
    law = Tabulated(law)
    repetitions, runs = 20_000, 5  # few runs: where the normal law errs most
    times = samples(law, (repetitions, runs), np.random.default_rng(5))
    means = p_values(times.sum(axis=1), runs, law)
    laws = np.array([statistics.dkw_p_value(runs, statistics.law_distance(row, runs, law)) for row in times[:1000]])
    for level, found in ((0.05, 0.09), (2.5e-4, 0.003)):
        bound = most_alarms(level, repetitions)
        assert (means < level).sum() <= bound
        assert stats.binom.cdf(bound, repetitions, found) < 1e-3
        assert (laws < level).sum() <= most_alarms(level, len(laws))
    if normal_fails:  # the twin that must fail: a normal law with the exact standard error
        z = (times.sum(axis=1) - runs * law.mean) / math.sqrt(runs * law.variance)
        normal = 2 * stats.norm.sf(np.abs(z))
        assert (normal < 2.5e-4).sum() > most_alarms(2.5e-4, repetitions)


@dataclass(frozen=True)
class Stretched:
    """Times longer by a share, for the twin that must be found."""

    law: TimeLaw
    share: float

    def draw(self, shape, rng):
        times = samples(self.law, shape, rng) * (1 + self.share)
        return np.floor(times) + (rng.random(shape) < times % 1)


RESOLVED = [Geometric(0.01), uniform_chunk(HALF, 20, 1, Start(20)).hit, all_blocks(DAMAGING, 4, Start(4)).hit]


@pytest.mark.statistical
@pytest.mark.some
@pytest.mark.parametrize("law", RESOLVED, ids=["geometric", "uniform chunk", "all blocks"])
@pytest.mark.parametrize("share", [0.25, -0.25])
def test_runs_to_resolve_are_enough(law, share):
    """Power 0.95 by the normal law; asserted: not below 0.85, false-fail rate 1e-8 if it is 0.93 or more."""
    law, alpha, repetitions = Tabulated(law), 2.5e-4, 600
    runs = statistics.runs_to_resolve(math.sqrt(law.variance) / law.mean, 0.25, alpha)
    totals = Stretched(law, share).draw((repetitions, runs), np.random.default_rng(8)).sum(axis=1)
    found = (p_values(totals, runs, law) < alpha).sum()
    bound = int(stats.binom.ppf(FAIL, repetitions, 0.93))
    assert found >= bound
    assert bound >= 0.85 * repetitions
    fewer = Stretched(law, share).draw((repetitions, runs // 4), np.random.default_rng(9)).sum(axis=1)
    missed = (p_values(fewer, runs // 4, law) >= alpha).sum()
    assert missed > 0.3 * repetitions  # the twin: a quarter of the runs would not do


@pytest.mark.statistical
@pytest.mark.parametrize("law", RESOLVED)
@pytest.mark.parametrize("share", [0.25, -0.25])
def test_runs_to_resolve_by_law_are_enough(law, share):
    """Power at least 0.95; false-fail rate 1e-8."""
    law, alpha, repetitions = Tabulated(law), 2.5e-4, 200
    last = law.quantile(0.7)
    runs = int(statistics.runs_to_resolve_by_law(law, last, 0.25, alpha))
    times = Stretched(law, share).draw((repetitions, runs), np.random.default_rng(10))
    found = 0
    for row in times:
        distance = statistics.law_distance(row[row <= last], runs, law, last)
        found += statistics.dkw_p_value(runs, distance) < alpha
    assert found >= stats.binom.ppf(FAIL, repetitions, 0.95)


def test_runs_to_resolve_grow_as_they_should():
    runs = statistics.runs_to_resolve
    assert runs(0.0, 0.25, 1e-3) == 0
    assert runs(2.0, 0.1, 1e-3) == pytest.approx(4 * runs(1.0, 0.1, 1e-3), abs=4)
    assert runs(1.0, 0.1, 1e-6) > runs(1.0, 0.1, 1e-3) > runs(1.0, 0.2, 1e-3) > runs(1.0, 0.2, 1e-3, power=0.5)
    z = stats.norm.ppf(1 - 0.005) + 1.5 * stats.norm.ppf(0.8)
    assert runs(0.7, 0.5, 0.01, power=0.8) == math.ceil((z * 0.7 / 0.5) ** 2)
    assert statistics.resolved_by(2, 1.0, 0.05) == math.inf  # sqrt(2) < z_0.95 = 1.645
    for n in (3, 4, 30):
        assert runs(1.0, statistics.resolved_by(n, 1.0, 0.05) * (1 + 1e-9), 0.05) == n


def test_runs_to_resolve_by_moments_are_enough_for_the_worst_law():
    """A stretched mean (1+r) mu is missed at most as often as Cantelli's bound allows of any law."""
    for share in (0.25, -0.25):
        n, alpha, sd = statistics.runs_to_resolve_by_moments(1.0, 0.25, 1e-3), 1e-3, 1.0
        alarm = math.sqrt(n / alpha) * sd  # |S - n mu| from which 1/z^2 < alpha, mu = 1
        short_of = n * 0.25 - alarm  # by which the shifted total must fall back to be missed
        variance = n * ((1 + share) * sd) ** 2
        assert variance / (variance + short_of**2) <= 0.05 + 1e-12
    assert statistics.runs_to_resolve_by_moments(1.0, 0.25, 1e-3) > 10 * statistics.runs_to_resolve(1.0, 0.25, 1e-3)


def test_runs_to_resolve_by_law_need_something_to_see():
    by_law = statistics.runs_to_resolve_by_law
    assert by_law(Geometric(0.01), 0, 0.25, 1e-3) == math.inf
    assert by_law(Geometric(1e-9), 50, 0.25, 1e-3) > 1e10
    assert by_law(Geometric(0.01), 150, 1.5, 1e-3) < by_law(Geometric(0.01), 150, 0.25, 1e-3)
    with pytest.raises(NoPrediction):
        by_law(MomentsOnly("too large", 4.0, 12.0), 50, 0.25, 1e-3)


def test_levels_out_of_range_are_refused_by_the_laws():
    with pytest.raises(InputError):
        Geometric(0.5).quantile(1.0)
