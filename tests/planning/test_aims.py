"""Hours, budgets and targets of a plan: by hand, by sums over budgets, and by runs that are timed."""

import math

import numpy as np
import pytest

from evo import Latency, Merged, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk
from evo.errors import InputError
from experiments import Cell, Grid, plan, predict, run_grid, timed
from experiments.planning.answer import answer
from experiments.planning.seconds import seconds_of
from experiments.planning.target import time_to
from experiments.predictions.quality.fitness import qualities
from operators import FixKeep
from problems import BlockOneMax

VALUES = {
    "operator.fix": {1: 0.4, 2: 0.3, 8: 0.15},
    "operator.keep": {1: 0.97, 2: 0.96, 8: 0.95},
    "operator.malformed": 0.08,
    "tokens.instructions": 500,
    "tokens.block": 50,
    "prices.prompt": 3e-6,
    "prices.generated": 15e-6,
    "prices.unit": "$",
    "seconds.fixed": 2.0,
    "seconds.per_generated_token": 0.01,
    "seconds.evaluation": 12.0,
}
CALL = (550 * 3 + 50 * 15) * 1e-6
Z = 5.3  # two-sided false-fail rate 1e-7 a comparison


def cells_of(found):
    return [(each.candidate.cell, each.numbers) for each in found.ranked]


# --------------------------------------------------------------------------------------------------------------- hours


def test_hours_by_hand():
    """8 blocks in turn take 8/(0.4 x 0.92) calls of 2 + 0.5 seconds, each evaluated for 12."""
    found = plan(k=8, values=VALUES, g=(1,), schedules=("UntilResolved",))
    assert found.best.numbers.hours == pytest.approx(8 / (0.4 * 0.92) * 14.5 / 3600, rel=1e-12)
    assert found.best.numbers.hours_kind == "exact"


def test_a_generation_takes_as_many_turns_as_workers_need():
    found = plan(k=8, values=VALUES, g=(2,), lam=(1, 2, 3, 5), workers=2, feedback="none", schedules=("RoundRobin",))
    one_by_one = [each for each in found.ranked if not each.candidate.merged]
    for each in one_by_one:
        turns = {1: 1, 2: 1, 3: 2, 5: 3}[each.candidate.lam]
        generations = predict(each.candidate.cell, "generations").mean
        assert each.numbers.hours == pytest.approx(generations * turns * 15.0 / 3600, rel=1e-12)


def test_medians_of_the_file_become_means():
    """A log-normal factor of median 1 has the mean exp(tail^2/2)."""
    tail = plan(k=8, values=VALUES | {"seconds.tail": 0.5}, g=(1,), schedules=("UntilResolved",))
    calls = 8 / (0.4 * 0.92)
    assert tail.best.numbers.hours == pytest.approx(calls * (2.5 * math.exp(0.125) + 12.0) / 3600, rel=1e-12)


MADE = {
    "all at once": (UniformChunk(g=2), OnePlusLambda(lam=4), 4, "exact"),
    "more calls than workers": (RoundRobin(g=2), OnePlusLambda(lam=5), 2, "simulated"),
    "a shorter last chunk, in turn": (OnlyIncorrect(g=3), OnePlusLambda(lam=2), 2, "exact"),
    "merged, fewer near the end": (OnlyIncorrect(), Merged(workers=4), 4, "at most"),
    "merged, more calls than workers": (RoundRobin(), Merged(workers=4), 2, "at most"),
}


@pytest.mark.statistical
def test_hours_are_those_of_runs_that_are_timed():
    """2,000 runs a cell: calls that take 10 % longer are found in each of them."""
    latency = Latency(fixed=1.0, per_generated_token=0.01, tail=0.8, evaluation=2.0)
    for name, (schedule, runner, workers, kind) in MADE.items():
        cell = Cell(BlockOneMax(k=8, l=50), FixKeep(0.4, 0.9), schedule, runner)
        results = run_grid(Grid("timed", [cell], runs=2000, seed=7), workers=1)
        seconds = timed(results, workers, latency)["makespan"]
        error = seconds.std() / math.sqrt(len(seconds))
        expected, found = seconds_of(cell, latency, workers)
        assert found == kind, name
        if kind == "at most":
            assert seconds.mean() < expected + Z * error
            assert seconds.mean() > 0.8 * expected
            continue
        assert abs(seconds.mean() - expected) < Z * error, name
        assert abs(seconds.mean() - 1.1 * expected) > Z * error, name  # the twin


@pytest.mark.statistical
def test_a_generation_on_chunks_of_two_lengths_takes_as_long_as_the_longest():
    """20,000 drawn generations of 2 calls: two seconds w.p. 1/9, three else; error 0.0022, half a percent is found."""
    cell = Cell(BlockOneMax(k=8, l=100), FixKeep(0.4, 0.9), UniformChunk(g=3), OnePlusLambda(lam=2))
    seconds, kind = seconds_of(cell, Latency(per_generated_token=0.01), workers=2)
    a_generation = seconds / predict(cell, "generations").mean
    assert kind == "simulated"
    assert abs(a_generation - (3 - 1 / 9)) < Z * math.sqrt(8 / 81 / 20_000)


# ------------------------------------------------------------------------------------------------------------- budgets


def test_the_fitness_at_a_budget_is_that_of_predict():
    money = 60 * CALL
    found = plan(k=8, values=VALUES, feedback="none", budget=money)
    assert found.by == "fitness"
    for cell, numbers in cells_of(found):
        exact = predict(cell, "fitness", cost=money)
        assert (numbers.fitness, numbers.reached) == (exact.mean, exact.solved)
    fitness = [numbers.fitness for _, numbers in cells_of(found)]
    assert fitness == sorted(fitness, reverse=True)
    assert answer(found).count("correct blocks on average after $0.144") == 1
    other = predict(found.best.candidate.cell, "fitness", cost=2 * money)  # the twin: another budget is told apart
    assert other.mean > found.best.numbers.fitness + 0.01


def test_a_budget_of_calls_needs_no_prices():
    unpriced = {key: value for key, value in VALUES.items() if not key.startswith(("prices", "tokens"))}
    found = plan(k=8, values=unpriced, feedback="none", calls=25, target=0.75, by="reached")
    for cell, numbers in cells_of(found):
        assert numbers.reached == float(predict(cell, "fitness", calls=25).at_least(6))
    assert found.table["money"].isna().all()


def test_what_cannot_buy_a_call_stays_as_it_is():
    found = plan(k=8, values=VALUES, feedback="none", budget=2.5e-3, start=0.5)
    dear = [each for each in found.ranked if each.candidate.g == 8]
    assert (len(dear), dear[0].numbers.fitness) == (1, 4.0)
    assert dear[0].numbers.reached == pytest.approx(2.0**-8, rel=1e-12)  # as at the start
    assert dear[0].numbers.note == "the budget is below the price of one call"
    assert found.best.numbers.fitness > 4.0


def test_what_is_there_at_the_start_is_reached_without_a_call():
    """8 blocks, each correct w.p. 1/2: half of them or more are with P(Bin(8, 1/2) >= 4)."""
    tight = plan(k=8, values=VALUES, feedback="none", budget=2.5e-3, start=0.5, target=4)
    dear = next(each for each in tight.ranked if each.candidate.g == 8)
    at_least = sum(math.comb(8, c) for c in range(4, 9)) / 2**8
    assert (dear.numbers.fitness, dear.numbers.reached) == pytest.approx((4.0, at_least), rel=1e-12)
    optimal = plan(k=8, values=VALUES, feedback="none", budget=2.5e-3, start=1.0)
    assert {each.numbers.reached for each in optimal.ranked} == {1.0}
    with pytest.raises(InputError, match="the price of one call at least"):
        plan(k=8, values=VALUES, feedback="none", budget=1e-4)
    seldom = plan(k=8, values=VALUES, feedback="none", calls=1)  # nothing is reached, and nothing is wrong with that
    assert {each.numbers.reached for each in seldom.ranked if each.candidate.g < 8} == {0.0}


# ------------------------------------------------------------------------------------------------------------- targets


def test_the_time_to_the_optimum_is_that_of_predict():
    for each in plan(k=8, values=VALUES, feedback="blocks", lam=(1, 3), bands=0).ranked:
        exact, found = predict(each.candidate.cell, "generations"), time_to(each.candidate.cell, 8)
        assert found.mean == pytest.approx(exact.mean, rel=1e-10), each
        assert [found.quantile(u) for u in (0.1, 0.5, 0.9)] == [exact.quantile(u) for u in (0.1, 0.5, 0.9)], each


def test_another_target_by_a_sum_over_budgets():
    found = plan(k=8, values=VALUES, feedback="none", target=6, lam=(1, 3))
    for cell, numbers in cells_of(found):
        tails = [1.0 - float(each.at_least(6)) for each in qualities(cell, range(400))]
        lam = cell.runner.lam if isinstance(cell.runner, OnePlusLambda) else cell.runner.workers
        assert tails[-1] < 1e-13
        assert numbers.calls == pytest.approx(lam * sum(tails), rel=1e-9)
        unit = predict(cell, "cost").unit * lam
        assert numbers.money == pytest.approx(unit * sum(tails), rel=1e-9)
        assert numbers.median == pytest.approx(unit * np.argmax(np.array(tails) <= 0.5), rel=1e-9)
        hours = (
            sum(tails) / predict(cell, "generations").mean * seconds_of(cell, found.best.candidate.model.latency, 1)[0]
        )
        assert numbers.hours == pytest.approx(hours / 3600, rel=1e-9)


def test_a_target_is_a_share_or_a_number_of_blocks():
    tables = [plan(k=8, values=VALUES, target=target, g=(1,), bands=0).table for target in (0.75, 6, 0.7, 1.0, None)]
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])  # 5.6 blocks are 6
    assert tables[3].equals(tables[4])
    assert not tables[0]["money"].equals(tables[3]["money"])


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"budget": 1e-6}, "budget: expected the price of one call at least, 0.0024 here, got 1e-06"),
        ({"budget": -1}, "budget: expected a finite amount of money > 0, got -1"),
        ({"budget": math.inf}, "budget: expected a finite amount of money > 0, got inf"),
        ({"calls": 0}, "calls must be a whole number >= 1, got 0"),
        ({"budget": 1, "calls": 5}, "expected budget (money) or calls, got both"),
        ({"target": 9}, "target: expected a share in (0, 1] or a number of blocks up to k = 8, got 9"),
        ({"target": 0}, "target: expected a share in (0, 1] or a number of blocks up to k = 8, got 0"),
        ({"by": "fitness"}, "by = 'fitness' needs budget or calls, got none"),
    ],
)
def test_aims_that_are_none_are_refused(more, told):
    with pytest.raises(InputError) as raised:
        plan(k=8, values=VALUES, **more)
    assert told in str(raised.value)


def test_a_budget_of_money_needs_prices_and_hours_need_seconds():
    unpriced = {key: value for key, value in VALUES.items() if not key.startswith(("prices", "seconds"))}
    with pytest.raises(InputError, match=r"budget needs prices\.prompt and prices\.generated, got none; give calls"):
        plan(k=8, values=unpriced, budget=1.0)
    with pytest.raises(InputError, match=r"by = 'hours' needs seconds\.fixed"):
        plan(k=8, values=unpriced, by="hours")
    assert plan(k=8, values=unpriced).table["hours"].isna().all()
