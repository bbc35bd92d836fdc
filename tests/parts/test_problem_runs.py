"""Runs on the problems: draw for draw the same as a naive loop, and the exact values that are known.

The naive (1+lambda)-EA is plain Python on lists, one run at a time, with fitness functions of its own; it draws from
the engine's streams in the order in which an engine that makes one generation at a time must draw. Statistical tests:
fixed seed, false-fail rate 1e-6 each (|z| < 4.9), and the relative error of a mean that is found w.p. 1 - 1e-6.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.batch import Batch
from evo.costs.budget import Limit
from evo.engine import one_parent, populations
from evo.schedules import UniformSubset
from evo.search import Search
from evo.seeding import streams
from operators import FixKeep, Resample
from problems import Jump, LeadingBlocks, Needle, Trap, WeightedBlocks

HALF = Resample(p=0.5)
Z = 4.9
WEIGHTS = (5, 1, 3, 1, 9)


def run(problem, schedule, runner, runs, limits=(), mutator=HALF, identity="landscapes", loop=one_parent.run_batch):
    return loop(Search(problem, mutator, schedule, runner), Batch(streams(1, identity, 0), runs, limits, True))


# ------------------------------------------------------------------------------------------- the naive loop

NAIVE = {
    LeadingBlocks(5, 1, start=0.3): lambda x: "".join("x."[not right] for right in x).partition(".")[0].count("x"),
    WeightedBlocks(WEIGHTS, 1, start=0.3): lambda x: sum(w for w, right in zip(WEIGHTS, x, strict=True) if right),
    Jump(5, 1, 2, start=0.3): lambda x: [2, 3, 4, 5, 1, 7][sum(x)],
    Trap(5, 1, start=0.6): lambda x: 6 if all(x) else x.count(False),
    Needle(5, 1, start=0.3): lambda x: 1 if all(x) else 0,
}
SCHEDULES = [AllBlocks(), RoundRobin(g=2), UniformChunk(g=2), UntilResolved(), OnlyIncorrect(g=2), UniformSubset(g=2)]
BUDGET = 60


def naive_run(problem, fitness, schedule, lam, accept, mutator, drawn):
    """One run: hit (-1: none within the budget), generations, improvements [(call, fitness)]."""
    k, g = 5, 5 if isinstance(schedule, AllBlocks) else schedule.g
    chunks = [list(range(low, min(low + g, k))) for low in range(0, k, g)]
    parent = problem.initial(1, drawn.start)[0].tolist()
    trace, generation, pointer = [(0, fitness(parent))], 0, 0
    if all(parent):
        return 0, 0, trace
    while True:
        numbers = [pointer] * lam
        if isinstance(schedule, UniformChunk):
            numbers = drawn.schedule.integers(len(chunks), size=lam).tolist()
        elif isinstance(schedule, OnlyIncorrect):
            numbers = [parent.index(False) // g] * lam
        if isinstance(schedule, UniformSubset):
            keys = drawn.schedule.random((lam, k))
            given = [sorted(np.argsort(row)[:g].tolist()) for row in keys]
        else:
            given = [chunks[number] for number in numbers]
        answers = [None] * lam
        for size in (g, len(chunks[-1])) if len(chunks[-1]) < g else (g,):  # an operator gets one length at a time
            those = [j for j in range(lam) if len(given[j]) == size]
            if those:
                before = np.array([[parent[b] for b in given[j]] for j in those])
                for j, answer in zip(those, mutator.rewrite(before, drawn.mutator).tolist(), strict=True):
                    answers[j] = answer
        children = []
        for blocks, answer in zip(given, answers, strict=True):
            child = list(parent)
            for b, right in zip(blocks, answer, strict=True):
                child[b] = right
            children.append(child)
        values, old = [fitness(child) for child in children], fitness(parent)
        best = values.index(max(values))
        hits = [j for j, child in enumerate(children) if all(child)]
        if values[best] > old:
            trace.append((lam * generation + best + 1, values[best]))
        if values[best] > old or (accept == "weak" and values[best] == old):
            parent = children[best]
        generation += 1
        if isinstance(schedule, UntilResolved):
            pointer = (pointer + any(value != old for value in values)) % len(chunks)
        elif isinstance(schedule, RoundRobin):
            pointer = (pointer + 1) % len(chunks)
        if hits:
            return lam * (generation - 1) + hits[0] + 1, generation, trace
        if lam * generation >= BUDGET:
            return -1, generation, trace


@pytest.mark.some(at_least=16)
@pytest.mark.parametrize("accept", ["strict", "weak"])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
@pytest.mark.parametrize("problem", NAIVE, ids=lambda problem: type(problem).__name__)
def test_draw_for_draw_the_same_as_a_naive_loop(problem, schedule, accept, monkeypatch):
    """Every run of both loops of the engine, one a batch; rounds made ahead are switched off, they draw more."""
    monkeypatch.setattr("evo.engine.one_parent.LOOK_AHEAD", 1)
    compare(problem, NAIVE[problem], schedule, accept)


def compare(problem, fitness, schedule, accept):
    mutator, limits = FixKeep(0.4, 0.7), [Limit(1.0, 0.0, BUDGET)]
    for number in range(4):
        lam, drawn = (1, 3)[number % 2], streams(1, str(number), 0)
        hit, generations, improved = naive_run(problem, fitness, schedule, lam, accept, mutator, drawn)
        for loop in (one_parent.run_batch, populations.run_batch):
            counts, trace = run(problem, schedule, OnePlusLambda(lam, accept), 1, limits, mutator, str(number), loop)
            assert (counts.hit[0], counts.generations[0], counts.calls[0]) == (hit, generations, lam * generations)
            if loop is one_parent.run_batch:
                assert list(zip(trace.call.tolist(), trace.fitness.tolist(), strict=True)) == improved


@pytest.mark.parametrize("problem", NAIVE, ids=lambda problem: type(problem).__name__)
def test_twin_another_fitness_is_found(problem, monkeypatch):
    """The naive loop on OneMax: some of 4 runs differ."""
    monkeypatch.setattr("evo.engine.one_parent.LOOK_AHEAD", 1)
    with pytest.raises(AssertionError):
        compare(problem, sum, UniformChunk(g=2), "strict")


# ------------------------------------------------------------------------------------------- exact values


def expect_mean(values, mean, variance, finds):
    """|z| < 4.9 by the exact variance; an error of a share `finds` of the mean is found w.p. 1 - 1e-6."""
    error = math.sqrt(variance / len(values))
    assert abs(values.mean() - mean) < Z * error
    assert 2 * Z * error < finds * mean


@pytest.mark.statistical
def test_twin_the_wrong_mean_is_found():
    """LeadingBlocks under RoundRobin (10c) is not its E under UniformChunk, nor k^2; a failure costs a whole sweep."""
    counts, _ = run(LeadingBlocks(12, 1), RoundRobin(), OnePlusLambda(), 20_000)
    expect_mean(counts.hit, 12**2 + 12, 2 * 12**3, 0.04)
    for wrong in (12**2 / 0.5, 12**2):
        with pytest.raises(AssertionError):
            expect_mean(counts.hit, wrong, 2 * 12**3, 1)
    assert ((counts.hit - 12) % 12 == 0).all()


@pytest.mark.some
@pytest.mark.parametrize("problem", [Trap(8, 1), Needle(8, 1), Jump(8, 1, 2)], ids=repr)
@pytest.mark.parametrize("schedule", [RoundRobin(), UniformChunk(), UntilResolved(), OnlyIncorrect()], ids=repr)
def test_one_block_a_call_never_gets_there(problem, schedule):
    """Strict acceptance; every run is censored, at its budget, and stays where its landscape holds it."""
    counts, trace = run(problem, schedule, OnePlusLambda(), 100, [Limit(1.0, 0.0, 500)])
    assert (counts.hit == -1).all()
    assert (counts.calls == 500).all()
    best = {Trap: 8, Needle: 0, Jump: 2 + 6}[type(problem)]
    assert trace.fitness.max() == best
    reached = np.zeros(100)
    np.maximum.at(reached, trace.run, trace.fitness)
    stuck = isinstance(problem, Jump) and isinstance(schedule, UntilResolved)
    assert (reached == best).all() or stuck  # UntilResolved leaves a block that it made worse by going up


@pytest.mark.parametrize("problem", [Trap(4, 1), Needle(4, 1)], ids=repr)
def test_twin_a_start_with_one_wrong_block_gets_there(problem):
    counts, _ = run(replace(problem, incorrect=1), OnlyIncorrect(), OnePlusLambda(), 200, [Limit(1.0, 0.0, 500)])
    assert (counts.hit > 0).all()


# ------------------------------------------------------------------------------------------- Jump_3, 8 blocks

JUMP = Jump(8, 1, 3)


def stuck_share():
    """P(RoundRobin(g=4) ends with the three wrong blocks in both chunks), by the chain on correct blocks a chunk."""

    def fitness(a, b):
        c = a + b
        return 3 + c if c <= 5 or c == 8 else 8 - c

    offspring = [math.comb(4, a) / 16 for a in range(5)]
    law = {(0, 0): 1.0}
    for generation in range(4000):
        after = {}
        for (a, b), chance in law.items():
            for new, part in enumerate(offspring):
                child = (new, b) if generation % 2 == 0 else (a, new)
                state = child if fitness(*child) > fitness(a, b) else (a, b)
                after[state] = after.get(state, 0.0) + chance * part
        law = after
    ends = {state: chance for state, chance in law.items() if chance > 1e-9}
    assert set(ends) == {(4, 4), (3, 2), (2, 3)}
    return 1 - ends[4, 4]


@pytest.mark.statistical
def test_fixed_chunks_get_stuck_in_a_share_of_the_runs():
    counts, trace = run(JUMP, RoundRobin(g=4), OnePlusLambda(), 4000, [Limit(1.0, 0.0, 600)])
    stuck, share = counts.hit == -1, stuck_share()
    error = math.sqrt(share * (1 - share) / 4000)
    assert abs(stuck.mean() - share) < Z * error
    assert 2 * Z * error < 0.1  # so much would have been found
    assert 0.1 < share < 0.99
    reached = np.zeros(4000)
    np.maximum.at(reached, trace.run, trace.fitness)
    assert (reached[stuck] == 8).all()  # the local optimum, c = 5
    assert (reached[~stuck] == 11).all()


@pytest.mark.statistical
def test_random_subsets_of_three_get_out():
    """The last step is Geom(1/448): C(8,3) p^-3 = 448 calls (theory 10), from runs that were at the local optimum."""
    counts, trace = run(JUMP, UniformSubset(g=3), OnePlusLambda(), 4000)
    assert (counts.hit > 0).all()
    arrived = {int(run): int(call) for run, call, value in zip(trace.run, trace.call, trace.fitness, strict=True)
               if value == 8}  # fmt: skip
    waited = np.array([counts.hit[run] - call for run, call in arrived.items()])
    assert len(waited) > 3500
    expect_mean(waited, 448, 448 * 447, 0.17)
