"""What a plan says of itself, and the seconds and runs that it rests on, each by hand at its two ends."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from evo import Latency, Merged, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk
from evo.errors import NoPrediction
from experiments import Cell, plan
from experiments.planning import simulated
from experiments.planning.cautions import _between, _longer, _on_runs, blocks_of, cautions, unsaid_intervals
from experiments.planning.hours_band import with_hours_band
from experiments.planning.inputs import Hang
from experiments.planning.numbers import Numbers
from experiments.planning.seconds import AT_MOST, SIMULATED, seconds_of, seconds_of_runs
from experiments.planning.simulated import LEAST, MARGIN, MOST, NotSimulatedError, Simulator, SpentToTarget, _batches
from operators import FixKeep
from problems import BlockOneMax

# ------------------------------------------------------------------------------------------------- in sentences


def of_sizes(best, interpolated, sizes):
    """A plan whose choice has g = best, with these g, of which some were not measured."""
    model = SimpleNamespace(interpolated=lambda g: g in interpolated)
    ranked = [SimpleNamespace(candidate=SimpleNamespace(g=g, model=model)) for g in (best, *sizes)]
    return SimpleNamespace(ranked=ranked, best=ranked[0])


TOLD = "between the calls that were measured: logit fix and logit keep are interpolated, linear in log g"


@pytest.mark.parametrize(
    ("best", "interpolated", "told"),
    [
        (1, (), []),
        (1, (3,), ["g = 3 lies"]),
        (3, (3,), ["g = 3 lies"]),  # no other is meant
        (4, (2, 3, 4), ["g = 4 (the choice), 2, 3 lie"]),
        (1, (2, 3, 4, 5, 6, 7), ["g = 2, 3, 4, 5, 6, 7 lie"]),
        (5, (2, 3, 4, 5, 6, 7, 8), ["g = 5 (the choice), 2, 3, 4, 6, 7, .. lie"]),
        (1, (11, 12), ["g = 11, 12 lie"]),
    ],
)
def test_sizes_that_were_not_measured_are_named_that_of_the_choice_first(best, interpolated, told):
    assert _between(of_sizes(best, interpolated, range(1, 13))) == [f"{each} {TOLD}" for each in told]


def hang(key="operator.fix", value=0.35, given=False, model=""):
    return Hang(model, key, 1, value, value / 2, (1 + value) / 2, given)


@pytest.mark.parametrize(
    ("hangs", "names", "blocks", "at"),
    [
        ([hang()], "fix", 0.35, "0.35"),
        ([hang(value=0.9), hang("operator.keep", 0.5), hang(value=0.3)], "fix, keep", 0.5, "0.5"),  # the fewest blocks
        ([hang(), hang("operator.keep", 0.5, given=True)], "fix", 0.35, "0.35"),
        ([hang(), hang("tokens.cached_share", 0.5), hang("prices.prompt", 0.5)], "fix", 0.35, "0.35"),
        ([hang(), hang("operator.malformed", 1.0), hang("operator.refusals", 0.0)], "fix", 0.35, "0.35"),
        ([hang(model="small"), hang()], "fix (small), fix", 0.35, "0.35"),
    ],
)
def test_chances_without_an_interval_say_how_many_blocks_would_tell_as_much(hangs, names, blocks, at):
    (told,) = unsaid_intervals(SimpleNamespace(hangs=hangs, odds=2.0))
    assert told.startswith(f"no interval is given for {names}: odds ")
    assert f"as if {blocks_of(blocks, 2.0):,} blocks had been counted at {at}, and more" in told


def test_nothing_is_said_of_intervals_that_are_given():
    assert unsaid_intervals(SimpleNamespace(hangs=[hang(given=True)], odds=2.0)) == []


@pytest.mark.parametrize(
    ("fix", "keep", "told"),
    [
        ((1, 4), (1, 4), "calls on more than g = 4 blocks were not measured and are not compared; give g for them"),
        ((1, 4), (1, 6), "fix was measured up to g = 4 alone, so that longer calls are not compared; give fix at "
                         "g = 6"),
        ((1, 8), (1, 4), "keep was measured up to g = 4 alone, so that longer calls are not compared; give keep at "
                         "g = 8"),
    ],
)  # fmt: skip
def test_the_table_that_ends_first_is_named(fix, keep, told):
    tables = SimpleNamespace(fix=[(g, 0.5) for g in fix], keep=[(g, 0.9) for g in keep])
    assert _longer(SimpleNamespace(values=SimpleNamespace(operator=tables)), 4) == told


@pytest.mark.parametrize(
    ("by", "errors", "told"),
    [
        ("money", [], None),
        ("money", [0.1], "1 candidate is simulated (no formula tells their money), standard errors up to 5 %"),
        ("money", [0.1, 0.04], "2 candidates are simulated (no formula tells their money), standard errors up to 5 %"),
        ("fitness", [0.1, 0.04], "2 candidates are simulated (no formula tells their fitness), standard errors up to "
                                 "0.1"),
    ],
)  # fmt: skip
def test_what_rests_on_runs_says_how_far_it_may_be_off(by, errors, told):
    """Of the number itself, of money a share: the largest of all."""
    ranked = [SimpleNamespace(numbers=Numbers(money=2.0, fitness=2.0, errors=((by, each),))) for each in errors]
    ranked.append(SimpleNamespace(numbers=Numbers(money=2.0, fitness=2.0)))
    made = SimpleNamespace(ranked=ranked, by=by, simulated=lambda each: bool(each.numbers.errors))
    assert _on_runs(made) == ([f"{told}; --exact leaves them out"] if told else [])


def test_without_prices_it_is_said_what_is_ranked_by():
    values = {"operator.fix": {1: 0.4}, "operator.keep": {1: 0.9}}
    prices = {"prices.prompt": 1e-6, "prices.generated": 1e-6, "tokens.block": 5, "tokens.instructions": 0}
    asked = {"k": 2, "g": (1,), "schedules": ("RoundRobin",), "bands": 0}
    told = "no prices: ranked by calls; give prices.prompt and prices.generated to rank by money"
    assert told in cautions(plan(**asked, values=values))
    assert not any(each.startswith("no prices") for each in cautions(plan(**asked, values=values | prices)))


# ------------------------------------------------------------------------------------------------- seconds and runs

LATENCY = Latency(fixed=1.0, per_generated_token=0.01, tail=0.5, evaluation=2.0)


def cell(schedule, runner=None, k=8):
    return Cell(BlockOneMax(k=k, l=50), FixKeep(0.4, 0.9), schedule, runner or OnePlusLambda())


def spent(of, *rows):
    return SpentToTarget(of, np.array(rows))


def test_more_workers_than_calls_of_a_round_change_nothing():
    merged = cell(OnlyIncorrect(), Merged(4))
    told = [seconds_of(merged, LATENCY, workers) for workers in (3, 4, 5)]
    assert told[1] == told[2] != told[0]
    assert {kind for _, kind in told} == {AT_MOST}


def test_seconds_of_runs_one_after_the_other_are_those_of_their_calls():
    """On full chunks of three blocks 2.5 s a call, on the last one of two 2 s, and 2 s for each evaluation."""
    rows = [(6, 6, 6, 2), (9, 9, 9, 3), (3, 3, 3, 1)]  # generations, calls, evaluations, calls on the shorter chunk
    mean, error, kind = seconds_of_runs(spent(cell(RoundRobin(3)), *rows), LATENCY, 1)
    seconds = [2.5 * (calls - short) + 2.0 * short + 2.0 * generations for generations, calls, _, short in rows]
    assert (mean, kind) == (pytest.approx(np.mean(seconds)), SIMULATED)
    assert error == pytest.approx(np.std(seconds, ddof=1) / math.sqrt(3))


def test_a_round_that_shrinks_takes_its_seconds_at_the_most():
    rows = (6, 20, 20), (9, 30, 30)
    one, other = (seconds_of_runs(spent(of, *rows), LATENCY, 4) for of in (
        cell(OnlyIncorrect(), Merged(4)), cell(RoundRobin(), OnePlusLambda(4))))  # fmt: skip
    assert (one[2], other[2]) == (AT_MOST, SIMULATED)
    assert one[0] / other[0] == pytest.approx(1.0)
    assert other[1] / other[0] == pytest.approx(1.5 / 7.5)  # of 6 and 9 generations


def test_a_generation_side_by_side_takes_as_long_as_its_longest_call():
    """Without a tail 4.5 s, and 4 s on the shorter chunk alone, which a third of 24 calls are on.

    All on one chunk: 4.5 and 4 s in their shares; each on its own: 4 s w.p. 1/81, drawn 20,000 times.
    """
    latency = Latency(fixed=1.0, per_generated_token=0.01, evaluation=2.0)
    rows = (6, 24, 24, 8), (6, 24, 24, 8)
    together, apart, merged = (
        spent(cell(*parts), *rows)
        for parts in (
            (OnlyIncorrect(3), OnePlusLambda(4)),
            (UniformChunk(3), OnePlusLambda(4)),
            (RoundRobin(3), Merged(4)),
        )
    )
    assert seconds_of_runs(together, latency, 4) == (pytest.approx(6 * (4.5 * 2 / 3 + 4 / 3)), 0.0, SIMULATED)
    mean, _, kind = seconds_of_runs(apart, latency, 4)
    assert (mean, kind) == (
        pytest.approx(6 * (4.5 - 0.5 / 81), abs=6 * 0.5 * 5.3 * math.sqrt(1 / 81 / 20_000)),
        SIMULATED,
    )
    with pytest.raises(NoPrediction, match="shorter last chunk take has no formula"):
        seconds_of_runs(merged, latency, 2)


@pytest.mark.parametrize("hours", [math.nan, math.inf])
def test_hours_that_are_not_known_or_infinite_have_no_band(hours):
    found = Numbers(hours=hours)
    assert with_hours_band(None, None, found, None) is found


@pytest.mark.parametrize(
    ("wanted", "calls", "runs"),
    [
        (0.0, 1.0, LEAST), (LEAST / MARGIN, 0.5, LEAST), (1000.0, 10.0, 1300), (1000.1, 10.0, 1301),
        (1e9, 10.0, MOST), (1e9, 1000.0, 500), (1e9, 1e9, 2),
    ],
)  # fmt: skip
def test_as_many_runs_are_made_as_the_error_takes_and_their_calls_allow(wanted, calls, runs):
    assert Simulator()._runs(wanted, calls) == runs


def test_batches_begin_after_that_of_the_probe_and_hold_all_runs():
    of = cell(RoundRobin())
    size = of.batch_size(1000)
    assert _batches(of, 2 * size + 7) == [(1, size), (2, size), (3, 7)]
    assert _batches(of, size) == [(1, size)]


@pytest.mark.parametrize("target", [None, 6])
def test_what_a_candidate_simulates_is_no_longer_left(target, monkeypatch):
    counted = []
    for name, of in (("simulate", lambda found: found), ("simulate_traced", lambda found: found[0])):
        real = getattr(simulated, name)

        def counting(*given, real=real, of=of):
            found = real(*given)
            counted.append(int(of(found).calls.sum()))
            return found

        monkeypatch.setattr(simulated, name, counting)
    simulator = Simulator(left=10**6, a_candidate=5_000)
    simulator.until(cell(RoundRobin()), target)
    assert len(counted) > 1
    assert simulator.left == 10**6 - sum(counted)
    simulator.left = 0
    with pytest.raises(NotSimulatedError, match="took 20,000,000 simulated calls; give fewer candidates"):
        simulator.until(cell(RoundRobin()), target)
