"""Laws of merged rounds and of one winner a round: references, brute force over small cases, and what must be equal."""

import itertools
import math

import numpy as np
import pytest

from evo.errors import InputError, NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.theory import Geometric, Start, only_incorrect, round_robin
from evo.theory.schedules.each_chunk import last_rank, one_kept, order_positions
from evo.theory.schedules.merged import MergedLaw, merged_in_turn, merged_only_incorrect
from evo.theory.times.derived import InRounds

HALF = IndependentBlocks(0.5, 0.5)
UNEQUAL = IndependentBlocks(0.4, 0.7)
STARTS = [Start(5), Start(5, incorrect=3), Start(5, p0=0.3)]
NAMES = ["all incorrect", "exactly 3", "p0 = 0.3"]


def test_references():
    assert merged_in_turn(IndependentBlocks(0.9, 0.5), 10, 1, Start(10)).generations.mean == pytest.approx(
        1.7580052613672029863, rel=1e-13
    )
    assert one_kept(HALF, 20, Start(20)).generations.mean == pytest.approx(21.606694198740672193, rel=1e-13)
    assert merged_only_incorrect(HALF, 20, 1, Start(20), 20).generations.mean == pytest.approx(
        5.6904383608304002002, rel=1e-13
    )


@pytest.mark.parametrize(("workers", "mean"), [(1, 40.0), (4, 11.577), (8, 7.486), (20, 5.690), (None, 5.690)])
def test_workers(workers, mean):
    assert merged_only_incorrect(HALF, 20, 1, Start(20), workers).generations.mean == pytest.approx(mean, abs=5e-4)


@pytest.mark.parametrize("start", STARTS, ids=NAMES)
def test_all_blocks_and_only_the_incorrect_ones_take_the_same_rounds(start):
    """Correct blocks that are called do no harm: only calls differ."""
    every, wrong = merged_in_turn(UNEQUAL, 5, 1, start), merged_only_incorrect(UNEQUAL, 5, 1, start)
    times = np.arange(60)
    np.testing.assert_allclose(every.generations.tail(times), wrong.generations.tail(times), rtol=1e-11, atol=1e-15)
    assert every.generations.variance == pytest.approx(wrong.generations.variance, rel=1e-11)
    assert every.calls.mean == pytest.approx(5 * every.generations.mean, rel=1e-12)
    assert wrong.calls.mean == pytest.approx(float(start.law() @ np.arange(6)) / 0.4, rel=1e-12)


@pytest.mark.parametrize("start", STARTS, ids=NAMES)
@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_workers_against_brute_force_over_counts(workers, start):
    """E and Var of rounds by forward recursion over i, every outcome of min(W,i) blocks listed."""
    a, first, second = 0.4, [0.0], [0.0]
    for i in range(1, 6):
        width = min(workers, i)
        repaired = np.zeros(width + 1)
        for outcome in itertools.product((0, 1), repeat=width):
            repaired[sum(outcome)] += math.prod(a if one else 1 - a for one in outcome)
        h = (1 + sum(repaired[n] * first[i - n] for n in range(1, width + 1))) / (1 - repaired[0])
        s = (2 * h - 1 + sum(repaired[n] * second[i - n] for n in range(1, width + 1))) / (1 - repaired[0])
        first.append(h)
        second.append(s)
    rounds = merged_only_incorrect(UNEQUAL, 5, 1, start, workers).generations
    mean = float(start.law() @ first)
    assert rounds.mean == pytest.approx(mean, rel=1e-12)
    assert rounds.variance == pytest.approx(float(start.law() @ second) - mean**2, rel=1e-11)


@pytest.mark.parametrize("start", STARTS, ids=NAMES)
def test_one_worker_is_the_sequential_run(start):
    times = np.arange(80)
    for merged, plain in (
        (merged_in_turn(UNEQUAL, 5, 2, start, 1), round_robin(UNEQUAL, 5, 2, start)),
        (merged_only_incorrect(UNEQUAL, 5, 2, start, 1), only_incorrect(UNEQUAL, 5, 2, start)),
    ):
        np.testing.assert_allclose(merged.generations.tail(times), plain.generations.tail(times), rtol=1e-12)
        assert merged.calls.mean == pytest.approx(plain.calls.mean, rel=1e-12)
        assert merged.calls_on_last_chunk == pytest.approx(plain.calls_on_last_chunk, rel=1e-10)


@pytest.mark.parametrize("workers", [None, 2, 3])
def test_moments_are_those_of_the_tail(workers):
    law = merged_in_turn(UNEQUAL, 7, 2, Start(7, p0=0.2), workers)
    t = np.arange(2000)
    for time in (law.generations, law.calls):
        tail = time.tail(t)
        mean = tail.sum()
        assert time.mean == pytest.approx(mean, rel=1e-11)
        assert time.variance == pytest.approx(((2 * t + 1) * tail).sum() - mean**2, rel=1e-9)
        np.testing.assert_allclose(time.cdf(t) + tail, 1.0, atol=1e-12)
        assert time.quantile(0.9) == np.argmax(time.cdf(t) >= 0.9)
    assert isinstance(law, MergedLaw)
    assert law.calls is law.hit


def test_calls_do_not_depend_on_the_number_of_workers():
    means = [merged_only_incorrect(UNEQUAL, 7, 2, Start(7), W).calls.mean for W in (1, 2, 3, None)]
    assert means == pytest.approx([means[0]] * 4, rel=1e-12)
    with pytest.raises(NoPrediction, match="rounds of 2 workers on 4 chunks"):
        _ = merged_only_incorrect(UNEQUAL, 7, 2, Start(7), 2).generations.mean


def test_what_never_ends():
    never = IndependentBlocks(0.0, 0.5)
    assert merged_in_turn(never, 3, 1, Start(3)).generations.mean == math.inf
    assert merged_only_incorrect(never, 3, 1, Start(3), 2).generations.mean == math.inf
    assert one_kept(never, 3, Start(3, p0=0.5)).hit.quantile(0.9) == math.inf
    assert one_kept(never, 3, Start(3, p0=0.5)).hit.mean == math.inf
    assert one_kept(HALF, 3, Start(3, p0=1.0)).hit.mean == 0.0
    assert merged_only_incorrect(HALF, 3, 1, Start(3, incorrect=0)).calls.mean == 0.0
    with pytest.raises(InputError, match="workers must be a whole number >= 1"):
        merged_in_turn(HALF, 3, 1, Start(3), 0)


def test_many_blocks():
    """H_k/mu + 1/2 up to a tiny periodic term, mu = ln 2 (theory 11a)."""
    rounds = merged_in_turn(HALF, 1000, 1, Start(1000)).generations
    assert rounds.mean == pytest.approx(sum(1 / i for i in range(1, 1001)) / math.log(2) + 0.5, abs=1e-4)


def test_rounds_of_a_geometric_time_are_geometric():
    rounds, t = InRounds(Geometric(0.3), 3), np.arange(20)
    np.testing.assert_allclose(rounds.tail(t), Geometric(1 - 0.7**3).tail(t), rtol=1e-12)
    assert rounds.mean == pytest.approx(1 / (1 - 0.7**3), rel=1e-12)
    assert rounds.quantile(0.9) == Geometric(1 - 0.7**3).quantile(0.9)


# ------------------------------------------------------------------------------------------- one winner a generation


def one_kept_by_enumeration(a, k, weights):
    """P(hit = t) over all solutions, by hand: state a frozenset of incorrect blocks."""
    chances = {}
    states = dict(weights)
    for generation in range(400):
        after = {}
        for wrong, mass in states.items():
            if not wrong:
                chances[0] = chances.get(0, 0.0) + mass
                continue
            first_missed = 1.0
            for block in sorted(wrong):
                left = wrong - {block}
                if left:
                    after[left] = after.get(left, 0.0) + mass * first_missed * a
                else:
                    hit = k * generation + block + 1
                    chances[hit] = chances.get(hit, 0.0) + mass * first_missed * a
                first_missed *= 1 - a
            after[wrong] = after.get(wrong, 0.0) + mass * first_missed
        states = after
    return chances


@pytest.mark.parametrize("start", [Start(3), Start(3, incorrect=2), Start(3, p0=0.3)], ids=NAMES)
def test_the_call_that_hits_against_all_solutions(start):
    sets = [frozenset(c) for n in range(4) for c in itertools.combinations(range(3), n)]
    law = start.law()
    chances = one_kept_by_enumeration(0.4, 3, {one: law[len(one)] / math.comb(3, len(one)) for one in sets})
    run = one_kept(UNEQUAL, 3, start)
    times = np.arange(60)
    cdf = np.array([sum(chance for hit, chance in chances.items() if hit <= t) for t in times])
    np.testing.assert_allclose(run.hit.cdf(times), cdf, atol=1e-12)
    mean = sum(t * chance for t, chance in chances.items())
    assert run.hit.mean == pytest.approx(mean, rel=1e-12)
    assert run.hit.variance == pytest.approx(sum(t**2 * c for t, c in chances.items()) - mean**2, rel=1e-11)
    assert run.hit.quantile(0.5) == np.argmax(cdf >= 0.5)
    assert run.calls.mean == pytest.approx(3 * run.generations.mean, rel=1e-14)
    assert run.generations.mean == pytest.approx(sum(c * -(-t // 3) for t, c in chances.items()), rel=1e-12)


def test_ranks_and_positions_are_laws():
    np.testing.assert_allclose(last_rank(0.3, 6).sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(last_rank(1.0, 3), np.eye(3), atol=1e-15)  # the first block is always the winner
    for j in (1, 3, 6):
        np.testing.assert_allclose(order_positions(6, j).sum(axis=0), j / 6, rtol=1e-12)
