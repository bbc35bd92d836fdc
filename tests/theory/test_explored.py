"""The explorer of states: a new schedule has its exact law by one short process, here against brute force."""

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from evo import theory
from evo.errors import InputError, NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.laws.special import MisalignedLaw, PerBlockLaw, SpillLaw
from evo.theory.calls.gains import at_least_once, never_once
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import MAX_STATES, AbsorbingChain
from evo.theory.chains.explore import explored
from evo.theory.operators import outside, per_block
from evo.theory.schedules import only_incorrect as chunk_after_chunk
from evo.theory.schedules import until_resolved as block_after_block
from evo.theory.schedules.only_incorrect import only_incorrect
from evo.theory.schedules.until_resolved import until_resolved


def halves(law, k, start, lam=1):
    """A schedule that the project does not have: a random block of the first half, then one of the second, .."""
    fix = law.pmf(1, 1)[1]
    counts = Start(k // 2, p0=start.p0).law()
    begin = {(i, j, 0): counts[i] * counts[j] for i in range(k // 2 + 1) for j in range(k // 2 + 1)}
    begin[None] = begin.pop((0, 0, 0))

    def events(state):
        i, j, turn = state
        chance = fix * state[turn] / (k // 2)
        better = (i - 1, j, 1) if turn == 0 else (i, j - 1, 0)
        yield 2, (better if any(better[:2]) else None), chance
        yield 1, (i, j, 1 - turn), 1 - chance

    return explored(begin, events, lam, "halves in turn")


def halves_by_brute_force(fix, keep, k, p0, lam, calls):
    """P(the optimum is generated within t calls) for t = 0..calls: all solutions, and all lam offspring at once."""
    optimum = (True,) * k
    state = {(tuple(s), 0): p0 ** sum(s) * (1 - p0) ** (k - sum(s)) for s in product((False, True), repeat=k)}
    done, cdf = state.pop((optimum, 0)), []
    for _ in range(calls // lam):
        ahead, hits = {}, np.zeros(lam)
        for (parent, turn), chance in state.items():
            one = {}
            for block in range(turn * k // 2, (turn + 1) * k // 2):
                right = keep if parent[block] else fix
                for value, p in ((True, right), (False, 1 - right)):
                    child = (*parent[:block], value, *parent[block + 1 :])
                    one[child] = one.get(child, 0.0) + p / (k // 2)
            for brood in product(one.items(), repeat=lam):
                p = chance * np.prod([each for _, each in brood])
                children = [child for child, _ in brood]
                if optimum in children:
                    hits[children.index(optimum)] += p
                else:
                    best = max(children, key=sum)
                    parent_after = best if sum(best) > sum(parent) else parent
                    ahead[parent_after, 1 - turn] = ahead.get((parent_after, 1 - turn), 0.0) + p
        cdf += list(done + np.concatenate([[0.0], np.cumsum(hits)[:-1]]))
        done, state = done + hits.sum(), ahead
    return np.array(cdf)


@pytest.mark.parametrize("lam", [1, 2, 3])
@pytest.mark.parametrize("p0", [0.0, 0.3])
def test_a_schedule_of_ones_own_has_its_law_by_one_process(lam, p0):
    law, k, calls = IndependentBlocks(0.4, 0.7), 4, 12 * lam
    run = halves(law, k, Start(k, p0=p0), lam)
    by_force = halves_by_brute_force(0.4, 0.7, k, p0, lam, calls)
    np.testing.assert_allclose(run.hit.cdf(np.arange(calls)), by_force, atol=1e-13)
    np.testing.assert_allclose(run.generations.cdf(np.arange(calls // lam)), by_force[::lam], atol=1e-13)
    assert run.hit.mean == pytest.approx(run.hit.tail(np.arange(2000)).sum(), rel=1e-10)


@pytest.mark.parametrize("lam", [1, 2, 3])
def test_of_equal_ranks_the_first_takes_place(lam):
    """A ruin of two: to the optimum w.p. 0.3, into a trap w.p. 0.2, whichever of lam offspring has an event first."""
    run = explored({"alive": 1.0}, lambda s: [(1, None, 0.3), (1, "dead", 0.2)] if s == "alive" else [], lam)
    calls = np.arange(1, 40)
    np.testing.assert_allclose(run.hit.cdf(calls), 0.6 * (1 - 0.5**calls), rtol=1e-13)  # the calls up to an event
    np.testing.assert_allclose(run.hit.tail(calls), 0.4 + 0.6 * 0.5**calls, rtol=1e-13)
    np.testing.assert_allclose(run.generations.cdf(calls), 0.6 * (1 - 0.5 ** (lam * calls)), rtol=1e-13)
    assert run.hit.quantile(0.59) == 6
    assert run.hit.quantile(0.61) == run.hit.mean == np.inf


def test_moments_of_the_call_that_hits_where_equal_ranks_share_a_generation():
    """Two states to and fro by events of one rank: the law of calls does not depend on lam."""
    runs = [explored({0: 1.0}, lambda s: [(1, None, 0.1), (1, 1 - s, 0.2)], lam) for lam in (1, 4)]
    for run in runs:
        tails = run.hit.tail(np.arange(4000))
        assert run.hit.mean == pytest.approx(tails.sum(), rel=1e-12)
        assert run.hit.variance + run.hit.mean**2 == pytest.approx(((2 * np.arange(4000) + 1) * tails).sum(), rel=1e-12)


def test_calls_on_the_short_chunk_are_counted_by_state():
    events = {"long": [(1, "short", 0.25)], "short": [(1, None, 0.25)]}
    run = explored({"long": 1.0}, events.__getitem__, lam=3, short=lambda state: state == "short")
    assert run.calls_on_last_chunk == pytest.approx(3 / (1 - 0.75**3), rel=1e-14)


def test_chains_may_go_round_and_count_any_order_of_states():
    """A walk on the states middle, top, bottom: from the top it always steps down, from the others up or down."""
    step = np.array([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.5, 0.0, 0.0]])
    chain = AbsorbingChain(step, np.array([0, 0, 0.5]), np.array([0, 0, 0.5]), np.array([0, 1.0, 0]), 0.0, 1)
    assert chain.generations.mean == pytest.approx(9, rel=1e-14)  # 5 from the bottom, 8 from the middle
    assert chain.longest_mean == pytest.approx(9, rel=1e-14)
    assert chain.expected(np.array([0, 1.0, 0])) == pytest.approx(3, rel=1e-14)  # visits of the top
    assert chain.escape == 0.0


def test_what_cannot_be_explored_is_refused():
    with pytest.raises(NoPrediction, match=f"more than {MAX_STATES} states"):
        explored({0: 1.0}, lambda s: [(1, s + 1, 0.5)])
    with pytest.raises(InputError, match="sum to 1"):
        explored({0: 0.5}, lambda s: [(1, None, 0.5)])
    with pytest.raises(InputError, match="more than 1"):
        explored({0: 1.0}, lambda s: [(1, None, 0.6), (2, 1, 0.6)])
    for no_probability in (-0.5, np.nan):
        with pytest.raises(InputError, match="event of probability"):
            explored({0: 1.0}, lambda s, p=no_probability: [(1, None, p)])
    with pytest.raises(InputError, match="the optimum has rank 1"):
        explored({0: 1.0}, lambda s: [(1, None, 0.5), (2, 1, 0.5)] if s == 0 else [], lam=2)
    done = explored({None: 1.0}, lambda s: [], lam=2)
    assert done.hit.mean == done.generations.mean == 0.0


def test_what_is_spent_before_a_trap_is_counted():
    """Into the trap w.p. 0.5 a call, else into the short chunk, which is left w.p. 0.25."""
    events = {"long": [(1, "trap", 0.5), (1, "short", 0.5)], "short": [(1, None, 0.25)], "trap": []}
    run = explored({"long": 1.0}, events.__getitem__, short=lambda state: state == "short")
    assert run.calls.mean == np.inf
    assert run.calls_on_last_chunk == pytest.approx(0.5 * 4, rel=1e-14)


def test_moments_are_known_beyond_the_states_of_a_law():
    k = 3000
    run = until_resolved(IndependentBlocks(0.5, 0.5), k, Start(k, p0=0.5))
    assert run.generations.mean == pytest.approx(2 * (k - 1), rel=1e-12)  # two calls a block, to the last incorrect one
    with pytest.raises(NoPrediction, match="states, more than 4096"):
        run.generations.cdf(6000)


def test_calls_on_a_last_chunk_that_may_not_be_reached():
    """keep = 0: the first chunk is finished by its first gain or, since that breaks what was correct, never."""
    fix = 0.8
    run = only_incorrect(IndependentBlocks(fix, 0.0), 4, 3, Start(4))
    assert run.calls.mean == np.inf
    assert run.calls_on_last_chunk == pytest.approx(fix**3 / (1 - (1 - fix) ** 3) / fix, rel=1e-13)


def test_a_variance_beyond_floats_is_refused():
    """A mean of 1e200 generations: its square is no float, and none of the runs is done at the start."""
    chain = AbsorbingChain(np.zeros((1, 1)), np.array([1e-200]), np.array([1e-200]), np.ones(1), 0.0, lam=1)
    assert chain.hit.mean == pytest.approx(1e200)
    with pytest.raises(NoPrediction, match="variance of a time of mean 1e\\+200 is above the largest float"):
        _ = chain.hit.variance


@pytest.mark.parametrize("lam", [1, 2, 7])
@pytest.mark.parametrize("decides", [False, True], ids=["optimum", "highest rank"])
def test_a_chance_that_a_sum_brought_above_1_is_1(lam, decides):
    """As 0.1 + 0.2 + 0.7 is 1 + 2^-52 in another order: ln(1 - chance) is nan there."""
    above = np.array([1.0 + 2.0**-52])
    chain = AbsorbingChain(
        np.zeros((1, 1)), np.ones(1), above, np.ones(1), 0.0, lam, decides=above if decides else None
    )
    times = np.arange(3 * lam)
    assert chain.hit.cdf(times).tolist() == [0.0] + [1.0] * (3 * lam - 1)
    assert (chain.hit.mean, chain.hit.variance) == (1.0, 0.0)
    assert at_least_once(above, lam).tolist() == [1.0]
    assert never_once(above, lam).tolist() == [0.0]


def test_what_hangs_on_a_probability_that_was_raised_is_refused():
    """A run that may never end is not told a mean of 1e290: 1e-290 stands for what is possible and less likely."""
    with pytest.raises(NoPrediction, match="too small for floats"):
        explored({1: 1.0}, lambda state: [(1, None, 1e-290)], 1, "theory 1f")
    assert explored({1: 1.0}, lambda state: [(1, None, 1e-270)], 1, "theory 1f").hit.mean == pytest.approx(1e270)


BLOCKS = IndependentBlocks(0.6, 0.7)
NEXT = MisalignedLaw(BLOCKS, 0.2, 1)
WITH_IDLE = {
    "spill, lowest": (outside, lambda: outside.spill_only_incorrect(SpillLaw(BLOCKS, 0.2), 4, Start(4))),
    "spill, drawn": (outside, lambda: outside.spill_uniform_chunk(SpillLaw(BLOCKS, 0.2), 4, Start(4, p0=0.3), 2)),
    "all spills": (outside, lambda: outside.spill_only_incorrect(SpillLaw(BLOCKS, 1.0), 4, Start(4))),
    "misaligned": (outside, lambda: outside.misaligned_only_incorrect(NEXT, 4, Start(4, p0=0.3))),
    "p_j": (per_block, lambda: per_block.blocks_only_incorrect(PerBlockLaw((0.9, 0.2, 0.5)), 3, Start(3, p0=0.3))),
    "left when done": (block_after_block, lambda: until_resolved(BLOCKS, 4, Start(4, p0=0.3), 2)),
    "chunks": (chunk_after_chunk, lambda: only_incorrect(BLOCKS, 7, 3, Start(7, p0=0.3), 2)),
}


def test_all_processes_that_know_when_nothing_happens_are_here():
    files = [path for path in Path(theory.__file__).parent.rglob("*.py") if "idle=" in path.read_text()]
    assert {Path(module.__file__) for module, _ in WITH_IDLE.values()} == set(files)


@pytest.mark.parametrize("name", WITH_IDLE)
def test_nothing_happens_where_no_event_does(name, monkeypatch):
    """A sum of its own gives the chance to more digits; where the events are likely, the tail hangs on it alone."""
    module, law = WITH_IDLE[name]
    asked = {}

    def spied(begin, events, *args, idle, **kwargs):
        asked.update(events=events, idle=idle)
        return explored(begin, events, *args, idle=idle, **kwargs)

    monkeypatch.setattr(module, "explored", spied)
    states = law().process.states
    assert len(states) > 1
    for state in states:
        happens = math.fsum(chance for _, _, chance in asked["events"](state))
        assert asked["idle"](state) == pytest.approx(1.0 - happens, abs=1e-14), state
