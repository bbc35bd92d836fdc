"""Laws of runs whose calls err: against chains written without `evo`, against each other, and published numbers."""

import itertools
import math
from collections import defaultdict
from itertools import combinations, product

import numpy as np
import pytest

from evo.errors import InputError, NoPrediction
from evo.laws.beta_rule import beta_rule
from evo.laws.counts import IndependentBlocks
from evo.laws.gamma import log_gamma_ratio
from evo.laws.mixtures import BetaQualityLaw, Invalid, Mixture, SparseLaw
from evo.laws.special import BetaBlocksLaw, PerBlockLaw, RepeatingLaw, RunQualityLaw, SpillLaw
from evo.schedules import OnlyIncorrect
from evo.theory import MAX_STATES, Start, all_blocks, only_incorrect, uniform_chunk, until_resolved
from evo.theory.calls.acceptance import ahead_error
from evo.theory.calls.voting import judge_least_ahead, least_ahead, mean_votes, task_success, win_probability
from evo.theory.chains.elimination import Elimination
from evo.theory.numeric.beta import BetaNodes, inverse_moment, survival
from evo.theory.operators.difficulty import beta_all_blocks, beta_only_incorrect, beta_round_robin, beta_uniform_chunk
from evo.theory.operators.outside import spill_only_incorrect, spill_uniform_chunk
from evo.theory.operators.per_block import (
    blocks_all_at_once,
    blocks_only_incorrect,
    blocks_round_robin,
    blocks_uniform_chunk,
    blocks_until_resolved,
)
from evo.theory.operators.repeats import OwnHidden, hidden_repeats
from evo.theory.operators.run_quality import (
    quality_all_blocks,
    quality_only_incorrect,
    quality_uniform_chunk,
    quality_until_resolved,
)
from evo.theory.problems import enumeration
from evo.theory.problems.enumeration import (
    ALL,
    INCORRECT,
    RESOLVED,
    ROBIN,
    UNIFORM,
    BlockCall,
    enumerated,
    enumeration_states,
)
from evo.theory.problems.lasting_judges import accepted_calls, accepted_correct
from evo.theory.schedules.misread import until_misread

HALF, MIXED = IndependentBlocks(0.5, 0.5), IndependentBlocks(0.4, 0.7)
P4 = (1 / 2, 1 / 3, 1 / 4, 4 / 5)
EXACT = {"rel": 1e-9, "abs": 0}

# ------------------------------------------------------------- every solution, call by call, without evo's laws of runs


def single_calls(parts, p, spill, parent, chunk, k):
    """Offspring of one call on `chunk` with their probabilities; None is malformed."""
    found = defaultdict(float)
    found[None] = 1.0 - sum(weight for weight, *_ in parts)
    for weight, fix, keep in parts:
        for bits in product((0, 1), repeat=k):
            chance = weight
            for block, bit in enumerate(bits):
                was = parent[block]
                inside = p[block] if p else keep if was else fix
                right = inside if block in chunk else was * (1 - spill)
                chance *= right if bit else 1 - right
            found[bits] += chance
    return {child: chance for child, chance in found.items() if chance > 0}


def every_solution(schedule, k, g, lam, parts, p=None, spill=0.0, weak=False, down=False):
    """States, transitions [N, N], hit [N, lam], short calls [N]."""
    chunks = [tuple(range(k))] if schedule == ALL else [tuple(range(c, min(c + g, k))) for c in range(0, k, g)]
    best = (1,) * k
    states = [(s, c) for s in product((0, 1), repeat=k) if s != best for c in range(len(chunks))]
    index = {state: n for n, state in enumerate(states)}
    stay, hit, short = np.zeros((len(states),) * 2), np.zeros((len(states), lam)), np.zeros(len(states))
    for n, (parent, pointer) in enumerate(states):
        drawn = {UNIFORM: chunks, INCORRECT: [next(c for c in chunks if not all(parent[b] for b in c))]}
        drawn = drawn.get(schedule, [chunks[pointer]])
        short[n] = lam * sum(len(chunk) < g for chunk in drawn) / len(drawn)
        one = defaultdict(float)
        for chunk in drawn:
            for child, chance in single_calls(parts, p, spill, parent, chunk, k).items():
                one[child] += chance / len(drawn)
        reached = {(None, False): 1.0}
        for call in range(lam):
            after = defaultdict(float)
            for (leader, moved), chance in reached.items():
                for child, share in one.items():
                    if child == best:
                        hit[n, call] += chance * share
                        continue
                    differs = down if child is None else sum(child) != sum(parent)
                    leads = child is not None and (leader is None or sum(child) > sum(leader))
                    after[child if leads else leader, moved or differs] += chance * share
            reached = after
        for (leader, moved), chance in reached.items():
            accepted = leader is not None and sum(leader) >= sum(parent) + (not weak)
            step = {ROBIN: 1, RESOLVED: int(moved)}.get(schedule, 0)
            stay[n, index[leader if accepted else parent, (pointer + step) % len(chunks)]] += chance
    return states, stay, hit, short


def start_mass(states, k, start):
    mass = np.zeros(len(states))
    for n, (parent, pointer) in enumerate(states):
        right = sum(parent)
        if pointer == 0 and start.incorrect is None:
            mass[n] = start.p0**right * (1 - start.p0) ** (k - right)
        elif pointer == 0 and k - right == start.incorrect:
            mass[n] = 1 / len(list(combinations(range(k), start.incorrect)))
    return mass


def assert_same_run(run, chain, k, start):
    states, stay, hit, short = chain
    mass = start_mass(states, k, start)
    inverse = np.linalg.inv(np.eye(len(stay)) - stay)
    for time, calls in ((run.hit, hit), (run.generations, hit.sum(axis=1, keepdims=True))):
        length = calls.shape[1]
        reading = np.arange(1, length + 1)
        mean = inverse @ (calls @ reading + length * stay.sum(axis=1))
        second = inverse @ (calls @ reading**2 + length**2 * stay.sum(axis=1) + 2 * length * stay @ mean)
        assert time.mean == pytest.approx(mass @ mean, rel=1e-10)
        assert time.variance == pytest.approx(mass @ second - (mass @ mean) ** 2, rel=1e-9, abs=1e-9)
        cdf, state = [1 - mass.sum()], mass
        for _ in range(30):
            cdf.extend(cdf[-1] + np.cumsum(state @ calls))
            state = state @ stay
        np.testing.assert_allclose(time.cdf(np.arange(len(cdf))), cdf, atol=1e-12)
        np.testing.assert_allclose(time.tail(np.arange(len(cdf))), 1 - np.array(cdf), atol=1e-12)
        if cdf[-1] > 0.5 and np.abs(np.array(cdf) - 0.5).min() > 1e-9:
            assert time.quantile(0.5) == np.searchsorted(cdf, 0.5)
    assert run.calls_on_last_chunk == pytest.approx(mass @ inverse @ short, rel=1e-10, abs=1e-13)


TWO = Mixture((0.3, 0.7), (IndependentBlocks(0.8, 0.6), IndependentBlocks(0.2, 0.9)))
SOME_BAD = Invalid(0.2, TWO)
KINDS = {
    "spill": (BlockCall(TWO, spill=0.15), [(0.3, 0.8, 0.6), (0.7, 0.2, 0.9)], {"spill": 0.15}),
    "malformed spill": (BlockCall(SOME_BAD, spill=0.3), [(0.24, 0.8, 0.6), (0.56, 0.2, 0.9)], {"spill": 0.3}),
    "per block": (BlockCall(None, (0.5, 0.2, 0.9)), [(1.0, 0, 0)], {"p": (0.5, 0.2, 0.9)}),
    "malformed": (BlockCall(SOME_BAD), [(0.24, 0.8, 0.6), (0.56, 0.2, 0.9)], {}),
}
STARTS = (Start(3), Start(3, p0=0.3), Start(3, incorrect=2))


CHUNKS = ((ALL, 3), (INCORRECT, 2), (ROBIN, 1), (ROBIN, 2), (UNIFORM, 2), (RESOLVED, 1), (RESOLVED, 2))


@pytest.mark.some(at_least=24)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weak", [False, True])
@pytest.mark.parametrize("lam", [1, 2, 3])
@pytest.mark.parametrize(("schedule", "g"), CHUNKS)
def test_enumeration_equals_every_solution_call_by_call(schedule, g, lam, weak, kind):
    call, parts, more = KINDS[kind]
    for down in {False, schedule == RESOLVED}:
        chain = every_solution(schedule, 3, g, lam, parts, weak=weak, down=down, **more)
        for start in STARTS:
            assert_same_run(enumerated(call, schedule, 3, g, start, lam, weak, down), chain, 3, start)


@pytest.mark.parametrize(("start", "lam"), [(Start(6), 3), (Start(6, p0=0.4), 1), (Start(6, incorrect=3), 3)])
def test_enumeration_equals_the_laws_of_counts(start, lam):
    for law in (MIXED, BetaQualityLaw(2, 1), SparseLaw(0.4, Invalid(0.2, MIXED))):
        call = BlockCall(law)
        for schedule, g, other in (
            (ALL, 6, all_blocks(law, 6, start, lam)),
            (UNIFORM, 2, uniform_chunk(law, 6, 2, start, lam)),
            (INCORRECT, 4, only_incorrect(law, 6, 4, start, lam)),
            (RESOLVED, 1, until_resolved(law, 6, start, lam)),
        ):
            same(enumerated(call, schedule, 6, g, start, lam), other)


def same(run, other, rel=1e-11):
    for one, two in ((run.hit, other.hit), (run.generations, other.generations)):
        assert one.mean == pytest.approx(two.mean, rel=rel)
        assert one.variance == pytest.approx(two.variance, rel=10 * rel, abs=1e-9)
        np.testing.assert_allclose(one.cdf(np.arange(80)), two.cdf(np.arange(80)), atol=1e-12)
        assert one.quantile(0.7) == two.quantile(0.7)
    assert run.calls_on_last_chunk == pytest.approx(other.calls_on_last_chunk, rel=rel)


def test_enumeration_keeps_its_digits_where_success_is_rare():
    rare = (1e-13, 3e-13, 2e-14)
    run = enumerated(BlockCall(None, rare), ROBIN, 3, 1, Start(3)).hit
    # in the limit of rare success: exponential times in units of sweeps
    limit = 3 * sum((-1) ** (s + 1) / sum(some) for s in (1, 2, 3) for some in combinations(rare, s))
    assert run.mean == pytest.approx(limit, rel=1e-11)
    rarest = Elimination(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.0, 1e-300]))
    assert rarest.solve(np.ones(2))[0] == pytest.approx(2e300, rel=1e-14)


def test_enumeration_knows_traps():
    for start in (Start(4, p0=0.5), Start(4, incorrect=2)):
        for lam in (1, 2):
            law = IndependentBlocks(0.5, 1.0)  # UntilResolved waits for ever at a correct block
            run, other = (
                enumerated(BlockCall(law), RESOLVED, 4, 1, start, lam).hit,
                until_resolved(law, 4, start, lam).hit,
            )
            assert run.mean == run.variance == math.inf
            assert float(run.cdf(np.inf)) == pytest.approx(float(other.cdf(np.inf)), rel=1e-12)
            assert run.quantile(0.999) == math.inf
            np.testing.assert_allclose(run.cdf(np.arange(30)), other.cdf(np.arange(30)), atol=1e-13)
    never = enumerated(BlockCall(None, (0.5, 0.0)), ROBIN, 2, 1, Start(2)).hit
    assert never.mean == math.inf
    assert float(never.cdf(1e9)) == 0.0


def test_enumeration_refuses_many_states():
    assert enumeration_states(ROBIN, 8, 1) == 255 * 8
    assert enumeration_states(UNIFORM, 12, 1) <= MAX_STATES < enumeration_states(UNIFORM, 13, 1)
    assert enumeration_states(UNIFORM, 5000, 1) == math.inf
    with pytest.raises(NoPrediction, match="4599 states, more than 4096"):
        enumerated(BlockCall(HALF), ROBIN, 9, 1, Start(9))


# ---------------------------------------------------------------------------------------------- formulas against chains


@pytest.mark.some(at_least=4)
@pytest.mark.parametrize("weak", [False, True])
@pytest.mark.parametrize("lam", [1, 2])
@pytest.mark.parametrize("start", [Start(5), Start(5, p0=0.3), Start(5, incorrect=2)])
def test_spill_by_counts_equals_enumeration(start, lam, weak):
    for law in (MIXED, Invalid(0.2, MIXED), BetaQualityLaw(1, 2)):
        for schedule, formula in ((INCORRECT, spill_only_incorrect), (UNIFORM, spill_uniform_chunk)):
            call = BlockCall(law, spill=0.2)
            same(formula(SpillLaw(law, 0.2), 5, start, lam), enumerated(call, schedule, 5, 1, start, lam, weak))


def test_spill_costs_grow_exponentially():
    means = [spill_only_incorrect(SpillLaw(HALF, s), 50, Start(50)).hit.mean for s in (0.01, 0.05, 0.1)]
    assert [round(mean, 1) for mean in means] == [129.3, 455.9, 3474.6]  # theory 4c
    for s, mean in zip((0.01, 0.05, 0.1), means, strict=True):
        assert mean == pytest.approx(((1 - s) ** -50 - 1) * (1 - s) / (0.5 * s), rel=1e-12)
    assert spill_only_incorrect(SpillLaw(HALF, 0.0), 9, Start(9)).hit.variance == pytest.approx(18, rel=1e-12)
    assert spill_only_incorrect(SpillLaw(HALF, 1.0), 9, Start(9)).hit.mean == math.inf
    same(spill_only_incorrect(SpillLaw(HALF, 1.0), 1, Start(1)), only_incorrect(HALF, 1, 1, Start(1)))  # none outside
    with pytest.raises(NoPrediction, match="too small for floats"):
        spill_only_incorrect(SpillLaw(HALF, 0.5), 3000, Start(3000))


@pytest.mark.parametrize("lam", [1, 3])
@pytest.mark.parametrize("start", [Start(4), Start(4, p0=0.3)])
def test_blocks_that_differ_equal_enumeration(start, lam):
    call = BlockCall(None, P4)
    for schedule, g, formula in (
        (ALL, 4, blocks_all_at_once),
        (INCORRECT, 1, blocks_only_incorrect),
        (RESOLVED, 1, blocks_until_resolved),
        (ROBIN, 1, blocks_round_robin),
    ):
        same(formula(PerBlockLaw(P4), 4, start, lam), enumerated(call, schedule, 4, g, start, lam))
        same(formula(PerBlockLaw(P4), 4, start, lam), enumerated(call, schedule, 4, g, start, lam, weak=True))
    if lam == 1:
        same(blocks_uniform_chunk(PerBlockLaw(P4), 4, start), enumerated(call, UNIFORM, 4, 1, start))


def test_equal_blocks_are_the_laws_of_counts():
    for start in (Start(30), Start(30, p0=0.5)):
        same(
            blocks_uniform_chunk(PerBlockLaw((0.3,) * 30), 30, start),
            uniform_chunk(IndependentBlocks(0.3, 0.3), 30, 1, start),
        )
        same(
            blocks_until_resolved(PerBlockLaw((0.3,) * 30), 30, start),
            until_resolved(IndependentBlocks(0.3, 0.3), 30, start),
        )


def test_blocks_that_are_never_repaired():
    for formula in (blocks_only_incorrect, blocks_until_resolved, blocks_round_robin, blocks_uniform_chunk):
        hit = formula(PerBlockLaw((0.5, 0.0, 0.3)), 3, Start(3, p0=0.5)).hit
        assert hit.mean == hit.variance == hit.quantile(0.9) == math.inf
        assert float(hit.cdf(np.inf)) == pytest.approx(0.5, abs=1e-9)
    sure = blocks_until_resolved(
        PerBlockLaw((0.5, 1.0, 0.3)), 3, Start(3, p0=0.5)
    ).hit  # a correct block that cannot be damaged
    assert sure.mean == math.inf
    with pytest.raises(NoPrediction, match="independent at the start"):
        blocks_round_robin(PerBlockLaw((0.5, 0.5)), 2, Start(2, incorrect=1))


@pytest.mark.parametrize("lam", [1, 3])
@pytest.mark.parametrize("start", [Start(5), Start(5, p0=0.4)])
def test_misread_mean_equals_enumeration(start, lam):
    for law in (Invalid(0.1, HALF), Invalid(0.3, MIXED), Invalid(0.2, IndependentBlocks(0.4, 1.0))):
        run, chain = (
            until_misread(law, 5, start, lam),
            enumerated(BlockCall(law), RESOLVED, 5, 1, start, lam, down=True),
        )
        assert run.hit.mean == pytest.approx(chain.hit.mean, rel=1e-11)
        assert run.generations.mean == pytest.approx(chain.generations.mean, rel=1e-11)
    with pytest.raises(NoPrediction, match="beyond the mean"):
        assert run.hit.variance
    assert until_misread(Invalid(0.1, IndependentBlocks(0.0, 0.5)), 3, Start(3)).hit.mean == math.inf
    same_as = until_resolved(MIXED, 20, Start(20, p0=0.5)).hit.mean  # nothing to misread
    assert until_misread(MIXED, 20, Start(20, p0=0.5)).hit.mean == pytest.approx(same_as, rel=1e-11)


# --------------------------------------------------------------------------------------------- what is drawn once a run


@pytest.mark.parametrize(("a", "b", "p0"), [(0.5, 1.5, 0.3), (1.0, 1.0, 0.0), (3.0, 0.7, 0.3), (2.0, 5.0, 0.0)])
def test_difficulties_drawn_are_averages_of_difficulties_given(a, b, p0):
    """P(T <= t) is a polynomial of degree t in each p_j (GLOBAL too), which a Gauss-Jacobi rule averages exactly."""
    start, times = Start(2, p0=p0), np.arange(14)
    weights, nodes, _ = beta_rule(a, b, 14)
    for formula, given in (
        (beta_all_blocks, blocks_all_at_once),
        (beta_only_incorrect, blocks_only_incorrect),
        (beta_round_robin, blocks_round_robin),
        (beta_uniform_chunk, blocks_uniform_chunk),
    ):
        each = [
            (u * v, given(PerBlockLaw((float(p), float(q))), 2, start).hit.cdf(times))
            for (u, p), (v, q) in product(zip(weights, nodes, strict=True), repeat=2)
        ]
        average = sum(weight * cdf for weight, cdf in each)
        np.testing.assert_allclose(formula(RunQualityLaw(a, b), 2, start).hit.cdf(times), average, atol=1e-11)


@pytest.mark.parametrize(("a", "b"), [(0.5, 1.5), (1.0, 1.0), (3.0, 0.7)])
@pytest.mark.parametrize("p0", [0.0, 0.3])
def test_quality_of_a_run_is_an_average(a, b, p0):
    k, times = 3, np.arange(16)
    start = Start(k, p0=p0)
    weights, nodes, _ = beta_rule(a, b, k * 16)
    for formula, given in (
        (quality_all_blocks, lambda law: all_blocks(law, k, start)),
        (quality_only_incorrect, lambda law: only_incorrect(law, k, 1, start)),
        (quality_uniform_chunk, lambda law: uniform_chunk(law, k, 1, start)),
    ):
        laws = [given(IndependentBlocks(float(q), float(q))).hit for q in nodes]
        average = sum(weight * law.cdf(times) for weight, law in zip(weights, laws, strict=True))
        np.testing.assert_allclose(formula(RunQualityLaw(a, b), k, start).hit.cdf(times), average, atol=1e-11)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("above", [1e-3, 0.02, 0.1, 0.5, 2.5])
def test_moments_of_two_offspring_a_generation_are_a_series_near_where_there_are_none(k, above):
    """With 1/(q^k (2 - q^k)) expanded in q^k, and its square; q ~ Beta(a, 1), so that E[q^-s] = a/(a - s)."""
    ways = range(200)

    def moments(a):
        once = sum(a * 2.0 ** -(j + 1) / (a + (j - 1) * k) for j in ways)
        twice = sum((j + 1) * a * 2.0 ** -(j + 2) / (a + (j - 2) * k) for j in ways) if a > 2 * k else math.inf
        return once, twice

    for a in (k + above, 2 * k + above):
        once, twice = moments(a)
        rounds = quality_all_blocks(RunQualityLaw(a, 1.0), k, Start(k), 2).generations
        assert rounds.mean == pytest.approx(once, rel=1e-11)
        assert rounds.variance == pytest.approx(2 * twice - once - once**2, rel=1e-9)


@pytest.mark.parametrize(("k", "p0"), [(1, 0.4), (2, 0.0), pytest.param(4, 0.4, marks=pytest.mark.slow)])
def test_moments_are_tail_sums(k, p0):
    """Light enough tails are summed: E = sum P(T > t), E T(T+1) = sum 2 (t+1) P(T > t)."""
    a, b, start, times = 12.0, 2.0, Start(k, p0=p0), np.arange(150.0 * k)  # P(T > t) is below 1e-13 beyond
    runs = [
        formula(RunQualityLaw(a, b), k, start).hit
        for formula in (beta_only_incorrect, beta_round_robin, quality_only_incorrect)
    ]
    if k < 3:
        runs.append(quality_all_blocks(RunQualityLaw(20.0, 2.0), k, start).hit)
        runs.append(quality_all_blocks(RunQualityLaw(20.0, 2.0), k, start, 3).generations)
    few = np.arange(60.0 * k)
    lighter = [
        beta_uniform_chunk(BetaBlocksLaw(30.0, b), k, start).hit,
        quality_uniform_chunk(RunQualityLaw(30.0, b), k, start).hit,
    ]
    if k < 3:
        lighter.append(beta_all_blocks(BetaBlocksLaw(30.0, b), k, start).hit)
    for law in lighter:
        tail = law.tail(few)
        assert law.mean == pytest.approx(tail.sum(), rel=1e-9)
        second = ((2 * few + 1) * tail).sum()
        assert law.variance == pytest.approx(second - law.mean**2, rel=1e-6)
    for law in runs:
        tail = law.tail(times)
        assert law.mean == pytest.approx(tail.sum(), rel=1e-9)
        assert law.variance == pytest.approx(((2 * times + 1) * tail).sum() - tail.sum() ** 2, rel=1e-7)


def test_heavy_tails_have_infinite_means_and_finite_medians():
    start = Start(10)
    for law in (
        beta_only_incorrect(BetaBlocksLaw(0.5, 1.5), 10, start).hit,
        beta_round_robin(BetaBlocksLaw(1.0, 1.5), 10, start, 2).hit,
        beta_uniform_chunk(BetaBlocksLaw(0.7, 1.5), 10, start).hit,
        beta_all_blocks(BetaBlocksLaw(0.9, 1.5), 10, start).hit,
        quality_all_blocks(RunQualityLaw(10.0, 1.5), 10, start).hit,
        quality_only_incorrect(RunQualityLaw(1.0, 1.5), 10, start).hit,
        quality_uniform_chunk(RunQualityLaw(0.9, 1.5), 10, start).hit,
        quality_until_resolved(RunQualityLaw(0.5, 1.5), 10, start).hit,
    ):
        assert law.mean == law.variance == math.inf
        median = law.quantile(0.5)
        assert float(law.cdf(median)) >= 0.5 > float(law.cdf(median - 1))
        assert 0.5 < float(law.cdf(1e6 * median)) <= 1.0 == float(law.cdf(np.inf))
    finite_mean = beta_round_robin(BetaBlocksLaw(1.5, 1.0), 3, Start(3)).hit
    assert finite_mean.variance == math.inf > finite_mean.mean
    # the median of the sum grows like k^(1/al) (theory 5c)
    medians = [beta_only_incorrect(BetaBlocksLaw(0.5, 1.0), k, Start(k)).hit.quantile(0.5) for k in (100, 200, 400)]
    assert medians[1] / medians[0] == pytest.approx(4, rel=0.05)
    assert medians[2] / medians[1] == pytest.approx(4, rel=0.05)


def test_sums_of_heavy_tails_are_accurate_far_out():
    """One block: P(N > t) = B(a, b+t)/B(a, b); the sums by convolution and by inversion join."""
    for a, b in ((0.5, 1.5), (0.2, 0.3), (1.5, 4.0)):
        times = np.array([511.0, 512.0, 1e4, 1e9])
        np.testing.assert_allclose(
            beta_only_incorrect(BetaBlocksLaw(a, b), 1, Start(1)).hit.tail(times), survival(a, b, times), atol=1e-12
        )
        longer = np.diff(beta_only_incorrect(BetaBlocksLaw(a, b), 20, Start(20)).hit.tail(np.arange(505.0, 520.0)))
        assert np.all(np.diff(longer) * np.sign(np.diff(longer)[0]) > 0)
    assert float(survival(0.5, 1.5, np.array(1000.0))) == pytest.approx(0.035660201101752743038, **EXACT)


def test_beta_expectations():
    for a, b in ((0.3, 2.0), (4.0, 0.5), (0.01, 2.0), (2.0, 0.01)):
        nodes = BetaNodes.of(a, b)
        assert nodes.weight @ nodes.p == pytest.approx(a / (a + b), rel=1e-13)
        assert nodes.weight @ nodes.p**3 == pytest.approx(math.prod((a + i) / (a + b + i) for i in range(3)), rel=1e-13)
    assert inverse_moment(2.5, 1.0, 2) == pytest.approx(2.5 / 0.5)
    assert inverse_moment(2.0, 1.0, 2) == math.inf
    assert survival(0.5, 1.5, np.array([0.0, np.inf])).tolist() == [1.0, 0.0]
    z = np.array([0.5, 3.0, 1e3, 1e8])
    exact = [math.lgamma(0.5) - math.lgamma(1.2), math.lgamma(3.0) - math.lgamma(3.7), None, None]
    np.testing.assert_allclose(log_gamma_ratio(z, 0.7)[:2], exact[:2], rtol=1e-14)
    np.testing.assert_allclose(log_gamma_ratio(z[2:], 1.0), -np.log(z[2:]), rtol=1e-14)
    np.testing.assert_allclose(log_gamma_ratio(np.array(1e3), 2.0), -np.log(1e3 * 1001), rtol=1e-14)


# ---------------------------------------------------------------------------------------------------- votes (theory 9)

MAKER = {  # error rate, k_min of the table of 4.3 for s = 2^20-1, t = 0.95
    "gpt-4.1-nano": (0.3571, 29),
    "gpt-4.1-mini at 1": (0.0040, 4),
    "gpt-4.1-mini at 0.1": (0.0022, 3),
    "o3-mini": (0.0018, 3),
    "haiku-4.5": (0.1839, 12),
    "gpt-oss-20B": (0.0358, 6),
    "qwen3": (0.2342, 15),
    "deepseek-v3.1": (0.0569, 6),
    "kimi-k2": (0.0393, 6),
}


@pytest.mark.parametrize("model", MAKER)
def test_leads_of_maker(model):
    error, lead = MAKER[model]
    assert least_ahead(1 - error, 1048575, 0.95) == lead
    assert task_success(1 - error, lead, 1048575) >= 0.95 > task_success(1 - error, lead - 1, 1048575)


def test_votes():
    assert win_probability(2 / 3, 1) == pytest.approx(0.66666666666666666667, **EXACT)
    assert win_probability(2 / 3, 3) == pytest.approx(0.88888888888888888889, **EXACT)
    assert win_probability(9 / 10, 2) == pytest.approx(0.98780487804878048780, **EXACT)
    assert win_probability(1 / 2, 4) == pytest.approx(0.5, **EXACT)
    assert mean_votes(4989 / 5000, 3) == pytest.approx(3.0132582720856546369, **EXACT)
    assert mean_votes(2 / 5, 3, "distinct") == pytest.approx(9.84, **EXACT)
    assert accepted_calls(0.5, *[ahead_error(1 / 5, 3)] * 2) == pytest.approx(2, **EXACT)
    assert task_success(0.9978, 3, 2**20 - 1) == pytest.approx(0.98882, abs=5e-6)
    assert win_probability(1e-300, 50) == 0.0  # no overflow
    assert mean_votes(0.5 + 1e-9, 7) == pytest.approx(49, rel=1e-12)
    assert mean_votes(0.0, 2, "distinct") == math.inf


@pytest.mark.parametrize("ahead", [1, 2, 5])
@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_votes_are_a_gamblers_ruin(p, ahead):
    places = 2 * ahead - 1
    walk = p * np.eye(places, k=1) + (1 - p) * np.eye(places, k=-1)
    inverse = np.linalg.inv(np.eye(places) - walk)[ahead - 1]
    assert mean_votes(p, ahead) == pytest.approx(inverse.sum(), rel=1e-12)
    assert win_probability(p, ahead) == pytest.approx(inverse[-1] * p, rel=1e-12)


def test_a_judge_needs_log_k_votes():
    for k, risk, fix, r in itertools.product((10, 1000), (0.1, 0.01), (0.04, 0.5, 0.9), (0.6, 0.8)):
        lead = judge_least_ahead(fix, r, k, risk)
        assert k * (1 - fix) / fix * ((1 - r) / r) ** lead <= risk
        assert lead == 1 or k * (1 - fix) / fix * ((1 - r) / r) ** (lead - 1) > risk
        right = [accepted_correct(fix, *[ahead_error(1 - r, ahead)] * 2) ** k for ahead in (lead, max(1, lead - 2))]
        assert right[0] >= 1 - risk
        assert lead <= 2 or right[1] < 1 - risk  # the bound is an approximation from above
    assert accepted_correct(0.0, 0.1, 0.1) == 0.0
    assert judge_least_ahead(1.0, 0.6, 10, 0.1) == 1  # no block is wrong: a judge decides nothing
    for wrong in (
        lambda: least_ahead(0.5, 10, 0.9),
        lambda: win_probability(1.1, 1),
        lambda: judge_least_ahead(0, 0.8, 9, 0.1),
    ):
        with pytest.raises(InputError, match="expected"):
            wrong()


HIDDEN = RepeatingLaw(HALF, 0.3).hidden(0.2)


@pytest.mark.parametrize(
    "run_of",
    [
        lambda k, g: only_incorrect(HALF, k, g, Start(k)),
        lambda k, g: hidden_repeats(HIDDEN, k, g, OnlyIncorrect(g), Start(k)),
    ],
    ids=["plain", "repeats"],
)
def test_calls_on_a_short_last_chunk_are_those_of_it_alone(run_of):
    first, last, both = run_of(3, 3), run_of(2, 2), run_of(5, 3)
    assert both.calls_on_last_chunk == pytest.approx(last.hit.mean, rel=1e-12)
    assert both.hit.mean == pytest.approx(first.hit.mean + last.hit.mean, rel=1e-12)
    assert run_of(6, 3).calls_on_last_chunk == 0.0


@pytest.mark.parametrize("k", [2, 3, 6])
def test_repeats_from_a_random_start_are_those_of_each_chunk_from_each_number_of_incorrect_blocks(k):
    """One chunk of two after the other, each begun anew: means, and variances, are sums; 0 for one that is right."""
    run = hidden_repeats(HIDDEN, k, 2, OnlyIncorrect(2), Start(k, p0=0.3)).hit
    means, variances = 0.0, 0.0
    for g in [2] * (k // 2) + [1] * (k % 2):
        each = [(0.3**g, 0.0, 0.0)]
        for i in range(1, g + 1):
            own = hidden_repeats(HIDDEN, g, g, OnlyIncorrect(g), Start(g, incorrect=i)).hit
            each.append((math.comb(g, i) * 0.7**i * 0.3 ** (g - i), own.mean, own.variance + own.mean**2))
        mean = sum(chance * first for chance, first, _ in each)
        means, variances = means + mean, variances + sum(chance * second for chance, _, second in each) - mean**2
    assert run.mean == pytest.approx(means, rel=1e-12)
    assert run.variance == pytest.approx(variances, rel=1e-12)


def test_long_enumerations_of_another_fitness_are_refused(monkeypatch):
    call, needle = BlockCall(HALF), np.arange(16) == 15.0
    assert enumerated(call, ROBIN, 4, 1, Start(4), weak=True, fitness=needle).hit.mean == pytest.approx(30.0)
    monkeypatch.setattr(enumeration, "MAX_LEVEL", 3)
    with pytest.raises(NoPrediction, match="states of the same level, more than 3, are too many"):
        enumerated(call, ROBIN, 4, 1, Start(4), weak=True, fitness=needle)


def test_own_calls_are_followed_from_several_starts_at_once():
    """Of each start alone, and of all together: one column each."""
    own = OwnHidden(RepeatingLaw(IndependentBlocks(0.4, 0.9), 0.2).hidden(0.5), 2, 2)
    begin, n = np.eye(3)[:, 1:], np.array([1.0, 2.0, 5.0])
    each = [own.tails(n, begin[:, at : at + 1]) for at in range(2)]
    assert own.tails(n, begin) == pytest.approx(np.hstack(each), rel=1e-12)
    assert (each[0] < each[1]).all()
