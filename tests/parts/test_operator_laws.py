"""Operators against the laws they declare: samples of `rewrite`, nests of wrappers, and runs of both engines.

One- and two-sample DKW tests: false-fail rate 1e-6 for all of them in this file together; of a declared law, any
probability that is 0.02 off is found with probability 1 - 1e-6 (asserted below), and each kind has a twin that fails.
"""

from __future__ import annotations

import itertools
import math
import secrets

import numpy as np
import pytest

from evo import AllBlocks, Chunk, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.batch import Batch
from evo.engine.deap import run_batch_deap
from evo.engine.one_parent import run_batch
from evo.laws.counts import CallLaw, binomial_pmf
from evo.laws.mixtures import BetaQualityLaw
from evo.laws.special import SpillLaw
from evo.search import Search
from evo.seeding import streams
from experiments.grids.cell import Cell
from experiments.predictions.predict import predict
from operators import (
    BetaBlocks,
    BetaQuality,
    BetaRunQuality,
    Decaying,
    FixKeep,
    Halving,
    Learning,
    Malformed,
    Misaligned,
    PerBlock,
    Refuse,
    Resample,
    Sparse,
    Spill,
    Vote,
)
from operators.wrapper import answer_of
from problems import BlockOneMax

SAMPLES = 200_000
CHECKS = 400  # more than there are in this file
FALSE_FAIL = 1e-6 / CHECKS
EPSILON = math.sqrt(math.log(2 / FALSE_FAIL) / (2 * SAMPLES))  # DKW: 2 exp(-2 n epsilon^2)
DETECTABLE = 2 * EPSILON
CHUNKS = [(1, 0), (1, 1), (3, 2), (4, 0), (8, 5)]  # g, i


@pytest.fixture
def rng(request):
    """Constant seed, unless --vary-seed asks for the real false-fail rate."""
    vary = request.config.getoption("--vary-seed", default=False)
    return np.random.default_rng(secrets.randbits(32) if vary else 20_250_311)


def distance(values, pmf):
    found = np.cumsum(np.bincount(values, minlength=len(pmf))) / len(values)
    return np.abs(found - np.cumsum(pmf)).max()


def follows(values, pmf):
    assert len(values) >= SAMPLES
    return distance(values, pmf) <= EPSILON


def chunk(n, g, i, k=None, first=0, generation=0, traits=None):
    """The same call n times: of k blocks those from `first` on, the first i of them incorrect, all others correct."""
    k = g if k is None else k
    solution = np.ones((n, k), dtype=np.bool_)
    blocks = np.broadcast_to(np.arange(first, first + g), (n, g))
    solution[:, first : first + i] = False
    return Chunk(solution[:, first : first + g], blocks, np.full(n, generation), solution, traits)


def outcomes(operator, g, i, rng, n=SAMPLES):
    """Correct blocks after each of n calls; g + 1 where the answer is not valid."""
    answer = answer_of(operator, chunk(n, g, i), rng)
    counts = answer.correct.sum(axis=1)
    return counts if answer.valid is None else np.where(answer.valid, counts, g + 1)


def with_invalid(pmf):
    return np.append(pmf, 1 - pmf.sum())


LEAVES = [
    Resample(0.5),
    FixKeep(0.3, 0.9),
    BetaQuality(1, 1),
    BetaQuality(0.4, 2.5),
    Decaying(table=(0.9, 0.8, 0.6, 0.5, 0.4, 0.3, 0.3, 0.2)),
    Halving(p=0.8, half=2),
]
NESTS = [
    Sparse(FixKeep(1, 0), rate=0.25),
    Sparse(BetaQuality(1, 1), rate=0.6),
    Sparse(Halving(p=0.9, half=3), rate=0.5),
    Refuse(Resample(0.5), rate=0.3),
    Refuse(BetaQuality(2, 1), rate=0.3),
    Malformed(FixKeep(0.6, 0.8), rate=0.2),
    Malformed(Resample(0.5), per_block=0.15),
    Malformed(BetaQuality(1, 2), rate=0.1, per_block=0.1),
    Refuse(Malformed(Resample(0.5), rate=0.4), rate=0.5),
    Malformed(Refuse(Resample(0.5), rate=0.5), rate=0.4),
    Sparse(Malformed(Refuse(FixKeep(0.6, 0.9), rate=0.2), per_block=0.1), rate=0.7),
    Refuse(Sparse(Sparse(BetaQuality(1, 1), rate=0.7), rate=0.7), rate=0.1),
]


def random_nest(seed):
    """A leaf in one to four wrappers, all rates at random."""
    draw = np.random.default_rng(seed)
    operator = LEAVES[draw.integers(len(LEAVES))]
    for _ in range(draw.integers(1, 5)):
        rate = float(draw.uniform(0.05, 0.6))
        made = [
            lambda inner, rate=rate: Sparse(inner, rate=1 - rate),
            lambda inner, rate=rate: Refuse(inner, rate=rate),
            lambda inner, rate=rate: Malformed(inner, rate=rate / 2, per_block=rate / 8),
        ]
        operator = made[draw.integers(3)](operator)
    return operator


RANDOM = [random_nest(seed) for seed in range(12)]


def test_the_tests_find_what_they_should():
    assert DETECTABLE <= 0.02


@pytest.mark.statistical
@pytest.mark.parametrize("operator", [*LEAVES, *NESTS, *RANDOM], ids=str)
def test_an_operator_follows_its_law(operator, rng):
    assert isinstance(operator.law, CallLaw)
    for g, i in CHUNKS if operator in LEAVES or operator in NESTS else CHUNKS[2:4]:
        pmf = operator.law.pmf(g, i)
        assert pmf.shape == (g + 1,)
        assert pmf.min() >= 0
        assert follows(outcomes(operator, g, i, rng), with_invalid(pmf)), (g, i)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("operator", "other", "g", "i"),
    [
        (BetaQuality(1, 1), BetaQuality(1.1, 1), 3, 2),
        (BetaQuality(1, 1), Resample(0.5), 3, 2),  # the same marginal
        (Decaying(table=(0.9, 0.82)), Decaying(table=(0.9, 0.8)), 2, 1),
        (Halving(p=0.8, half=2), Halving(p=0.8, half=2.3), 3, 1),
        (Sparse(FixKeep(1, 0), rate=0.27), Sparse(FixKeep(1, 0), rate=0.25), 1, 1),
        (Refuse(Resample(0.5), rate=0.34), Refuse(Resample(0.5), rate=0.3), 1, 1),
        (Malformed(Resample(0.5), rate=0.22), Malformed(Resample(0.5), rate=0.2), 1, 1),
        (Malformed(Resample(0.5), per_block=0.15), Malformed(Resample(0.5), rate=0.15), 3, 2),
        (NESTS[8], NESTS[9], 1, 1),  # the order matters
        (Vote(Resample(0.6), ahead=2), Vote(Resample(0.6), ahead=3), 1, 1),
    ],
    ids=str,
)
def test_the_law_of_another_is_found_out(operator, other, g, i, rng):
    values = outcomes(operator, g, i, rng)
    assert follows(values, with_invalid(operator.law.pmf(g, i)))
    assert not follows(values, with_invalid(other.law.pmf(g, i)))


# --------------------------------------------------------------------- operators for which counts do not suffice


def codes(after):
    return after @ (2 ** np.arange(after.shape[1]))


def patterns(probabilities):
    law = np.ones(1)
    for p in probabilities:
        law = np.concatenate((law * (1 - p), law * p))
    return law


def beta_binomial(n, a, b):
    return BetaQualityLaw(a, b).pmf(n, 0)


@pytest.mark.statistical
def test_per_block_treats_each_block_by_its_position(rng):
    operator = PerBlock(p=(0.1, 0.5, 0.9, 0.3))
    for first, g in ((0, 1), (1, 2), (1, 3), (0, 4)):
        after = operator.rewrite(chunk(SAMPLES, g, g // 2, k=4, first=first), rng)
        assert follows(codes(after), patterns(operator.law.p[first : first + g]))
        assert not follows(codes(after), patterns([p + 0.02 for p in operator.law.p[first : first + g]]))


@pytest.mark.statistical
def test_difficulties_are_fixed_for_the_run(rng):
    traits = BetaBlocks(2, 1).draw(SAMPLES, 3, rng)
    calls = [BetaBlocks(2, 1).rewrite(chunk(SAMPLES, 2, 1, k=3, first=1, traits=traits), rng) for _ in range(3)]
    for block in range(2):  # three calls on one block: one difficulty
        assert follows(sum(after[:, block].astype(int) for after in calls), beta_binomial(3, 2, 1))
    once = calls[0].sum(axis=1)  # two blocks of one call: two difficulties
    assert follows(once, binomial_pmf(2, 2 / 3))
    assert not follows(once, beta_binomial(2, 2, 1))


@pytest.mark.statistical
def test_the_quality_of_a_run_is_that_of_all_its_calls(rng):
    traits = BetaRunQuality(2, 1).draw(SAMPLES, 3, rng)
    calls = [BetaRunQuality(2, 1).rewrite(chunk(SAMPLES, 2, 1, k=3, traits=traits), rng) for _ in range(2)]
    assert follows(sum(after.sum(axis=1) for after in calls), beta_binomial(4, 2, 1))
    fresh = [BetaQuality(2, 1).rewrite(np.zeros((SAMPLES, 2), dtype=np.bool_), rng) for _ in range(2)]
    assert not follows(sum(after.sum(axis=1) for after in fresh), beta_binomial(4, 2, 1))


@pytest.mark.statistical
def test_learning_follows_its_curve(rng):
    operator = Learning(start=0.1, end=0.8, halfway=5)
    assert operator.law.success(np.array([0, 5, 10])).tolist() == pytest.approx([0.1, 0.45, 0.625])
    for generation, g in ((0, 1), (3, 2), (50, 3)):
        p = 0.8 - 0.7 * 2 ** (-generation / 5)
        values = operator.rewrite(chunk(SAMPLES, g, 1, generation=generation), rng).sum(axis=1)
        assert follows(values, binomial_pmf(g, p))
        assert not follows(values, binomial_pmf(g, p + 0.02))


@pytest.mark.statistical
@pytest.mark.parametrize(
    "operator",
    [
        Spill(FixKeep(0.4, 0.8), rate=0.1),
        Spill(Spill(Resample(0.5), rate=0.1), rate=0.2),
        Sparse(Spill(Resample(0.5), rate=0.3), rate=0.6),
        Malformed(Sparse(Spill(BetaQuality(1, 1), rate=0.3), rate=0.6), rate=0.2),
        Spill(Refuse(Malformed(Resample(0.5), rate=0.2), rate=0.3), rate=0.1),
    ],
    ids=str,
)
def test_spill_breaks_what_is_correct_outside_and_only_that(operator, rng):
    assert isinstance(operator.law, SpillLaw)
    for g, i, k, first in ((1, 1, 4, 2), (2, 1, 5, 1)):
        before = chunk(SAMPLES, g, i, k=k, first=first)
        before.solution[:, 0] = False  # stays incorrect
        answer = answer_of(operator, before, rng)
        valid = np.ones(SAMPLES, dtype=np.bool_) if answer.valid is None else answer.valid
        counts = np.where(valid, answer.correct.sum(axis=1), g + 1)
        assert follows(counts, with_invalid(operator.law.inside.pmf(g, i)))
        outside = np.delete(answer.solution, np.arange(first, first + g), axis=1)
        assert not outside[:, 0].any()
        left = outside[:, 1:].sum(axis=1)
        assert follows(left, binomial_pmf(k - g - 1, 1 - operator.law.rate))
        assert not follows(left, binomial_pmf(k - g - 1, 1 - operator.law.rate + 0.02))


@pytest.mark.statistical
@pytest.mark.parametrize(("k", "g", "first", "by"), [(4, 1, 3, 1), (5, 2, 2, 1), (5, 2, 3, 2), (6, 3, 0, 2)])
def test_misaligned_calls_rewrite_the_blocks_further_on(k, g, first, by, rng):
    operator = Misaligned(FixKeep(0.7, 0.4), rate=0.3, by=by)
    before = chunk(SAMPLES, g, 1, k=k, first=first)
    answer = operator.rewrite(before, rng)
    assert np.array_equal(answer.correct, answer.solution[:, first : first + g])
    law = np.zeros(2**k)
    for rate, shift in ((0.7, 0), (0.3, by)):
        touched = {(block + shift) % k for block in range(first, first + g)}
        law += rate * patterns(
            [(0.4 if old else 0.7) if b in touched else old for b, old in enumerate(before.solution[0])]
        )
    assert follows(codes(answer.solution), law)
    aligned = Misaligned(FixKeep(0.7, 0.4), rate=0.25, by=by).rewrite(before, rng)
    assert not follows(codes(aligned.solution), law)


# --------------------------------------------------------------------- voting


def votes_law(right, wrong, ahead, alike, most=400):
    """P(correct wins), and the law of the number of answers asked for, vote by vote; float, float [most + 1]."""
    open_votes, win, law = {(0, 0): 1.0}, 0.0, np.zeros(most + 1)
    for asked in range(1, most + 1):
        later: dict[tuple[int, int], float] = {}
        for (r, w), p in open_votes.items():
            strongest = w + 1 if alike else max(w, 1)
            for q, state in ((right, (r + 1, w)), (wrong, (r, strongest)), (1 - right - wrong, (r, w))):
                if abs(state[0] - state[1]) >= ahead:
                    law[asked] += p * q
                    win += p * q * (state[0] > state[1])
                elif q > 0:
                    later[state] = later.get(state, 0.0) + p * q
        open_votes = later
    assert sum(open_votes.values()) < 1e-9
    return win, law


@pytest.mark.some(at_least=5)
@pytest.mark.statistical
@pytest.mark.parametrize("wrong", ["one", "distinct"])
@pytest.mark.parametrize("ahead", [1, 2, 3])
@pytest.mark.parametrize("inner", [FixKeep(0.4, 0.8), Malformed(Resample(0.5), rate=0.3)], ids=str)
def test_votes_are_those_of_the_first_to_be_ahead(inner, ahead, wrong, rng):
    vote = Vote(inner, ahead=ahead, wrong=wrong)
    for i in (0, 1):
        right, wrong_answer = float(inner.law.pmf(1, i)[1]), float(inner.law.pmf(1, i)[0])
        win, law = votes_law(right, wrong_answer, ahead, wrong == "one")
        answer = vote.rewrite(np.full((SAMPLES, 1), i == 0), rng)
        assert vote.law.pmf(1, i)[1] == pytest.approx(win, abs=1e-9)
        assert vote.mean_calls(i) == pytest.approx(np.arange(len(law)) @ law, rel=1e-6)
        assert follows(answer.correct[:, 0].astype(int), np.array([1 - win, win]))
        assert follows(answer.calls, law)
        assert not follows(answer.calls, np.roll(law, 1))  # off by one


@pytest.mark.statistical
def test_copied_votes_cost_and_decide_nothing(rng):
    vote = Vote(Malformed(Resample(0.7), rate=0.25), ahead=3, copied=0.4)
    win, law = votes_law(0.525, 0.225, 3, True)
    first = 0.75 * 0.25 ** np.arange(len(law))
    mixed = 0.6 * law + 0.4 * np.concatenate((np.zeros(3), first[:-3]))
    answer = vote.rewrite(np.zeros((SAMPLES, 1), dtype=np.bool_), rng)
    assert follows(answer.correct[:, 0].astype(int), vote.law.pmf(1, 1))
    assert vote.law.pmf(1, 1)[1] == pytest.approx(0.6 * win + 0.4 * 0.7)
    assert follows(answer.calls, mixed)
    assert vote.mean_calls(1) == pytest.approx(np.arange(len(law)) @ mixed, rel=1e-6)


@pytest.mark.statistical
def test_a_vote_over_votes_pays_for_all_of_them(rng):
    inner = Vote(Resample(0.6), ahead=2)
    win, asked = votes_law(0.6, 0.4, 2, True, most=200)
    for outer, answers in (
        (Vote(inner, ahead=2), votes_law(win, 1 - win, 2, True, most=200)[1] @ np.arange(201)),
        (Vote(inner, ahead=2, copied=1), 2.0),
    ):
        mean = float(answers * (asked @ np.arange(201)))
        assert outer.mean_calls(1) == pytest.approx(mean, rel=1e-6)
        calls = outer.rewrite(np.zeros((SAMPLES, 1), dtype=np.bool_), rng).calls
        # Bernstein's tails are lighter than this normal bound of 6 standard errors by far too little to matter at 1e-6
        assert abs(calls.mean() - mean) < 6 * calls.std() / math.sqrt(SAMPLES) < 0.02 * mean


# --------------------------------------------------------------------- batch and loop, both engines


def two_sample(n, m):
    return sum(math.sqrt(math.log(4 / FALSE_FAIL) / (2 * size)) for size in (n, m))


def apart(a, b):
    at = np.union1d(a, b)
    empirical = [np.searchsorted(np.sort(x), at, "right") / len(x) for x in (a, b)]
    return np.abs(empirical[0] - empirical[1]).max()


@pytest.mark.statistical
@pytest.mark.parametrize(
    "operator",
    [
        *LEAVES,
        NESTS[0],
        NESTS[3],
        NESTS[7],
        PerBlock(p=(0.2, 0.5, 0.9)),
        Spill(Resample(0.5), rate=0.2),
        Misaligned(Resample(0.5), rate=0.2),
        Learning(0.1, 0.9, 4),
        Vote(FixKeep(0.6, 0.7), ahead=2),
    ],
    ids=str,
)
def test_a_batch_follows_the_law_of_a_loop(operator, rng):
    """Laws 0.17 apart are told apart (finer differences are those to the declared law, above)."""
    g = 1 if isinstance(operator, Vote) else 3
    loops = 4000
    assert 2 * two_sample(SAMPLES, loops) < 0.17

    def value(answer):
        solution = answer.correct if answer.solution is None else answer.solution
        valid = np.ones(len(solution), dtype=np.bool_) if answer.valid is None else answer.valid
        calls = 0 if answer.calls is None else answer.calls
        return np.where(valid, codes(solution), -1) + 64 * calls

    batch = value(answer_of(operator, chunk(SAMPLES, g, 1, k=3), rng))
    one = chunk(1, g, 1, k=3)
    loop = np.concatenate([value(answer_of(operator, one, rng)) for _ in range(loops)])
    assert apart(batch, loop) <= two_sample(SAMPLES, loops)


ENGINE_CELLS = [
    *((operator, AllBlocks(), 1) for operator in [*NESTS[:8], *RANDOM[:6]]),
    *(
        (operator, schedule, 2)
        for operator, schedule in zip(
            RANDOM[6:9], (OnlyIncorrect(g=2), RoundRobin(g=2), UniformChunk(g=2)), strict=True
        )
    ),
    (RANDOM[9], UntilResolved(), 1),
    (RANDOM[10], OnlyIncorrect(), 3),
    (Vote(Refuse(FixKeep(0.4, 0.9), rate=0.2), ahead=2), UniformChunk(), 1),
    (Vote(Malformed(Resample(0.4), rate=0.3), ahead=2, wrong="distinct"), OnlyIncorrect(), 2),
]
RUNS = 20_000


def played(engine, problem, mutator, schedule, lam, seed, runs):
    counts, _ = engine(
        Search(problem, mutator, schedule, OnePlusLambda(lam)), Batch(streams(seed, f"{mutator}{schedule}", 0), runs)
    )
    return counts


@pytest.mark.some("schedule", "lam", at_least=8)
@pytest.mark.statistical
@pytest.mark.parametrize(("operator", "schedule", "lam"), ENGINE_CELLS, ids=str)
def test_runs_hit_when_the_composed_law_says(operator, schedule, lam, rng):
    """Laws of hit that are 0.06 apart are told apart."""
    epsilon = math.sqrt(math.log(2 / FALSE_FAIL) / (2 * RUNS))
    assert 2 * epsilon < 0.06
    cell = Cell(BlockOneMax(k=4, l=1), operator, schedule, OnePlusLambda(lam))
    hits = played(run_batch, cell.problem, operator, schedule, lam, int(rng.integers(2**31)), RUNS).hit
    law = predict(cell).law
    points = np.unique(np.concatenate((hits, hits - 1)))
    empirical = np.searchsorted(np.sort(hits), points, side="right") / RUNS
    assert np.abs(empirical - law.cdf(points)).max() <= epsilon
    slower = predict(Cell(cell.problem, Refuse(operator, rate=0.3), schedule, cell.runner)).law
    assert np.abs(empirical - slower.cdf(points)).max() > epsilon


def slow(*case):
    """What the other cases show too: an answer for the blocks alone, traits, or one that changes other blocks."""
    return pytest.param(*case, marks=pytest.mark.slow)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("operator", "schedule"),
    [
        slow(Sparse(Refuse(BetaQuality(1, 1), rate=0.2), rate=0.6), UniformChunk(g=2)),
        slow(Malformed(Resample(0.5), per_block=0.1), AllBlocks()),
        slow(PerBlock(p=(0.9, 0.5, 0.3, 0.6)), RoundRobin()),
        (Refuse(BetaBlocks(3, 1), rate=0.1), UniformChunk(g=2)),
        slow(BetaRunQuality(3, 1), UntilResolved()),
        slow(Decaying(table=(0.9, 0.5)), OnlyIncorrect(g=2)),
        slow(Halving(0.7, half=4), UniformChunk(g=3)),
        slow(Spill(Resample(0.5), rate=0.1), OnlyIncorrect()),
        (Misaligned(Spill(FixKeep(0.6, 0.5), rate=0.05), rate=0.3), UntilResolved()),
        (Learning(0.1, 0.8, halfway=6), RoundRobin()),
        slow(Vote(Resample(0.7), ahead=2), UntilResolved()),
    ],
    ids=str,
)
def test_both_engines_give_the_same_law(operator, schedule, rng):
    """Laws 0.32 apart are told apart."""
    loops = 600
    assert 2 * two_sample(RUNS, loops) < 0.32
    problem, seed = BlockOneMax(k=4, l=1), int(rng.integers(2**31))
    ours, theirs = (
        played(engine, problem, operator, schedule, 2, seed, n)
        for engine, n in ((run_batch, RUNS), (run_batch_deap, loops))
    )
    for name in ("hit", "calls", "evaluations"):
        assert apart(getattr(ours, name), getattr(theirs, name)) <= two_sample(RUNS, loops), name


@pytest.mark.statistical
def test_misaligned_runs_take_what_the_recursion_says(rng):
    """All incorrect, OnlyIncorrect, g = 1, by = 1: the formula of the docstring, at 6 standard errors (2e-9)."""
    a, r = 0.5, 0.4
    mean = [0.0, 1 / (a * (1 - r))]
    for j in range(2, 7):
        mean.append(1 / a + (1 - r) * mean[j - 1] + r * (mean[1] + mean[j - 2]))
    operator = Misaligned(FixKeep(a, 0.3), rate=r)
    for k in (2, 3, 6):
        hits = played(
            run_batch, BlockOneMax(k=k, l=1), operator, OnlyIncorrect(), 1, int(rng.integers(2**31)), RUNS
        ).hit
        error = hits.std() / math.sqrt(RUNS)
        assert abs(hits.mean() - mean[k]) < 6 * error < 0.05 * mean[k]
        assert abs(hits.mean() - k / a) > 6 * error  # that of calls that never miss


@pytest.mark.statistical
def test_global_learning_hits_by_the_product_of_its_failures(rng):
    """P(generations > t) = prod (1 - p(s)^k)^lam, DKW as above."""
    operator, k, lam = Learning(0.2, 0.9, halfway=8), 3, 2
    generations = played(
        run_batch, BlockOneMax(k=k, l=1), operator, AllBlocks(), lam, int(rng.integers(2**31)), RUNS
    ).generations
    t = np.arange(generations.max() + 1)
    failing = np.cumprod(np.concatenate(([1.0], (1 - operator.law.success(t[:-1]) ** k) ** lam)))
    empirical = np.searchsorted(np.sort(generations), t, side="right") / RUNS
    epsilon = math.sqrt(math.log(2 / FALSE_FAIL) / (2 * RUNS))
    assert np.abs(empirical - (1 - failing)).max() <= epsilon
    assert np.abs(empirical[1:] - (1 - failing[:-1])).max() > epsilon  # off by one generation


def test_refusals_in_numbers():
    """Theory 4a, 6a and 3b, to the last digit that floats have."""
    assert 1 / BetaQuality(1, 1).law.pmf(2000, 5)[2000] == pytest.approx(2001)
    for g in range(1, 9):
        assert Halving(0.8, half=2).law.pmf(g, 0)[g] == pytest.approx((0.8 * 2 ** (-(g - 1) / 2)) ** g)
    for g, i in itertools.product((1, 3), (0, 1)):
        refusing = Refuse(Resample(0.5), rate=0.25).law.pmf(g, i)
        expected = 0.75 * binomial_pmf(g, 0.5)
        expected[g - i] += 0.25
        assert refusing == pytest.approx(expected)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (1e-3, 5), (500, 300), (1e4, 2e4), (3e5, 1)])
@pytest.mark.parametrize("g", [1, 5, 200, 1000, 1001, 3000])
def test_qualities_of_any_shape_and_length_have_a_law(a, b, g):
    """Where binomials underflow and gamma functions overflow too; warnings are errors."""
    law = BetaQuality(a, b).law
    pmf = law.pmf(g, 0)
    assert pmf.sum() == pytest.approx(1, abs=1e-9)
    assert np.arange(g + 1) @ pmf == pytest.approx(g * a / (a + b), rel=1e-8)
    if g <= 200:
        thinned = Sparse(BetaQuality(a, b), rate=0.5).law.pmf(g, g)
        assert np.arange(g + 1) @ thinned == pytest.approx(g * a / (a + b) / 2, rel=1e-7)  # 4e-8 at a = 0.001
        assert Sparse(BetaQuality(a, b), rate=1).law.pmf(g, 0) == pytest.approx(pmf, abs=1e-9)
