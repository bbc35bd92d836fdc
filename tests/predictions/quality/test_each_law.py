"""Each law of the fitness at a budget: several budgets at once, as many as are said, invalid answers, its formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.errors import NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.laws.special import BetaBlocksLaw, LearningLaw, PerBlockLaw, RepeatingLaw, RunQualityLaw
from evo.theory.calls.offspring_counts import subset_offspring
from evo.theory.calls.starts import Start
from evo.theory.quality import difficulty, in_turn, whole
from evo.theory.quality import law as law_of_fitness
from evo.theory.quality.difficulty import beta_at_random, beta_one_by_one
from evo.theory.quality.in_turn import beta_in_turn, blocks_in_turn, chunks_in_turn, workers_in_turn
from evo.theory.quality.no_evaluator import accepted_in_turn, accepted_whatever
from evo.theory.quality.processes import blocks_until_resolved, chunks_at_random, incorrect_chunks
from evo.theory.quality.repeats import hidden_repeats
from evo.theory.quality.run_wide import RunWide
from evo.theory.quality.stored import stored_fitness
from evo.theory.quality.whole import learned, sampled, sampled_blocks
from experiments import Cell, predict
from operators import FixKeep, Malformed, Resample
from problems import BlockOneMax

TIMES, HALF = [7, 0, 3, 7, 12, 1], IndependentBlocks(0.5, 0.5)


@pytest.mark.parametrize("limit", [1, 4096])
def test_budgets_that_are_asked_for_together_are_each_told_as_alone(monkeypatch, limit):
    """In any order, twice as well; by powers of the chain, and generation by generation."""
    fitness = chunks_at_random(IndependentBlocks(0.3, 0.9), 6, 2, Start(6, p0=0.2))
    expected = np.concatenate([fitness.after([time]) for time in TIMES])
    assert len(np.unique(expected, axis=0)) == len(set(TIMES))
    rises = [float(fitness.improves([time + 1])[0]) for time in TIMES]
    monkeypatch.setattr(law_of_fitness, "MAX_STATES", limit)
    np.testing.assert_allclose(fitness.after(TIMES), expected, rtol=1e-12)
    np.testing.assert_allclose(fitness.improves(np.array(TIMES) + 1), rises, rtol=1e-12)


CHAIN = chunks_at_random(IndependentBlocks(0.3, 0.9), 4, 2, Start(4)).chain
ONE_BY_ONE, AT_RANDOM = (ask(BetaBlocksLaw(2, 1), 2, Start(2)) for ask in (beta_one_by_one, beta_at_random))
LEARNED = learned(LearningLaw(0.5, 0.5, 10), 2, Start(2))
A_STEP, A_TIME = len(CHAIN.moves.chance) + len(CHAIN.start) + 1, 2 * (2 + 1) ** 2 * (4 + 1)


@pytest.mark.parametrize(("module", "name", "most", "ask"), [
    (law_of_fitness, "MOST_STEPS", 5 * A_STEP, lambda n: law_of_fitness.where_it_is(CHAIN, np.array([n]))),
    (difficulty, "MOST_CALLS", 5, lambda n: ONE_BY_ONE.after([n])),
    (difficulty, "MOST_CALLS", 5, lambda n: ONE_BY_ONE.improves([n])),
    (difficulty, "MOST_CALLS", 5, lambda n: AT_RANDOM.after([n])),
    (difficulty, "MOST_CALLS", 5, lambda n: AT_RANDOM.improves([n])),
    (whole, "MOST_LEARNED", 5, lambda n: LEARNED.after([n])),
    (in_turn, "MOST_PRODUCTS", 5 * A_TIME, lambda n: chunks_in_turn(HALF, 4, 2, Start(4)).after(range(n))),
    (in_turn, "MOST_PRODUCTS", 5 * 162, lambda n: chunks_in_turn(HALF, 4, 2, Start(4, incorrect=2)).after(range(n))),
])  # fmt: skip
def test_as_many_generations_are_followed_as_are_said_and_not_one_more(monkeypatch, module, name, most, ask):
    monkeypatch.setattr(law_of_fitness, "MAX_STATES", 1)
    monkeypatch.setattr(module, name, most)
    ask(5)
    with pytest.raises(NoPrediction):
        ask(6)


R = 0.2


@pytest.mark.parametrize(("fix", "keep"), [(0.3, 0.9), (0.9, 0.1)])
@pytest.mark.parametrize("start", [{}, {"start": 0.3}, {"incorrect": 2}], ids=str)
@pytest.mark.parametrize("schedule", [UntilResolved(), RoundRobin(), UniformChunk(), OnlyIncorrect()], ids=str)
def test_an_answer_on_one_block_that_is_no_answer_is_one_that_changes_nothing(schedule, start, fix, keep):
    """Repaired w.p. fix (1 - r), and damaged w.p. (1 - keep)(1 - r); of each stay rounding sees the smaller share."""
    broken, other = (
        Cell(BlockOneMax(4, 2, **start), mutator, schedule, OnePlusLambda())
        for mutator in (Malformed(FixKeep(fix, keep), R), FixKeep(fix * (1 - R), 1 - (1 - keep) * (1 - R)))
    )
    for calls in (1, 3, 9):
        found, expected = (predict(each, "fitness", calls=calls) for each in (broken, other))
        assert found.chances == pytest.approx(expected.chances, rel=1e-12, abs=1e-15)
        assert found.improve == pytest.approx(expected.improve, rel=1e-12)
    hit, expected = (predict(each, "hit") for each in (broken, other))
    assert hit.mean == pytest.approx(expected.mean, rel=1e-12)
    assert hit.cdf(range(9)) == pytest.approx(expected.cdf(range(9)), rel=1e-12)


def test_whole_solutions_that_are_no_answer_are_below_all():
    """P(f_t <= v) = P(f_0 <= v) (r + (1 - r) P(Bin(k, p) <= v))^t."""
    k, p = 5, 0.4
    made = Cell(BlockOneMax(k, 2, start=0.2), Malformed(Resample(p), R), AllBlocks(), OnePlusLambda())
    for t in (1, 4):
        found = predict(made, "fitness", calls=t)
        for v in range(k + 1):
            first, one = (sum(math.comb(k, n) * q**n * (1 - q) ** (k - n) for n in range(v + 1)) for q in (0.2, p))
            assert float(found.cdf(v)) == pytest.approx(first * (R + (1 - R) * one) ** t, rel=1e-12)


HIDDEN = RepeatingLaw(HALF, 0.3).hidden(0.2)
SOURCES = [
    (lambda: sampled(HALF, 2, Start(2)), "theory 1d, 17a"),
    (lambda: sampled_blocks(PerBlockLaw((0.5, 0.25)), 2, Start(2)), "theory 1d, 5a"),
    (lambda: learned(LearningLaw(0.5, 0.5, 10), 2, Start(2)), "theory 1d, call by call"),
    (lambda: chunks_in_turn(HALF, 4, 2, Start(4)), "theory 2g, 17a"),
    (lambda: workers_in_turn(HALF, 4, 2, Start(4)), "theory 11a; theory 2g, 17a"),
    (lambda: blocks_in_turn(PerBlockLaw((0.5, 0.25)), 2, Start(2)), "theory 5a, 17a"),
    (lambda: beta_in_turn(BetaBlocksLaw(2, 1), 2, Start(2)), "theory 5c, 17a"),
    (lambda: beta_one_by_one(BetaBlocksLaw(2, 1), 2, Start(2)), "theory 5c, 17a"),
    (lambda: beta_at_random(BetaBlocksLaw(2, 1), 2, Start(2)), "theory 5b, 17a"),
    (lambda: chunks_at_random(HALF, 4, 2, Start(4)), "theory 3a, 3b, 17a"),
    (lambda: incorrect_chunks(HALF, 4, 2, Start(4)), "theory 3a, 3b, 17a"),
    (lambda: blocks_until_resolved(HALF, 4, Start(4)), "theory 2h, 2i, 2j, 17a"),
    (lambda: blocks_until_resolved(HALF, 4, Start(4, incorrect=2)), "theory 2h, 2j, 17a"),
    (lambda: hidden_repeats(HIDDEN, 2, 1, OnlyIncorrect(), Start(2)), "theory 3a, 17g, 17a"),
    (lambda: hidden_repeats(HIDDEN, 2, 1, RoundRobin(), Start(2)), "theory 2g, 17a, 17g"),
    (lambda: stored_fitness(subset_offspring(HALF, 2, 1), 0.5, Start(2)), "theory 17e"),
    (lambda: stored_fitness(subset_offspring(HALF, 2, 1), 0.0, Start(2)), "theory 8d, 17a"),
    (lambda: accepted_whatever(subset_offspring(HALF, 2, 1), [2, 1, 0], Start(2)), "theory 17c"),
    (lambda: accepted_in_turn(HALF, 4, 2, Start(4)), "theory 17c"),
    (lambda: RunWide(RunQualityLaw(2, 1), lambda law: sampled(law, 1, Start(1))), "theory 6a, theory 1d, 17a"),
    (lambda: sampled(HALF, 2, Start(2, incorrect=0)), "start is optimal"),
]


@pytest.mark.parametrize(("fitness", "source"), SOURCES, ids=[source for _, source in SOURCES])
def test_each_fitness_names_the_formulas_it_is_from(fitness, source):
    assert fitness().source == source
