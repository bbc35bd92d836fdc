"""Every schedule's law against a chain over all 2^k solutions and the schedule's pointer, written without `evo`."""

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import pytest

from evo.laws.counts import IndependentBlocks
from evo.theory import Start, all_blocks, only_incorrect, round_robin, uniform_chunk, until_resolved


@dataclass(frozen=True)
class Malformed:
    """A call law of which a share is invalid."""

    rate: float
    law: IndependentBlocks

    def pmf(self, g, i):
        return (1.0 - self.rate) * self.law.pmf(g, i)


def layout(k, g):
    return [tuple(range(first, min(first + g, k))) for first in range(0, k, g)]


def drawn_chunks(schedule, parent, pointer, k, chunks):
    """The chunks an offspring may get, each as likely."""
    if schedule == "uniform":
        return chunks
    if schedule == "incorrect":
        return [next(chunk for chunk in chunks if any(not parent >> b & 1 for b in chunk))]
    return [chunks[pointer]]


def next_pointer(schedule, pointer, moved, chunks):
    step = {"robin": 1, "resolved": int(moved)}.get(schedule, 0)
    return (pointer + step) % len(chunks)


def rewrites(parent, chunk, law, invalid):
    """Offspring with their probabilities; None is malformed."""
    offspring = {None: invalid}
    for bits in product((0, 1), repeat=len(chunk)):
        child, chance = parent, 1.0 - invalid
        for block, bit in zip(chunk, bits, strict=True):
            right = law.keep if parent >> block & 1 else law.fix
            chance *= right if bit else 1.0 - right
            child = child | 1 << block if bit else child & ~(1 << block)
        offspring[child] = offspring.get(child, 0.0) + chance
    return {child: chance for child, chance in offspring.items() if chance > 0.0}


def brute_force(schedule, k, g, lam, law, invalid=0.0, weak=False):
    """Transitions [N, N] among unfinished states, hit [N, lam] by the call, short calls [N] per generation."""
    chunks, optimum = layout(k, g), (1 << k) - 1
    states = [(parent, pointer) for parent in range(optimum) for pointer in range(len(chunks))]
    index = {state: number for number, state in enumerate(states)}
    stay, hit, short = np.zeros((len(states),) * 2), np.zeros((len(states), lam)), np.zeros(len(states))
    for number, (parent, pointer) in enumerate(states):
        drawn = drawn_chunks(schedule, parent, pointer, k, chunks)
        short[number] = lam * sum(len(chunk) < g for chunk in drawn) / len(drawn)
        # (best offspring so far, has the fitness of any differed) -> probability, without an optimum so far
        outcomes = {(None, False): 1.0}
        for call in range(lam):
            after: dict = {}
            for ((best, moved), chance), chunk in product(outcomes.items(), drawn):
                for child, share in rewrites(parent, chunk, law, invalid).items():
                    weight = chance * share / len(drawn)
                    if child == optimum:
                        hit[number, call] += weight
                        continue
                    differs = child is not None and child.bit_count() != parent.bit_count()
                    fitter = child is not None and (best is None or child.bit_count() > best.bit_count())
                    key = (child if fitter else best, schedule == "resolved" and (moved or differs))
                    after[key] = after.get(key, 0.0) + weight
            outcomes = after
        for (best, moved), chance in outcomes.items():
            accepted = best is not None and best.bit_count() >= parent.bit_count() + (not weak)
            target = (best if accepted else parent, next_pointer(schedule, pointer, moved, chunks))
            stay[number, index[target]] += chance
    return states, stay, hit, short


def start_mass(states, start):
    """Probabilities of the states, the pointer at 0."""
    mass = np.zeros(len(states))
    sets = list(combinations(range(start.k), start.incorrect or 0))
    for number, (parent, pointer) in enumerate(states):
        right = parent.bit_count()
        if pointer:
            continue
        if start.incorrect is None:
            mass[number] = start.p0**right * (1 - start.p0) ** (start.k - right)
        elif start.k - right == start.incorrect:
            mass[number] = 1 / len(sets)
    return mass


def assert_same_law(time, stay, calls, mass, done):
    """Mean, variance and cdf of a clock against the chain; calls [N, r] = chance of ending at reading r+1."""
    length = calls.shape[1]
    solve = np.linalg.inv(np.eye(len(stay)) - stay)
    reading = np.arange(1, length + 1)
    mean = solve @ (calls @ reading + length * stay.sum(axis=1))
    second = solve @ (calls @ reading**2 + length**2 * stay.sum(axis=1) + 2 * length * stay @ mean)
    assert time.mean == pytest.approx(mass @ mean, rel=1e-10)
    assert time.variance == pytest.approx(mass @ second - (mass @ mean) ** 2, rel=1e-9, abs=1e-9)
    times, cdf, state = np.arange(40 * length + 1), [done], mass
    for _ in range(40):
        cdf.extend(cdf[-1] + np.cumsum(state @ calls))
        state = state @ stay
    np.testing.assert_allclose(time.cdf(times), cdf, atol=1e-12, rtol=1e-10)
    np.testing.assert_allclose(time.tail(times), 1 - np.array(cdf), atol=1e-12)
    for u in (0.1, 0.5, 0.8):
        if u < cdf[-1] - 1e-9 and np.abs(np.array(cdf) - u).min() > 1e-9:
            assert time.quantile(u) == np.searchsorted(cdf, u)


LAWS = {
    "equal": IndependentBlocks(0.5, 0.5),
    "damaging": IndependentBlocks(0.4, 0.7),
    "sure": IndependentBlocks(1.0, 0.3),
}
SIZES = [(4, 1), (4, 2), (5, 2), (4, 3)]
CASES = [("all", 3, 3), ("all", 4, 4), ("resolved", 4, 1), ("resolved", 1, 1)] + [
    (schedule, k, g) for schedule in ("incorrect", "robin", "uniform") for k, g in SIZES
]
PREDICT = {"incorrect": only_incorrect, "robin": round_robin, "uniform": uniform_chunk}


def predicted(schedule, law, k, g, start, lam):
    if schedule == "all":
        return all_blocks(law, k, start, lam)
    if schedule == "resolved":
        return until_resolved(law, k, start, lam)
    return PREDICT[schedule](law, k, g, start, lam)


@pytest.mark.some(at_least=24)  # of all rules, more in `tests/oracle`
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("lam", [1, 2, 3])
@pytest.mark.parametrize(("schedule", "k", "g"), CASES)
def test_law_equals_the_chain_over_all_solutions(schedule, k, g, lam, law):
    check(schedule, k, g, lam, LAWS[law], invalid=0.0, weak=lam == 2)


@pytest.mark.parametrize("weak", [False, True])
@pytest.mark.parametrize(
    ("schedule", "k", "g"), [("all", 3, 3), ("incorrect", 3, 2), ("robin", 3, 2), ("uniform", 3, 2)]
)
def test_weak_acceptance_and_invalid_calls(schedule, k, g, weak):
    check(schedule, k, g, 2, LAWS["damaging"], invalid=0.25, weak=weak)


def test_invalid_calls_are_no_information_to_the_schedule():
    check("resolved", 4, 1, 2, LAWS["damaging"], invalid=0.25, weak=False)


def check(schedule, k, g, lam, law, invalid, weak):
    states, stay, hit, short = brute_force(schedule, k, g, lam, law, invalid, weak)
    ends = np.linalg.inv(np.eye(len(stay)) - stay)
    call_law = Malformed(invalid, law) if invalid else law
    for start in (Start(k), Start(k, p0=0.3), Start(k, incorrect=1), Start(k, incorrect=(k + 1) // 2)):
        run = predicted(schedule, call_law, k, g, start, lam)
        mass = start_mass(states, start)
        assert_same_law(run.hit, stay, hit, mass, 1 - mass.sum())
        assert_same_law(run.generations, stay, hit.sum(axis=1, keepdims=True), mass, 1 - mass.sum())
        assert run.calls.mean == pytest.approx(lam * run.generations.mean)
        assert run.calls_on_last_chunk == pytest.approx(mass @ ends @ short, rel=1e-10, abs=1e-13)
