"""The fitness of simulated runs at a budget against its exact law, by verdict.

Seeds fixed; a check fails falsely w.p. 1e-6 each, and finds a cdf that is off by 0.07 w.p. 0.95.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from evo import AllBlocks, Budget, Merged, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.errors import InputError, NoPrediction
from evo.runners.archives import Archive
from evo.schedules import Decomposed, UniformSubset
from experiments import (
    Cell,
    Verdict,
    check_fitness,
    fitness_curve,
    fitness_figure,
    fitness_or_simulated,
    measured_fitness,
    predict,
    trace,
)
from experiments.reports.quality.measured import BATCH, MeasuredFitness, compared, measured_curve
from experiments.running import at_budget
from experiments.running.simulation import simulate, simulate_traced
from operators import BetaBlocks, FixKeep, Malformed, PerBlock, Refuse, Resample, Spill, Vote
from problems import BlockOneMax, Judged, LeadingBlocks, Minibatch, Noisy, Trap

OURS = {"alpha": 1e-6, "resolution": 0.07, "runs": 3000}


def cell(schedule, mutator=None, lam=1, problem=None, accept="strict", **more):
    return Cell(
        problem or BlockOneMax(6, 2, start=0.3),
        mutator or FixKeep(0.3, 0.8),
        schedule,
        OnePlusLambda(lam, accept),
        **more,
    )


CELLS = {
    "whole, lam = 3": (cell(AllBlocks(), lam=3), 12),
    "best of samples": (cell(AllBlocks(), Resample(0.5)), 20),
    "until resolved": (cell(UntilResolved(), lam=2), 14),
    "until resolved, exactly j": (cell(UntilResolved(), problem=BlockOneMax(6, 2, incorrect=4)), 14),
    "in turn, g = 4": (cell(RoundRobin(4), lam=2), 14),
    "in turn, exactly j": (cell(RoundRobin(2), problem=BlockOneMax(6, 2, incorrect=3)), 8),
    "random chunks, g = 4": (cell(UniformChunk(4), lam=2), 14),
    "only incorrect, g = 4, weak": (cell(OnlyIncorrect(4), accept="weak"), 9),
    "random subsets": (cell(UniformSubset(2)), 9),
    "decomposed": (cell(Decomposed(UniformChunk(2), writes=3)), 20),
    "malformed and refused": (cell(UniformChunk(2), Malformed(Refuse(FixKeep(0.3, 0.8), 0.2), 0.2)), 9),
    "votes": (cell(UniformChunk(), Vote(FixKeep(0.6, 0.8), 2)), None),
    "spill": (cell(UniformChunk(), Spill(FixKeep(0.5, 0.8), 0.1)), 20),
    "blocks that differ": (cell(RoundRobin(), PerBlock((0.1, 0.9, 0.5, 0.3, 0.2, 0.7))), 8),
    "difficulties drawn": (cell(RoundRobin(), BetaBlocks(1.0, 1.0)), 8),
    "difficulties drawn, random": (cell(UniformChunk(), BetaBlocks(1.0, 1.0)), 12),
    "difficulties drawn, incorrect": (cell(OnlyIncorrect(), BetaBlocks(2.0, 1.0), lam=2), 8),
    "leading blocks": (cell(UniformChunk(), problem=LeadingBlocks(6, 2)), 30),
    "a trap": (cell(AllBlocks(), problem=Trap(6, 2)), 9),
    "noise, afresh": (cell(UniformChunk(), problem=Noisy(BlockOneMax(6, 2), 1.0)), 30),
    "noise, stored": (cell(UniformChunk(), problem=Noisy(BlockOneMax(6, 2), 0.5, reevaluate=False)), 30),
    "judges": (cell(UniformChunk(), problem=Judged(BlockOneMax(6, 2), 0.1, 0.2)), 30),
    "no evaluator": (cell(UniformChunk(), FixKeep(0.4, 0.9), accept="always"), 25),
    "no evaluator, whole": (cell(AllBlocks(), Malformed(FixKeep(0.4, 0.9), 0.2), accept="always"), 9),
    "no evaluator, in turn": (cell(RoundRobin(4), FixKeep(0.4, 0.9), accept="always"), 9),
    "a threshold": (
        replace(
            cell(UniformChunk(), problem=Noisy(BlockOneMax(6, 2), 0.7)),
            runner=OnePlusLambda(1, "strict", threshold=0.6),
        ),
        30,
    ),
    "a minibatch": (cell(UniformChunk(), problem=Minibatch(BlockOneMax(6, 2), 3)), 20),
    "a minibatch, whole, weak": (
        cell(AllBlocks(), FixKeep(0.3, 0.9), problem=Minibatch(BlockOneMax(6, 2), 2), accept="weak"),
        9,
    ),
    "an archive": (replace(cell(UniformChunk()), runner=Archive(2)), 15),
}


@pytest.mark.parametrize(("tried", "calls"), CELLS.values(), ids=CELLS)
def test_runs_are_what_is_predicted(tried, calls):
    budget = {"generations": 9} if calls is None else {"calls": calls}
    found = check_fitness(tried, **budget, **OURS)
    assert found.verdict == Verdict.AGREES
    low, high = found.measured.interval
    assert low - 2 * (high - low) < found.predicted.mean < high + 2 * (high - low)  # within 10 standard errors


def test_without_an_evaluator_the_optimum_is_left_again():
    """E[f_t] = k x_t, x_t = U - (keep - fix)^t (U - x_0) (17c); stopped at the optimum the mean would be another."""
    loop = cell(AllBlocks(), FixKeep(0.9, 0.9), problem=BlockOneMax(3, 2), accept="always")
    found = measured_fitness(loop, calls=40, runs=4000)
    assert predict(loop, "fitness", calls=40).mean == pytest.approx(2.7, abs=1e-12)
    assert found.mean == pytest.approx(2.7, abs=0.05)
    assert float(predict(loop, "calls").cdf(40)) > 0.999999  # all were optimal once
    assert found.at_least(3) < 0.8


def test_a_trace_without_an_evaluator_is_of_the_runs_of_the_grid():
    """Every change, up and down, up to the hit; its last row is the hit, as the same runs count without a trace."""
    loop = cell(UniformChunk(), FixKeep(0.6, 0.8), problem=BlockOneMax(3, 2), accept="always", budget=Budget(calls=400))
    table, counts = trace(loop, seed=2, runs=200), simulate(loop, 2, 0, 200)
    last = table.groupby("run").last()
    hit = counts.hit >= 0
    assert hit.mean() > 0.9
    np.testing.assert_array_equal(last.call.to_numpy()[hit], counts.hit[hit])
    assert (last.fitness.to_numpy()[hit] == 3).all()
    steps = table.groupby("run").fitness.diff().dropna()
    assert set(steps) == {-1.0, 1.0}
    again, _ = simulate_traced(loop, 2, 0, 200)
    np.testing.assert_array_equal(again.calls, counts.calls)
    beyond, changes = simulate_traced(loop, 2, 0, 200, past_optimum=True)
    assert (changes.call > beyond.calls[changes.run]).any()  # runs that go on
    assert changes.call.max() <= 400
    assert (beyond.calls[beyond.hit >= 0] == beyond.hit[beyond.hit >= 0]).all()  # counted up to the hit


# ---- twins that must be found


@dataclass(frozen=True)
class Otherwise:
    """Keeps what is correct less often than its law says."""

    fix: float = 0.3
    keep: float = 0.8

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < np.where(correct, self.keep - 0.15, self.fix)

    @property
    def law(self):
        return FixKeep(self.fix, self.keep).law


def test_a_mutator_that_breaks_its_law_is_found():
    assert check_fitness(cell(AllBlocks(), Otherwise()), calls=12, **OURS).verdict == Verdict.DIFFERS
    free = cell(AllBlocks(), Otherwise(), accept="always")
    assert check_fitness(free, calls=12, **OURS).verdict == Verdict.DIFFERS


def test_a_threshold_and_a_sample_that_are_forgotten_are_found():
    noisy, few = Noisy(BlockOneMax(6, 2), 0.7), Minibatch(BlockOneMax(6, 2), 3)
    picky = replace(cell(UniformChunk(), problem=noisy), runner=OnePlusLambda(threshold=0.6))
    for made, said in (
        (picky, cell(UniformChunk(), problem=noisy)),
        (cell(UniformChunk(), problem=few), cell(UniformChunk())),
    ):
        measured, exact = measured_fitness(made, calls=30, runs=3000), predict(said, "fitness", calls=30)
        assert np.abs(measured.cdf(exact.values) - exact.cdf(exact.values)).max() > 0.1


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_distance_is_that_of_the_cdfs_whichever_is_above(share):
    """Half of the runs have fitness 0; DKW bounds P(distance) by 2 exp(-2 n d^2)."""
    found = MeasuredFitness(9, np.repeat([0.0, 1.0], 100))
    law = SimpleNamespace(values=np.array([0.0, 1.0]), cdf=lambda at: np.where(np.asarray(at) < 1, share, 1.0))
    made = compared(law, found, 1e-3, 0.5)
    assert (made.verdict, made.distance) == (Verdict.DIFFERS, pytest.approx(0.2))
    assert made.p_value == pytest.approx(2 * math.exp(-2 * 200 * 0.2**2))
    assert (made.measured, made.predicted, made.missing) == (found, law, "")


def test_another_budget_is_found():
    tried = cell(UniformChunk(), problem=BlockOneMax(6, 2))
    measured = measured_fitness(tried, calls=10, runs=3000)
    for calls, far in ((10, False), (14, True)):
        exact = predict(tried, "fitness", calls=calls)
        distance = np.abs(measured.cdf(exact.values) - exact.cdf(exact.values)).max()
        assert (distance > 0.1) == far


def test_few_runs_tell_nothing():
    found = check_fitness(cell(AllBlocks()), calls=12, runs=50)
    assert found.verdict == Verdict.CANNOT_TELL
    assert "more runs would tell a cdf off by 0.1" in found.missing


# ---- what is told


def test_what_is_told_is_read_off_the_trace():
    tried = cell(UniformChunk(2), lam=2, budget=Budget(calls=10))
    table = trace(tried, seed=4, runs=500)
    expected = table[table.call <= 10].groupby("run").fitness.last().sort_values().to_numpy()
    found = measured_fitness(tried, calls=10, runs=500, seed=4)
    np.testing.assert_array_equal(found.fitness, expected)
    assert (found.generations, found.runs, found.kind) == (5, 500, "measured")
    assert found.mean == pytest.approx(expected.mean())
    assert [found.quantile(u) for u in (0.0, 0.1, 0.5, 0.9)] == [expected[n] for n in (0, 49, 249, 449)]
    assert found.cdf([2, 3]).tolist() == [(expected <= 2).mean(), (expected <= 3).mean()]
    assert found.at_least([2, 3]).tolist() == pytest.approx([(expected >= 2).mean(), (expected >= 3).mean()])
    assert found.band == pytest.approx(np.sqrt(np.log(2 / 0.05) / 1000))
    half = 1.959964 * expected.std(ddof=1) / np.sqrt(500)
    assert found.interval == pytest.approx((expected.mean() - half, expected.mean() + half))
    few = measured_fitness(tried, calls=10, runs=7, seed=4)
    assert few.runs == 7


def test_what_cannot_be_measured_is_told():
    with pytest.raises(InputError, match="not lam calls each"):
        measured_fitness(replace(cell(RoundRobin()), runner=Merged(2)), generations=3)
    with pytest.raises(InputError, match="ends runs before generation 9"):
        measured_fitness(cell(UniformChunk(), Vote(FixKeep(0.6, 0.8), 2), budget=Budget(calls=9)), generations=9)
    with pytest.raises(NoPrediction):
        check_fitness(cell(UniformChunk(), BetaBlocks(1.0, 1.0), lam=2), calls=5)
    with pytest.raises(InputError, match="for only without an evaluator"):
        simulate_traced(cell(UniformChunk()), 1, 0, 10, past_optimum=True)
    with pytest.raises(InputError, match="give the problem inside"):
        measured_fitness(cell(UniformChunk(), problem=Noisy(BlockOneMax(6, 2), 1.0), accept="always"), calls=5)


def test_the_figure_shows_what_was_computed():
    """Lines and bands are read back: exact where it is known, else measured, dashed and said so."""
    cells = {"a": cell(UniformChunk()), "b": cell(AllBlocks(), BetaBlocks(1.0, 1.0))}
    calls = [5, 10, 20]
    (ax,) = fitness_figure(cells, calls, runs=600).axes
    exact, simulated = ax.lines
    assert [line.get_label() for line in ax.lines] == ["a", "b (measured, 600 runs)"]
    assert (exact.get_linestyle(), simulated.get_linestyle()) == ("-", "--")
    table = fitness_curve(cells["a"], calls)
    np.testing.assert_allclose(exact.get_ydata(), [predict(cells["a"], "fitness", calls=n).mean for n in calls])
    np.testing.assert_allclose(exact.get_xdata(), calls)
    measured = [measured_fitness(cells["b"], calls=n, runs=600) for n in calls]
    np.testing.assert_allclose(simulated.get_ydata(), [one.mean for one in measured])
    for band, low, high in (
        (ax.collections[0], table.low, table.high),
        (ax.collections[1], [m.quantile(0.1) for m in measured], [m.quantile(0.9) for m in measured]),
    ):
        points = {tuple(point) for point in band.get_paths()[0].vertices.tolist()}
        assert {*zip(calls, low, strict=True), *zip(calls, high, strict=True)} <= points
    with pytest.raises(InputError, match="a cell and a budget"):
        fitness_figure({}, calls)


# ------------------------------------------------------------------------------------------- exact, or simulated


def literal_mean(schedule, money, k=5, l=4):  # the paper's letter
    """E[correct blocks] when the next call is not affordable, all blocks incorrect at first: a walk over both.

    Chunks of two blocks, the last of one; a call of c tokens takes passes over c, c + 1, .. tokens (`LLMPrimitive`).
    """
    sizes = [2] * (k // 2) + [k % 2]

    def price(size):
        c = size * l
        return sum(c + written for written in range(c))

    def after(wrong, size):
        found = {}
        for bits in itertools.product((False, True), repeat=size):
            chance, was = 1.0, [False] * wrong + [True] * (size - wrong)
            for before, bit in zip(was, bits, strict=True):
                right = 0.8 if before else 0.3
                chance *= right if bit else 1 - right
            left = size - sum(bits)
            to = left if left < wrong else wrong
            found[to] = found.get(to, 0.0) + chance
        return found

    @functools.cache
    def value(state, rest):
        if sum(state) == 0:
            return float(k)
        places = range(len(sizes)) if schedule == "random" else [next(n for n, wrong in enumerate(state) if wrong)]
        total = 0.0
        for place in places:
            if price(sizes[place]) > rest:
                total += k - sum(state)
                continue
            for to, chance in after(state[place], sizes[place]).items():
                total += chance * value((*state[:place], to, *state[place + 1 :]), rest - price(sizes[place]))
        return total / len(places)

    return value(tuple(sizes), money)


@pytest.mark.statistical
@pytest.mark.parametrize(("schedule", "name"), [(UniformChunk(2), "random"), (OnlyIncorrect(2), "incorrect")])
def test_a_cost_that_buys_calls_of_different_prices_is_simulated(schedule, name):
    """5 standard errors: false alarms 6e-7. The twin: one call more or less is further off."""
    searched = Cell(BlockOneMax(5, 4), FixKeep(0.3, 0.8), schedule, OnePlusLambda())
    full = predict(Cell(BlockOneMax(2, 4), Resample(0.5), AllBlocks(), OnePlusLambda()), "cost").unit
    assert full == 8 * 8 + 28
    found = fitness_or_simulated(searched, cost=9 * full + 11, runs=20_000)
    assert found.kind == "simulated"
    assert abs(found.mean - literal_mean(name, 9 * full + 11)) < 5 * found.standard_error < 0.06
    assert abs(found.mean - literal_mean(name, 10 * full + 11)) > 5 * found.standard_error


def test_the_calls_that_a_cost_buys_are_those_of_the_run_that_makes_most():
    """Of the same runs: the last call of one that overran does not count."""
    searched = Cell(BlockOneMax(5, 4), FixKeep(0.3, 0.8), UniformChunk(2), OnePlusLambda())
    found = fitness_or_simulated(searched, cost=839.0, runs=40, seed=3)
    made = simulate(replace(searched, budget=Budget(calls=None, cost=839.0)), 3, 0, searched.batch_size(BATCH))
    spent = searched.tokens.ledger(made.calls, made.evaluations, made.shortfalls) @ searched.weights
    counted = (made.generations - (spent > 839.0))[:40]
    assert found.generations == counted.max() > counted.min() > 5  # no number of blocks
    assert found.runs == 40


@pytest.mark.parametrize("ask", [measured_fitness, measured_curve, check_fitness, fitness_or_simulated])
@pytest.mark.parametrize(
    ("asked", "more", "words"),
    [
        ("no cell", {}, r"expected a Cell\(problem, mutator, schedule, runner\), got 'no cell'"),
        (None, {"runs": 0}, "runs must be a whole number >= 1, got 0"),
        (None, {"runs": 2.5}, "runs must be a whole number >= 1, got 2.5"),
        (None, {"seed": -1}, "seed must be a whole number >= 0, got -1"),
    ],
)
def test_what_runs_are_asked_of_is_refused_by_the_name_of_the_function(ask, asked, more, words):
    with pytest.raises(InputError, match=f"{ask.__name__}: {words}"):
        ask(asked or cell(RoundRobin()), calls=[5] if ask is measured_curve else 5, **more)


def test_what_is_known_is_exact_and_says_so():
    known = cell(RoundRobin(4))
    found = fitness_or_simulated(known, calls=9)
    assert (found.kind, found.mean) == ("exact", predict(known, "fitness", calls=9).mean)
    waits = cell(UntilResolved(3), problem=BlockOneMax(16, 2))
    simulated = fitness_or_simulated(waits, calls=9, runs=300)
    assert (simulated.kind, simulated.mean) == ("simulated", measured_fitness(waits, calls=9, runs=300).mean)
    with pytest.raises(NoPrediction, match="differ in price"):
        fitness_or_simulated(cell(UniformChunk(4), lam=2), cost=1e4)
    with pytest.raises(InputError, match="expected one of calls="):
        fitness_or_simulated(known)


def test_a_curve_of_runs_has_at_each_budget_what_is_measured_there():
    """Its quantiles stand under their names: 10, 50 and 90 % of the same runs, in calls and not in generations."""
    tried = cell(UniformChunk(2), lam=2)
    budgets = [4, 10, 30]
    curve = measured_curve(tried, budgets, runs=60)
    for budget, row in zip(budgets, curve.to_dict("records"), strict=True):
        found = measured_fitness(tried, calls=budget, runs=60)
        low, median, high = (found.quantile(u) for u in (0.1, 0.5, 0.9))
        assert row == {"calls": budget, "mean": found.mean, "low": low, "median": median, "high": high}
    assert curve["low"].iloc[0] < curve["median"].iloc[0] < curve["high"].iloc[0]


@pytest.mark.parametrize("level", [-1e-9, 1.0, 1.5, float("nan")])
def test_a_level_that_is_none_has_no_quantile(level):
    """The last of ten runs is that of all levels above 0.9, and none is of 1."""
    found = MeasuredFitness(3, np.arange(10.0))
    with pytest.raises(InputError, match=r"^the level of a quantile must be in \[0, 1\), got "):
        found.quantile(level)
    assert [found.quantile(u) for u in (0.0, 0.1, 0.11, 0.9, 0.91, 1 - 1e-9)] == [0.0, 0.0, 1.0, 8.0, 9.0, 9.0]


def test_a_last_generation_counts_if_it_takes_a_run_to_its_limit_and_not_if_it_takes_the_run_beyond(monkeypatch):
    """22 pass tokens a call on a chunk of 4 tokens (theory 12a): nine of them are 198, fewer less."""
    tried = cell(RoundRobin(2), budget=Budget(calls=9))
    counts, found = seen = simulate_traced(tried, 1, 0, 60)
    assert 0 < (counts.hit < 0).sum() < 60
    monkeypatch.setattr(at_budget, "simulate_traced", lambda *of: seen)
    for most, last in ((math.inf, 9), (198.0, 9), (197.5, 8)):
        told = at_budget.fitness_at_budget(tried, 1, 0, 60, most)
        made = np.where(counts.generations == 9, last, counts.generations)
        assert told.generations.tolist() == made.tolist(), most
        values = [found.fitness[(found.run == run) & (found.call <= made[run])].max() for run in range(60)]
        assert told.fitness.tolist() == values, most  # accepted are those that are fitter alone
        assert told.calls == counts.calls.sum()
