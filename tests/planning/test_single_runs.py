"""Hours of single runs: exact where calls take a fixed time, drawn where they do not, as runs that are timed."""

import math

import numpy as np
import pytest

from evo import Merged, OnePlusLambda, RoundRobin, UniformChunk
from evo.theory.times.closed import NegativeBinomial
from experiments import Grid, plan, predict, run_grid, timed
from experiments.planning.answer import answer
from experiments.planning.hours_band import MANY, RUNS, factor_sums, sums_of, times_drawn, with_hours_band
from experiments.planning.numbers import LEVELS
from experiments.planning.simulated import Simulator

VALUES = {
    "operator.fix": {1: 0.4, 8: 0.3},
    "operator.keep": {1: 0.97, 8: 0.96},
    "operator.malformed": 0.08,
    "tokens.instructions": 500,
    "tokens.block": 50,
    "prices.prompt": 3e-6,
    "prices.generated": 15e-6,
    "seconds.fixed": 2.0,
    "seconds.per_generated_token": 0.02,
    "seconds.evaluation": 1.0,
}
TAIL = VALUES | {"seconds.tail": 0.8}
HOURS = ("hours_low", "hours_median", "hours_high")


def band(numbers):
    return [getattr(numbers, name) for name in HOURS]


def test_without_a_tail_hours_are_a_multiple_of_the_generations():
    """Two workers, four calls a generation: two turns of 3 + 1 seconds; a target needs fewer generations."""
    found = plan(k=8, values=VALUES, g=(1,), lam=(4,), workers=2, schedules=("RoundRobin",), runners=("OnePlusLambda",))
    generations = predict(found.best.candidate.cell, "generations")
    assert band(found.best.numbers) == pytest.approx([generations.quantile(u) * 8 / 3600 for u in LEVELS], rel=1e-12)
    assert not [name for name, _ in found.best.numbers.errors if name in HOURS]
    assert f"{band(found.best.numbers)[0]:.4g} to" in answer(found)
    less = plan(k=8, values=VALUES, g=(1,), schedules=("RoundRobin",), target=6)
    calls = [less.best.numbers.low, less.best.numbers.median, less.best.numbers.high]
    price = (550 * 3 + 50 * 15) * 1e-6
    assert band(less.best.numbers) == pytest.approx([4 / 3600 * each / price for each in calls], rel=1e-9)


MADE = {
    "one by one": (UniformChunk, OnePlusLambda, 2, 1, 1),
    "a shorter chunk": (UniformChunk, OnePlusLambda, 3, 1, 1),
    "a shorter chunk, more calls than workers": (RoundRobin, OnePlusLambda, 3, 4, 2),
    "merged": (RoundRobin, Merged, 2, 4, 4),
}


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("name", list(MADE))
def test_drawn_hours_are_those_of_runs_that_are_timed(name):
    """4,000 timed runs: their share up to each drawn quantile is its level, within 5.3 errors of both (1e-7 each).

    The twin: hours a fifth longer are found.
    """
    schedule, runner, g, lam, workers = MADE[name]
    found = plan(
        k=8, values=TAIL, g=(g,), lam=(lam,), workers=workers, feedback="none",
        schedules=(schedule.__name__,), runners=(runner.__name__,), bands=0,
    )  # fmt: skip
    best = found.best.candidate
    numbers = with_hours_band(best, found.aim, found.best.numbers, Simulator())
    assert {name for name, _ in numbers.errors} >= set(HOURS)
    results = run_grid(Grid("timed", [best.cell], runs=4000, seed=7), workers=1)
    hours = timed(results, workers, best.model.latency)["makespan"].to_numpy() / 3600

    def far(scale):
        shares = [float((hours <= scale * each).mean()) for each in band(numbers)]
        errors = [math.sqrt(u * (1 - u) * (1 / 4000 + 1 / RUNS)) for u in LEVELS]
        return [abs(share - u) / error for share, u, error in zip(shares, LEVELS, errors, strict=True)]

    assert max(far(1.0)) < 5.3
    assert max(far(1.2)) > 5.3


def test_drawn_times_have_their_law():
    """At levels (r + 1/2)/n the share up to t is the cdf there to 1/n, on few places and on many."""
    for law in (NegativeBinomial(3, 0.2), NegativeBinomial(40, 0.002)):
        drawn = times_drawn(law, RUNS)
        for u in (0.1, 0.5, 0.9):
            t = law.quantile(u)
            assert abs((drawn <= t).mean() - float(law.cdf(t))) < 1.5e-3
        assert abs((drawn <= 1.1 * law.quantile(0.5)).mean() - 0.5) > 1.5e-3  # the twin


@pytest.mark.statistical
def test_sums_beyond_many_are_normal_with_their_mean_and_variance():
    """400 sums of 3,000 factors of tail 0.5: mean and variance within 5.3 errors; the twin: another tail is found."""
    sums = factor_sums(np.full(400, 3 * MANY), 0.5, np.random.default_rng(5))
    variance = 3 * MANY * math.expm1(0.25)
    assert abs(sums.mean() - 3 * MANY) < 5.3 * math.sqrt(variance / 400)
    assert abs(sums.var() / variance - 1.0) < 5.3 * math.sqrt(2 / 400)
    assert abs(sums.var() / (3 * MANY * math.expm1(0.5)) - 1.0) > 5.3 * math.sqrt(2 / 400)
    pool = np.array([1.0, 3.0])
    assert sums_of(pool, np.array([0, 2 * MANY]), np.random.default_rng(5))[0] == 0.0
    assert factor_sums(np.array([4, 9]), 0.0, np.random.default_rng(5)).tolist() == [4.0, 9.0]


def test_hours_that_nothing_tells_stay_unknown():
    values = {name: value for name, value in VALUES.items() if not name.startswith("seconds")}
    assert all(math.isnan(each) for each in band(plan(k=8, values=values).best.numbers))
    exact = plan(k=8, values=TAIL, g=(3,), feedback="none", schedules=("UniformChunk",), exact=True)
    assert all(math.isnan(each) for each in band(exact.best.numbers))  # which calls are short is not known
