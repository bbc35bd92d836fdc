"""Landscapes and noise: laws on counts, on all solutions and of LeadingBlocks against a chain written without `evo`."""

import math
from collections import defaultdict
from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import norm

from evo.errors import InputError, NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.laws.mixtures import Invalid
from evo.theory import Start
from evo.theory.calls.offspring_counts import subset_offspring, whole_offspring, wrong_block_offspring
from evo.theory.problems.enumeration import ALL, INCORRECT, RESOLVED, ROBIN, SUBSET, UNIFORM, BlockCall, enumerated
from evo.theory.problems.leading import (
    leading_all_blocks,
    leading_only_incorrect,
    leading_round_robin,
    leading_uniform_chunk,
    leading_until_resolved,
)
from evo.theory.problems.on_counts import accepted_on_counts, run_on_counts

HALF, MIXED = (0.5, 0.5, 0.0), (0.4, 0.7, 0.0)  # fix, keep, invalid
BAD = (0.4, 0.7, 0.2)

# ------------------------------------------------------------- every solution, call by call, without evo's laws of runs


def one_call(parent, chunks, law):
    """Offspring of one call, each chunk as likely; None is malformed."""
    fix, keep, invalid = law
    found = defaultdict(float)
    found[None] = invalid
    for chunk in chunks:
        for bits in product((0, 1), repeat=len(chunk)):
            chance, child = (1 - invalid) / len(chunks), list(parent)
            for block, bit in zip(chunk, bits, strict=True):
                right = keep if parent[block] else fix
                chance *= right if bit else 1 - right
                child[block] = bit
            found[tuple(child)] += chance
    return {child: chance for child, chance in found.items() if chance > 0}


def drawn(schedule, parent, pointer, k, g):
    chunks = [tuple(range(first, min(first + g, k))) for first in range(0, k, g)]
    return {
        ALL: [tuple(range(k))],
        UNIFORM: chunks,
        SUBSET: list(combinations(range(k), g)),
        INCORRECT: [next(c for c in chunks if not all(parent[b] for b in c))],
    }.get(schedule, [chunks[pointer % len(chunks)]])


def brute_force(schedule, k, g, lam, law, fitness, weak, accept=None, down=False):
    """States, transitions [N, N], hit [N, lam] by the call that generates the optimum (with accept: and is taken)."""
    best, pointers = (1,) * k, -(-k // g) if schedule in (ROBIN, RESOLVED) else 1
    states = [(s, c) for s in product((0, 1), repeat=k) if s != best for c in range(pointers)]
    index = {state: n for n, state in enumerate(states)}
    stay, hit = np.zeros((len(states),) * 2), np.zeros((len(states), lam))
    for n, (parent, pointer) in enumerate(states):
        one = one_call(parent, drawn(schedule, parent, pointer, k, g), law)
        if accept:
            turned = (pointer + (schedule == ROBIN)) % pointers
            for child, share in one.items():
                taken = share * accept(parent, child) if child else 0.0
                if child == best:
                    hit[n, 0] += taken
                elif child:
                    stay[n, index[child, turned]] += taken
                stay[n, index[parent, turned]] += share - taken
            continue
        reached = {(None, False): 1.0}  # the first of the best so far, and whether any fitness differed
        for call in range(lam):
            after = defaultdict(float)
            for ((leader, moved), chance), (child, share) in product(reached.items(), one.items()):
                if child == best:
                    hit[n, call] += chance * share
                    continue
                differs = down if child is None else fitness(child) != fitness(parent)
                leads = child is not None and (leader is None or fitness(child) > fitness(leader))
                after[child if leads else leader, moved or differs] += chance * share
            reached = after
        for (leader, moved), chance in reached.items():
            taken = leader and (fitness(leader) > fitness(parent) or (weak and fitness(leader) == fitness(parent)))
            step = {ROBIN: 1, RESOLVED: int(moved)}.get(schedule, 0)
            stay[n, index[leader if taken else parent, (pointer + step) % pointers]] += chance
    return states, stay, hit


def start_mass(states, k, start):
    mass = np.zeros(len(states))
    for n, (parent, pointer) in enumerate(states):
        right = sum(parent)
        if pointer == 0 and start.incorrect is None:
            mass[n] = start.p0**right * (1 - start.p0) ** (k - right)
        elif pointer == 0 and k - right == start.incorrect:
            mass[n] = 1 / math.comb(k, start.incorrect)
    return mass


def grown(seed, moves):
    """The states that can be reached from `seed` by `moves` [from, to]."""
    for _ in range(len(seed)):
        seed = seed | (seed @ moves)
    return seed


def assert_same_run(run, chain, k, start):
    states, stay, hit = chain
    mass = start_mass(states, k, start)
    used = grown(mass > 0, stay > 0)
    mass, stay, hit = mass[used], stay[np.ix_(used, used)], hit[used]
    hopeful = grown(hit.sum(axis=1) > 0, stay.T > 0)
    inverse = np.linalg.inv(np.eye(hopeful.sum()) - stay[np.ix_(hopeful, hopeful)])
    trapped = mass.sum() - mass[hopeful] @ inverse @ hit[hopeful].sum(axis=1)
    for time, calls in ((run.hit, hit), (run.generations, hit.sum(axis=1, keepdims=True))):
        length = calls.shape[1]
        cdf, state = [1 - mass.sum()], mass
        for _ in range(30):
            cdf.extend(cdf[-1] + np.cumsum(state @ calls))
            state = state @ stay
        np.testing.assert_allclose(time.cdf(np.arange(len(cdf))), cdf, atol=1e-12)
        np.testing.assert_allclose(time.tail(np.arange(len(cdf))), 1 - np.array(cdf), atol=1e-12)
        for u in (0.1, 0.5):
            if cdf[-1] > u and np.abs(np.array(cdf) - u).min() > 1e-9:
                assert time.quantile(u) == np.searchsorted(cdf, u)
        if not hopeful.all():
            assert time.mean == time.variance == math.inf
            assert float(time.tail(np.inf)) == pytest.approx(trapped, abs=1e-12)
            continue
        reading = np.arange(1, length + 1)
        mean = inverse @ (calls @ reading + length * stay.sum(axis=1))
        second = inverse @ (calls @ reading**2 + length**2 * stay.sum(axis=1) + 2 * length * stay @ mean)
        assert time.mean == pytest.approx(mass @ mean, rel=1e-10)
        assert time.variance == pytest.approx(mass @ second - (mass @ mean) ** 2, rel=1e-9, abs=1e-9)


def law_of(law):
    fix, keep, invalid = law
    return Invalid(invalid, IndependentBlocks(fix, keep)) if invalid else IndependentBlocks(fix, keep)


def starts(k):
    return [Start(k), Start(k, p0=0.3), Start(k, incorrect=2)]


def per_solution(k, fitness):
    """Fitness by the solution's bits."""
    return np.array([fitness(tuple(n >> b & 1 for b in range(k))) for n in range(1 << k)], dtype=float)


def leading(solution):
    return next((n for n, right in enumerate(solution) if not right), len(solution))


# ------------------------------------------------------------------------------------------ fitness functions of counts

BY_COUNT = {  # by the number of incorrect blocks
    "needle": lambda i: float(i == 0),
    "trap": lambda i: 100.0 if i == 0 else float(i),
    "jump": lambda i: 100.0 if i == 0 else (-float(i) if i >= 2 else -100.0),
    "plateaus": lambda i: (7.5, -1.0, 2.0, 2.0, -1.0, 0.5)[i],
}
OFFSPRING = {
    ALL: whole_offspring,
    UNIFORM: lambda law, k: subset_offspring(law, k, 1),
    SUBSET: lambda law, k: subset_offspring(law, k, 2),
    INCORRECT: wrong_block_offspring,
}
SIZE = {ALL: None, UNIFORM: 1, SUBSET: 2, INCORRECT: 1}
COUNTED = [
    (k, lam, law, weak, landscape)
    for (k, lam, law), (weak, landscape) in product([(3, 3, BAD), (4, 2, MIXED)], product((False, True), BY_COUNT))
] + [(5, 1, MIXED, True, "plateaus"), (5, 1, BAD, False, "jump"), (3, 2, HALF, False, "plateaus")]


@pytest.mark.some(at_least=24)
@pytest.mark.parametrize(("k", "lam", "law", "weak", "landscape"), COUNTED)
@pytest.mark.parametrize("schedule", OFFSPRING)
def test_counts_and_solutions_equal_the_chain(schedule, k, lam, law, weak, landscape):
    by_count, g = BY_COUNT[landscape], SIZE[schedule] or k

    def fitness(solution):
        return by_count(k - sum(solution))

    chain = brute_force(schedule, k, g, lam, law, fitness, weak)
    counts, offspring = np.array([by_count(i) for i in range(k + 1)]), OFFSPRING[schedule](law_of(law), k)
    for start in starts(k):
        assert_same_run(run_on_counts(offspring, counts, start, lam, weak), chain, k, start)
        call, values = BlockCall(law_of(law)), per_solution(k, fitness)
        assert_same_run(enumerated(call, schedule, k, g, start, lam, weak, fitness=values), chain, k, start)


@pytest.mark.some(at_least=8)
@pytest.mark.parametrize("weak", [False, True])
@pytest.mark.parametrize("lam", [1, 2])
@pytest.mark.parametrize(
    ("schedule", "k", "g"), [(ROBIN, 3, 1), (ROBIN, 3, 2), (RESOLVED, 3, 1), (RESOLVED, 4, 2), (UNIFORM, 3, 2)]
)
def test_solutions_equal_the_chain_where_positions_matter(schedule, k, g, lam, weak):
    weights = (1.0, 0.5, 0.5, 2.0)
    landscapes = [
        leading,
        lambda solution: sum(w for w, right in zip(weights, solution, strict=False) if right),
        lambda solution: float(all(solution)),
        lambda solution: 9 if all(solution) else k - sum(solution),
    ]
    for fitness, law in zip(landscapes, (MIXED, BAD, HALF, MIXED), strict=True):
        chain = brute_force(schedule, k, g, lam, law, fitness, weak)
        for start in starts(k):
            call, values = BlockCall(law_of(law)), per_solution(k, fitness)
            run = enumerated(call, schedule, k, g, start, lam, weak, fitness=values)
            assert_same_run(run, chain, k, start)


def test_the_default_fitness_is_the_number_of_correct_blocks():
    for schedule, weak in product((ROBIN, RESOLVED, SUBSET), (False, True)):
        given = enumerated(
            BlockCall(law_of(BAD)), schedule, 4, 2, Start(4), 2, weak, fitness=10 * per_solution(4, sum) - 3
        )
        default = enumerated(BlockCall(law_of(BAD)), schedule, 4, 2, Start(4), 2, weak)
        assert given.hit.mean == pytest.approx(default.hit.mean, rel=1e-13)
        assert given.hit.variance == pytest.approx(default.hit.variance, rel=1e-13)


# ---------------------------------------------------------------------------------------------------------------- noise


def by_noise(better):
    """P(accepted) for a difference of the true fitness, less certain the smaller it is."""
    return float(norm.cdf(better / 1.3))


@pytest.mark.some
@pytest.mark.parametrize(("k", "law"), [(3, HALF), (4, MIXED), (4, BAD)])
@pytest.mark.parametrize("schedule", OFFSPRING)
def test_noise_on_counts_and_solutions_equals_the_chain(schedule, k, law):
    chain = brute_force(schedule, k, SIZE[schedule] or k, 1, law, None, None, lambda s, t: by_noise(sum(t) - sum(s)))
    i = np.arange(k + 1)
    accept = norm.cdf((i[:, None] - i[None, :]) / 1.3)

    def accepts(parent, children):
        return norm.cdf((np.bitwise_count(children).astype(int) - parent.bit_count()) / 1.3)

    for start in starts(k):
        on_counts = accepted_on_counts(OFFSPRING[schedule](law_of(law), k), accept, start)
        assert_same_run(on_counts, chain, k, start)
        run = enumerated(BlockCall(law_of(law)), schedule, k, SIZE[schedule] or k, start, accept=accepts)
        assert_same_run(run, chain, k, start)


@pytest.mark.parametrize(("k", "g"), [(3, 1), (4, 2), (3, 2)])
def test_noise_on_solutions_under_round_robin(k, g):
    """Noisy LeadingBlocks: the difference of its values is seen."""

    def bits(number):
        return tuple(number >> b & 1 for b in range(k))

    def accepts(parent, children):
        return np.array([by_noise(leading(bits(int(child))) - leading(bits(parent))) for child in children])

    for law in (MIXED, BAD):
        chain = brute_force(ROBIN, k, g, 1, law, None, None, lambda s, t: by_noise(leading(t) - leading(s)))
        for start in starts(k):
            assert_same_run(enumerated(BlockCall(law_of(law)), ROBIN, k, g, start, accept=accepts), chain, k, start)


# -------------------------------------------------------------------------------------------------------- LeadingBlocks

LEADING = {
    UNIFORM: leading_uniform_chunk,
    ROBIN: leading_round_robin,
    INCORRECT: leading_only_incorrect,
    RESOLVED: leading_until_resolved,
}


@pytest.mark.parametrize(("k", "lam", "law"), [(3, 3, BAD), (4, 1, MIXED), (4, 2, HALF)])
@pytest.mark.parametrize("schedule", LEADING)
def test_leading_blocks_equals_the_chain(schedule, k, lam, law):
    chain = brute_force(schedule, k, 1, lam, law, leading, weak=False)
    for start in [*starts(k), Start(k, incorrect=1)]:
        assert_same_run(LEADING[schedule](law_of(law), k, start, lam), chain, k, start)


@pytest.mark.parametrize("lam", [1, 2, 3])
def test_until_resolved_does_not_notice_weak_acceptance_of_leading_blocks(lam):
    chain = brute_force(RESOLVED, 4, 1, lam, MIXED, leading, weak=True)
    for start in starts(4):
        assert_same_run(leading_until_resolved(law_of(MIXED), 4, start, lam), chain, 4, start)


@pytest.mark.parametrize(("lam", "weak"), [(1, False), (2, False), (2, True)])
def test_invalid_answers_taken_for_a_fall_of_leading_blocks(lam, weak):
    chain = brute_force(RESOLVED, 3, 1, lam, BAD, leading, weak, down=True)
    for start in starts(3):
        values = per_solution(3, leading)
        run = enumerated(BlockCall(law_of(BAD)), RESOLVED, 3, 1, start, lam, weak, down=True, fitness=values)
        assert_same_run(run, chain, 3, start)
        assert run.hit.mean > 1.05 * leading_until_resolved(law_of(BAD), 3, start, lam).hit.mean


@pytest.mark.parametrize("weak", [False, True])
@pytest.mark.parametrize("law", [(0.2, 0.8, 0.0), (0.4, 0.7, 0.0), (0.4, 0.7, 0.2), (0.6, 0.1, 0.0)])
def test_leading_blocks_of_whole_solutions_equals_the_chain(law, weak):
    fix, keep, _ = law
    start = Start(4, p0=fix / (fix + 1 - keep))
    chain = brute_force(ALL, 4, 4, 1, law, leading, weak)
    assert_same_run(leading_all_blocks(law_of(law), 4, start), chain, 4, start)
    for other in (Start(4, p0=start.p0 / 2), Start(4, incorrect=2)):  # not stationary
        with pytest.raises(NoPrediction, match="LeadingBlocks under AllBlocks"):
            leading_all_blocks(law_of(law), 4, other)


# ----------------------------------------------------------------------------------------------------- reference values


def test_reference_values():
    half, exact = BlockCall(law_of(HALF)), {"rel": 1e-12, "abs": 0}
    needle4, jump3 = per_solution(4, all), per_solution(8, lambda s: 99 if all(s) else (sum(s) if sum(s) < 6 else -1))
    assert enumerated(half, ROBIN, 4, 1, Start(4), weak=True, fitness=needle4).hit.mean == pytest.approx(30, **exact)
    run = enumerated(half, UNIFORM, 4, 1, Start(4), weak=True, fitness=needle4)
    assert run.hit.mean == pytest.approx(42.666666666666666667, **exact)
    run = enumerated(half, UNIFORM, 8, 1, Start(8), weak=True, fitness=per_solution(8, all))
    assert run.hit.mean == pytest.approx(624.15238095238095238, **exact)
    run = enumerated(half, ALL, 8, 8, Start(8), fitness=jump3)
    assert run.hit.mean == pytest.approx(256, **exact)
    start = Start(4, p0=0.25)
    for schedule, value in ((UNIFORM, 24), (ROBIN, 15.66796875)):
        run = enumerated(half, schedule, 4, 1, start, fitness=per_solution(4, leading))
        assert run.hit.mean == pytest.approx(value, **exact)


@pytest.mark.parametrize("p", [0.3, 0.5, 0.8])
def test_needle_under_round_robin_waits_for_a_run_of_successes(p):
    """Theory 10a, from all incorrect: (p^-k - 1)/(1-p)."""
    k = 5
    run = enumerated(BlockCall(IndependentBlocks(p, p)), ROBIN, k, 1, Start(k), weak=True, fitness=per_solution(k, all))
    assert run.hit.mean == pytest.approx((p**-k - 1) / (1 - p), rel=1e-12)


def test_weak_acceptance_keeps_the_suffix_of_leading_blocks_uniform():
    """Theory 10c: a = 1-b = 1/2 from a uniform start takes k^2 calls of random blocks."""
    run = enumerated(
        BlockCall(law_of(HALF)), UNIFORM, 5, 1, Start(5, p0=0.5), weak=True, fitness=per_solution(5, leading)
    )
    assert run.hit.mean == pytest.approx(25, rel=1e-12)


def test_chunks_do_not_repair_jump_but_subsets_do():
    """Two wrong blocks in two chunks: no chunk can repair both; a 2-subset does w.p. p^2 / C(k, 2) (theory 10)."""
    k, p = 4, 0.4
    jump = per_solution(k, lambda s: 99 if all(s) else (sum(s) if sum(s) <= k - 2 else -1))
    call, start = BlockCall(IndependentBlocks(p, 0.7)), Start(k, incorrect=2)
    for schedule, weak in product((UNIFORM, ROBIN, INCORRECT), (False, True)):
        run = enumerated(call, schedule, k, 2, start, weak=weak, fitness=jump)
        assert run.hit.mean == math.inf
        # 2 of the 6 pairs of positions lie in one chunk; only they are repaired
        assert float(run.hit.tail(np.inf)) == pytest.approx(2 / 3, rel=1e-12)
    last = enumerated(call, SUBSET, k, 2, start, fitness=jump)
    assert last.hit.mean == pytest.approx(math.comb(k, 2) / p**2, rel=1e-12)


def test_calls_of_the_short_chunk_on_a_landscape():
    """Three blocks as chunks of 2 and 1: half of all uniform calls, each second turn; subsets are all of one size."""
    call, needle = BlockCall(law_of(MIXED)), per_solution(3, all)
    uniform, robin, subset = (
        enumerated(call, schedule, 3, 2, Start(3), 2, weak=True, fitness=needle)
        for schedule in (UNIFORM, ROBIN, SUBSET)
    )
    assert uniform.calls_on_last_chunk == pytest.approx(uniform.calls.mean / 2, rel=1e-12)
    second_turns = robin.generations.tail(np.arange(1, 4000, 2)).sum()
    assert robin.calls_on_last_chunk == pytest.approx(2 * second_turns, rel=1e-11)
    assert subset.calls_on_last_chunk == 0.0
    stuck = enumerated(call, SUBSET, 3, 2, Start(3), fitness=per_solution(3, lambda s: 9 if all(s) else -sum(s)))
    assert stuck.hit.mean == math.inf
    assert stuck.calls_on_last_chunk == 0.0


def test_what_does_not_fit_is_refused():
    call, values = BlockCall(law_of(HALF)), per_solution(3, leading)
    for wrong in (values[:-1], values * 0, np.append(values[:-1], np.nan), -values):
        with pytest.raises(InputError, match="fitness must"):
            enumerated(call, ALL, 3, 3, Start(3), fitness=wrong)

    def always(parent, children):
        return np.ones(len(children))

    for refused in ({"schedule": RESOLVED}, {"lam": 2}, {"weak": True}, {"fitness": values}):
        with pytest.raises(InputError, match="accept is for lam=1"):
            enumerated(**{"call": call, "schedule": ROBIN, "k": 3, "g": 1, "start": Start(3)} | refused, accept=always)
    with pytest.raises(InputError, match="a probability for each of 2 offspring"):
        enumerated(call, ROBIN, 3, 1, Start(3), accept=lambda parent, children: np.full(len(children), 1.5))
    with pytest.raises(NoPrediction, match="2047 states of the same level"):
        enumerated(call, UNIFORM, 11, 1, Start(11), accept=always)
    with pytest.raises(NoPrediction, match="pairs of a solution and a chunk"):
        enumerated(call, SUBSET, 12, 6, Start(12))
