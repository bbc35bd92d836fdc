"""How far a theory goes: the last size that it answers for, by its number, and the first that it refuses.

Where the limit is large, a small one stands in for it; what the size of a case comes to is counted by hand.
"""

import math
from statistics import NormalDist

import numpy as np
import pytest

from evo.chunks import Chunks
from evo.errors import NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.laws.special import LearningLaw
from evo.theory import Start
from evo.theory.calls.offspring_counts import subset_offspring
from evo.theory.chains import chain
from evo.theory.problems import archives, enumeration, feature_grid, stored_noise
from evo.theory.problems.enumeration import ROBIN, SUBSET, BlockCall
from evo.theory.quality import difficulty, in_turn, law, whole
from evo.theory.schedules import uniform_chunk
from evo.theory.schedules.occupancy import occupancies
from evo.theory.systems import learning, repairs, sorting

HALF, SURE = IndependentBlocks(0.5, 0.5), IndependentBlocks(1.0, 1.0)
COUNTS = np.array([0.0, 1.0, 1.0, 2.0, 1.0, 2.0, 2.0, 3.0])  # of the correct blocks of three
HALVES = np.full(8, 0.5)
ONE_MOVE = np.array([[0.0, 0.0], [1.0, 0.0]])
SEEN = np.arange(-8.0, 12.0, 0.01)  # of the parent; it is replaced where 4 + noise is above that
ONE_REPAIR = sum(0.01 * NormalDist().pdf(x) / (0.5 * math.erfc((x - 4.0) / math.sqrt(2.0))) for x in SEEN.tolist())
ONE_BLOCK = subset_offspring(SURE, 2, 1)


def in_a_row(states):
    """The chain of so many steps, each taken for certain: as many moves as states but one."""
    ends = np.append(np.zeros(states - 1), 1.0)
    start = np.append(1.0, np.zeros(states - 1))
    return chain.AbsorbingChain(np.eye(states, k=1), ends, ends, start, 0.0, lam=1)


def by_all(schedule, g, **more):
    return enumeration.enumerated(BlockCall(SURE), schedule, 3, g, Start(3), **more).hit.mean


def done_after(states, time):
    return law.where_it_is(in_a_row(states), np.array([time]))[0, 0]


CASES = {
    # 2^3 - 1 solutions, 3 places of the pointer
    "states of an enumeration": (enumeration, "MAX_STATES", 21, lambda: by_all(ROBIN, 1), 3.0, "have 21 states"),
    # C(3, 1) chunks of 2^3 solutions
    "chunks of solutions": (enumeration, "MAX_CALLS", 24, lambda: by_all(SUBSET, 1), 5.5, "24 pairs of a solution"),
    # C(3, 1) solutions with one correct block, 3 places of the pointer
    "solutions of one fitness": (
        enumeration, "MAX_LEVEL", 9, lambda: by_all(ROBIN, 1, weak=True, fitness=COUNTS), 3.0,
        "9 states of the same level",
    ),
    # 1 or 2 incorrect blocks of three founders: C(2 + 3 - 1, 3) = 4 kinds; one of them is optimal w.p. 1 - (3/4)^3
    "kinds of founders": (
        archives, "MAX_STATES", 4,
        lambda: archives.archive_run(archives.Keeper(3, founders=3), ONE_BLOCK, Start(2, p0=0.5)).hit.tail(0),
        27 / 64, "3 initial solutions can have",
    ),
    "blocks of a feature grid": (
        feature_grid, "MOST_BLOCKS", 2,
        lambda: feature_grid.feature_grid_run(ONE_BLOCK, [0, 0, 0], -np.arange(3.0), Start(2)).hit.mean,
        3.0, "for at most 1 blocks, got k = 2",
    ),
    # from -12 to 1/(1/4) + 12
    "deviations of stored noise": (
        stored_noise, "MOST_RANGE", 28, lambda: stored_noise.stored_means(ONE_MOVE, 0.25)[1], ONE_REPAIR,
        "s=0.25 is not computed for k=1",
    ),
    # 28 of them, and one move
    "moves of stored noise": (
        stored_noise, "MOST_MEAN_TERMS", 28, lambda: stored_noise.stored_means(ONE_MOVE, 0.25)[1], ONE_REPAIR,
        "s=0.25 is not computed for k=1",
    ),
    # 3 times, 2 chunks of 2 blocks, polynomials of 3 terms, 5 numbers of incorrect blocks: 3 2 3^2 5
    "products of chunks in turn": (
        in_turn, "MOST_PRODUCTS", 270,
        lambda: in_turn.chunks_in_turn(SURE, 4, 2, Start(4)).after([0, 1, 2])[2, 0], 1.0,
        "sums over 2 chunks at 3 times take too long",
    ),
    # 10 generations of 3 moves and 5 states, the optimum among them
    "steps of a long chain": (
        law, "MOST_STEPS", 80, lambda: done_after(4, 10), 1.0, "has 4 states, too many for 10 generations"
    ),
    "generations of a mutator that learns": (
        whole, "MOST_LEARNED", 2, lambda: whole.learned(LearningLaw(0.5, 0.5, 1), 1, Start(1)).after([2])[0, 0], 0.25,
        "a product over 2 generations",
    ),
    # (2 bugs, 2 tries)^2
    "repairs one by one": (
        learning, "MOST_STEPS", 16, lambda: learning.learned_sweeps(2, 2, 0.0, np.ones(4)).done, 1.0,
        "2 bugs and 2 tries are too many",
    ),
    # 2 functions, (1 + 1) (2 + 1), (2 + 1)^2 / 2
    "repairs with false alarms": (
        learning, "MOST_WORK", 54, lambda: learning.learned_with_alarms(2, 1, 2, 0.0, 0.0, np.ones(4), 1.0).done, 1.0,
        "2 functions, 1 of them with a bug, and 2 tries",
    ),
    # 3 rounds of (2 + 1)^2
    "rewrites of all functions": (
        repairs, "MOST_WORK", 27, lambda: repairs.whole_rewrites(3, 2, 0.0, 0.0, HALVES[:3], 1.0).done, 0.5,
        "3 rewrites of 3 functions",
    ),
    # one is judged to be before the first of the other two w.p. 3/4 5/12 + 1/4 7/12 = 11/24, and else compared again
    "documents by the order": (
        sorting, "MOST_ENUMERATED", 3, lambda: sorting.comparisons(3, 0.25).mean, 61 / 24,
        "known for n <= 2 .*, got n = 3",
    ),
}  # fmt: skip


SMALL = [
    (law, "MAX_STATES", 3),  # above it a chain is followed step by step
    (sorting, "MOST_AT_ONCE", 2),  # above it means have bounds alone
    (stored_noise, "ACCURACY", 1e-7),  # as much as is asked for here
]


@pytest.mark.parametrize(("module", "name", "size", "ask", "answer", "said"), CASES.values(), ids=CASES)
def test_the_largest_case_is_answered_and_one_beyond_is_refused(monkeypatch, module, name, size, ask, answer, said):
    for elsewhere, bound, small in SMALL:
        monkeypatch.setattr(elsewhere, bound, small)
    monkeypatch.setattr(module, name, size)
    assert ask() == pytest.approx(answer, rel=1e-6)
    monkeypatch.setattr(module, name, size - 1)
    with pytest.raises(NoPrediction, match=said):
        ask()


def test_a_chain_of_4096_states_is_listed_and_one_of_4097_is_not():
    chain.check_states(4096, "runs")
    with pytest.raises(NoPrediction, match="chain of runs would have 4097 states, more than 4096"):
        chain.check_states(4097, "runs")


def test_difficulties_are_followed_for_65536_calls_and_for_65537_they_are_not():
    difficulty._expect_few(65_536)
    with pytest.raises(NoPrediction, match="followed for 65,536 calls, not 65,537"):
        difficulty._expect_few(65_537)


def test_a_chain_of_the_most_states_is_told_at_any_time_and_a_larger_one_step_by_step(monkeypatch):
    monkeypatch.setattr(law, "MAX_STATES", 3)
    monkeypatch.setattr(law, "MOST_STEPS", 0)
    assert [done_after(3, time) for time in (2, 3, 10**12)] == [0.0, 1.0, 1.0]
    with pytest.raises(NoPrediction, match="has 4 states, too many for 3 generations"):
        done_after(4, 3)


def test_random_blocks_of_the_most_states_are_told_at_any_time_and_more_are_not(monkeypatch):
    """Above it the law is that of calls at random times, which is not computed beyond 2^40 calls."""
    monkeypatch.setattr(uniform_chunk, "MAX_STATES", 2)
    two, three = (uniform_chunk.uniform_chunk(HALF, k, 1, Start(k)).hit for k in (2, 3))
    assert two.tail(2.0**41) == 0.0
    with pytest.raises(NoPrediction, match="not computed beyond"):
        three.tail(2.0**41)


def test_calls_on_functions_have_a_law_up_to_8192_of_them():
    """One look and one repair for each function."""
    one = repairs.one_function(True, 1, miss=0.0, alarm=0.0, fix=1.0, keep=1.0)
    most = repairs.calls_of_functions([(4096, one)], votes=1)
    assert (len(most), most[8192]) == (8193, 1.0)
    assert repairs.calls_of_functions([(4097, one)], votes=1) is None


def test_comparisons_have_a_law_up_to_1024_documents():
    """A merge of two runs of n takes 2n - 2n/(n+1) comparisons on average."""
    mean = sum(1024 - 1024 / (2**i + 1) for i in range(10))
    assert sorting.comparisons(1024).mean == pytest.approx(mean, rel=1e-12)
    with pytest.raises(NoPrediction, match="comparisons: the law is computed for n <= 1,024, got n = 1,025"):
        sorting.comparisons(1025)


@pytest.mark.parametrize(
    ("k", "g", "start", "size"),
    [
        (6, 2, Start(6), 10),  # (n_1, n_2) of three chunks: 1 + 2 + 3 + 4
        (7, 2, Start(7, p0=0.5), 20),  # and the short one with its block correct or not
        (7, 3, Start(7), 20),  # (n_1, n_2, n_3) of two: 1 + 3 + 6; the short one twice
        (6, 2, Start(6, incorrect=2), 2),  # two chunks with one, or one with two
    ],
)
def test_occupancies_are_as_many_as_there_may_be_and_no_more(k, g, start, size):
    chunks = Chunks.cut(k, g)
    assert len(occupancies(chunks, start, size)) == size
    with pytest.raises(NoPrediction, match=f"more than {size - 1} occupancies"):
        occupancies(chunks, start, size - 1)
