"""Quantiles at levels that the cdf takes exactly, against the cdf in fractions; twins show that ties are met."""

from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from evo.laws.counts import IndependentBlocks
from evo.laws.mixtures import BetaQualityLaw
from evo.laws.special import BetaBlocksLaw, RunQualityLaw
from evo.theory import (
    Geometric,
    NegativeBinomial,
    Start,
    all_blocks,
    only_incorrect,
    round_robin,
    uniform_chunk,
    until_resolved,
)
from evo.theory.operators.difficulty import beta_all_blocks, beta_only_incorrect, beta_round_robin, beta_uniform_chunk
from evo.theory.operators.run_quality import (
    quality_all_blocks,
    quality_only_incorrect,
    quality_round_robin,
    quality_uniform_chunk,
)
from evo.theory.times.law import below, least_time, tied

HALF, QUARTER, EIGHTH = Fraction(1, 2), Fraction(1, 4), Fraction(1, 8)
LAST = 14  # calls


def chunk_of(schedule, state, pointer, k, g):
    """The chunks that a call may get, each with its probability."""
    chunks = [range(first, min(first + g, k)) for first in range(0, k, g)]
    if schedule == "uniform":
        return [(chunk, Fraction(1, len(chunks))) for chunk in chunks]
    if schedule == "incorrect":
        return [(chunks[min(b for b in range(k) if not state[b]) // g], Fraction(1))]
    return [(chunks[pointer % len(chunks)], Fraction(1))]


@cache
def answers(state, chunk, fix, keep):
    """What a call makes of a solution: pairs of a solution and its probability."""
    after = {state: Fraction(1)}
    for block in chunk:
        split = {}
        for solution, chance in after.items():
            right = keep if state[block] else fix
            for value, share in ((1, right), (0, 1 - right)):
                changed = (*solution[:block], value, *solution[block + 1 :])
                split[changed] = split.get(changed, 0) + chance * share
        after = split
    return tuple(after.items())


@cache
def exact_cdf(schedule, k, g, fix, keep, p0):
    """P(T <= t), t = 0..LAST, from a table of all solutions and pointers, lam = 1."""
    now = {}
    for code in range(2**k):
        state = tuple(code >> b & 1 for b in range(k))
        now[state, 0] = p0 ** sum(state) * (1 - p0) ** (k - sum(state))
    done, levels = Fraction(0), []
    for t in range(LAST + 1):
        done += sum(chance for (state, _), chance in now.items() if all(state))
        levels.append(done)
        after = {}
        for (state, pointer), chance in now.items():
            if all(state) or not chance:
                continue
            for chunk, share in chunk_of(schedule, state, pointer, k, g):
                for answer, likely in answers(state, chunk, fix, keep):
                    kept = answer if sum(answer) > sum(state) else state
                    onward = t + 1 if schedule == "robin" else pointer + (sum(answer) != sum(state))
                    key = kept, onward if schedule in ("robin", "resolved") else 0
                    after[key] = after.get(key, 0) + chance * share * likely
        now = after
    return levels


SCHEDULES = {
    "all": lambda law, k, g, start: all_blocks(law, k, start),
    "resolved": lambda law, k, g, start: until_resolved(law, k, start),
    "robin": round_robin,
    "uniform": uniform_chunk,
    "incorrect": only_incorrect,
}
SIZES = [(name, k, g) for name in SCHEDULES for k in (1, 2, 3, 4) for g in (1, 2, 4)]
SIZES = [
    (name, k, g) for name, k, g in SIZES if g <= k and (g == k or name != "all") and (g == 1 or name != "resolved")
]
RATES = [(HALF, HALF), (QUARTER, 1 - QUARTER), (HALF, 1 - EIGHTH), (1 - QUARTER, HALF)]


@pytest.mark.parametrize(("name", "k", "g"), SIZES)
def test_quantiles_at_levels_of_the_cdf(name, k, g):
    met = 0
    for (fix, keep), p0 in zip(RATES, (Fraction(0), QUARTER, HALF, Fraction(0)), strict=True):
        levels = exact_cdf("all" if g == k else name, k, g, fix, keep, p0)  # one chunk: there is nothing to choose
        time = SCHEDULES[name](IndependentBlocks(float(fix), float(keep)), k, g, Start(k, p0=float(p0))).hit
        for level in levels:
            if 0 < level < 1 and Fraction(float(level)) == level:
                met += 1
                wanted = next(t for t, reached in enumerate(levels) if reached >= level)
                assert time.quantile(float(level)) == wanted
    assert met >= 10


@pytest.mark.parametrize("k", [*range(1, 101), 1000, 3000])
def test_the_median_of_fair_blocks(k):
    """P(Bin(2k-1, 1/2) >= k) = 1/2."""
    fair = IndependentBlocks(0.5, 0.5)
    assert NegativeBinomial(k, 0.5).quantile(0.5) == 2 * k - 1
    assert until_resolved(fair, k, Start(k)).hit.quantile(0.5) == 2 * k - 1
    assert only_incorrect(BetaQualityLaw(0.3, 0.3), k, 1, Start(k)).hit.quantile(0.5) == 2 * k - 1


def test_ties_are_met_without_slack():
    """The twin: the strict order misses some of those medians."""
    laws = [NegativeBinomial(k, 0.5) for k in range(1, 101)]
    strict = [below(float(law.cdf(2 * law.j - 1)), float(law.tail(2 * law.j - 1)), 0.5) for law in laws]
    assert 10 < sum(strict) < 90


@pytest.mark.parametrize("t", range(1, 45))
def test_geometric_levels(t):
    assert Geometric(0.5).quantile(1 - 2.0**-t) == t
    assert t > 22 or Geometric(0.75).quantile(1 - 0.25**t) == t
    assert round_robin(IndependentBlocks(0.5, 0.5), 1, 1, Start(1)).hit.quantile(1 - 2.0**-t) == t


@pytest.mark.parametrize("a", [0.3, 0.7, 1, 2, 3, 5, 30])
def test_one_block_of_symmetric_difficulty_has_median_1(a):
    laws = [
        make(RunQualityLaw(a, a), 1, Start(1)).hit for make in (beta_all_blocks, beta_only_incorrect, beta_round_robin)
    ]
    laws += [
        beta_uniform_chunk(BetaBlocksLaw(a, a), 1, Start(1)).hit,
        quality_uniform_chunk(RunQualityLaw(a, a), 1, Start(1)).hit,
    ]
    laws += [
        make(RunQualityLaw(a, a), 1, Start(1)).hit
        for make in (quality_all_blocks, quality_only_incorrect, quality_round_robin)
    ]
    laws += [all_blocks(BetaQualityLaw(a, a), 1, Start(1)).hit]
    assert [law.quantile(0.5) for law in laws] == [1] * len(laws)


@pytest.mark.parametrize("t", [1, 3, 7, 15, 31, 63, 127, 255])
def test_uniform_difficulty_reaches_its_levels(t):
    """P(N <= t) = t/(t+1), a float here."""
    for make in (beta_all_blocks, beta_only_incorrect, beta_round_robin, beta_uniform_chunk, quality_only_incorrect):
        assert make(RunQualityLaw(1, 1), 1, Start(1)).hit.quantile(t / (t + 1)) == t


def test_levels_beside_a_step_are_not_ties():
    law = NegativeBinomial(8, 0.5)
    assert [law.quantile(0.5 + shift) for shift in (-1e-9, -1e-14, 1e-14, 1e-9)] == [15, 15, 15, 16]
    assert not tied((0.5 - 1e-9, 0.5 + 1e-9), (0.6, 0.4), 0.5)


def test_steps_finer_than_the_slack_are_told_apart_no_longer():
    """A cdf that rises by 1e-15 a step: the strict order stands."""
    law = Geometric(2.0**-50)
    t = law.quantile(0.5)
    exact = np.log(2.0) / -np.log1p(-(2.0**-50))
    assert t == pytest.approx(exact, abs=1)
    assert least_time(law, 0.5) == pytest.approx(exact, rel=1e-15)


def test_a_plateau_is_left_at_its_beginning():
    """Sure calls in turn: P(T <= t) jumps at k only, and stays at 1/4 up to there."""
    law = round_robin(IndependentBlocks(1.0, 1.0), 2, 1, Start(2, p0=0.5)).hit
    assert [law.quantile(u) for u in (0.25, 0.3, 0.5, 0.51)] == [0, 1, 1, 2]
