"""Expected seconds: against simulated ones, closed forms, brute force; what is not known is refused."""

import math
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from evo import (
    AllBlocks,
    Asynchronous,
    InputError,
    Latency,
    Merged,
    NoPrediction,
    OnePlusLambda,
    OnlyIncorrect,
    RoundRobin,
    UniformChunk,
)
from evo.schedules import EachChunk
from evo.theory.times.seconds import Moments, slowest, sum_of
from experiments import Cell, Grid, predict, run_grid
from experiments.predictions.seconds import searches as predicting
from experiments.predictions.verdict import Verdict
from experiments.reports.waiting import timed
from operators import FixKeep, Malformed, Resample, Vote
from problems import BlockOneMax, Noisy, UnequalBlocks

HALF = Resample(0.5)
LATENCY = Latency(fixed=1.0, per_generated_token=0.05, tail=0.8, evaluation=2.5)
RUNS, Z = 4000, 4.9  # false-fail rate 1e-6 a test


def cell(schedule=None, runner=None, k=6, mutator=HALF, problem=None):
    return Cell(problem or BlockOneMax(k, 4), mutator, schedule or UniformChunk(), runner or OnePlusLambda())


CASES = [
    (cell(), None, LATENCY),
    (cell(runner=OnePlusLambda(4)), None, LATENCY),
    (cell(runner=OnePlusLambda(4)), 1, LATENCY),
    (cell(runner=OnePlusLambda(5)), 2, replace(LATENCY, tail=0.0)),
    (cell(AllBlocks(), OnePlusLambda(3), 4), 8, LATENCY),
    (cell(RoundRobin(), Merged(3)), None, LATENCY),
    (cell(OnlyIncorrect(), Merged(3)), 1, LATENCY),
    (cell(OnlyIncorrect(), Merged(3)), 3, replace(LATENCY, tail=0.0)),
    (cell(mutator=Malformed(HALF, 0.2), runner=OnePlusLambda(2)), None, LATENCY),
    (cell(EachChunk(), OnePlusLambda(6)), None, LATENCY),
]
UNEQUAL = [
    (cell(RoundRobin(4)), None, LATENCY),
    (cell(RoundRobin(4), OnePlusLambda(3)), None, LATENCY),
    (cell(OnlyIncorrect(4), OnePlusLambda(2)), 1, LATENCY),
]  # chunks of 4 and 2 blocks
NOISY = (cell(problem=Noisy(BlockOneMax(4, 4), sigma=0.3)), None, LATENCY)


def measured(one, workers, latency):
    results = run_grid(Grid("seconds", [one], runs=RUNS, batch=RUNS), workers=1)
    return timed(results, workers, latency)["makespan"].to_numpy()


def verdict(found, mean, variance):
    """At 1e-6, where a mean that is off by 8 % would be found."""
    error = math.sqrt(variance / len(found))
    assert Z * error < 0.08 * mean
    return Verdict.AGREES if abs(found.mean() - mean) < Z * error else Verdict.DIFFERS


@pytest.mark.statistical
@pytest.mark.parametrize(("one", "workers", "latency"), [*CASES, *UNEQUAL, NOISY], ids=lambda each: str(each)[:60])
def test_seconds_agree_with_simulated_ones(one, workers, latency):
    """And the twin, off by a tenth, does not."""
    predicted = predict(one, "seconds", latency=latency, workers=workers)
    found = measured(one, workers, latency)
    known = (one, workers, latency) not in UNEQUAL
    variance = predicted.variance if known else found.var(ddof=1)
    assert verdict(found, predicted.mean, variance) is Verdict.AGREES
    assert verdict(found, 1.1 * predicted.mean, variance) is Verdict.DIFFERS
    if known:
        assert spread(found, predicted.variance) is Verdict.AGREES
        assert spread(found, 1.6 * predicted.variance) is Verdict.DIFFERS
    with pytest.raises(NoPrediction) if latency.tail or not known else nullcontext():
        for u in (0.1, 0.5, 0.9):  # 4.9 standard errors of a share are 0.039 at most
            at = predicted.quantile(u)
            share = float(predicted.cdf(at))
            assert share >= u
            assert abs((found <= at * (1 + 1e-12)).mean() - share) < Z * math.sqrt(share * (1 - share) / RUNS)


def spread(found, variance):
    """The variance of the runs beside a predicted one, by the fourth moment, at 1e-6."""
    squares = (found - found.mean()) ** 2
    error = squares.std(ddof=1) / math.sqrt(len(found))
    return Verdict.AGREES if abs(squares.mean() - variance) < Z * error else Verdict.DIFFERS


@pytest.mark.statistical
@pytest.mark.parametrize("wrong", ["a mean call", "without evaluations"])
def test_a_wrong_model_of_a_generation_is_found(wrong, monkeypatch):
    """The twins: a generation takes what one call takes on average; nobody evaluates."""
    one, workers, latency = CASES[1]
    found = measured(one, workers, latency)
    if wrong == "a mean call":
        monkeypatch.setattr(predicting, "slowest", lambda calls, tail: slowest(1, tail))
    else:
        latency = replace(latency, evaluation=0.0)
    predicted = predict(one, "seconds", latency=latency, workers=workers)
    assert verdict(found, predicted.mean, predicted.variance) is Verdict.DIFFERS


@pytest.mark.parametrize("tail", [0.1, 0.8, 2.0])
@pytest.mark.parametrize("calls", [1, 2, 3, 30])
def test_the_slowest_call_by_another_quadrature(calls, tail):
    """E[max^r] = int_0^inf r x^(r-1) P(max > x) dx, x = e^y, by adaptive quadrature."""
    from scipy.integrate import quad
    from scipy.stats import norm

    def tail_of_max(y):
        return -math.expm1(calls * norm.logcdf((y + tail**2 / 2) / tail))

    first, second = (
        sum(quad(lambda y, r=r: r * math.exp(r * y) * tail_of_max(y), a, b, limit=200, epsabs=0, epsrel=1e-11)[0]
            for a, b in ((-60, -2), (-2, 2), (2, 2 + 16 * tail + 2 * tail**2)))
        for r in (1, 2)
    )  # fmt: skip
    found = slowest(calls, tail)
    assert found.mean == pytest.approx(first, rel=1e-8)
    assert found.variance == pytest.approx(second - first**2, rel=1e-6)


def test_the_slowest_of_two_and_of_thousands():
    from scipy.stats import norm

    assert slowest(2, 1.3).mean == pytest.approx(2 * norm.cdf(1.3 / math.sqrt(2)), rel=1e-13)
    assert slowest(1, 2.0).variance == pytest.approx(math.exp(4.0) - 1, rel=1e-12)
    drawn = Latency(fixed=1.0, tail=0.5).factors(4_000_000, np.random.default_rng(3)).reshape(-1, 2000).max(axis=1)
    many = slowest(2000, 0.5)
    assert abs(drawn.mean() - many.mean) < Z * math.sqrt(many.variance / len(drawn)) < 0.03 * many.mean
    with pytest.raises(InputError, match="one call or more"):
        slowest(0, 1.0)


def test_the_whole_law_where_all_generations_last_alike():
    one = cell(runner=OnePlusLambda(5))
    law = predict(one, "seconds", latency=Latency(fixed=2.0, evaluation=1.0), workers=2)
    generations = predict(one, "generations")
    assert law.mean == pytest.approx(9.0 * generations.mean)
    assert law.variance == pytest.approx(81.0 * generations.variance)
    assert law.quantile(0.9) == 9.0 * generations.quantile(0.9)
    assert float(law.cdf(9.0 * 7)) == float(generations.cdf(7))


def test_an_infinite_mean_is_infinite():
    one = cell(AllBlocks(), mutator=FixKeep(0.5, 1.0), problem=BlockOneMax(3, 4))
    assert math.isfinite(predict(one, "seconds", latency=LATENCY).mean)
    stuck = cell(mutator=FixKeep(0.0, 1.0))
    assert predict(stuck, "seconds", latency=LATENCY).mean == math.inf
    assert sum_of(predict(stuck, "generations").law, Moments(0.0, 0.0)) == (0.0, 0)


@pytest.mark.parametrize(
    ("one", "workers", "words"),
    [
        (cell(runner=OnePlusLambda(5)), 2, "when 2 workers are through .*; take 1 worker, 5 workers, or tail=0"),
        (cell(OnlyIncorrect(), Merged(3)), None, "take 1 worker, 3 workers and tail=0"),
        (cell(UniformChunk(4), OnePlusLambda(2)), None, "differ in length, and which of them are together"),
        (cell(mutator=Vote(HALF, 3)), None, "random number of calls"),
        (cell(runner=OnePlusLambda(3), problem=Noisy(BlockOneMax(4, 4), sigma=0.3)), None, "needs lam = 1"),
        (cell(problem=UnequalBlocks((2, 3, 4))), None, "blocks differ in length"),
        (cell(runner=Asynchronous(1, LATENCY)), None, "Asynchronous"),
    ],
)
def test_what_is_not_known_is_refused(one, workers, words):
    with pytest.raises(NoPrediction, match=words):
        predict(one, "seconds", latency=LATENCY, workers=workers)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, r"seconds take latency=, such as Latency\(fixed=1.0, tail=0.5\), got None"),
        ({"latency": 3.0}, "seconds take latency="),
        ({"latency": LATENCY, "workers": 0}, "workers"),
        ({"latency": LATENCY, "calls": 5}, "seconds takes latency, workers; got calls"),
    ],
)
def test_what_is_asked_wrongly(given, words):
    with pytest.raises(InputError, match=words):
        predict(cell(), "seconds", **given)
