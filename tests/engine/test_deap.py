"""The two engines agree: in law where chance enters, to the last count where it does not.

Statistical assertions: DKW's inequality for each of two samples (Massart 1990, P(sup|F_n - F| > e) <= 2 exp(-2 n e^2),
discrete laws included). All of the file together fail a correct engine with probability at most FALSE_FAIL.
"""

import array
import importlib
import math
import multiprocessing
import multiprocessing.pool
import random
import secrets
import subprocess
import sys
from dataclasses import dataclass
from functools import partial

import deap.base
import deap.tools
import numpy as np
import pytest

import evo.engine.deap
from evo import (
    AllBlocks,
    Chunk,
    InputError,
    OnePlusLambda,
    OnlyIncorrect,
    OperatorError,
    Rewritten,
    RoundRobin,
    UniformChunk,
    UntilResolved,
)
from evo.batch import Batch
from evo.costs.budget import Limit
from evo.engine.deap import mutate_chunk, random_chunk, run_batch_deap
from evo.engine.one_parent import run_batch
from evo.search import Search
from evo.seeding import streams
from operators import FixKeep, Resample
from problems import BlockOneMax

SEED = 20250101


@pytest.fixture(autouse=True, scope="module")
def vary_seed(request):
    """Other draws than always, if --vary-seed asks for the real false-fail rate."""
    global SEED
    if request.config.getoption("--vary-seed"):
        SEED = secrets.randbits(32)


FALSE_FAIL = 1e-6
FALSE_PASS = 1e-3
RUNS_DEAP, RUNS_BLOCKS = 600, 20_000
NEVER = 2**62  # the hit of a censored run, for comparing laws
CALLS = (1.0, 0.0)  # a limit on calls

HALF = Resample(0.5)
STRICT, WEAK = "strict", "weak"


@dataclass(frozen=True)
class Uneven:
    """Informed: even positions are hard to fix, odd ones easy; every run has a trait that scales both."""

    sees = "solution"

    def draw(self, runs, k, rng):
        return rng.choice([0.5, 1.0], size=runs)

    def rewrite(self, chunk, rng):
        own = np.take_along_axis(chunk.solution, chunk.blocks, axis=1)
        assert np.array_equal(own, chunk.correct)
        fix = np.where(chunk.blocks % 2 == 0, 0.4, 0.8) * chunk.traits[:, None]
        return rng.random(chunk.correct.shape) < np.where(chunk.correct, 0.7, fix)


@dataclass(frozen=True)
class Malformed:
    """Resample, but a third of the answers is not valid."""

    rate: float = 1 / 3

    def rewrite(self, correct, rng):
        return Rewritten(rng.random(correct.shape) < 0.5, rng.random(correct.shape[:-1]) >= self.rate)


LOCAL = (UntilResolved, RoundRobin, UniformChunk, OnlyIncorrect)
CELLS = [
    *((BlockOneMax(4, 1), HALF, AllBlocks(), lam, accept) for lam in (1, 3) for accept in (STRICT, WEAK)),
    *((BlockOneMax(4, 1), HALF, local(), lam, STRICT) for local in LOCAL for lam in (1, 3)),
    *((BlockOneMax(5, 1), HALF, local(g=2), lam, STRICT) for local in LOCAL for lam in (1, 3)),
    *((BlockOneMax(4, 1), HALF, local(), 1, WEAK) for local in (UntilResolved, UniformChunk)),
    *((BlockOneMax(5, 1), HALF, local(g=2), 3, WEAK) for local in LOCAL),
    (BlockOneMax(6, 1, incorrect=3), FixKeep(0.4, 0.8), UntilResolved(), 1, STRICT),
    (BlockOneMax(6, 1, incorrect=3), FixKeep(0.4, 0.8), RoundRobin(g=4), 3, WEAK),
    (BlockOneMax(5, 1, start=0.5), Uneven(), UniformChunk(g=2), 3, STRICT),
    (BlockOneMax(5, 1), Uneven(), UntilResolved(g=2), 1, WEAK),
    (BlockOneMax(5, 1), Malformed(), UntilResolved(g=2), 3, STRICT),
    (BlockOneMax(4, 1), Malformed(), UniformChunk(), 1, WEAK),
]
SEEN_IN_OTHERS = [
    *CELLS[1:3],  # of AllBlocks one lam an acceptance
    *CELLS[4:12],  # a block a call, k = 4: what g = 2 and k = 5 show too, and a short chunk besides
    *(cell for cell in CELLS[12:20] if cell[3] == 3),  # strict; lam = 3 is weak below
    *CELLS[20:22],
    *CELLS[24:26],  # weak, lam = 3, of one schedule of a pointer and of UniformChunk
    *CELLS[13:15],
    CELLS[27],
    *(CELLS[n] for n in (0, 12, 16, 29, 31)),  # of each schedule and each mutator there is one more
]
"""Each schedule, lam and acceptance is in other cells, too; all of them are slow tests."""
QUANTITIES = ("hit", "half", "short_calls", "evaluations")
CHECKS = len(CELLS) * len(QUANTITIES) + 3  # those of the broken selections and of random_chunk
EACH = FALSE_FAIL / CHECKS


def noise(n, m, error):
    """Two empirical cdfs of one law, of n and m runs, differ by more nowhere, but with probability `error`."""
    return sum(math.sqrt(math.log(4 / error) / (2 * size)) for size in (n, m))


def detectable(n, m):
    """Laws whose cdfs differ by so much somewhere are told apart, but with probability FALSE_PASS."""
    return noise(n, m, EACH) + noise(n, m, FALSE_PASS)


def distance(a, b):
    at = np.union1d(a, b)
    return np.abs(
        np.searchsorted(np.sort(a), at, "right") / len(a) - np.searchsorted(np.sort(b), at, "right") / len(b)
    ).max()


def same_law(a, b):
    return distance(a, b) <= noise(len(a), len(b), EACH)


def told_apart(a, b):
    """Not `same_law`, and by a margin that other seeds would not lack."""
    return distance(a, b) > detectable(len(a), len(b))


def short_calls(counts):
    """Calls on the shorter last chunk, int [runs]."""
    return 0 * counts.calls if counts.shortfalls is None else counts.shortfalls[:, 0]


def arguments(cell, engine, limits, runs):
    problem, mutator, schedule, lam, accept = cell
    search = Search(problem, mutator, schedule, OnePlusLambda(lam, accept))
    return search, Batch(streams(SEED, f"{engine} {cell}", 0), runs, limits, trace=True)


def deap_side(cell, limits=(), runs=RUNS_DEAP):
    return run_batch_deap(*arguments(cell, "deap", limits, runs))


def blocks_side(cell, limits=(), runs=RUNS_BLOCKS):
    return run_batch(*arguments(cell, "blocks", limits, runs))


def half(trace, runs, k):
    """Number of the call that first made half of the blocks correct."""
    calls = np.full(runs, NEVER)
    there = trace.fitness >= math.ceil(k / 2)
    np.minimum.at(calls, trace.run[there], trace.call[there])
    return calls


def laws(cell, result):
    counts, trace = result
    hit = np.where(counts.hit < 0, NEVER, counts.hit)
    columns = hit, half(trace, len(hit), cell[0].k), short_calls(counts), counts.evaluations
    return dict(zip(QUANTITIES, columns, strict=True))


@pytest.mark.statistical
@pytest.mark.parametrize(
    "cell", [pytest.param(cell, marks=pytest.mark.slow if cell in SEEN_IN_OTHERS else ()) for cell in CELLS], ids=str
)
def test_engines_agree_in_law(cell):
    assert detectable(RUNS_DEAP, RUNS_BLOCKS) < 0.25
    results = deap_side(cell), blocks_side(cell)
    one, other = (laws(cell, result) for result in results)
    assert {name: True for name in QUANTITIES} == {name: same_law(one[name], other[name]) for name in QUANTITIES}
    for counts, trace in results:
        identities(cell, counts, trace)


def identities(cell, counts, trace):
    """What holds in every single run."""
    problem, mutator, schedule, lam, _ = cell
    g = schedule.chunk_size(problem.k)
    m, calls = -(-problem.k // g), lam * counts.generations
    assert ((calls - lam < counts.hit) & (counts.hit <= calls)).all()
    if not isinstance(mutator, Malformed):
        assert np.array_equal(counts.evaluations, calls)
    assert (counts.evaluations <= calls).all()
    if problem.k % g == 0:
        assert not short_calls(counts).any()
    elif isinstance(schedule, RoundRobin):
        assert np.array_equal(short_calls(counts), lam * (counts.generations // m))
    assert (short_calls(counts) <= calls).all()
    order = np.lexsort((trace.call, trace.run))
    run, call, fitness = trace.run[order], trace.call[order], trace.fitness[order]
    first, last = np.append(True, run[1:] > run[:-1]), np.append(run[1:] > run[:-1], True)
    assert (call[first] == 0).all()
    assert (fitness[last] == problem.k).all()
    assert np.array_equal(call[last], counts.hit)
    assert (np.diff(fitness)[~first[1:]] > 0).all()


# Twins that must fail: what the comparison is for is found by it.


def best_without_parent(candidates, mu):
    return sorted(candidates[1:], key=lambda one: one.fitness, reverse=True)[:mu]


def last_of_equals(candidates, mu):
    return sorted(reversed(candidates), key=lambda one: one.fitness, reverse=True)[:mu]


@pytest.mark.statistical
def test_another_p_is_detected():
    cell = CELLS[0]
    other = (cell[0], Resample(0.6), *cell[2:])
    # hit is geometric with rate 0.6^4 and 0.5^4: their cdfs differ by 0.29 after 11 calls
    gap = 0.9375**11 - (1 - 0.6**4) ** 11
    assert detectable(RUNS_DEAP, RUNS_BLOCKS) < gap
    assert told_apart(deap_side(other)[0].hit, blocks_side(cell)[0].hit)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("selection", "cell", "quantity"),
    [
        (best_without_parent, (BlockOneMax(4, 1), HALF, UniformChunk(), 1, STRICT), "hit"),
        pytest.param(
            last_of_equals,
            (BlockOneMax(4, 1), HALF, UntilResolved(), 3, STRICT),
            "half",
            marks=pytest.mark.slow,  # quick, ties without chance: SHIFT below
        ),
    ],
)
def test_broken_selection_is_detected(monkeypatch, selection, cell, quantity):
    right = laws(cell, blocks_side(cell))[quantity]
    assert same_law(laws(cell, deap_side(cell))[quantity], right)
    monkeypatch.setattr(deap.tools, "selBest", selection)
    assert told_apart(laws(cell, deap_side(cell))[quantity], right)


@pytest.mark.statistical
def test_whole_generations_taken_for_hits_are_detected():
    cell = (BlockOneMax(4, 1), HALF, UntilResolved(), 3, STRICT)
    assert told_apart(3 * deap_side(cell)[0].generations, blocks_side(cell)[0].hit)


# Without chance: equal to the last count.


class Does:
    """A mutator by its function."""

    def __init__(self, rewrite):
        self.rewrite = rewrite


@dataclass(frozen=True)
class ByTrait:
    """Repairs its chunk in every other run, and never in the others."""

    def draw(self, runs, k, rng):
        return np.arange(runs) % 2 == 0

    def rewrite(self, chunk, rng):
        return chunk.correct | chunk.traits[:, None]


FIX, STUCK = FixKeep(1.0, 1.0), FixKeep(0.0, 1.0)
NEVER_VALID = Does(lambda correct, rng: Rewritten(~correct, np.zeros(len(correct), dtype=bool)))
# both wrong -> left right -> right right -> both right, which stays
SHIFT = Does(lambda correct, rng: np.stack([~correct[:, 0] | correct[:, 1], correct.any(axis=1)], axis=1))
FIVE = BlockOneMax(5, 1)


@pytest.mark.parametrize(
    ("cell", "limits", "hit", "generations", "short", "evaluations"),
    [
        ((FIVE, FIX, AllBlocks(), 1, STRICT), [], 1, 1, 0, 1),
        ((FIVE, FIX, UntilResolved(g=2), 3, WEAK), [], 7, 3, 3, 9),
        ((FIVE, FIX, RoundRobin(), 1, STRICT), [], 5, 5, 0, 5),
        ((FIVE, FIX, OnlyIncorrect(g=2), 2, STRICT), [], 5, 3, 2, 6),
        ((BlockOneMax(5, 1, start=1.0), FIX, RoundRobin(), 3, STRICT), [], 0, 0, 0, 0),
        # a generation that was begun is paid whole: 12 calls, budget 10
        ((FIVE, STUCK, RoundRobin(g=2), 3, STRICT), [Limit(*CALLS, most=10)], -1, 4, 3, 12),
        # a hit in the generation that reaches the budget is a hit, one generation less and it is none
        ((FIVE, FIX, UntilResolved(g=2), 3, STRICT), [Limit(*CALLS, most=7)], 7, 3, 3, 9),
        ((FIVE, FIX, UntilResolved(g=2), 3, STRICT), [Limit(*CALLS, most=6)], -1, 2, 0, 6),
        # dearer short calls, and the first of two limits
        ((FIVE, STUCK, RoundRobin(g=2), 1, WEAK), [Limit(1.0, 0.0, 24, (9.0,))], -1, 6, 2, 6),
        (
            (FIVE, STUCK, RoundRobin(g=2), 1, WEAK),
            [Limit(1.0, 0.0, 24, (-1.0,)), Limit(*CALLS, most=5)],
            -1,
            5,
            1,
            5,
        ),
        ((FIVE, STUCK, RoundRobin(), 2, WEAK), [Limit(0.0, 1.0, most=7)], -1, 4, 0, 8),
        # invalid: paid, not evaluated, and UntilResolved is told nothing, so that it never comes to the short chunk
        ((FIVE, NEVER_VALID, UntilResolved(g=2), 2, WEAK), [Limit(*CALLS, most=20)], -1, 10, 0, 0),
        ((FIVE, NEVER_VALID, RoundRobin(g=2), 2, WEAK), [Limit(*CALLS, most=20)], -1, 10, 6, 0),
        # acceptance: between solutions that are equally good the strict runner stays
        ((BlockOneMax(2, 1), SHIFT, AllBlocks(), 1, WEAK), [Limit(*CALLS, most=9)], 3, 3, 0, 3),
        ((BlockOneMax(2, 1), SHIFT, AllBlocks(), 1, STRICT), [Limit(*CALLS, most=9)], -1, 9, 0, 9),
    ],
)
def test_without_chance_both_engines_count_the_same(cell, limits, hit, generations, short, evaluations):
    expected = {"hit": hit, "generations": generations, "evaluations": evaluations}
    traces = []
    for side in (deap_side, blocks_side):
        counts, trace = side(cell, limits, runs=2)
        assert {name: getattr(counts, name).tolist() for name in expected} == {
            name: [value] * 2 for name, value in expected.items()
        }
        assert short_calls(counts).tolist() == [short] * 2
        assert {values.dtype for values in vars(counts).values() if values is not None} == {np.dtype(np.int64)}
        traces.append(sorted(zip(trace.run.tolist(), trace.call.tolist(), trace.fitness.tolist(), strict=True)))
    assert traces[0] == traces[1]


def test_traits_go_with_their_run():
    cell, limits = (FIVE, ByTrait(), UntilResolved(g=2), 2, STRICT), [Limit(*CALLS, most=8)]
    for side in (deap_side, blocks_side):
        counts, _ = side(cell, limits, runs=5)
        assert counts.hit.tolist() == [5, -1, 5, -1, 5]
        assert counts.generations.tolist() == [3, 4, 3, 4, 3]


def test_a_larger_budget_prolongs_the_same_trajectories(monkeypatch):
    cell = (BlockOneMax(6, 1), HALF, UniformChunk(g=4), 3, WEAK)
    whole, _ = deap_side(cell, runs=30)
    cut, trace = deap_side(cell, [Limit(*CALLS, most=20)], runs=30)
    assert np.array_equal(cut.hit, np.where(whole.hit > 21, -1, whole.hit))
    assert np.array_equal(cut.generations, np.minimum(whole.generations, 7))
    assert trace.call.max() <= 21
    monkeypatch.setattr(evo.engine.deap, "GENERATIONS_A_LOOP", 2)
    assert np.array_equal(deap_side(cell, runs=30)[0].hit, whole.hit)


def test_the_global_random_neither_matters_nor_moves():
    cell = (BlockOneMax(4, 1), HALF, UniformChunk(), 3, WEAK)
    hits = []
    for seed in (1, 2):
        random.seed(seed)
        before = random.getstate()
        hits.append(deap_side(cell, runs=20)[0].hit.tolist())
        assert random.getstate() == before
    assert hits[0] == hits[1]

    before = random.getstate()
    with pytest.raises(OperatorError, match="bool array of shape"):
        deap_side((FIVE, Does(lambda correct, rng: correct.astype(int)), AllBlocks(), 1, STRICT), runs=1)
    assert random.getstate() == before


def test_a_mutator_that_writes_into_its_input_is_found_out():
    with pytest.raises(OperatorError, match="changes its input"):
        deap_side((FIVE, Does(lambda correct, rng: correct.sort() or correct), AllBlocks(), 1, STRICT), runs=1)


def test_deap_is_imported_only_when_used():
    code = "import sys, evo.engine.deap; sys.exit('deap' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# The operator for toolboxes of users' own.


@pytest.mark.parametrize(
    "individual",
    [[0, 1, 0], [False, True, False], array.array("b", [0, 1, 0]), np.array([0, 1, 0]), np.zeros(3, dtype=bool)],
    ids=lambda individual: f"{type(individual).__name__} of {type(individual[0]).__name__}",
)
def test_mutate_chunk_works_in_place_on_any_list_or_array(individual):
    element = type(individual[0])
    (mutated,) = mutate_chunk(individual, FIX, np.random.default_rng(1))
    assert mutated is individual
    assert list(individual) == [1, 1, 1]
    assert {type(block) for block in individual} == {element}


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (None, [1, 1, 1, 1, 1]),
        (3, [0, 0, 0, 1, 0]),
        (np.int64(3), [0, 0, 0, 1, 0]),
        (np.array([4, 0]), [1, 0, 0, 0, 1]),
        (lambda individual, rng: [len(individual) - 1], [0, 0, 0, 0, 1]),
    ],
)
def test_mutate_chunk_hands_over_the_blocks_it_is_told(blocks, expected):
    assert mutate_chunk([0] * 5, FIX, np.random.default_rng(1), blocks) == (expected,)


def test_mutate_chunk_tells_informed_mutators_what_they_see():
    seen = []

    looks = Does(lambda chunk, rng: seen.append(chunk) or ~chunk.correct)
    looks.sees = "solution"
    assert mutate_chunk([1, 0, 1, 0], looks, np.random.default_rng(1), [3, 0]) == ([0, 0, 1, 1],)
    (chunk,) = seen
    assert isinstance(chunk, Chunk)
    assert (chunk.blocks.tolist(), chunk.correct.tolist()) == ([[3, 0]], [[False, True]])
    assert chunk.solution.tolist() == [[True, False, True, False]]
    assert chunk.traits is None


def test_mutate_chunk_says_what_is_wrong_and_changes_nothing_where_an_answer_is_not_valid():
    rng = np.random.default_rng(1)
    assert mutate_chunk([1, 0], NEVER_VALID, rng) == ([1, 0],)
    with pytest.raises(InputError, match=r"individual of 0 and 1 .* got \[0, 2\]"):
        mutate_chunk([0, 2], HALF, rng)
    for blocks in (2, -1, [0, 0]):
        with pytest.raises(InputError, match="different positions from 0 to k-1 = 1"):
            mutate_chunk([0, 0], HALF, rng, blocks)
    with pytest.raises(InputError, match="ByTrait draws something for a whole run"):
        mutate_chunk([0, 0], ByTrait(), rng)
    with pytest.raises(InputError, match="g must be from 1 to k = 2, got g = 3"):
        mutate_chunk([0, 0], HALF, rng, random_chunk(3))


@pytest.mark.statistical
def test_uniform_chunk_draws_every_chunk_alike():
    rng, draws, m = np.random.default_rng(SEED), 30_000, 3
    drawn = [tuple(random_chunk(2)([0] * 5, rng)) for _ in range(draws)]
    # Hoeffding for each of the three: P(|share - 1/3| > e) <= 2 exp(-2 n e^2)
    allowed = math.sqrt(math.log(2 * m / EACH) / (2 * draws))
    assert allowed < 0.02
    assert set(drawn) == {(0, 1), (2, 3), (4,)}
    assert all(abs(drawn.count(one) / draws - 1 / m) <= allowed for one in set(drawn))


# ------------------------------------------------------------------------------------------- pools of processes


RUNS_OF_A_USER = """
import numpy as np
from evo.engine.deap import mutate_chunk
from operators import Resample

def whole_run(seed):
    return mutate_chunk([0] * 64, Resample(0.5), np.random.default_rng(seed))[0]
"""


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """Two processes, which can import a user's module `runs_of_a_user`."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "runs_of_a_user.py").write_text(RUNS_OF_A_USER)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        with multiprocessing.get_context("spawn").Pool(2) as two:
            yield two


@pytest.mark.parametrize("root", [True, False], ids=["default_rng", "spawned"])
def test_copies_of_a_generator_are_refused_in_a_pool_where_all_offspring_would_be_equal(pool, root):
    toolbox, rng = deap.base.Toolbox(), np.random.default_rng(1)
    toolbox.register("mutate", mutate_chunk, mutator=Resample(0.5), rng=rng if root else rng.spawn(1)[0])
    by_hand = partial(mutate_chunk, **toolbox.mutate.keywords)
    offspring = [[0] * 64 for _ in range(32)]
    for mutate in (toolbox.mutate, by_hand):
        with pytest.raises(InputError, match=r"mutate_chunk: expected a generator of its own.*rng\.spawn"):
            pool.map(mutate, offspring)


def test_threads_share_a_generator_and_a_function_of_ones_own_may_make_it(pool):
    toolbox = deap.base.Toolbox()
    toolbox.register("mutate", mutate_chunk, mutator=Resample(0.5), rng=np.random.default_rng(1))
    with multiprocessing.pool.ThreadPool(2) as threads:
        here = threads.map(toolbox.mutate, [[0] * 64 for _ in range(8)])
    assert len({tuple(one) for (one,) in here}) == 8
    whole_run = importlib.import_module("runs_of_a_user").whole_run
    assert len({tuple(one) for one in pool.map(whole_run, range(4))}) == 4


def test_with_a_generator_each_offspring_of_a_pool_differ_and_are_those_of_one_process(pool):
    def calls():
        streams = np.random.default_rng(1).spawn(8)
        return [([0] * 64, Resample(0.5), stream, random_chunk(32)) for stream in streams]

    sent = pool.starmap(mutate_chunk, calls())
    assert sent == [mutate_chunk(*call) for call in calls()]
    assert len({tuple(one) for (one,) in sent}) == 8
