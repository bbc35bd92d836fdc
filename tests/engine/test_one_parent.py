"""The engine `blocks` against a naive (1+lambda)-EA: plain Python, one run at a time, from design 2, 5 and 6.

Exactly where everything is deterministic or the draws can be replayed, in law elsewhere. Statistical checks are
two-sample DKW tests: false-fail rate 1e-6 for all of them in this file together, and for each the sup distance
between two laws that it finds with probability 1 - 1e-6 is asserted.
"""

from __future__ import annotations

import itertools
import math
import random
import secrets
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import pytest

import evo.engine.calls
import evo.engine.one_parent
from evo.batch import Batch, RunCounts, Trace
from evo.costs.budget import Budget, Limit
from evo.costs.ledger import CallTokens, Prompt
from evo.costs.prices import LLMPrimitive
from evo.engine.calls import BESIDE
from evo.engine.one_parent import run_batch
from evo.errors import InputError, OperatorError
from evo.protocols import Chunk, Rewritten
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.search import Search
from evo.seeding import streams
from operators import FixKeep, Resample
from problems import BlockOneMax

# ------------------------------------------------------------------------------------------- the naive algorithm


@dataclass(frozen=True)
class Setting:
    """What both sides run: schedule by name, chunks, lam, acceptance, budget."""

    schedule: str
    k: int = 5
    g: int = 1
    lam: int = 1
    accept: str = "strict"
    calls: int | None = None
    cost: float | None = None
    l: int = 3


PROMPT, PRICE = Prompt(head=7), LLMPrimitive(m=2, per_call=3)


@dataclass
class Story:
    """What became of one run."""

    hit: int
    generations: int
    short_calls: int
    evaluations: int
    trace: list[tuple[int, float]]


Rewrite = Callable[[list[bool], list[int], list[bool]], list[bool] | None]
"""(blocks handed over, their positions, whole parent) -> blocks after the call, None if malformed."""


def naive_run(
    start: Sequence[bool],
    rewrite: Rewrite,
    setting: Setting,
    draw_chunk: Callable[[int], int] | None = None,
    fault: str = "",
) -> Story:
    """One run of the (1+lambda)-EA; `fault` plants a mistake, for the twins that must fail."""
    k, lam = setting.k, setting.lam
    g = k if setting.schedule == "all" else setting.g
    chunks = [list(range(low, min(low + g, k))) for low in range(0, k, g)]
    parent = [bool(x) for x in start]
    story = Story(hit=-1, generations=0, short_calls=0, evaluations=0, trace=[(0, sum(parent))])
    if all(parent):
        story.hit = 0
        return story
    calls, cost, pointer = 0, 0.0, 0
    while True:
        best: list[bool] | None = None
        best_call, moved, hit = 0, False, -1
        for j in range(lam):
            if setting.schedule == "uniform":
                assert draw_chunk is not None
                c = draw_chunk(len(chunks))
            elif setting.schedule == "only":
                c = next(number for number, blocks in enumerate(chunks) if not all(parent[b] for b in blocks))
            elif setting.schedule == "stagger":
                c = (pointer + j) % len(chunks)
            else:
                c = pointer
            blocks = chunks[c]
            calls += 1
            story.short_calls += len(blocks) < g
            if setting.cost is not None:
                cost += call_cost(setting, len(blocks))
            answer = rewrite([parent[b] for b in blocks], blocks, list(parent))
            if answer is None:
                moved = moved or fault == "malformed moves"
                continue
            story.evaluations += 1
            child = list(parent)
            for b, right in zip(blocks, answer, strict=True):
                child[b] = right
            up, down = sum(child) > sum(parent), sum(child) < sum(parent)
            moved = moved or up or (down and fault != "moves only up")
            if all(child) and hit < 0:
                hit = calls
            if best is None or sum(child) > sum(best) or (fault == "last of equals" and sum(child) == sum(best)):
                best, best_call = child, calls
        story.generations += 1

        if best is not None:
            gain = sum(best) - sum(parent)
            if gain > 0:
                story.trace.append((best_call, sum(best)))
            if gain > 0 or (gain == 0 and setting.accept == "weak") or fault == "no elitism":
                parent = best
        if setting.schedule == "until":
            pointer = (pointer + moved) % len(chunks)
        elif setting.schedule in ("robin", "stagger"):
            pointer = (pointer + (lam if fault == "advances per call" else 1)) % len(chunks)
            if fault == "skips a chunk" and pointer == 1 and random.Random(calls).random() < 0.75:
                pointer = 2
        if hit >= 0:
            story.hit = story.generations * lam if fault == "hit counts generations" else hit
            return story
        too_many = setting.calls is not None and calls >= setting.calls + (fault == "one call more")
        if too_many or (setting.cost is not None and cost >= setting.cost):
            return story


@lru_cache
def call_cost(setting: Setting, size: int) -> float:
    """Definition 2.2, pass by pass."""
    context, cost = PROMPT.head + size * setting.l, PRICE.per_call
    for _ in range(size * setting.l):
        cost += PRICE.m * context
        context += 1
    return cost


# ------------------------------------------------------------------------------------------- the engine's side


@dataclass(frozen=True)
class Staggered:
    """Offspring j of generation t gets chunk t + j: deterministic, and another chunk for each offspring."""

    g: int = 1
    oblivious: ClassVar[bool] = True

    def chunk_size(self, k):
        return self.g

    def choose(self, pointer, correct, m, ahead, lam, rng):
        return (pointer[:, None, None] + np.arange(ahead)[:, None] + np.arange(lam)) % m

    def advance(self, pointer, moved, m, generations):
        return (pointer + generations) % m


SCHEDULES: dict[str, Callable[[int], Any]] = {
    "all": lambda g: AllBlocks(),
    "until": UntilResolved,
    "robin": RoundRobin,
    "uniform": UniformChunk,
    "only": OnlyIncorrect,
    "stagger": Staggered,
}


@dataclass(frozen=True)
class Given(BlockOneMax):
    """BlockOneMax with given starts."""

    starts: tuple[tuple[bool, ...], ...] = ()

    def initial(self, runs, rng):
        return np.array(self.starts[:runs], dtype=np.bool_)


def limits(setting: Setting) -> tuple[Limit, ...]:
    if setting.calls is None and setting.cost is None:
        return ()
    schedule = SCHEDULES[setting.schedule](setting.g)
    tokens = CallTokens.equal(PROMPT, setting.k, setting.l, schedule.chunk_size(setting.k))
    return Budget(calls=setting.calls, cost=setting.cost).limits(tokens, PRICE.weights)


def engine(
    problem: Any, mutator: Any, setting: Setting, runs: int, batch: int = 0, schedule: Any = None, seed: int = 1
) -> tuple[RunCounts, Trace]:
    schedule = SCHEDULES[setting.schedule](setting.g) if schedule is None else schedule
    runner = OnePlusLambda(lam=setting.lam, accept=setting.accept)
    return run_batch(
        Search(problem, mutator, schedule, runner),
        Batch(streams(seed, "test", batch), runs, limits(setting), trace=True),
    )


def short_calls(counts: RunCounts) -> np.ndarray:
    """Calls on the shorter last chunk, int [runs]."""
    return 0 * counts.calls if counts.shortfalls is None else counts.shortfalls[:, 0]


def stories(counts: RunCounts, trace: Trace) -> list[Story]:
    """The engine's arrays as one story a run."""
    told: list[list[tuple[int, float]]] = [[] for _ in counts.hit]
    for run, call, fitness in zip(trace.run.tolist(), trace.call.tolist(), trace.fitness.tolist(), strict=True):
        told[run].append((call, fitness))
    columns = (counts.hit, counts.generations, short_calls(counts), counts.evaluations)
    return [Story(*row, story) for *row, story in zip(*(c.tolist() for c in columns), told, strict=True)]


def given(starts: Sequence[Sequence[bool]]) -> Given:
    return Given(k=len(starts[0]), l=3, starts=tuple(tuple(map(bool, start)) for start in starts))


ALL_STARTS = list(itertools.product((False, True), repeat=5))


# ------------------------------------------------------------------------------------------- (a) exactly

Rule = Callable[[list[bool]], "list[bool] | None"]


def repair(blocks):
    return [True for _ in blocks]


def flip(blocks):
    return [not right for right in blocks]


def repair_first(blocks):
    wrong = blocks.index(False) if False in blocks else None
    return [right or b == wrong for b, right in enumerate(blocks)]


def nothing(blocks):
    return list(blocks)


def scramble(blocks):
    """Depends on its input alone, and on nothing simple."""
    code = int("1" + "".join(str(int(right)) for right in blocks), 2)
    mixed = (code * 2654435761 % 2**32) >> 9
    return [bool(mixed >> (3 * b) & 1) for b in range(len(blocks))]


def repair_or_rotate(blocks):
    """Repairs the first block or else turns the chunk: goes on only by steps that gain nothing."""
    return [True, *blocks[1:]] if not blocks[0] else [*blocks[1:], blocks[0]]


def often_malformed(blocks):
    """A scramble that is malformed for about half of the inputs."""
    code = int("1" + "".join(str(int(right)) for right in blocks), 2)
    return None if code % 5 in (1, 2) else scramble(blocks)


RULES = (repair, flip, repair_first, nothing, scramble, repair_or_rotate, often_malformed)


@lru_cache
def _answers(rule, g):
    inputs = [list(x) for x in itertools.product((False, True), repeat=g)]
    answers = [rule(list(x)) for x in inputs]
    table = np.array([x if answer is None else answer for x, answer in zip(inputs, answers, strict=True)])
    return table, np.array([answer is not None for answer in answers])


@dataclass(frozen=True)
class ByRule:
    """The batched mutator of a rule on one chunk, by a table of all its answers."""

    rule: Rule

    def rewrite(self, correct, rng):
        g = correct.shape[-1]
        table, valid = _answers(self.rule, g)
        code = correct @ 2 ** np.arange(g)[::-1]
        return table[code] if valid.all() else Rewritten(table[code], valid[code])


BUDGETS = {
    "calls": {"calls": 23},
    "cost": {"cost": 5600},
    "both": {"calls": 31, "cost": 3300},
}
CHUNKINGS = [("all", 5), *itertools.product(("until", "robin", "only", "stagger"), (1, 2, 3, 5))]


def naive_stories(starts, rule, setting, fault=""):
    return [naive_run(start, lambda blocks, at, parent: rule(blocks), setting, fault=fault) for start in starts]


PAID = [(1, "calls"), (1, "cost"), (2, "both"), (5, "calls")]
DETERMINISTIC = [
    # every other one, so that any two of chunks, acceptance and what is paid still meet
    pytest.param(*chunks, *paid, accept, marks=() if (i + j + (accept == "weak")) % 2 == 0 else pytest.mark.slow)
    for (i, chunks), (j, paid), accept in itertools.product(enumerate(CHUNKINGS), enumerate(PAID), ("strict", "weak"))
]


@pytest.mark.some(at_least=20)
@pytest.mark.parametrize(("schedule", "g", "lam", "budget", "accept"), DETERMINISTIC)
def test_deterministic_runs_are_those_of_the_naive_algorithm(schedule, g, lam, accept, budget):
    setting = Setting(schedule, g=g, lam=lam, accept=accept, **BUDGETS[budget])
    for rule in RULES:
        told = stories(*engine(given(ALL_STARTS), ByRule(rule), setting, len(ALL_STARTS)))
        assert told == naive_stories(ALL_STARTS, rule, setting), rule.__name__


@pytest.mark.parametrize(
    ("fault", "rule", "setting"),
    [
        ("last of equals", repair_first, Setting("stagger", g=1, lam=5, calls=40)),
        ("hit counts generations", repair, Setting("robin", g=2, lam=5, calls=40)),
        ("moves only up", flip, Setting("until", g=2, calls=40)),
        ("malformed moves", often_malformed, Setting("until", g=2, calls=40)),
        ("advances per call", repair_first, Setting("robin", g=2, lam=2, calls=40)),
        ("no elitism", scramble, Setting("all", g=5, calls=40)),
        ("one call more", nothing, Setting("all", g=5, calls=40)),
    ],
)
def test_each_mistake_in_the_naive_algorithm_shows(fault, rule, setting):
    told = stories(*engine(given(ALL_STARTS), ByRule(rule), setting, len(ALL_STARTS)))
    assert told == naive_stories(ALL_STARTS, rule, setting)
    assert told != naive_stories(ALL_STARTS, rule, setting, fault)


def test_the_deterministic_cases_cover_hits_censoring_and_short_chunks():
    setting = Setting("stagger", g=2, lam=2, calls=23)
    told = naive_stories(ALL_STARTS, repair_first, setting) + naive_stories(ALL_STARTS, often_malformed, setting)
    assert {-1, 0} < {story.hit for story in told}
    assert any(story.short_calls > 0 for story in told)
    assert any(story.evaluations < setting.lam * story.generations for story in told)
    assert max(len(story.trace) for story in told) > 2


REPLAYED = [
    Setting(schedule, g=g, lam=lam, accept=accept, calls=calls, cost=cost)
    for (schedule, g), accept, (lam, calls, cost) in itertools.product(
        [("all", 5), ("until", 2), ("robin", 2), ("only", 3), ("uniform", 2), ("stagger", 5)],
        ["strict", "weak"],
        [(1, 40, None), (1, None, 7000), (4, 50, 9000)],
    )
    if schedule != "uniform" or lam == 1  # chunks of two lengths in a generation are called one length after the other
]


@pytest.mark.some
@pytest.mark.parametrize("setting", REPLAYED, ids=str)
@pytest.mark.parametrize("mutator", [Resample(0.6), FixKeep(fix=0.3, keep=0.8)], ids=str)
@pytest.mark.parametrize("slab", [2**21, 4])
def test_a_random_run_is_that_of_the_naive_algorithm_on_the_same_draws(mutator, setting, slab, monkeypatch):
    """A single run without look-ahead asks for its draws in the order of the naive loop, in slabs or whole."""
    monkeypatch.setattr(evo.engine.calls, "SLAB_BLOCKS", slab)
    monkeypatch.setattr(evo.engine.one_parent, "LOOK_AHEAD", 1)
    fix, keep = (mutator.p, mutator.p) if isinstance(mutator, Resample) else (mutator.fix, mutator.keep)
    problem = BlockOneMax(k=5, l=3, start=0.3)
    for batch in range(4):
        same = streams(1, "test", batch)
        start = problem.initial(1, same.start)[0].tolist()

        def rewrite(blocks, at, parent, rng=same.mutator):
            draws = rng.random(len(blocks)).tolist()
            return [u < (keep if right else fix) for u, right in zip(draws, blocks, strict=True)]

        naive = naive_run(start, rewrite, setting, draw_chunk=lambda m, rng=same.schedule: int(rng.integers(m)))
        assert stories(*engine(problem, mutator, setting, 1, batch)) == [naive]


# ------------------------------------------------------------------------------------------- (b) in law

FALSE_FAIL_RATE = 1e-6  # of all statistical checks of this file together
NAIVE_RUNS, ENGINE_RUNS = 5_000, 50_000
STATISTICS = ("hit", "short_calls", "call that reached k - 1")

LAW_CASES: dict[str, tuple[Any, Setting, float]] = {  # mutator, setting, start
    "AllBlocks, Resample": (Resample(0.5), Setting("all", k=4), 0.0),
    "UntilResolved, Resample, lam = 3": (Resample(0.5), Setting("until", g=2, lam=3), 0.0),
    "RoundRobin, FixKeep": (FixKeep(0.3, 0.7), Setting("robin", g=2), 0.0),
    "UniformChunk, FixKeep, lam = 2, weak": (FixKeep(0.4, 0.8), Setting("uniform", g=2, lam=2, accept="weak"), 0.0),
    "UniformChunk, Resample, lam = 2": (Resample(0.5), Setting("uniform", g=2, lam=2), 0.2),
    "OnlyIncorrect, FixKeep, lam = 2, weak": (FixKeep(0.4, 0.8), Setting("only", g=3, lam=2, accept="weak"), 0.3),
    "AllBlocks, FixKeep, lam = 3, weak": (FixKeep(0.3, 0.7), Setting("all", lam=3, accept="weak"), 0.0),
}
QUICK = {
    "UntilResolved, Resample, lam = 3",
    "UniformChunk, FixKeep, lam = 2, weak",
    "AllBlocks, FixKeep, lam = 3, weak",
}
"""Every schedule's deterministic runs are compared in the quick part; their laws all in the slow one."""
AHEAD_CASES: dict[str, tuple[Any, Setting]] = {
    "AllBlocks": (Resample(0.5), Setting("all", lam=2)),
    "RoundRobin": (Resample(0.5), Setting("robin", g=2, lam=2)),
    "UniformChunk": (FixKeep(0.4, 0.8), Setting("uniform", g=2, lam=2)),
}
SLAB_CASES = ("AllBlocks", "UniformChunk")
CHECKS = (len(LAW_CASES) + len(AHEAD_CASES) + len(SLAB_CASES)) * len(STATISTICS)


def epsilon(n: int) -> float:
    """DKW: P(sup |F_n - F| > epsilon) <= 2 exp(-2 n epsilon^2); here half of a check's share of the false-fail rate."""
    return math.sqrt(math.log(2 * 2 * CHECKS / FALSE_FAIL_RATE) / (2 * n))


def detectable(n: int, other: int) -> float:
    """Sup distance of two laws that `assert_same_law` finds with probability 1 - 1e-6 or more."""
    return 2 * (epsilon(n) + epsilon(other))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Sup |F_a - F_b| of two samples."""
    points = np.union1d(a, b)
    f, h = (np.searchsorted(np.sort(x), points, side="right") / len(x) for x in (a, b))
    return float(np.abs(f - h).max())


def assert_same_law(a: np.ndarray, b: np.ndarray) -> None:
    d, most = distance(a, b), epsilon(len(a)) + epsilon(len(b))
    assert d <= most, f"sup distance of the two samples {d:.4f}, at the most {most:.4f} expected"


def statistics(hit, short, run, call, fitness, k: int) -> tuple[np.ndarray, ...]:
    """A row of numbers for each statistic; entries of one kind [runs], of the trace [rows]."""
    near = np.full(len(hit), np.iinfo(np.int64).max)
    reached = np.asarray(fitness) >= k - 1
    np.minimum.at(near, np.asarray(run)[reached], np.asarray(call)[reached])
    return np.asarray(hit), np.asarray(short), near


def engine_statistics(counts: RunCounts, trace: Trace, k: int) -> tuple[np.ndarray, ...]:
    return statistics(counts.hit, short_calls(counts), trace.run, trace.call, trace.fitness, k)


def naive_statistics(mutator, setting: Setting, start: float, seed: int, fault: str = "") -> tuple[np.ndarray, ...]:
    rng = random.Random(seed)
    fix, keep = (mutator.p, mutator.p) if isinstance(mutator, Resample) else (mutator.fix, mutator.keep)

    def rewrite(blocks, at, parent):
        return [rng.random() < (keep if right else fix) for right in blocks]

    told = [
        naive_run([rng.random() < start for _ in range(setting.k)], rewrite, setting, rng.randrange, fault)
        for _ in range(NAIVE_RUNS)
    ]
    rows = [(run, call, fitness) for run, story in enumerate(told) for call, fitness in story.trace]
    return statistics([s.hit for s in told], [s.short_calls for s in told], *zip(*rows, strict=True), setting.k)


@pytest.fixture
def seed(request):
    """Constant, unless --vary-seed asks for the real false-fail rate."""
    return secrets.randbits(32) if request.config.getoption("--vary-seed", default=False) else 20_240_611


@lru_cache
def engine_runs(case: str, seed: int) -> tuple[RunCounts, Trace]:
    """Of a case of LAW_CASES, for the test and its twins."""
    mutator, setting, start = LAW_CASES[case]
    return engine(BlockOneMax(k=setting.k, l=3, start=start), mutator, setting, ENGINE_RUNS, seed=seed)


@pytest.mark.statistical
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case in QUICK else pytest.mark.slow) for case in LAW_CASES]
)
def test_random_runs_follow_the_law_of_the_naive_algorithm(case, seed):
    mutator, setting, start = LAW_CASES[case]
    assert detectable(NAIVE_RUNS, ENGINE_RUNS) < 0.12
    counts, trace = engine_runs(case, seed)
    assert np.array_equal(counts.evaluations, setting.lam * counts.generations)
    naive = naive_statistics(mutator, setting, start, seed)
    for ours, theirs in zip(engine_statistics(counts, trace, setting.k), naive, strict=True):
        assert_same_law(ours, theirs)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("case", "mutator", "fault"),
    [
        pytest.param("AllBlocks, Resample", Resample(0.6), "", marks=pytest.mark.slow),
        pytest.param("UntilResolved, Resample, lam = 3", Resample(0.6), "", marks=pytest.mark.slow),
        ("UntilResolved, Resample, lam = 3", Resample(0.5), "hit counts generations"),
        pytest.param("RoundRobin, FixKeep", FixKeep(0.3, 0.7), "skips a chunk", marks=pytest.mark.slow),
        pytest.param("RoundRobin, FixKeep", FixKeep(0.3, 0.7), "no elitism", marks=pytest.mark.slow),
        ("UniformChunk, FixKeep, lam = 2, weak", FixKeep(0.5, 0.8), ""),
        pytest.param("UniformChunk, Resample, lam = 2", Resample(0.5), "no elitism", marks=pytest.mark.slow),
        pytest.param("OnlyIncorrect, FixKeep, lam = 2, weak", FixKeep(0.4, 0.6), "", marks=pytest.mark.slow),
        ("AllBlocks, FixKeep, lam = 3, weak", FixKeep(0.4, 0.7), ""),
    ],
)
def test_another_law_is_found_out(case, mutator, fault, seed):
    _, setting, start = LAW_CASES[case]
    counts, trace = engine_runs(case, seed)
    wrong = naive_statistics(mutator, setting, start, seed, fault)
    with pytest.raises(AssertionError, match="sup distance"):  # noqa: PT012  # any one statistic may find it
        for ours, theirs in zip(engine_statistics(counts, trace, setting.k), wrong, strict=True):
            assert_same_law(ours, theirs)


# ------------------------------------------------------------------------------------------- (c) look-ahead


class BlindAllBlocks(AllBlocks):
    oblivious = False


class BlindRoundRobin(RoundRobin):
    oblivious = False


class BlindUniformChunk(UniformChunk):
    oblivious = False


class BlindStaggered(Staggered):
    oblivious = False


class LazyRoundRobin(RoundRobin):
    """Goes on by one whatever the number of generations made: right without look-ahead, wrong with it."""

    oblivious: ClassVar[bool] = True  # which it is not

    def advance(self, pointer, moved, m, generations):
        return (pointer + 1) % m


BLIND = {"all": BlindAllBlocks(), "robin": BlindRoundRobin(g=2), "uniform": BlindUniformChunk(g=2)}
AHEAD_RUNS = 40_000


def look_far_ahead(monkeypatch):
    """So far ahead that these many runs look ten generations ahead from the start."""
    monkeypatch.setattr(evo.engine.one_parent, "LOOK_AHEAD", 10 * 2 * AHEAD_RUNS)


@pytest.mark.statistical
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case == "UniformChunk" else pytest.mark.slow) for case in AHEAD_CASES]
)
def test_looking_ahead_changes_no_law(case, seed, monkeypatch):
    mutator, setting = AHEAD_CASES[case]
    look_far_ahead(monkeypatch)
    assert detectable(AHEAD_RUNS, AHEAD_RUNS) < 0.07
    problem = BlockOneMax(k=setting.k, l=3, start=0.2)
    blind = engine(problem, mutator, setting, AHEAD_RUNS, 0, BLIND[setting.schedule], seed)
    far = engine(problem, mutator, setting, AHEAD_RUNS, 1, seed=seed)
    for a, b in zip(engine_statistics(*blind, setting.k), engine_statistics(*far, setting.k), strict=True):
        assert_same_law(a, b)


@pytest.mark.statistical
def test_a_schedule_that_cannot_be_looked_ahead_is_found_out(seed, monkeypatch):
    mutator, setting = AHEAD_CASES["RoundRobin"]
    look_far_ahead(monkeypatch)
    problem = BlockOneMax(k=setting.k, l=3, start=0.2)
    blind = engine(problem, mutator, setting, AHEAD_RUNS, 0, BLIND["robin"], seed)
    lazy = engine(problem, mutator, setting, AHEAD_RUNS, 1, LazyRoundRobin(g=2), seed)
    with pytest.raises(AssertionError, match="sup distance"):  # noqa: PT012  # any one statistic may find it
        for a, b in zip(engine_statistics(*blind, setting.k), engine_statistics(*lazy, setting.k), strict=True):
            assert_same_law(a, b)


@pytest.mark.parametrize("schedule", [Staggered(g=2), RoundRobin(g=3), AllBlocks()], ids=str)
@pytest.mark.parametrize("ahead", [1, 100, 5000])
def test_deterministic_runs_are_the_same_however_far_one_looks_ahead(schedule, ahead, monkeypatch):
    setting = Setting("stagger", g=2, lam=3, calls=61)
    blind = {"Staggered": BlindStaggered, "RoundRobin": BlindRoundRobin, "AllBlocks": BlindAllBlocks}
    slow = blind[type(schedule).__name__](**vars(schedule))
    monkeypatch.setattr(evo.engine.one_parent, "LOOK_AHEAD", ahead)
    for rule in RULES:
        near = stories(*engine(given(ALL_STARTS), ByRule(rule), setting, 32, schedule=slow))
        assert stories(*engine(given(ALL_STARTS), ByRule(rule), setting, 32, schedule=schedule)) == near


# ------------------------------------------------------------------------------------------- (d) larger budgets


@pytest.mark.some(at_least=8)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("accept", ["strict", "weak"])
@pytest.mark.parametrize(("lam", "small", "large"), [(1, {"calls": 9}, {"calls": 60}), (3, {"cost": 4000}, {})])
def test_a_larger_budget_prolongs_the_same_trajectories(schedule, accept, lam, small, large):
    setting = Setting(schedule, k=5, g=2, lam=lam, accept=accept)
    problem, mutator, runs = BlockOneMax(k=5, l=3, start=0.2), FixKeep(0.4, 0.8), 300
    short = stories(*engine(problem, mutator, replace(setting, **small), runs))
    long = stories(*engine(problem, mutator, replace(setting, **large), runs))
    outcomes = set()
    for before, after in zip(short, long, strict=True):
        paid = lam * before.generations
        if before.hit >= 0:
            assert after == before
        else:
            assert after.hit == -1 or after.hit > paid
            assert after.generations >= before.generations
            assert after.evaluations >= before.evaluations
            assert after.short_calls >= before.short_calls
            assert [row for row in after.trace if row[0] <= paid] == before.trace
        outcomes.add((before.hit >= 0, after.hit >= 0))
    assert {(True, True), (False, True)} <= outcomes


def test_a_hit_in_the_generation_that_reaches_the_budget_is_a_hit():
    start = [[False] * 3]
    hit, missed = (
        stories(*engine(given(start), ByRule(repair), Setting("robin", k=3, g=1, lam=4, calls=calls), 1))[0]
        for calls in (9, 8)
    )
    assert (hit.hit, hit.generations, hit.trace) == (9, 3, [(0, 0), (1, 1), (5, 2), (9, 3)])
    assert (missed.hit, missed.generations, missed.trace) == (-1, 2, [(0, 0), (1, 1), (5, 2)])


def test_a_run_over_its_budget_is_simulated_on_but_counted_no_further():
    """Run 0 is censored after two calls of the short chunk's price, run 1 pays less and hits later."""
    starts = [[True, True, False], [False, False, False]]
    limit = Limit(per_call=1, per_evaluation=0, most=10, per_shortfall=(9.0,))
    for most, rule, expected in ((10, nothing, -1), (10, repair, 1)):
        counts, trace = run_batch(
            Search(given(starts), ByRule(rule), OnlyIncorrect(g=2), OnePlusLambda()),
            Batch(streams(1, "test", 0), 2, [replace(limit, most=most)], trace=True),
        )
        assert counts.hit[0] == expected
        assert (counts.generations[0], short_calls(counts)[0], counts.evaluations[0]) == (1, 1, 1)
        assert counts.generations[1] == (2 if rule is repair else 10)
        assert trace.call.max() <= 2


# ------------------------------------------------------------------------------------------- (e) slabs


@pytest.mark.parametrize(
    ("schedule", "slab"),
    [
        pytest.param(schedule, slab, marks=pytest.mark.slow if slab != 64 and schedule != "robin" else ())
        for schedule, slab in itertools.product(["all", "robin", "stagger", "until", "only"], [1, 64, 1000])
    ],
)
def test_slabs_change_nothing_in_deterministic_runs(schedule, slab, monkeypatch):
    setting = Setting(schedule, g=2, lam=11, calls=41)
    for rule, accept in itertools.product((repair_first, repair_or_rotate, often_malformed), ("strict", "weak")):
        whole = stories(*engine(given(ALL_STARTS), ByRule(rule), replace(setting, accept=accept), 32))
        with monkeypatch.context() as patch:
            patch.setattr(evo.engine.calls, "SLAB_BLOCKS", slab)
            patch.setattr(evo.engine.one_parent, "BLOCKS_AHEAD", slab)
            assert stories(*engine(given(ALL_STARTS), ByRule(rule), replace(setting, accept=accept), 32)) == whole


@pytest.mark.statistical
@pytest.mark.parametrize("case", [pytest.param("AllBlocks", marks=pytest.mark.slow), "UniformChunk"])
def test_slabs_change_no_law(case, seed, monkeypatch):
    mutator, setting = AHEAD_CASES[case]
    setting, runs = replace(setting, lam=40, accept="weak"), 6_000
    setting = replace(setting, k=7)
    assert detectable(runs, runs) < 0.17
    problem = BlockOneMax(k=7, l=3)
    whole = engine(problem, mutator, setting, runs, 0, seed=seed)
    monkeypatch.setattr(evo.engine.calls, "SLAB_BLOCKS", 1000)  # fewer than the 40 k of a generation: many slabs
    cut = engine(problem, mutator, setting, runs, 1, seed=seed)
    for a, b in zip(engine_statistics(*whole, 7), engine_statistics(*cut, 7), strict=True):
        assert_same_law(a, b)


@dataclass(frozen=True)
class Counting:
    """Draws once a call, and notes how many calls are made at once."""

    asked: list[int] = field(default_factory=list, compare=False)

    def rewrite(self, chunk, rng):
        self.asked.append(len(chunk))
        return rng.random(chunk.shape) < 0.3


@pytest.mark.parametrize(("runs", "lam"), [(1, 1), (5, 3)])
@pytest.mark.parametrize("slab", [1, 100, 5000])
def test_generations_looked_ahead_are_made_in_slabs_of_the_same_draws(runs, lam, slab, monkeypatch):
    """Of one run and of several: where all chunks are as long, the calls stand in the same order."""

    def made():
        mutator = Counting()
        search = Search(BlockOneMax(k=8, l=1), mutator, UniformChunk(g=2), OnePlusLambda(lam))
        return run_batch(search, Batch(streams(1, "test", 0), runs))[0].hit.tolist(), max(mutator.asked)

    if slab == 1:  # a call a slab: few are enough
        monkeypatch.setattr(evo.engine.one_parent, "BLOCKS_AHEAD", 40)
    whole, together = made()
    monkeypatch.setattr(evo.engine.calls, "SLAB_BLOCKS", slab)
    cut, at_once = made()
    assert cut == whole
    assert at_once <= max(1, slab // (2 + BESIDE)) < together


@dataclass(frozen=True)
class SeesAll:
    """Resample, but looking at the solution."""

    p: float
    sees: ClassVar[str] = "solution"

    def rewrite(self, chunk, rng):
        return rng.random(chunk.correct.shape) < self.p


@dataclass(frozen=True)
class Whole:
    """BlockOneMax without `change`: the engine has to build whole solutions."""

    k: int
    l: int = 3
    start: float = 0.0

    def initial(self, runs, rng):
        return rng.random((runs, self.k)) < self.start

    def fitness(self, correct):
        return correct.sum(axis=-1)


@pytest.mark.parametrize(
    ("problem", "mutator", "schedule"),
    [
        (BlockOneMax(k=2000, l=1), Resample(0.5), AllBlocks()),
        (BlockOneMax(k=2000, l=1), SeesAll(0.5), RoundRobin(g=3)),
        (Whole(k=2000), Resample(0.5), UniformChunk(g=3)),
    ],
    ids=["global", "sees the solution", "not separable"],
)
def test_memory_is_bounded(problem, mutator, schedule):
    """20 x 2000 x 2000 blocks a generation are 80 MB of bools and 640 MB of floats; slabs keep it near 5 MB."""
    limit = Limit(per_call=1, per_evaluation=0, most=2 * 2000)
    tracemalloc.start()
    try:
        counts, _ = run_batch(
            Search(problem, mutator, schedule, OnePlusLambda(lam=2000)), Batch(streams(1, "test", 0), 20, [limit])
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counts.generations.tolist() == [2] * 20
    assert peak < 10e6


# ------------------------------------------------------------------------------------------- (f) the whole protocol


@dataclass(frozen=True)
class Tempers:
    """What a run's calls do depends on the run: its number and its own pattern of hopeless blocks."""

    log: list[tuple[np.ndarray, Chunk]] = field(default_factory=list, compare=False)
    sees: ClassVar[str] = "solution"

    def draw(self, runs, k, rng):
        number = np.arange(runs)[:, None]
        hopeless = (number >> np.arange(k)) % 4 == 3
        return np.concatenate((number, hopeless), axis=1)

    def rewrite(self, chunk, rng):
        rows = np.arange(len(chunk.correct))[:, None]
        number, hopeless = chunk.traits[:, 0], chunk.traits[rows, 1 + chunk.blocks].astype(bool)
        first_wrong = (~chunk.correct).cumsum(axis=1) == 1
        after = chunk.correct | np.where(number[:, None] % 2 == 1, True, first_wrong)
        after &= ~(hopeless & ~chunk.correct)
        self.log.append((number, chunk))
        return Rewritten(after, number % 5 != 4)


def temper(number):
    def rewrite(blocks, at, parent):
        if number % 5 == 4:
            return None
        after = list(blocks)
        for b, right in enumerate(blocks):
            hopeless = (number >> at[b]) % 4 == 3
            if not right and not hopeless and (number % 2 == 1 or False not in blocks[:b]):
                after[b] = True
        return after

    return rewrite


@pytest.mark.some(at_least=10)
@pytest.mark.parametrize("schedule", [name for name in SCHEDULES if name != "uniform"])
@pytest.mark.parametrize("lam", [1, 3])
@pytest.mark.parametrize("accept", ["strict", "weak"])
@pytest.mark.parametrize("slab", [2**21, 50])
def test_what_is_drawn_for_a_run_stays_with_it(schedule, lam, accept, slab, monkeypatch):
    monkeypatch.setattr(evo.engine.calls, "SLAB_BLOCKS", slab)
    setting = Setting(schedule, g=2, lam=lam, accept=accept, calls=40)
    mutator = Tempers()
    told = stories(*engine(given(ALL_STARTS), mutator, setting, 32))
    assert told == [naive_run(start, temper(r), setting) for r, start in enumerate(ALL_STARTS)]
    assert 5 < sum(story.hit > 0 for story in told) < 27  # some leave, some stay
    seen = {r: set() for r in range(32)}
    for number, chunk in mutator.log:
        for r, solution in zip(number.tolist(), chunk.solution.tolist(), strict=True):
            seen[r].add(tuple(solution))
    for r, start in enumerate(ALL_STARTS):  # a run starts from its own start, and only repairs
        assert all(start in seen[r] and all(map(np.less_equal, start, s)) for s in seen[r]), r


def test_a_solution_and_its_positions_are_those_of_the_parent():
    class Inspector:
        sees = "solution"
        sizes: ClassVar[set[int]] = set()

        def rewrite(self, chunk, rng):
            n, g = chunk.correct.shape
            self.sizes.add(g)
            assert chunk.traits is None
            assert chunk.blocks.shape == (n, g)
            assert chunk.solution.shape == (n, 5)
            assert np.array_equal(chunk.blocks, chunk.blocks[:, :1] + np.arange(g))
            assert np.all(chunk.blocks[:, 0] % 2 == 0)
            assert np.all(chunk.blocks[:, -1] == np.minimum(chunk.blocks[:, 0] + 1, 4))
            assert np.array_equal(np.take_along_axis(chunk.solution, chunk.blocks, axis=1), chunk.correct)
            return rng.random(chunk.correct.shape) < 0.6

    for accept in ("strict", "weak"):
        setting = Setting("uniform", g=2, lam=3, accept=accept, calls=200)
        engine(BlockOneMax(k=5, l=3), Inspector(), setting, 50)
    assert Inspector.sizes == {1, 2}


def repair_in_order(blocks, at, parent):
    """A block is repaired only if all before it are right in the parent."""
    return [right or all(parent[:b]) for right, b in zip(blocks, at, strict=True)]


@dataclass(frozen=True)
class InOrder:
    sees: ClassVar[str] = "solution"

    def rewrite(self, chunk, rng):
        before = np.cumprod(np.concatenate((np.ones((len(chunk.solution), 1), bool), chunk.solution), axis=1), axis=1)
        return chunk.correct | np.take_along_axis(before, chunk.blocks, axis=1).astype(bool)


@pytest.mark.some
@pytest.mark.parametrize(("schedule", "g"), CHUNKINGS)
@pytest.mark.parametrize("lam", [1, 3])
def test_a_mutator_that_sees_the_solution_works_by_it(schedule, g, lam):
    setting = Setting(schedule, g=g, lam=lam, calls=60)
    told = stories(*engine(given(ALL_STARTS), InOrder(), setting, 32))
    assert told == [naive_run(start, repair_in_order, setting) for start in ALL_STARTS]


def test_without_draw_or_sees_a_mutator_gets_the_blocks_alone():
    class Plain:
        def rewrite(self, correct, rng):
            assert type(correct) is np.ndarray
            assert not correct.flags.writeable
            return np.ones_like(correct)

    counts, _ = engine(BlockOneMax(k=5, l=3), Plain(), Setting("all"), 3)
    assert counts.hit.tolist() == [1, 1, 1]


@dataclass(frozen=True)
class Malformed:
    """Every answer is the optimum, and malformed."""

    seen: list[np.ndarray] = field(default_factory=list, compare=False)
    positions: set[int] = field(default_factory=set, compare=False)
    sees: ClassVar[str] = "solution"

    def rewrite(self, chunk, rng):
        self.seen.append(chunk.solution)
        self.positions.update(chunk.blocks.ravel().tolist())
        return Rewritten(np.ones_like(chunk.correct), np.zeros(len(chunk.correct), dtype=np.bool_))


@pytest.mark.parametrize("accept", ["strict", "weak"])
@pytest.mark.parametrize(
    ("schedule", "positions"), [("all", {0, 1, 2, 3, 4}), ("until", {0, 1}), ("robin", set(range(5)))]
)
def test_a_malformed_offspring_is_paid_and_nothing_else(schedule, positions, accept):
    start = [False, True, False, True, False]
    mutator, setting = Malformed(), Setting(schedule, g=2, lam=3, accept=accept, calls=30)
    for problem in (given([start]), replace(Whole(k=5), start=0.0)):
        counts, trace = engine(problem, mutator, setting, 1)
        assert (counts.hit.tolist(), counts.generations.tolist(), counts.evaluations.tolist()) == ([-1], [10], [0])
        assert trace.call.tolist() == [0]
        assert mutator.positions == positions
        assert all(np.array_equal(solutions, solutions[:1].repeat(len(solutions), 0)) for solutions in mutator.seen)
        assert len({solution.tobytes() for solutions in mutator.seen for solution in solutions}) == 1
        mutator.seen.clear()


def test_a_malformed_offspring_does_not_hide_a_good_one():
    class EverySecond:
        def rewrite(self, correct, rng):
            return Rewritten(np.ones_like(correct), np.arange(len(correct)) % 2 == 1)

    counts, _ = engine(BlockOneMax(k=5, l=3), EverySecond(), Setting("all", lam=4, accept="weak"), 3)
    assert counts.hit.tolist() == [2, 2, 2]
    assert counts.evaluations.tolist() == [2, 2, 2]


# ------------------------------------------------------------------------------------------- (g) broken contracts


@dataclass(frozen=True)
class Answers:
    """Answers what the function makes of its input."""

    make: Callable[[np.ndarray], Any]

    def rewrite(self, correct, rng):
        return self.make(correct)


def write_into(correct):
    correct[..., 0] = True
    return correct


def flip_in_place(correct):
    np.logical_not(correct, out=correct)
    return correct


WRONG_ANSWERS = {
    "wrong shape": (
        lambda c: np.ones((len(c), c.shape[1] + 1), bool),
        "Answers.rewrite: expected for the blocks a bool array of shape (3, 5), got bool array of shape (3, 6); ",
    ),
    "one row": (
        lambda c: c[0],
        "Answers.rewrite: expected for the blocks a bool array of shape (3, 5), got bool array of shape (5,); ",
    ),
    "probabilities": (
        lambda c: c * 0.5,
        "Answers.rewrite: expected for the blocks a bool array of shape (3, 5), got float64 array of shape (3, 5); ",
    ),
    "integers": (
        lambda c: c.astype(np.int64),
        "Answers.rewrite: expected for the blocks a bool array of shape (3, 5), got int64 array of shape (3, 5); ",
    ),
    "list": (
        lambda c: c.tolist(),
        "Answers.rewrite: expected for the blocks a bool array of shape (3, 5), got list; ",
    ),
    "nothing": (
        lambda c: None,
        "Answers.rewrite: expected for the blocks a bool array of shape (3, 5), got NoneType; ",
    ),
    "blocks of Rewritten": (
        lambda c: Rewritten(c[:, :1], np.ones(len(c), bool)),
        "Answers.rewrite: expected for the blocks a bool array of shape (3, 5), got bool array of shape (3, 1); ",
    ),
    "valid for each block": (
        lambda c: Rewritten(c, c),
        "Answers.rewrite: expected for valid a bool array of shape (3,), got bool array of shape (3, 5); ",
    ),
    "valid as numbers": (
        lambda c: Rewritten(c, np.ones(len(c))),
        "Answers.rewrite: expected for valid a bool array of shape (3,), got float64 array of shape (3,); ",
    ),
    "writes": (write_into, "Answers.rewrite changes its input; it must leave the blocks handed over as they are"),
    "flips": (flip_in_place, "Answers.rewrite changes its input; it must leave the blocks handed over as they are"),
}


@pytest.mark.parametrize("answer", WRONG_ANSWERS)
@pytest.mark.parametrize(("schedule", "k"), [("all", 5), ("robin", 10)])
def test_a_wrong_answer_is_told(answer, schedule, k, monkeypatch):
    make, message = WRONG_ANSWERS[answer]
    monkeypatch.setattr(evo.engine.one_parent, "LOOK_AHEAD", 1)
    with pytest.raises(OperatorError) as error:
        engine(BlockOneMax(k=k, l=3), Answers(make), Setting(schedule, k=k, g=5, calls=10), 3)
    assert str(error.value).startswith(message)


def test_another_error_of_an_operator_is_its_own():
    def fail(correct):
        raise ValueError("out of quota")

    with pytest.raises(ValueError, match=r"^out of quota$"):
        engine(BlockOneMax(k=5, l=3), Answers(fail), Setting("all"), 3)


@dataclass(frozen=True)
class Draws:
    value: Any

    def draw(self, runs, k, rng):
        return self.value

    def rewrite(self, chunk, rng):
        return np.ones_like(chunk.correct)


@pytest.mark.parametrize(
    ("value", "got"),
    [(np.zeros(4), "(4,)"), (np.zeros((1, 3)), "(1, 3)"), (np.array(0.5), "()"), (0.5, "float"), ([1, 2, 3], "list")],
)
def test_a_wrong_draw_is_told(value, got):
    with pytest.raises(OperatorError) as error:
        engine(BlockOneMax(k=5, l=3), Draws(value), Setting("all"), 3)
    assert str(error.value) == f"Draws.draw: expected an array of shape (3, ...), one row a run, got {got}"


class WriterOfPositions:
    sees = "solution"

    def rewrite(self, chunk, rng):
        chunk.blocks[:] = 0
        return np.ones_like(chunk.correct)


@pytest.mark.parametrize("schedule", ["all", "robin"])
def test_writing_into_the_positions_is_told(schedule):
    """They are the engine's own: where it builds whole solutions, it would put the answer elsewhere."""
    with pytest.raises(OperatorError, match=r"^WriterOfPositions.rewrite changes its input"):
        engine(Whole(k=5), WriterOfPositions(), Setting(schedule, calls=50), 3)


@dataclass(frozen=True)
class Starts(BlockOneMax):
    make: Callable[[int], Any] = field(kw_only=True)

    def initial(self, runs, rng):
        return self.make(runs)


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda runs: np.zeros((runs, 5)), "float64 of shape (3, 5)"),
        (lambda runs: np.zeros((runs, 5), np.int64), "int64 of shape (3, 5)"),
        (lambda runs: np.zeros((runs, 4), bool), "bool of shape (3, 4)"),
        (lambda runs: np.zeros((runs + 1, 5), bool), "bool of shape (4, 5)"),
        (lambda runs: [[False] * 5] * runs, "list of shape ?"),
    ],
)
def test_a_wrong_start_is_told(make, got):
    with pytest.raises(OperatorError) as error:
        engine(Starts(k=5, l=3, make=make), Resample(0.5), Setting("all"), 3)
    assert str(error.value) == f"Starts.initial: expected a bool array of shape (3, 5), got {got}"


def test_a_start_that_the_problem_keeps_is_not_written_into():
    kept = np.zeros((3, 5), bool)
    engine(Starts(k=5, l=3, make=lambda runs: kept), ByRule(repair), Setting("robin"), 3)
    assert not kept.any()


class OneNumber(Whole):
    def fitness(self, correct):
        return correct.sum() if correct.shape[0] > 3 else correct.sum(axis=-1)


def test_a_fitness_of_the_wrong_shape_is_told():
    with pytest.raises(OperatorError) as error:
        engine(OneNumber(k=5), Resample(0.5), Setting("robin", lam=4, calls=40, accept="weak"), 3)
    assert str(error.value).startswith("OneNumber: expected one fitness an offspring, shape (12,), got shape ()")


class AlwaysOneNumber(Whole):
    def fitness(self, correct):
        return correct.sum()


def test_a_fitness_of_the_wrong_shape_is_told_at_the_start():
    with pytest.raises(OperatorError, match=r"^AlwaysOneNumber"):
        engine(AlwaysOneNumber(k=5), Resample(0.5), Setting("robin", calls=40), 3)


class Undefined(Whole):
    """Not a number for one kind of solution, as a division by zero makes it."""

    def fitness(self, correct):
        return np.where(correct.sum(axis=-1) == 2, np.nan, correct.sum(axis=-1))


def test_a_fitness_that_is_not_a_number_is_told():
    """Nothing can be compared with it: NaN would win against every better offspring of its generation."""
    with pytest.raises(OperatorError, match=r"^Undefined"):
        engine(Undefined(k=5), Resample(0.5), Setting("all", lam=20, calls=400), 3)


@dataclass(frozen=True)
class Beside(RoundRobin):
    """Points beside the chunks 0..m-1."""

    off: int = 0

    def choose(self, pointer, correct, m, ahead, lam, rng):
        return np.full((len(pointer), ahead, 1), self.off)


@pytest.mark.parametrize("off", [-1, 3])
@pytest.mark.parametrize("k", [5, 6])
def test_a_chunk_that_is_none_is_told(off, k):
    with pytest.raises(OperatorError, match=r"^Beside"):
        engine(BlockOneMax(k=k, l=3), Resample(0.5), Setting("robin", k=k, calls=40), 3, schedule=Beside(g=2, off=off))


def test_chunks_larger_than_the_solution_are_told():
    with pytest.raises(InputError, match=r"^RoundRobin: chunk size g must be at most k = 5, got g = 6$"):
        engine(BlockOneMax(k=5, l=3), Resample(0.5), Setting("robin", g=6), 3)


# ------------------------------------------------------------------------------------------- not separable


class Share(Whole):
    """The share of correct blocks: fractions that floats do not hold."""

    def fitness(self, correct):
        return correct.sum(axis=-1) / self.k


class Root(Whole):
    """Any growing function orders solutions alike."""

    def fitness(self, correct):
        return np.sqrt(correct.sum(axis=-1)) - 0.1


class Logarithm(Whole):
    def fitness(self, correct):
        return np.log(correct.sum(axis=-1) + 1)


@pytest.mark.some(at_least=12)
@pytest.mark.parametrize("kind", [Whole, Share, Root, Logarithm])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("accept", "lam"), [("strict", 1), ("weak", 3)])
def test_a_fitness_of_whole_solutions_gives_the_same_counts(kind, schedule, accept, lam):
    """The acceptance looks at the order of fitness alone, so any growing function of it gives the same runs."""
    setting = Setting(schedule, k=11, g=7, lam=lam, accept=accept, calls=400)
    ours, trace = engine(BlockOneMax(k=11, l=3, start=0.3), FixKeep(0.4, 0.8), setting, 200)
    theirs, whole = engine(kind(k=11, start=0.3), FixKeep(0.4, 0.8), setting, 200)
    for name in ("hit", "generations", "shortfalls", "evaluations"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    assert np.array_equal(trace.run, whole.run)
    assert np.array_equal(trace.call, whole.call)
    x = np.arange(12) >= 12 - np.arange(12)[:, None] - 1
    value_of = dict(enumerate(kind(k=11).fitness(x[:, :11]).tolist()))
    assert whole.fitness.tolist() == [value_of[f] for f in trace.fitness.tolist()]
